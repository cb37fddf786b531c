/**
 * The graph study: which scores find the nodes of a shifted graph that a node classifier should not be trusted on. Any number of
 * graphs, shifts, splits and initial weights; what is finished is kept and not done again.
 */

import { LangevinError } from '../../errors.js'
import type { Graph } from '../../graph/index.js'
import type { Tensor } from '../../tensor/index.js'
import { type Backbone, trainBackbone } from './backbone.js'
import { KINDS, kindOf, leftOutOf, type NetworkName, SHIFTS, type ShiftKind, type ShiftName } from './names.js'
import { type Task, taskOf } from './protocol.js'
import { fitPlans, scoreEnsemble, scoreShift } from './scoring.js'
import { RunStore } from './store.js'
import type { GraphRow, RunRecord, StudySettings } from './types.js'

/** Epochs at most; training stops when the validation loss no longer falls. */
export const EPOCHS = 10_000
/** Passes of MC dropout and DropEdge. */
export const SAMPLES = 50
/** The seed of the record of an ensemble, which is of all seeds. */
const ENSEMBLE = -1
/** Graphs that are drawn have at most so many nodes. */
export const DRAWN_NODES = 3000

export interface NamedGraph {
  readonly name: string
  readonly graph: Graph
}

export interface GraphStudyOptions {
  graphs: readonly NamedGraph[]
  /** Default: all. */
  shifts?: readonly ShiftName[]
  /** Splits 0 to n - 1. Default 1; the published comparison has 5. */
  splits?: number
  /** Initial weights. Default [0, 1, 2, 3, 4]. */
  seeds?: readonly number[]
  /** Default 'gcn'. */
  network?: NetworkName
  /** Epochs at most. Default 10,000. */
  epochs?: number
  /** Passes of MC dropout and DropEdge; 0 leaves both out. Default 50. */
  samples?: number
  /** Classes left out. Default: 3 of 7, and so on (docs/graphs.md). */
  leftOut?: number | undefined
  /** Where finished runs are kept; a rerun there goes on. */
  folder?: string | undefined
  threads?: number | undefined
  /** Stops the study; what is finished is kept. */
  signal?: AbortSignal | undefined
  /** done: share of the whole study, 0 to 1. */
  onProgress?: (done: number, text: string) => void
}

export interface GraphStudyResult {
  readonly rows: readonly GraphRow[]
  readonly runs: readonly RunRecord[]
  readonly graphs: readonly {
    name: string
    nodes: number
    edges: number
    features: number
    classes: number
    leftOut: number
  }[]
  readonly shifts: readonly ShiftName[]
  readonly splits: number
  readonly settings: StudySettings
  /** Runs that were there already. */
  readonly reused: number
  /** False when the study was interrupted. */
  readonly complete: boolean
  readonly seconds: number
}

type Filled = Required<Pick<GraphStudyOptions, 'shifts' | 'splits' | 'seeds' | 'network' | 'epochs' | 'samples'>> &
  GraphStudyOptions

interface Place {
  graph: NamedGraph
  kind: ShiftKind
  split: number
}

/** What a run costs, roughly: entries of the features and edges, which every epoch goes through. */
const costOf = ({ graph }: NamedGraph): number =>
  graph.nodes * 40 + 2 * graph.edgeCount + ('stored' in graph.features ? graph.features.stored : graph.features.size)

class GraphStudy {
  readonly #options: Filled
  readonly #store: RunStore
  readonly #prepared = new Map<string, Graph>()
  readonly #kinds: ShiftKind[]
  readonly #runs: RunRecord[] = []
  readonly #total: number
  #spent = 0
  #reused = 0

  constructor(options: Filled, store: RunStore) {
    this.#options = options
    this.#store = store
    this.#kinds = KINDS.filter((kind) => options.shifts.some((shift) => kindOf(shift) === kind))
    const each = options.graphs.reduce((sum, graph) => sum + costOf(graph), 0)
    this.#total = each * this.#kinds.length * options.splits * options.seeds.length
  }

  get runs(): readonly RunRecord[] {
    return this.#runs
  }
  get reused(): number {
    return this.#reused
  }

  /** Splits outermost: whatever stops the study, the splits that are finished compare everything. */
  async run(): Promise<void> {
    const { splits, graphs } = this.#options
    for (let split = 0; split < splits; split++)
      for (const graph of graphs) for (const kind of this.#kinds) await this.#place({ graph, kind, split })
    this.#options.onProgress?.(1, 'done')
  }

  async #place(place: Place): Promise<void> {
    const { seeds } = this.#options
    const { graph } = place
    const task = new Lazy(() => this.#task(place))
    const members = new Map<number, Map<string, Tensor>>()
    for (const seed of seeds) {
      const found = this.#found(place, seed)
      if (found !== undefined) {
        this.#runs.push(found)
        this.#reused++
      } else {
        this.#tell(place, seed, 0)
        members.set(seed, await this.#one(place, seed, await task.value()))
      }
      this.#spent += costOf(graph)
    }
    if (seeds.length < 2) return
    const ensemble = this.#found(place, ENSEMBLE)
    if (ensemble !== undefined) this.#runs.push(ensemble)
    else await this.#ensemble(place, await task.value(), members)
    for (const each of members.values()) for (const logits of each.values()) logits.dispose()
  }

  /** A finished run that has every shift that is asked for. */
  #found({ graph, kind, split }: Place, seed: number): RunRecord | undefined {
    const found = this.#store.find({ graph: graph.name, kind, split, seed })
    const asked = this.#options.shifts.filter((shift) => kindOf(shift) === kind)
    return asked.every((shift) => found?.rows.some((row) => row.shift === shift)) ? found : undefined
  }

  async #task({ graph, kind, split }: Place): Promise<Task> {
    let prepared = this.#prepared.get(graph.name)
    if (prepared === undefined) {
      prepared = graph.graph.withPreparedFeatures()
      this.#prepared.set(graph.name, prepared)
    }
    return taskOf(prepared, kind, this.#options.shifts, split, this.leftOut(graph))
  }

  leftOut({ name, graph }: NamedGraph): number {
    return this.#options.leftOut ?? leftOutOf(name, graph.classes!)
  }

  async #train(place: Place, seed: number, task: Task): Promise<Backbone> {
    const { network, epochs, threads, signal } = this.#options
    return trainBackbone(network, task.trainGraph, {
      train: task.train,
      validation: task.validation,
      // Other weights in every split too.
      seed: seed + 1000 * place.split,
      epochs,
      threads,
      signal,
      onProgress: (epoch) => this.#tell(place, seed, epoch),
    })
  }

  /** One network: trained, scored under every shift of its kind, kept. Gives its logits by shift. */
  async #one(place: Place, seed: number, task: Task): Promise<Map<string, Tensor>> {
    const began = performance.now()
    const { threads, signal, samples } = this.#options
    const job = { ...(threads !== undefined && { threads }), ...(signal !== undefined && { signal }) }
    const backbone = await this.#train(place, seed, task)
    const logits = new Map<string, Tensor>()
    try {
      const where = { graph: place.graph.name, split: place.split, seed }
      const inside = { withEdges: await backbone.infer(task.trainGraph, true) }
      const sources = samples > 0 ? ['outputs', 'dropout', 'dropEdge'] : ['outputs']
      const fitted = await fitPlans(inside, task, new Set(sources), job)
      const scored = []
      for (const shift of task.shifts) {
        signal?.throwIfAborted()
        const outputs = {
          withEdges: await backbone.infer(shift.graph, true),
          withoutEdges: await backbone.infer(shift.graph, false),
        }
        logits.set(shift.name, outputs.withEdges.logits)
        const more =
          samples > 0
            ? {
                dropout: await backbone.samples(shift.graph, { samples, seed, dropout: true }),
                dropEdge: await backbone.samples(shift.graph, { samples, seed, dropEdge: 0.5 }),
              }
            : {}
        scored.push(await scoreShift(where, task, shift, { outputs, ...more }, fitted, job))
        for (const each of [outputs.withoutEdges.logits, outputs.withoutEdges.embeddings, outputs.withEdges.embeddings])
          each.dispose()
        for (const each of Object.values(more)) each.logits.dispose()
      }
      for (const { fitted: score } of fitted) score.dispose()
      await this.#keep(place, seed, {
        rows: scored.flatMap(({ rows }) => rows),
        reliability: scored.map(({ reliability }) => reliability),
        drawn: this.#drawn(place, seed, scored),
        epochs: backbone.epochs,
        seconds: (performance.now() - began) / 1000,
      })
      return logits
    } finally {
      backbone.dispose()
    }
  }

  /** One picture of each graph and kind is kept: of the first split and seed. */
  #drawn(place: Place, seed: number, scored: readonly { drawn: RunRecord['drawn'] }[]): RunRecord['drawn'] {
    return place.split === 0 && seed === this.#options.seeds[0] ? scored.at(-1)!.drawn : undefined
  }

  async #keep(
    { graph, kind, split }: Place,
    seed: number,
    found: Omit<RunRecord, 'graph' | 'kind' | 'split' | 'seed'>,
  ): Promise<void> {
    const record: RunRecord = { graph: graph.name, kind, split, seed, ...found }
    await this.#store.add(record)
    this.#runs.push(record)
  }

  /** Members that another run trained are trained again: the same seeds give the same networks. */
  async #ensemble(place: Place, task: Task, members: Map<number, Map<string, Tensor>>): Promise<void> {
    const began = performance.now()
    const { seeds, threads, signal } = this.#options
    for (const seed of seeds) {
      if (members.has(seed)) continue
      const backbone = await this.#train(place, seed, task)
      const logits = new Map<string, Tensor>()
      for (const shift of task.shifts) {
        const outputs = await backbone.infer(shift.graph, true)
        outputs.embeddings.dispose()
        logits.set(shift.name, outputs.logits)
      }
      members.set(seed, logits)
      backbone.dispose()
    }
    const job = { ...(threads !== undefined && { threads }), ...(signal !== undefined && { signal }) }
    const where = { graph: place.graph.name, split: place.split, seed: seeds[0]! }
    const rows: GraphRow[] = []
    for (const shift of task.shifts) {
      const logits = seeds.map((seed) => members.get(seed)!.get(shift.name)!)
      rows.push(...(await scoreEnsemble(where, task, shift, logits, job)))
    }
    await this.#keep(place, ENSEMBLE, { rows, reliability: [], epochs: 0, seconds: (performance.now() - began) / 1000 })
  }

  #tell({ graph, kind, split }: Place, seed: number, epoch: number): void {
    const text = `${graph.name}, ${kind}, split ${split}, seed ${seed}${epoch > 0 ? `, epoch ${epoch}` : ''}`
    this.#options.onProgress?.(this.#spent / this.#total, text)
  }
}

/** A value made at its first use: a place whose runs are all there is never built. */
class Lazy<T> {
  #made: Promise<T> | undefined
  readonly #make: () => Promise<T>
  constructor(make: () => Promise<T>) {
    this.#make = make
  }
  value(): Promise<T> {
    this.#made ??= this.#make()
    return this.#made
  }
}

function checked(graphs: readonly NamedGraph[]): void {
  for (const { name, graph } of graphs) {
    if (graph.labels !== undefined && (graph.classes ?? 0) > 1) continue
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `${name}: the study trains a node classifier and needs labels of at least two classes`,
      { details: { graph: name } },
    )
  }
}

/**
 * Runs the study. A seed and a split fix every random number. An abort does not reject: the result then holds the finished runs
 * and `complete: false`.
 *
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (a graph without labels; runs of other settings in the folder), _IO
 */
export async function graphStudy(options: GraphStudyOptions): Promise<GraphStudyResult> {
  const began = performance.now()
  const filled: Filled = {
    ...options,
    shifts: options.shifts ?? SHIFTS,
    splits: options.splits ?? 1,
    seeds: options.seeds ?? [0, 1, 2, 3, 4],
    network: options.network ?? 'gcn',
    epochs: options.epochs ?? EPOCHS,
    samples: options.samples ?? SAMPLES,
  }
  checked(filled.graphs)
  const { network, epochs, samples, seeds, signal } = filled
  const settings: StudySettings = { network, epochs, samples, seeds, leftOut: filled.leftOut ?? 'default' }
  const study = new GraphStudy(filled, await RunStore.open(filled.folder, settings))
  let complete = true
  try {
    await study.run()
  } catch (error) {
    if (!signal?.aborted) throw error
    complete = false
  }
  const asked = new Set<string>(filled.shifts)
  return {
    rows: study.runs.flatMap(({ rows }) => rows).filter(({ shift }) => asked.has(shift)),
    runs: study.runs,
    graphs: filled.graphs.map((named) => ({
      name: named.name,
      nodes: named.graph.nodes,
      edges: named.graph.edgeCount,
      features: named.graph.featureCount,
      classes: named.graph.classes!,
      leftOut: study.leftOut(named),
    })),
    shifts: filled.shifts,
    splits: filled.splits,
    settings,
    reused: study.reused,
    complete,
    seconds: (performance.now() - began) / 1000,
  }
}
