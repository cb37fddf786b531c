/** Who is trained on, validated on and tested, and the shifted graphs: the inductive protocol of Fuchsgruber et al. 2024. */
import type { Graph } from '../../graph/index.js'
import * as shifts from '../../graphs/shifts/index.js'
import { split as splitOf } from '../../graphs/split.js'
import { type Tensor, tensor } from '../../tensor/index.js'
import { kindOf, NOISES, type ShiftKind, type ShiftName } from './names.js'

/** Training nodes of each class. */
export const PER_CLASS = 20
/** Test nodes, of each class this share; the same in every split. */
export const TEST_SHARE = 0.2
const TEST_SEED = 20_240_604

/** A network to be trained, and what it is then asked about. */
export interface Task {
  readonly trainGraph: Graph
  /** Numbers of nodes of `trainGraph`, int64. */
  readonly train: Tensor
  readonly validation: Tensor
  readonly shifts: readonly shifts.Shift[]
  /** Test nodes of the shifted graphs, int64: all of them, and those that are in-distribution. */
  readonly test: Tensor
  readonly testInside: Tensor
  /** Of `test`: 1 = out-of-distribution. */
  readonly isOut: Tensor
}

const whole = (values: readonly number[]): Tensor => tensor(values as number[], [values.length], 'int64')

async function shiftOf(graph: Graph, name: ShiftName, seed: number, leftOut: number): Promise<shifts.Shift> {
  if (name === 'leave-out-classes') return shifts.leaveOutClasses(graph, { classes: leftOut })
  if (name === 'homophily') return shifts.homophily(graph, { seed })
  if (name === 'page-rank') return shifts.pageRank(graph, { seed })
  return shifts.featureNoise(graph, { noise: NOISES[name]!, seed })
}

/**
 * The task of a split: 20 % of each class are test nodes, the same in every split, 20 in-distribution nodes a class are trained
 * on, the other in-distribution nodes are for validation.
 *
 * @param names shifts of one kind
 */
export async function taskOf(
  graph: Graph,
  kind: ShiftKind,
  names: readonly ShiftName[],
  split: number,
  leftOut: number,
): Promise<Task> {
  const asked = names.filter((name) => kindOf(name) === kind)
  const made: shifts.Shift[] = []
  for (const name of asked) made.push(await shiftOf(graph, name, split, leftOut))
  const first = made[0]!
  // Of the classes as they were: nodes that are left out are tested on too.
  const { test: tested } = splitOf(graph, { perClass: 1, test: TEST_SHARE, testSeed: TEST_SEED })
  const test = tested.toArray() as number[]
  const isTest = new Set(test)
  const out = first.outOfDistribution.toArray() as boolean[]
  const kept = first.nodes.toArray() as number[]
  const labels = first.trainGraph.labels!.toArray() as number[]
  const open = first.trainGraph.withLabels(
    whole(labels.map((c, i) => (isTest.has(kept[i]!) ? -1 : c))),
    first.trainGraph.classes,
  )
  const { train, validation } = splitOf(open, { perClass: PER_CLASS, test: 0, seed: split })
  return {
    trainGraph: first.trainGraph,
    train,
    validation,
    shifts: made,
    test: tested,
    testInside: whole(test.filter((v) => !out[v])),
    isOut: whole(test.map((v) => Number(out[v]))),
  }
}
