/** NodeClassifier: a network of the nodes of a graph with its parameters: trained, evaluated, saved and loaded. */
import { inspect } from 'node:util'
import { LangevinError } from '../errors.js'
import type { Graph } from '../graph/index.js'
import { formatError } from '../io/files.js'
import { writeSafetensors } from '../io/safetensors.js'
import type { ParameterInfo } from '../native/contract.js'
import { NativeHandle } from '../native/handle.js'
import { type InvokeOptions, invoke, invokeNow, type Run } from '../runtime/index.js'
import { parseSpec, requireOneOf, requireOptions, type SpecValue } from '../spec/index.js'
import { type RowsLike, type Tensor, toRows } from '../tensor/index.js'
import { type NetworkFile, networkMetadata, prefixHint, withNetworkFile } from '../weights.js'
import '../networks/index.js'
import { type NodeTrainOptions, type NodeTrainResult, startTraining } from './node-training.js'

/** The dtypes of networks of nodes. */
export type NodeDtype = 'float32' | 'float64'
type Parameters = Record<string, Tensor>

export interface NodeClassifierOptions extends InvokeOptions {
  /** Columns of the features: `graph.featureCount`. */
  features: number
  /** Number of classes: `graph.classes`. */
  classes: number
  /** Fixes the initial parameters. Default 0. */
  seed?: number | bigint | undefined
  /** Default 'float32'. */
  dtype?: NodeDtype | undefined
}

/** Options of `NodeClassifier.load`. Of a file that `save` wrote nothing is needed. */
export interface NodeLoadOptions extends InvokeOptions {
  /** For a state dict of PyTorch Geometric: a spec of `networks.*` with the same layers. */
  spec?: SpecValue<'nodeNetwork'>
  features?: number
  classes?: number
  dtype?: NodeDtype
  /** What the names in the file begin with, such as 'module.'. */
  prefix?: string
}

export interface InferOptions extends InvokeOptions {
  /**
   * true (default): nodes see their neighbours. false: every propagation is skipped, as if the graph had no edges: a layer is
   * x W' + b of the node's own x.
   */
  edges?: boolean
  /** Threads of the products. Default LANGEVIN_THREADS or all cores; results do not depend on it. */
  threads?: number
}

export interface SampleInferOptions extends InferOptions {
  /** How many stochastic evaluations. Default 50. */
  samples?: number
  /** Whether dropout stays on (Monte Carlo dropout). Default true. */
  dropout?: boolean
  /** Probability that an evaluation leaves an edge out (DropEdge). Default 0. */
  dropEdge?: number
  /** Default 0. */
  seed?: number | bigint
}

/** What a network says of each node. */
export interface NodeOutputs {
  /** `[n, classes]`. */
  readonly logits: Tensor<NodeDtype, 2>
  /** `[n, h]`: the outputs of the last hidden layer, after its ReLU. */
  readonly embeddings: Tensor<NodeDtype, 2>
}

const CREATE = [
  'features',
  'classes',
  'seed',
  'dtype',
  'signal',
] as const satisfies readonly (keyof NodeClassifierOptions)[]
const LOAD = [
  'spec',
  'features',
  'classes',
  'dtype',
  'prefix',
  'signal',
] as const satisfies readonly (keyof NodeLoadOptions)[]
const INFER = ['edges', 'threads', 'signal'] as const satisfies readonly (keyof InferOptions)[]
const SAMPLES = [
  ...INFER,
  'samples',
  'dropout',
  'dropEdge',
  'seed',
] as const satisfies readonly (keyof SampleInferOptions)[]
/** Columns and classes, in the metadata of a file. */
const SIZES_KEY = 'langevin.nodes'

/** What the core needs to know of a classifier. */
interface Described {
  readonly spec: SpecValue<'nodeNetwork'>
  readonly features: number
  readonly classes: number
  readonly dtype: NodeDtype
}

/** The parameters of a classifier; training and `setParameters` put new ones in their place. */
class Held {
  disposed = false
  parameters: Parameters

  constructor(parameters: Parameters) {
    this.parameters = parameters
  }

  replace(parameters: Parameters): void {
    const before = this.parameters
    this.parameters = parameters
    for (const each of Object.values(before)) each.dispose()
    // Disposed meanwhile: what a job brings is not wanted any more.
    if (this.disposed) this.dispose()
  }

  dispose(): void {
    this.disposed = true
    for (const each of Object.values(this.parameters)) each.dispose()
  }
}

function checkSize(owner: string, name: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `${owner}: ${name}: must be a whole number of at least 1`, {
    details: { path: name },
  })
}

/** Columns and classes that a file says, or the caller. */
function sizesIn(path: string, metadata: Readonly<Record<string, string>>, given: NodeLoadOptions) {
  const said = metadata[SIZES_KEY]
  try {
    const { features, classes } = { ...(said === undefined ? {} : JSON.parse(said)), ...given } as NodeLoadOptions
    checkSize('NodeClassifier.load', 'features', features)
    checkSize('NodeClassifier.load', 'classes', classes)
    return { features: features!, classes: classes! }
  } catch (cause) {
    const remedy = said === undefined ? '; the file does not say them: give { spec, features, classes }' : ''
    throw formatError(path, undefined, `${(cause as Error).message}${remedy}`, cause)
  }
}

/**
 * A network of the nodes of a graph, with its parameters in native memory.
 *
 * While a run trains it, every other call on it is ERR_LANGEVIN_BUSY; after `dispose()` ERR_LANGEVIN_DISPOSED.
 */
export class NodeClassifier extends NativeHandle<Held> {
  readonly spec: SpecValue<'nodeNetwork'>
  /** Columns of the features it takes. */
  readonly features: number
  readonly classes: number
  readonly dtype: NodeDtype
  readonly #held: Held
  #training = false

  private constructor(described: Described, parameters: Parameters) {
    const held = new Held(parameters)
    super(held)
    this.#held = held
    this.spec = described.spec
    this.features = described.features
    this.classes = described.classes
    this.dtype = described.dtype
  }

  protected override describe(): string {
    return `this ${this.spec.kind} node classifier`
  }
  protected override remedyForJson(): string {
    return 'write it with save(path); its `spec` is plain JSON'
  }

  /**
   * A classifier with freshly initialised parameters: those of torch.nn.Linear, Glorot's where PyTorch Geometric has them.
   *
   * @param spec of `networks.gcn`, `appnp`, `sage`, `gat`, `gin` or `nodeMlp`, or the same as plain JSON
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION, _DTYPE, _OUT_OF_MEMORY
   */
  static async create(spec: SpecValue<'nodeNetwork'>, options: NodeClassifierOptions): Promise<NodeClassifier> {
    const owner = 'NodeClassifier.create'
    const { features, classes, seed = 0, dtype = 'float32', signal } = requireOptions(owner, options, CREATE)
    checkSize(owner, 'features', features)
    checkSize(owner, 'classes', classes)
    requireOneOf(owner, 'dtype', dtype, ['float32', 'float64'])
    const described = { spec: parseSpec('nodeNetwork', spec), features, classes, dtype }
    const made = await invoke<Parameters>('graph.freshParameters', { ...described, seed }, { signal })
    return new NodeClassifier(described, made)
  }

  /**
   * Reads a classifier from a safetensors file that `save` wrote, or from a state dict of PyTorch Geometric with
   * `{ spec, features, classes }`.
   *
   * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (not such a file; parameters that do not fit the spec)
   */
  static async load(path: string, options: NodeLoadOptions = {}): Promise<NodeClassifier> {
    const { signal, ...given } = requireOptions('NodeClassifier.load', options, LOAD)
    return withNetworkFile(path, 'nodeNetwork', given, (file) => NodeClassifier.#loaded(path, file, given, signal))
  }

  static async #loaded(
    path: string,
    file: NetworkFile,
    given: Omit<NodeLoadOptions, 'signal'>,
    signal: AbortSignal | undefined,
  ): Promise<NodeClassifier> {
    const sizes = sizesIn(path, file.metadata, given)
    const dtype = file.dtype as NodeDtype
    const described = { spec: parseSpec('nodeNetwork', file.spec), ...sizes, dtype }
    const stored = await file.read()
    try {
      const args = { ...described, parameters: stored }
      return new NodeClassifier(described, await invoke<Parameters>('graph.assignParameters', args, { signal }))
    } catch (error) {
      if (!LangevinError.is(error)) throw error
      const wanted = invokeNow<ParameterInfo[]>('graph.parameterInfo', described).map(({ name }) => name)
      const hint = prefixHint(wanted, file.names)
      throw formatError(path, undefined, `the parameters do not fit the network: ${error.message}${hint}`, error)
    } finally {
      for (const each of Object.values(stored)) each.dispose()
    }
  }

  /** How many learnable numbers it has. */
  get parameterCount(): number {
    return this.parameterInfo()
      .filter(({ learnable }) => learnable)
      .reduce((sum, { shape }) => sum + shape.reduce((n, size) => n * size, 1), 0)
  }

  /** Names as in PyTorch Geometric, shapes, and whether they are learned. */
  parameterInfo(): readonly ParameterInfo[] {
    return invokeNow('graph.parameterInfo', this.#described())
  }

  /** Copies of the parameters by name. */
  async parameters(): Promise<Record<string, Tensor>> {
    return invoke('graph.assignParameters', this.#arguments('parameters'))
  }

  /**
   * Sets some or all parameters.
   *
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (an unknown name), _SHAPE, _NON_FINITE
   */
  async setParameters(values: Record<string, RowsLike>, options: InvokeOptions = {}): Promise<void> {
    const args = this.#arguments('setParameters')
    requireOptions('NodeClassifier.setParameters', options, ['signal'])
    const given = Object.entries(values).map(([name, value]) => [name, value, toRows(value, `values.${name}`)] as const)
    try {
      const rows = Object.fromEntries(given.map(([name, , tensor]) => [name, tensor]))
      this.#held.replace(await invoke<Parameters>('graph.assignParameters', { ...args, values: rows }, options))
    } finally {
      for (const [, value, rows] of given) if (rows !== value) rows.dispose()
    }
  }

  /**
   * Logits and embeddings of every node.
   *
   * @throws (rejects) ERR_LANGEVIN_SHAPE (other features than it was made for), _NON_FINITE, _BUSY, _DISPOSED
   */
  async infer(graph: Graph, options: InferOptions = {}): Promise<NodeOutputs> {
    const { signal, ...more } = requireOptions('NodeClassifier.infer', options, INFER)
    return invoke('graph.infer', { ...this.#arguments('infer'), graph: graph.native(), ...more }, { signal })
  }

  /**
   * Logits of stochastic evaluations: with dropout (Monte Carlo dropout), with edges left out (DropEdge), or both. Same seed,
   * same numbers.
   *
   * @returns `logits`: `[samples, n, classes]`
   */
  async inferSamples(graph: Graph, options: SampleInferOptions = {}): Promise<{ logits: Tensor<NodeDtype, 3> }> {
    const { signal, ...more } = requireOptions('NodeClassifier.inferSamples', options, SAMPLES)
    const args = { ...this.#arguments('inferSamples'), graph: graph.native(), ...more }
    return { logits: await invoke<Tensor<NodeDtype, 3>>('graph.inferSamples', args, { signal }) }
  }

  /**
   * Trains on all nodes at once: Adam with L2 weight decay (torch.optim.Adam) on the mean cross-entropy of the training nodes, with
   * dropout, until the validation loss has not fallen by `minDelta` for `patience` epochs; then the parameters of the epoch with
   * the lowest validation loss are put back. Without `validation` all epochs are run. Same seed, same bits at any number of threads.
   *
   * ```js
   * import { graph, Graph, networks } from 'langevin'
   * const pairs = Graph.fromArrays({ edges: [[0, 2], [1, 3]], features: [[1, 0], [1, 0], [0, 1], [0, 1]], labels: [0, 0, 1, 1] })
   * const classifier = await graph.NodeClassifier.create(networks.gcn(), { features: 2, classes: 2 })
   * const result = await classifier.train(pairs, { train: [0, 2], validation: [1, 3], epochs: 100, learningRate: 0.05 }).done
   * console.log(result.validationAccuracy) // 1
   * ```
   *
   * @returns a run: progress with `loss`, `validationLoss` and `validationAccuracy`, abort, pause. An aborted or failed run leaves
   * the parameters as they were
   * @throws ERR_LANGEVIN_INVALID_OPTION (a node without a label, or in both lists), _SHAPE, _BUSY, _DISPOSED; (rejects)
   * ERR_LANGEVIN_DIVERGED
   */
  train(graph: Graph, options: NodeTrainOptions): Run<NodeTrainResult, 'validationLoss' | 'validationAccuracy'> {
    const args = { ...this.#arguments('train'), graph: graph.native() }
    this.#training = true
    return startTraining(graph, args, options, {
      learned: (parameters) => this.#held.replace(parameters),
      settled: () => {
        this.#training = false
      },
    })
  }

  /**
   * Writes the parameters with their spec as safetensors: PyTorch Geometric loads it with `load_state_dict(load_file(path))`. The file
   * appears whole or not at all.
   *
   * @throws (rejects) ERR_LANGEVIN_IO
   */
  async save(path: string): Promise<void> {
    this.#arguments('save')
    const { spec, features, classes, dtype } = this
    const metadata = networkMetadata({ spec, family: 'nodeNetwork', dtype, inputs: undefined })
    metadata[SIZES_KEY] = JSON.stringify({ features, classes })
    await writeSafetensors(path, this.#held.parameters, metadata)
  }

  #described(): Described & Record<string, unknown> {
    this.live()
    const { spec, features, classes, dtype } = this
    return { spec, features, classes, dtype }
  }

  /** @throws ERR_LANGEVIN_BUSY, ERR_LANGEVIN_DISPOSED */
  #arguments(call: string) {
    const described = this.#described()
    if (this.#training) {
      throw new LangevinError(
        'ERR_LANGEVIN_BUSY',
        `${call}: this classifier is being trained; wait for \`await run.done\`, or abort the run`,
      )
    }
    return { ...described, parameters: this.#held.parameters }
  }

  [inspect.custom](): string {
    const head = `NodeClassifier ${this.spec.kind} ${this.dtype}, ${this.features} features, ${this.classes} classes`
    return this.disposed ? `${head} (disposed)` : head
  }
}
