/** Energies: E(x) or E(x, y) with its parameters in native memory, evaluated, saved and loaded. */
import { writeScorer } from './compiled/write.js'
import type { Dataset } from './data/dataset.js'
import { LangevinError } from './errors.js'
import { copyTorchScript, type FromTorchScriptOptions, readTorchScript } from './exchange/index.js'
import { translated } from './native/call.js'
import type { Snapshot } from './native/contract.js'
import { type CreateOptions, type EvaluateOptions, type LoadOptions, Network, type SnapshotOptions } from './network.js'
import { createNative, loadInto } from './network-making.js'
import { type InvokeOptions, invoke, invokeNow } from './runtime/index.js'
import { requireOptions, type SpecValue } from './spec/index.js'
import {
  type FloatDtype,
  madeTensor,
  plainRows,
  type RankOf,
  type RowsLike,
  type Tensor,
  toRows,
} from './tensor/index.js'
import { SCRIPT_KIND } from './weights.js'
import './energies/index.js'

/** Rows of a call on this thread: the event loop waits meanwhile. */
const MOST_AT_ONCE = 1024

/** Multiply-adds that take less time than a job's way to the thread of its device and back: energy() does them at once. */
const LESS_THAN_A_JOB = 65536
/** After so many of them one goes the long way: a loop that awaits nothing else must let timers and sockets have their turn. */
const MOST_IN_A_ROW = 32
let inARow = 0

type Plain = 'energy' | 'score'

/** Energies of rows: one number for each. */
export type Energies = Tensor<FloatDtype, 1>
/** Scores of rows in the form X: the shape of x. */
export type Scores<X> = Tensor<FloatDtype, X extends Dataset ? 2 : RankOf<X>>
/** The rank of rows of an energy with this spec: 2, or more where its `input` is a list of axes (then it is not known). */
export type RowRank<S> = S extends { readonly input: infer I }
  ? [I] extends [number]
    ? 2
    : number
  : S extends { readonly kind: infer K }
    ? string extends K
      ? number
      : 2
    : number

/** The instance side alone: `Energy.create` takes specs of energies, which `Network.create` must refuse. */
const Base: new (...given: ConstructorParameters<typeof Network>) => Network = Network

/**
 * An energy E(x) or E(x, y) with its parameters, in native memory. LOW energy = probable: p(x) = exp(-E(x)) / Z.
 *
 * While a run trains the energy, every other call on it is ERR_LANGEVIN_BUSY; after `dispose()` ERR_LANGEVIN_DISPOSED (a
 * job that has begun keeps what it needs).
 */
export class Energy<R extends number = number> extends Base {
  /** @internal Stands in types alone: the rank of its rows. */
  declare readonly rowRank?: R
  #width: number | undefined
  /** Calls on their way through the queue: none passes them. */
  #queued = 0

  /** @internal */
  override get family(): 'energy' {
    return 'energy'
  }

  /**
   * Makes an energy with freshly initialised parameters (torch.nn's defaults).
   *
   * @param spec from `energies.*`, or the same as plain JSON
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION, _DTYPE, _DEVICE, _OUT_OF_MEMORY
   */
  static async create<const S extends SpecValue<'energy'>>(
    spec: S,
    options: CreateOptions = {},
  ): Promise<Energy<RowRank<S>>> {
    const made = await createNative('energy', spec, options)
    return new Energy(made.handle, made.spec, options.inputs)
  }

  /** @internal As `create`, of what a file describes and has so many numbers for. */
  static async described(spec: SpecValue, options: CreateOptions, mostNumbers: number): Promise<Energy> {
    const made = await createNative('energy', spec, options, mostNumbers)
    return new Energy(made.handle, made.spec, options.inputs)
  }

  /**
   * Reads an energy from a safetensors file: one that `save` wrote, or a training checkpoint.
   *
   * @param options.spec for a file without langevin's metadata (a PyTorch state dict): what the parameters belong to
   * @param options.prefix what the names in the file begin with: 'module.', 'net.', ...
   * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (not such a file; parameters that do not fit the spec)
   */
  static async load(path: string, options: LoadOptions = {}): Promise<Energy> {
    return loadInto(path, 'energy', options, (...made) => Energy.described(...made))
  }

  /**
   * Makes an energy of a TorchScript module forward(x) -> [n] or [n, 1] (`torch.jit.script(module).save(path)` in Python), low where
   * rows are probable. It is evaluated, sampled and used by detectors as any other, by LibTorch's autograd; langevin neither trains
   * nor saves it. The file is a program and runs with the rights of this process: `allowCode: true` says that you trust it.
   *
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (without allowCode); _IO; _FORMAT (no TorchScript, a forward that fails, gives
   *   another shape, or makes rows depend on each other)
   */
  static async fromTorchScript(path: string, options: FromTorchScriptOptions): Promise<Energy> {
    const { handle, spec, inputs } = await readTorchScript(path, options)
    return new Energy(handle, spec, inputs)
  }

  /**
   * E of every row. With `inputs` it is the energy of the row in the units of the data: exp(-E(x)) / Z is a density of x.
   *
   * @param x rows `[n, d]`, or `[n, ...inputShape]`; or a Dataset
   * @returns `[n]`
   * @throws (rejects) ERR_LANGEVIN_SHAPE, _NON_FINITE (naming row and column), _INVALID_OPTION (columns of a Dataset that do
   *   not fit the `inputs`), _BUSY, _DISPOSED
   */
  async energy(x: RowsLike | Dataset, options?: EvaluateOptions): Promise<Energies> {
    const small = this.#small<Energies>('energy', x, options)
    if (small !== undefined) return small
    const energies = await this.#inTurn<Energies>('energy', x, options)
    return this.conversion?.energies(energies) ?? energies
  }

  /**
   * The score grad_x log p(x) = -grad_x E(x) of every row; with `inputs` by x in the units of the data.
   *
   * @param x rows `[n, d]`, or `[n, ...inputShape]`; or a Dataset
   * @returns the shape of x
   */
  async score<X extends RowsLike | Dataset>(x: X, options?: EvaluateOptions): Promise<Scores<X>> {
    const small = this.#small<Scores<X>>('score', x, options)
    if (small !== undefined) return small
    const gradient = await this.#inTurn<Scores<X>>('score', x, options)
    return this.conversion?.derivatives(gradient) ?? gradient
  }

  /**
   * E of a few rows, at once on this thread: the same bits as `energy()`, without the way through the queue of its device.
   * For requests of a service; the event loop waits meanwhile.
   *
   * @param x at most 1,024 rows `[n, d]`, or `[n, ...inputShape]`
   * @returns `[n]`
   * @throws at once what `energy()` rejects with; ERR_LANGEVIN_BUSY also while a `setParameters()` has not ended;
   *   _INVALID_OPTION for more rows, _UNSUPPORTED on a CUDA device
   */
  energySync(x: RowsLike | Dataset, options?: { y?: RowsLike }): Energies {
    return this.#atOnce('energy', x, options)
  }

  /** The score of a few rows, at once on this thread: as `energySync`, the shape of x. */
  scoreSync<X extends RowsLike | Dataset>(x: X, options?: { y?: RowsLike }): Scores<X> {
    return this.#atOnce('score', x, options)
  }

  /** Through the queue of the device. */
  async #inTurn<T extends Tensor>(name: Plain, x: RowsLike | Dataset, options?: EvaluateOptions): Promise<T> {
    this.#queued++
    try {
      return await this.onRows<T>(name, x, options === undefined ? {} : options, (args, more) =>
        invoke(`energy.${name}`, { energy: this.native(), ...args }, more),
      )
    } finally {
      this.#queued--
    }
  }

  /** A few rows of a small model, in less time than a job would need to get to another thread; else undefined. */
  #small<T extends Tensor>(name: Plain, x: RowsLike | Dataset, options?: EvaluateOptions): T | undefined {
    if (options !== undefined || this.#queued > 0) return undefined
    if (inARow >= MOST_IN_A_ROW) {
      inARow = 0
      return undefined
    }
    try {
      const found = this.#plain<T>(name, x, LESS_THAN_A_JOB)
      if (found !== undefined) inARow++
      return found
    } catch {
      return undefined // busy: the job waits for its turn, or says what is wrong
    }
  }

  /** Rows that need no tensor on their way in, of at most so many multiply-adds; else undefined. */
  #plain<T extends Tensor>(name: Plain, x: RowsLike | Dataset, most?: number): T | undefined {
    const handle = this.live()
    const { conversion } = this
    this.#width ??= handle.inputWidth
    const rows = conversion === undefined ? plainRows(x, this.#width, MOST_AT_ONCE) : conversion.plain(x, MOST_AT_ONCE)
    if (rows === undefined) return undefined
    const count = rows.length / this.#width
    if (name === 'energy') {
      const out = new Float32Array(count)
      if (!handle.energyInto(rows, out, most)) return undefined
      conversion?.plainEnergies(out)
      return madeTensor(out, [count]) as Tensor as T
    }
    const out = new Float32Array(rows.length)
    if (!handle.scoreInto(rows, out, most)) return undefined
    conversion?.plainDerivatives(out)
    return madeTensor(out, [count, this.#width]) as Tensor as T
  }

  #atOnce<T extends Tensor>(name: Plain, x: RowsLike | Dataset, options: { y?: RowsLike } | undefined): T {
    const found = options === undefined ? translated(() => this.#plain<T>(name, x)) : undefined
    return found ?? this.#atOnceInGeneral(`${name}Sync`, x, options ?? {})
  }

  #atOnceInGeneral<T extends Tensor>(name: `${Plain}Sync`, given: RowsLike | Dataset, options: { y?: RowsLike }): T {
    const { y } = requireOptions(name, options, ['y'])
    if (this.device !== 'cpu') {
      throw new LangevinError(
        'ERR_LANGEVIN_UNSUPPORTED',
        `${name}() is for energies on the CPU, this one is on ${this.device}; use \`await\` and the call without Sync`,
      )
    }
    const x = this.toRows(given)
    let condition: Tensor | undefined
    try {
      if ((x.shape[0] ?? 0) > MOST_AT_ONCE) {
        throw new LangevinError(
          'ERR_LANGEVIN_INVALID_OPTION',
          `${name}() takes at most ${MOST_AT_ONCE} rows, got ${x.shape[0]}: the event loop waits for it; use \`await\` and ` +
            'the call without Sync',
        )
      }
      condition = y === undefined ? undefined : toRows(y, 'y')
      const args = { energy: this.native(), x, y: condition, threads: 1 }
      if (name === 'energySync') {
        const energy = invokeNow<T>('energy.energyNow', args)
        return this.conversion?.energies(energy) ?? energy
      }
      const score = invokeNow<T>('energy.scoreNow', args)
      return this.conversion?.derivatives(score) ?? score
    } finally {
      if (x !== given) x.dispose()
      if (condition !== y) condition?.dispose()
    }
  }

  /** A copy with weights of its own, also while a run trains the energy: see `Network.snapshot`. */
  override async snapshot(options: SnapshotOptions = {}): Promise<Energy<R> & Snapshot> {
    if (this.spec.kind === SCRIPT_KIND) {
      const { signal } = requireOptions('snapshot', options, ['weights', 'signal'])
      const handle = await copyTorchScript(this.native(), { signal })
      return Object.assign(new Energy<R>(handle, this.spec, this.inputs), { step: 0 })
    }
    return this.copied<Energy<R>>(options, (more) => Energy.create(this.spec, more) as Promise<Energy<R>>)
  }

  /**
   * Writes the compiled program with its weights and the scale of its inputs for `langevin/scorer`, which evaluates it without
   * LibTorch and gives the same bits as `energy()` here. A program that the fused kernels of the CPU do not cover (see `explain()`) is
   * refused. The file appears whole or not at all. See docs/guides/scorer.md.
   *
   * @throws (rejects) ERR_LANGEVIN_UNSUPPORTED with the reason, _IO, _BUSY, _DISPOSED
   */
  async exportScorer(path: string, options: InvokeOptions = {}): Promise<void> {
    const { signal } = requireOptions('exportScorer', options, ['signal'])
    const models = [{ kind: this.spec.kind, network: this.live() }]
    await writeScorer(path, { models, inputs: this.inputs }, { signal })
  }

  /**
   * A classifier's logits, or the outputs of a regressor.
   *
   * @param x rows `[n, d]`, or `[n, ...inputShape]`
   * @returns `[n, k]`
   * @throws (rejects) ERR_LANGEVIN_UNSUPPORTED for an energy without outputs
   */
  async logits(x: RowsLike | Dataset, options: Omit<EvaluateOptions, 'y'> = {}): Promise<Tensor<FloatDtype, 2>> {
    const body = (args: Record<string, unknown>, more: InvokeOptions) =>
      invoke<Tensor<FloatDtype, 2>>('network.outputs', { network: this.native(), ...args }, more)
    return this.onRows('logits', x, options, body, ['threads', 'signal'])
  }
}
