/** Scores of nodes: values that say what to compute, and what fitting makes of them. */
import { inspect } from 'node:util'
import { LangevinError } from '../../errors.js'
import { ASYNC_DISPOSE, DISPOSE } from '../../native/dispose.js'
import { UNCLONEABLE } from '../../native/uncloneable.js'
import { invoke } from '../../runtime/index.js'
import { invalid, parseSpec, requireOptions, type SpecValue } from '../../spec/index.js'
import type { Tensor } from '../../tensor/index.js'
import { readNodeScore, writeNodeScore } from './file.js'
import { CallTensors, type GraphLike, type GraphOutputs, type Nodes, rowsIn } from './outputs.js'

export interface NodeJobOptions {
  /** Threads of the pool; the result does not depend on it. */
  threads?: number | undefined
  signal?: AbortSignal | undefined
}

export interface FitNodesOptions extends NodeJobOptions {
  /** Of the network on the in-distribution graph. GEBM and the Mahalanobis distance are fitted to `withEdges`. */
  outputs: GraphOutputs
  /** The in-distribution graph: its labels are used where `labels` is not given. */
  graph?: GraphLike | undefined
  /** int64 [n], -1 = unlabelled. */
  labels?: Tensor | readonly number[] | undefined
  /** The nodes that the network was trained on: a mask [n] or their numbers. */
  train?: Nodes | undefined
}

export interface ScoreNodesOptions extends NodeJobOptions {
  /** Of the network on the graph that is scored. GEBM scores `withoutEdges`. */
  outputs: GraphOutputs
  /** The graph whose edges energies are diffused over; scores that diffuse nothing do without. */
  graph?: GraphLike | undefined
}

/** Scores of all nodes, float64 [n]. */
export interface NodeUncertainty {
  /** HIGHER = more out-of-distribution. */
  readonly uncertainty: Tensor<'float64', 1>
}

/** The energies of GEBM, float64 [n]. */
export interface GebmEnergies extends NodeUncertainty {
  /** The three energies aggregated: the same tensor as `uncertainty`. */
  readonly energy: Tensor<'float64', 1>
  /** -T log sum_c exp(e_c / T) of a node by itself. */
  readonly independent: Tensor<'float64', 1>
  /** The same of the evidence diffused over the graph: high where neighbours contradict each other. */
  readonly local: Tensor<'float64', 1>
  /** The independent energy diffused over the graph: high where a whole neighbourhood is strange. */
  readonly group: Tensor<'float64', 1>
}

/** Class probabilities that know what a score knows. */
export interface NodePrediction {
  /** float64 [n, C]. */
  readonly probabilities: Tensor<'float64', 2>
}

/** A Dirichlet distribution over the classes of each node. */
export interface EvidentialPrediction extends NodePrediction {
  /** float64 [n, C]: log of the parameters alpha0 + exp(diffused e_c). */
  readonly logAlpha: Tensor<'float64', 2>
  /** float64 [n]: log of the total evidence sum_c exp(diffused e_c). */
  readonly logEvidence: Tensor<'float64', 1>
  /** float64 [n], 0 to 1: the share of the prior in the parameters. */
  readonly vacuity: Tensor<'float64', 1>
}

type ScoresOf<K extends string> = K extends 'gebm' ? GebmEnergies : NodeUncertainty
type PredictionOf<K extends string> = K extends 'gebm' ? EvidentialPrediction : NodePrediction

/** Kinds that diffuse over the edges, and what they need to be fitted. */
const DIFFUSING = new Set(['gebm', 'gnnSafe'])
const FITTED = new Set(['gebm', 'mahalanobis'])
const NATIVE = { score: 'graph.scoreNodes', predict: 'graph.predictNodes' } as const

/** A score as a value: frozen, prints and stringifies as the spec it is made of. */
export class NodeScore<K extends string = string> {
  declare readonly kind: K
  readonly [option: string]: unknown

  /** @internal Use `graph.gebm(...)` and its like. */
  constructor(spec: SpecValue) {
    Object.assign(this, spec)
    Object.freeze(this)
  }

  /**
   * Fits the score to the in-distribution graph, once. Scores that need nothing from it are only given a shape to be called in.
   *
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (outputs that are missing or were computed the other way, a class without a
   *   training node, embeddings without variance), _SHAPE, _NON_FINITE (row and column)
   */
  fit(options: FitNodesOptions): Promise<FittedNodeScore<K>> {
    return fitNodeScore(this, options)
  }
}

/**
 * Fits a score of nodes: a value of `graph.*` or its JSON. The same as `score.fit(...)`.
 *
 * @throws (rejects) as `NodeScore.fit`
 */
export async function fitNodeScore<K extends string>(
  score: NodeScore<K> | SpecValue,
  options: FitNodesOptions,
): Promise<FittedNodeScore<K>> {
  const spec = parseSpec('nodeScore', { ...score })
  const owner = `graph.${spec.kind}.fit`
  const { outputs, graph, labels, train, threads, signal } = requireOptions(owner, options, [
    'outputs',
    'graph',
    'labels',
    'train',
    'threads',
    'signal',
  ])
  const made = new CallTensors(owner)
  try {
    const given = made.outputs(outputs)
    made.edges(graph, rowsIn(given))
    const classes = labels ?? graph?.labels
    if (FITTED.has(spec.kind)) {
      if (classes === undefined) invalid(owner, 'labels', 'is required: int64 [n], here or in the graph')
      if (train === undefined) invalid(owner, 'train', 'is required: the nodes that were trained on')
    }
    const args = {
      score: spec,
      outputs: given,
      ...(classes !== undefined && { labels: made.rows(classes, 'labels', 'int64') }),
      ...(train !== undefined && { train: made.nodes(train, 'train') }),
      ...(threads !== undefined && { threads }),
    }
    const state = await invoke<Record<string, Tensor>>('graph.fitScore', args, { signal })
    return new FittedNodeScore<K>(spec, state)
  } finally {
    made.dispose()
  }
}

/** A score fitted by `fit` or read by `graph.load`. It never changes. After `dispose()` every use throws ERR_LANGEVIN_DISPOSED. */
export class FittedNodeScore<K extends string = string> {
  /** @internal */
  protected readonly inNativeMemory = UNCLONEABLE
  readonly #spec: SpecValue
  readonly #state: Readonly<Record<string, Tensor>>
  #disposed = false

  /** @internal */
  constructor(spec: SpecValue, state: Readonly<Record<string, Tensor>>) {
    this.#spec = spec
    this.#state = state
  }

  /** 'gebm', 'gnnSafe', ... */
  get kind(): K {
    return this.#spec.kind as K
  }
  /** The score as plain JSON. */
  get spec(): SpecValue {
    return this.#spec
  }
  get disposed(): boolean {
    return this.#disposed
  }

  async #call<T>(
    name: keyof typeof NATIVE,
    options: ScoreNodesOptions,
    extra: Record<string, unknown> = {},
  ): Promise<T> {
    const owner = `graph.${this.kind}.${name}`
    if (this.#disposed)
      throw new LangevinError(
        'ERR_LANGEVIN_DISPOSED',
        `${owner}: this fitted score has been disposed; use it before dispose()`,
      )
    const { outputs, graph, threads, signal } = options
    const made = new CallTensors(owner)
    try {
      const given = made.outputs(outputs)
      const edges = made.edges(graph, rowsIn(given))
      if (edges === undefined && DIFFUSING.has(this.kind))
        invalid(owner, 'graph', 'is required: energies are diffused over its edges')
      const args = {
        score: this.#spec,
        state: this.#state,
        outputs: given,
        ...extra,
        ...(edges !== undefined && { edges }),
        ...(threads !== undefined && { threads }),
      }
      return await invoke<T>(NATIVE[name], args, { signal })
    } finally {
      made.dispose()
    }
  }

  /**
   * Scores of all nodes of a graph, which need not be the one it was fitted to.
   *
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (outputs that are missing or were computed the other way), _SHAPE,
   *   _NON_FINITE, _DISPOSED
   */
  async score(options: ScoreNodesOptions): Promise<ScoresOf<K>> {
    requireOptions(`graph.${this.kind}.score`, options, ['outputs', 'graph', 'threads', 'signal'])
    return this.#call('score', options)
  }

  /**
   * Class probabilities that know what the score knows. GEBM: the Dirichlet with parameters alpha0 + exp(e_c), e the
   * diffused evidence, its mean and total evidence; far from the training nodes e falls and the mean becomes uniform.
   * mcDropout, dropEdge and ensemble: the mean of the softmax over samples. Others have none.
   *
   * @param options.alpha0 parameters of the prior, one number for every class. Default 1
   * @throws (rejects) ERR_LANGEVIN_UNSUPPORTED, and as `score`
   */
  async predict(options: ScoreNodesOptions & { alpha0?: number }): Promise<PredictionOf<K>> {
    const { alpha0, ...rest } = requireOptions(`graph.${this.kind}.predict`, options, [
      'outputs',
      'graph',
      'threads',
      'signal',
      'alpha0',
    ])
    return this.#call('predict', rest, alpha0 === undefined ? {} : { alpha0 })
  }

  /**
   * Writes one safetensors file: the score with its options, and what was fitted. `graph.load` gives the same scores, bit by
   * bit. The file appears whole or not at all.
   *
   * @throws (rejects) ERR_LANGEVIN_IO, ERR_LANGEVIN_DISPOSED
   */
  async save(path: string): Promise<void> {
    if (this.#disposed) throw new LangevinError('ERR_LANGEVIN_DISPOSED', 'this fitted score has been disposed')
    await writeNodeScore(path, this.#spec, this.#state)
  }

  /** A fitted score is not JSON: @throws ERR_LANGEVIN_UNSUPPORTED */
  toJSON(): never {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      'a fitted score is not JSON; write it with save(path), or use its spec',
    )
  }

  /** Frees what was fitted. Idempotent. */
  dispose(): void {
    for (const each of Object.values(this.#state)) each.dispose()
    this.#disposed = true
  }
  [DISPOSE](): void {
    this.dispose()
  }
  async [ASYNC_DISPOSE](): Promise<void> {
    this.dispose()
  }

  [inspect.custom](): string {
    return `FittedNodeScore ${this.kind}${this.#disposed ? ' (disposed)' : ''}`
  }
}

/**
 * Reads a fitted score from a file that `FittedNodeScore.save` wrote.
 *
 * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (not such a file, or of a newer version)
 */
export async function loadNodeScore(path: string): Promise<FittedNodeScore> {
  const { spec, state } = await readNodeScore(path)
  return new FittedNodeScore(spec, state)
}
