/** The scores of one network under its shifts, as rows. */

import type { FittedNodeScore } from '../../graphs/scores/node-score.js'
import type { GraphOutputs } from '../../graphs/scores/outputs.js'
import type { Shift } from '../../graphs/shifts/index.js'
import { ece, reliability } from '../../metrics/calibration.js'
import { aupr, auroc } from '../../metrics/ranking.js'
import type { Tensor } from '../../tensor/index.js'
import { PLANS, type ScorePlan } from './names.js'
import type { Task } from './protocol.js'
import type { Bin, Drawn, GraphRow, Reliability } from './types.js'

/** Bins of the calibration error, as in the published comparison. */
export const BINS = 20

export interface FittedPlan {
  readonly plan: ScorePlan
  readonly fitted: FittedNodeScore
}

export interface JobOptions {
  threads?: number | undefined
  signal?: AbortSignal | undefined
}

/** Fits the scores whose answers come from the named sources to the in-distribution graph. */
export async function fitPlans(
  outputs: GraphOutputs,
  task: Task,
  sources: ReadonlySet<string>,
  job: JobOptions,
): Promise<FittedPlan[]> {
  const made: FittedPlan[] = []
  for (const plan of PLANS.filter(({ source }) => sources.has(source))) {
    const options = { outputs, graph: task.trainGraph, train: task.train, ...job }
    made.push({ plan, fitted: await plan.score().fit(options) })
  }
  return made
}

/** How right class probabilities are on the in-distribution test nodes. */
interface Judged {
  accuracy: number
  ece: number
  bins: Bin[]
}

function judge(values: Tensor, from: 'logits' | 'probabilities', task: Task, shift: Shift): Judged {
  using rows = values.index(task.testInside)
  using labels = shift.graph.labels!.index(task.testInside)
  const bins = reliability(rows, labels, { from, bins: BINS })
  const total = bins.reduce((sum, { count }) => sum + count, 0)
  return {
    accuracy: bins.reduce((sum, { count, accuracy }) => sum + count * accuracy, 0) / total,
    ece: ece(rows, labels, { from, bins: BINS }),
    bins: bins.map(({ count, accuracy, confidence }) => ({ count, accuracy, confidence })),
  }
}

function ranking(values: Tensor, task: Task): { auroc: number; aupr: number } {
  using rows = values.index(task.test)
  return {
    auroc: auroc(rows, task.isOut, { positive: 'ood' }),
    aupr: aupr(rows, task.isOut, { positive: 'ood', rule: 'trapezoid' }),
  }
}

type Place = Pick<GraphRow, 'graph' | 'split' | 'seed'>

function rowOf(
  { graph, split, seed }: Place,
  shift: Shift,
  score: string,
  values: Tensor,
  { accuracy, ece }: Pick<Judged, 'accuracy' | 'ece'>,
  task: Task,
): GraphRow {
  const name = shift.name as GraphRow['shift']
  return { graph, shift: name, score, split, seed, ...ranking(values, task), accuracy, ece }
}

/** What the network says of one shifted graph, by source. */
export interface ShiftOutputs {
  readonly outputs: GraphOutputs & { withEdges: { logits: Tensor; embeddings: Tensor } }
  readonly dropout?: { logits: Tensor } | undefined
  readonly dropEdge?: { logits: Tensor } | undefined
}

export interface Scored {
  rows: GraphRow[]
  reliability: Reliability
  drawn: Drawn
}

/** Rows of every fitted score under one shift. */
export async function scoreShift(
  place: Place,
  task: Task,
  shift: Shift,
  given: ShiftOutputs,
  fitted: readonly FittedPlan[],
  job: JobOptions,
): Promise<Scored> {
  const name = shift.name as GraphRow['shift']
  const softmax = judge(given.outputs.withEdges.logits, 'logits', task, shift)
  const rows: GraphRow[] = []
  let energy: number[] = []
  let evidential: Bin[] = []
  for (const { plan, fitted: score } of fitted) {
    const samples = plan.source === 'outputs' ? undefined : given[plan.source as 'dropout' | 'dropEdge']
    const outputs = samples === undefined ? given.outputs : { samples }
    const options = { outputs, graph: shift.graph, ...job }
    const found = (await score.score(options)) as unknown as Record<string, Tensor>
    const judged = samples === undefined ? softmax : await ofSamples(score, options, task, shift)
    for (const [row, field] of Object.entries(plan.rows))
      rows.push(rowOf(place, shift, row, found[field]!, judged, task))
    if ('gebm' in plan.rows) {
      energy = (found.energy!.toArray() as number[]).map((e) => Number(e.toPrecision(6)))
      using probabilities = (await score.predict(options)).probabilities
      evidential = judge(probabilities, 'probabilities', task, shift).bins
    }
    for (const each of new Set(Object.values(found))) each.dispose()
  }
  const outOfDistribution = (shift.outOfDistribution.toArray() as boolean[]).map((is): 0 | 1 => (is ? 1 : 0))
  return {
    rows,
    reliability: { shift: name, softmax: softmax.bins, evidential },
    drawn: { shift: name, energy, outOfDistribution },
  }
}

async function ofSamples(
  score: FittedNodeScore,
  options: Parameters<FittedNodeScore['predict']>[0],
  task: Task,
  shift: Shift,
): Promise<Judged> {
  using probabilities = (await score.predict(options)).probabilities
  return judge(probabilities, 'probabilities', task, shift)
}

/** Rows of an ensemble under one shift, from the logits of its members. */
export async function scoreEnsemble(
  place: Place,
  task: Task,
  shift: Shift,
  members: readonly Tensor[],
  job: JobOptions,
): Promise<GraphRow[]> {
  const samples = members.map((logits) => ({ logits }))
  const rows: GraphRow[] = []
  for (const plan of PLANS.filter(({ source }) => source === 'ensemble')) {
    const fitted = await plan.score().fit({ outputs: { samples } })
    const options = { outputs: { samples }, graph: shift.graph, ...job }
    const found = (await fitted.score(options)) as unknown as Record<string, Tensor>
    const judged = await ofSamples(fitted, options, task, shift)
    for (const [row, field] of Object.entries(plan.rows))
      rows.push(rowOf(place, shift, row, found[field]!, judged, task))
    found.uncertainty!.dispose()
    fitted.dispose()
  }
  return rows
}
