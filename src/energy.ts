/** Energies: E(x) or E(x, y) with its parameters in native memory, evaluated, saved and loaded. */
import { inspect } from 'node:util'
import { LangevinError } from './errors.js'
import { formatError } from './io/files.js'
import { readSafetensors, type StoredTensor, writeSafetensors } from './io/safetensors.js'
import type { Dtype, NativeEnergy } from './native/contract.js'
import { NativeHandle } from './native/handle.js'
import { type InvokeOptions, invoke, invokeNow } from './runtime/index.js'
import { parseSpec, type SpecValue } from './spec/index.js'
import { type RowsLike, type Tensor, tensor, toRows } from './tensor/index.js'
import './energies/index.js'

/** Where an energy's numbers live. */
export interface PlacementOptions extends InvokeOptions {
  /** 'cpu' (default), 'cuda', 'cuda:N', or 'auto': a CUDA device when there is one. */
  device?: string
}

export interface CreateOptions extends PlacementOptions {
  /** Fixes the initial parameters; default 0. */
  seed?: number | bigint
  /** 'float32' (default), 'float64' or 'bfloat16'. */
  dtype?: Dtype
}

export interface EvaluateOptions extends InvokeOptions {
  /** The condition of E(x, y): class numbers `[n]` or rows `[n, k]`. */
  y?: RowsLike
  /** Threads the rows are spread over; default LANGEVIN_THREADS or all cores. Results do not depend on it. */
  threads?: number
}

/** One entry of an energy's state dict. */
export interface ParameterInfo {
  readonly name: string
  readonly shape: readonly number[]
  readonly learnable: boolean
}

/** Which executor runs an energy, and why. */
export interface Explanation {
  readonly executor: string
  readonly reason: string
  readonly operations: readonly string[]
  /** Operations whose derivative jumps: not for objectives that differentiate the score. */
  readonly nonSmooth: readonly string[]
  /** 'default', 'avx2', 'avx512' or 'avx512_bf16' (LANGEVIN_ISA forces a lower one); LibTorch's own choice on the plain path. */
  readonly instructionSet: string
  /** Who differentiates scores in the parameters (score matching, gradient penalties), and why. */
  readonly scoreGradients: { readonly executor: string; readonly reason: string }
  /** What `precision: 'bfloat16'` of a sampler does to this energy's gradients here. */
  readonly bfloat16: string
  /** Rows of a block that keeps its numbers in cache (0 on the plain path). */
  readonly blockRows: number
  /** Threads a job takes over tiles of rows, and threads LibTorch takes inside one operation. */
  readonly threads: { readonly tiles: number; readonly intraOp: number; readonly reason: string }
  readonly [more: string]: unknown
}

/** Tensors of a checkpoint that are not parameters (optimiser, buffer) have names with this prefix; load() skips them. */
export const STATE_PREFIX = 'langevin:'
const SPEC_KEY = 'langevin.spec'
const DTYPE_KEY = 'langevin.dtype'
const FLOATS = new Set(['float32', 'float64', 'bfloat16'])

/** What a file needs besides the parameters so that Energy.load() can rebuild the energy. */
export function energyMetadata(spec: SpecValue, dtype: Dtype): Record<string, string> {
  return { [SPEC_KEY]: JSON.stringify(spec), [DTYPE_KEY]: dtype }
}

/**
 * An energy E(x) or E(x, y) with its parameters, in native memory. LOW energy = probable: p(x) = exp(-E(x)) / Z.
 *
 * While a run trains the energy, every other call on it is ERR_LANGEVIN_BUSY; after `dispose()` ERR_LANGEVIN_DISPOSED (a
 * job that has begun keeps what it needs).
 */
export class Energy extends NativeHandle<NativeEnergy> {
  readonly #spec: SpecValue

  /** @internal Use `Energy.create` or `Energy.load`. */
  constructor(handle: NativeEnergy, spec: SpecValue) {
    super(handle)
    this.#spec = spec
  }

  protected override describe(): string {
    return `this ${this.#spec.kind} energy`
  }

  /**
   * Makes an energy with freshly initialised parameters (torch.nn's defaults).
   *
   * @param spec from `energies.*`, or the same as plain JSON
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION, _DTYPE, _DEVICE, _OUT_OF_MEMORY
   */
  static async create(spec: SpecValue, options: CreateOptions = {}): Promise<Energy> {
    const parsed = parseSpec('energy', spec)
    const { signal, seed = 0, dtype = 'float32', device = 'cpu' } = options
    const handle = await invoke<NativeEnergy>('energy.create', { spec: parsed, seed, dtype, device }, { signal })
    return new Energy(handle, parsed)
  }

  /**
   * Reads an energy from a safetensors file: one that `save` wrote, or a training checkpoint.
   *
   * @param options.spec for a file without langevin's metadata (a PyTorch state dict): what the parameters belong to
   * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (not such a file; parameters that do not fit the spec)
   */
  static async load(
    path: string,
    options: PlacementOptions & { spec?: SpecValue; dtype?: Dtype } = {},
  ): Promise<Energy> {
    const { tensors, metadata } = await readSafetensors(path)
    const parameters = Object.entries(tensors).filter(([name]) => !name.startsWith(STATE_PREFIX))
    const spec = options.spec ?? specIn(path, metadata)
    const dtype = options.dtype ?? dtypeIn(path, metadata, parameters)
    const { device = 'cpu', signal } = options
    const energy = await Energy.create(spec, { dtype, device, signal })
    const values: Record<string, Tensor> = {}
    try {
      for (const [name, stored] of parameters) values[name] = fromStored(path, name, stored)
      await invoke('energy.setParameters', { energy, values, complete: true }, { signal })
      return energy
    } catch (error) {
      energy.dispose()
      if (!(error instanceof LangevinError) || error.code === 'ERR_LANGEVIN_FORMAT') throw error
      throw formatError(path, 8, `the parameters do not fit the energy: ${error.message}`, error)
    } finally {
      for (const value of Object.values(values)) value.dispose()
    }
  }

  /** The plain frozen JSON it was made from. */
  get spec(): SpecValue {
    return this.#spec
  }
  get dtype(): Dtype {
    return this.live().dtype
  }
  /** 'cpu' or 'cuda:N'. */
  get device(): string {
    return this.live().device
  }
  /** Columns of x. */
  get inputWidth(): number {
    return this.live().inputWidth
  }
  /** How many learnable numbers it has. */
  get parameterCount(): number {
    return this.live().parameterCount
  }

  /** Copies of the parameters by their torch.nn names, on the CPU. */
  async parameters(options: InvokeOptions = {}): Promise<Record<string, Tensor>> {
    this.live()
    return invoke('energy.parameters', { energy: this }, options)
  }

  /** Names, shapes and whether they are learned, in the order of the state dict. */
  parameterInfo(): readonly ParameterInfo[] {
    this.live()
    return invokeNow('energy.parameterInfo', { energy: this })
  }

  /**
   * Sets some or all parameters.
   *
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (an unknown name), _SHAPE, _NON_FINITE
   */
  async setParameters(values: Record<string, RowsLike>, options: InvokeOptions = {}): Promise<void> {
    this.live()
    const made: Tensor[] = []
    const given: Record<string, Tensor> = {}
    try {
      for (const [name, value] of Object.entries(values)) {
        const rows = toRows(value, `values.${name}`)
        if (rows !== value) made.push(rows)
        given[name] = rows
      }
      await invoke('energy.setParameters', { energy: this, values: given }, options)
    } finally {
      for (const each of made) each.dispose()
    }
  }

  /**
   * E of every row.
   *
   * @param x rows `[n, d]`
   * @returns `[n]`
   * @throws (rejects) ERR_LANGEVIN_SHAPE, _NON_FINITE (naming row and column), _BUSY, _DISPOSED
   */
  async energy(x: RowsLike, options: EvaluateOptions = {}): Promise<Tensor> {
    return this.#evaluate('energy.energy', x, options)
  }

  /**
   * The score grad_x log p(x) = -grad_x E(x) of every row.
   *
   * @param x rows `[n, d]`
   * @returns the shape of x
   */
  async score(x: RowsLike, options: EvaluateOptions = {}): Promise<Tensor> {
    return this.#evaluate('energy.score', x, options)
  }

  /**
   * A classifier's logits, or the outputs of a regressor.
   *
   * @param x rows `[n, d]`
   * @returns `[n, k]`
   * @throws (rejects) ERR_LANGEVIN_UNSUPPORTED for an energy without outputs
   */
  async logits(x: RowsLike, options: Omit<EvaluateOptions, 'y'> = {}): Promise<Tensor> {
    return this.#evaluate('energy.logits', x, options)
  }

  async #evaluate(name: string, x: RowsLike, { y, threads, signal }: EvaluateOptions): Promise<Tensor> {
    this.live()
    signal?.throwIfAborted()
    const rows = toRows(x, 'x')
    let condition: Tensor | undefined
    try {
      condition = y === undefined ? undefined : toRows(y, 'y')
      return await invoke<Tensor>(name, { energy: this, x: rows, y: condition, threads }, { signal })
    } finally {
      if (rows !== x) rows.dispose()
      if (condition !== y) condition?.dispose()
    }
  }

  /** Which executor runs this energy, and why. */
  explain(): Explanation {
    this.live()
    return invokeNow('energy.explain', { energy: this })
  }

  /**
   * Writes the parameters under their torch.nn names, with the spec in the metadata, as safetensors: PyTorch loads it with
   * `load_state_dict(load_file(path))`. The file appears whole or not at all.
   *
   * @throws (rejects) ERR_LANGEVIN_IO
   */
  async save(path: string, options: InvokeOptions = {}): Promise<void> {
    const dtype = this.dtype
    const parameters = await this.parameters(options)
    try {
      await writeSafetensors(path, parameters, energyMetadata(this.#spec, dtype))
    } finally {
      for (const value of Object.values(parameters)) value.dispose()
    }
  }

  [inspect.custom](): string {
    if (this.disposed) return `Energy ${this.#spec.kind} (disposed)`
    const { dtype, device, parameterCount } = this.live()
    return `Energy ${this.#spec.kind} ${dtype} ${device}, ${parameterCount} parameters`
  }
}

function specIn(path: string, metadata: Record<string, string>): SpecValue {
  const text = metadata[SPEC_KEY]
  if (text === undefined) {
    throw formatError(
      path,
      8,
      `the file does not say what energy it holds (no '${SPEC_KEY}' in its metadata); for a PyTorch state dict give { spec }`,
    )
  }
  try {
    return parseSpec('energy', JSON.parse(text))
  } catch (cause) {
    throw formatError(path, 8, `the spec in its metadata is not valid: ${(cause as Error).message}`, cause)
  }
}

function dtypeIn(path: string, metadata: Record<string, string>, parameters: [string, StoredTensor][]): Dtype {
  const dtype = metadata[DTYPE_KEY] ?? parameters[0]?.[1].dtype ?? 'float32'
  if (!FLOATS.has(dtype))
    throw formatError(path, 8, `an energy cannot have dtype ${dtype}; use float32, float64 or bfloat16`)
  return dtype as Dtype
}

const READERS = { float32: Float32Array, float64: Float64Array, bfloat16: Uint16Array } as const

function fromStored(path: string, name: string, { dtype, shape, data }: StoredTensor): Tensor {
  const reader = READERS[dtype as keyof typeof READERS]
  if (!reader) throw formatError(path, 8, `parameter '${name}' has dtype ${dtype}; parameters are floating-point`)
  // A copy: the file's bytes may not be aligned for the numbers.
  const bytes = data.slice()
  return tensor(new reader(bytes.buffer, 0, bytes.byteLength / reader.BYTES_PER_ELEMENT), shape, dtype as Dtype)
}
