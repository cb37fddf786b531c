/** Networks: programs with parameters and outputs in native memory, evaluated, saved and loaded. An Energy is one. */
import { inspect } from 'node:util'
import { Dataset } from './data/dataset.js'
import { fittingConversion, type InputRows } from './data/input-rows.js'
import type { Inputs } from './data/inputs.js'
import { LangevinError } from './errors.js'
import { exportOnnx, exportTorchScript, type OnnxOptions, type TorchScriptOptions } from './exchange/index.js'
import { writeSafetensors } from './io/safetensors.js'
import {
  type Dtype,
  type Explanation,
  HANDLE,
  type NativeNetwork,
  type ParameterInfo,
  type Snapshot,
} from './native/contract.js'
import { NativeHandle } from './native/handle.js'
import { throwIfAborted } from './native/signal.js'
import { classOf, createNative, loadInto } from './network-making.js'
import type { CreateOptions, EvaluateOptions, LoadOptions, SnapshotOptions } from './network-options.js'
import { type InvokeOptions, invoke, invokeNow } from './runtime/index.js'
import { requireOptions, type SpecValue } from './spec/index.js'
import { type FloatDtype, type RowsLike, type Tensor, toRows } from './tensor/index.js'
import { type Family, networkMetadata } from './weights.js'

export type {
  CreateOptions,
  EvaluateOptions,
  LoadOptions,
  PlacementOptions,
  SnapshotOptions,
} from './network-options.js'

const EVALUATE = ['y', 'threads', 'signal'] as const satisfies readonly (keyof EvaluateOptions)[]
const SIGNAL = ['signal'] as const satisfies readonly (keyof InvokeOptions)[]

/**
 * A network: x in, outputs out, with its parameters in native memory. It gives no energy: generators, encoders, critics.
 * An Energy is a network whose program ends in one number that is read as E.
 *
 * While a run trains it, every other call on it is ERR_LANGEVIN_BUSY; after `dispose()` ERR_LANGEVIN_DISPOSED (a job that
 * has begun keeps what it needs).
 */
export class Network extends NativeHandle<NativeNetwork> {
  readonly #spec: SpecValue
  readonly #conversion: InputRows | undefined

  /** @internal Use `Network.create` or `Network.load`. */
  constructor(handle: NativeNetwork, spec: SpecValue, inputs?: Inputs) {
    super(handle)
    this.#spec = spec
    try {
      this.#conversion = inputs && fittingConversion(handle, inputs)
    } catch (error) {
      handle.dispose()
      throw error
    }
  }

  /**
   * What its columns are, where it was made with `inputs` or loaded from a file that says so: names, order, mean and scale. Rows
   * go in and come out in the units of the data; numbers inside specs (step sizes, noise levels, boxes of samplers) are in the
   * model's own, where every column has standard deviation 1.
   */
  get inputs(): Inputs | undefined {
    return this.#conversion?.inputs
  }

  /** @internal How rows are brought into the units of the network and back; undefined without inputs. */
  get conversion(): InputRows | undefined {
    return this.#conversion
  }

  /**
   * @internal The native object, for a call whose caller has brought the rows into the units of the network (`toRows`) and brings
   * back what comes out.
   */
  native(): NativeNetwork {
    return this.live()
  }

  /**
   * @internal What the addon finds when the network itself is an argument. A call that was not written with inputs in mind would
   * compute with rows in the wrong units, so it ends here.
   */
  override get [HANDLE](): NativeNetwork {
    if (this.#conversion?.transforms) {
      throw new LangevinError(
        'ERR_LANGEVIN_UNSUPPORTED',
        `${this.describe()} standardises its inputs, and this call would give it rows as they are; use energy(), score(), sample() and the other functions of docs/inputs.md`,
      )
    }
    return super[HANDLE]
  }

  /**
   * @internal Rows in the units of the network: a data set by the names of its columns, other rows in order. A tensor that needs
   * no change is returned as it is; all else is new, and the caller disposes it.
   */
  toRows(value: RowsLike | Dataset, what = 'x', dtype?: Dtype): Tensor {
    if (this.#conversion !== undefined) return this.#conversion.rows(value, what)
    return value instanceof Dataset ? value.toTensor() : toRows(value, what, dtype)
  }

  /** @internal 'energy' or 'network': the family its spec belongs to. */
  get family(): Family {
    return 'network'
  }

  protected override describe(): string {
    return `this ${this.#spec.kind} ${this.family}`
  }
  protected override remedyForJson(): string {
    return 'write it with save(path); its `spec` is plain JSON'
  }

  /**
   * Makes a network with freshly initialised parameters (torch.nn's defaults).
   *
   * @param spec from `networks.*` with its `input` (and for mlp its `output`), or the same as plain JSON
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION, _DTYPE, _DEVICE, _OUT_OF_MEMORY
   */
  static async create(spec: SpecValue<'network'>, options: CreateOptions = {}): Promise<Network> {
    const made = await createNative('network', spec, options)
    return new Network(made.handle, made.spec, options.inputs)
  }

  /** @internal As `create`, of what a file describes and has so many numbers for. */
  static async described(spec: SpecValue, options: CreateOptions, mostNumbers: number): Promise<Network> {
    const made = await createNative('network', spec, options, mostNumbers)
    return new Network(made.handle, made.spec, options.inputs)
  }

  /**
   * Reads a network from a safetensors file that `save` wrote, or from a PyTorch state dict with { spec }.
   *
   * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (not such a file; parameters that do not fit the spec)
   */
  static async load(path: string, options: LoadOptions = {}): Promise<Network> {
    return loadInto(path, 'network', options, (...made) => Network.described(...made))
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
  /** Columns of a row x laid flat. */
  get inputWidth(): number {
    return this.live().inputWidth
  }
  /** Axes of a row x: [d], or those of `input: [3, 32, 32]`. Rows are given as [n, ...inputShape] or [n, inputWidth]. */
  get inputShape(): readonly number[] {
    return this.live().inputShape
  }
  /** How many learnable numbers it has. */
  get parameterCount(): number {
    return this.live().parameterCount
  }

  /** Copies of the parameters by their torch.nn names, on the CPU. */
  async parameters(options: InvokeOptions = {}): Promise<Record<string, Tensor>> {
    this.live()
    requireOptions(`${this.family}.parameters`, options, SIGNAL)
    return invoke('network.parameters', { network: this.native() }, options)
  }

  /** Names, shapes and whether they are learned, in the order of the state dict. */
  parameterInfo(): readonly ParameterInfo[] {
    this.live()
    return invokeNow('network.parameterInfo', { network: this.native() })
  }

  /**
   * A copy with weights of its own, also of a network that is being trained: then it is taken between two of the run's
   * updates, and holds what a checkpoint of step `step` would. The run goes on meanwhile.
   *
   * @returns a network like this one; `step`: steps the run has done, 0 outside of one
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (averaged weights of a run without `ema`)
   */
  async snapshot(options: SnapshotOptions = {}): Promise<Network & Snapshot> {
    return this.copied(options, (more) => Network.create(this.spec, more))
  }

  /** @internal A copy of the weights, in what `create` makes. */
  protected async copied<N extends Network>(
    options: SnapshotOptions,
    create: (options: CreateOptions) => Promise<N>,
  ): Promise<N & Snapshot> {
    const { weights, signal } = requireOptions('snapshot', options, ['weights', 'signal'])
    const { dtype, device } = this.live()
    const { step, values } = await invoke<{ step: number; values: Record<string, Tensor> }>(
      'network.snapshot',
      { network: this.native(), weights },
      { signal },
    )
    try {
      const copy = await create({ dtype, device, signal, inputs: this.inputs })
      try {
        await invoke('network.setParameters', { network: copy.native(), values, complete: true }, { signal })
        return Object.assign(copy, { step })
      } catch (error) {
        copy.dispose()
        throw error
      }
    } finally {
      for (const each of Object.values(values)) each.dispose()
    }
  }

  /**
   * Sets some or all parameters.
   *
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (an unknown name), _SHAPE, _NON_FINITE
   */
  async setParameters(values: Record<string, RowsLike>, options: InvokeOptions = {}): Promise<void> {
    this.live()
    requireOptions(`${this.family}.setParameters`, options, SIGNAL)
    const made: Tensor[] = []
    const given: Record<string, Tensor> = {}
    try {
      for (const [name, value] of Object.entries(values)) {
        const rows = toRows(value, `values.${name}`)
        if (rows !== value) made.push(rows)
        given[name] = rows
      }
      await invoke('network.setParameters', { network: this.native(), values: given }, options)
    } finally {
      for (const each of made) each.dispose()
    }
  }

  /**
   * The outputs of every row: those of a network, a classifier's logits, a regressor's predictions.
   *
   * @param x rows `[n, d]`, or a Dataset
   * @returns `[n, k]`
   * @throws (rejects) ERR_LANGEVIN_UNSUPPORTED for an energy without outputs, _SHAPE, _NON_FINITE, _BUSY, _DISPOSED
   */
  async outputs(x: RowsLike | Dataset, options: EvaluateOptions = {}): Promise<Tensor<FloatDtype, 2>> {
    return this.onRows('outputs', x, options, (args, more) =>
      invoke('network.outputs', { network: this.native(), ...args }, more),
    )
  }

  /** @internal Calls `body` with rows and their condition as tensors. */
  protected async onRows<T extends Tensor>(
    name: string,
    x: RowsLike | Dataset,
    options: EvaluateOptions,
    body: (args: Record<string, unknown>, options: InvokeOptions) => Promise<T>,
    known: readonly (keyof EvaluateOptions)[] = EVALUATE,
  ): Promise<T> {
    this.live()
    const { y, threads, signal } = requireOptions(`${this.family}.${name}`, options, known)
    throwIfAborted(signal)
    const rows = this.toRows(x)
    let condition: Tensor | undefined
    try {
      condition = y === undefined ? undefined : toRows(y, 'y')
      return await body({ x: rows, y: condition, threads }, { signal })
    } finally {
      if (rows !== x) rows.dispose()
      if (condition !== y) condition?.dispose()
    }
  }

  /** Which executor runs this network, and why. */
  explain(): Explanation {
    this.live()
    return invokeNow('network.explain', { network: this.native() })
  }

  /**
   * Writes the parameters under their torch.nn names, with the spec in the metadata, as safetensors: PyTorch loads it with
   * `load_state_dict(load_file(path))`. The file appears whole or not at all.
   *
   * @throws (rejects) ERR_LANGEVIN_IO
   */
  async save(path: string, options: InvokeOptions = {}): Promise<void> {
    requireOptions(`${this.family}.save`, options, SIGNAL)
    const metadata = networkMetadata(this)
    const parameters = await this.parameters(options)
    try {
      await writeSafetensors(path, parameters, metadata)
    } finally {
      for (const value of Object.values(parameters)) value.dispose()
    }
  }

  /**
   * Writes an ONNX model, which other runtimes evaluate: input `x` [n, d] (or [n, ...inputShape]), and `y` where the model takes
   * one; outputs `energy` [n], and `logits` [n, k] (of a network `outputs`) where it has them. The axis n is free. With `inputs`
   * the graph takes rows in the units of the data. See docs/guides/exchange-formats.md.
   *
   * @throws (rejects) ERR_LANGEVIN_IO; _UNSUPPORTED (an operation that ONNX has no form of, bfloat16, 2 GiB); _INVALID_OPTION
   */
  async exportOnnx(path: string, options: OnnxOptions = {}): Promise<void> {
    this.live()
    return exportOnnx(this, path, options)
  }

  /**
   * Writes a TorchScript module for `torch.jit.load` in Python or C++: `module(x)` -> energies [n] (`module(x, y)` where it takes a
   * y; of a network its outputs), `module.logits(x)` -> [n, k] where it has them, and the state dict of `save`. With `inputs` it
   * takes rows in the units of the data. See docs/guides/exchange-formats.md.
   *
   * @throws (rejects) ERR_LANGEVIN_IO; _UNSUPPORTED (an operation without a form, bfloat16); _INVALID_OPTION
   */
  async exportTorchScript(path: string, options: TorchScriptOptions = {}): Promise<void> {
    this.live()
    return exportTorchScript(this, path, options)
  }

  [inspect.custom](): string {
    const name = classOf(this.family)
    if (this.disposed) return `${name} ${this.#spec.kind} (disposed)`
    const { dtype, device, parameterCount } = this.live()
    return `${name} ${this.#spec.kind} ${dtype} ${device}, ${parameterCount} parameters`
  }
}
