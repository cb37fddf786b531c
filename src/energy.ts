/** Energies: E(x) or E(x, y) with its parameters in native memory, evaluated, saved and loaded. */
import type { Dataset } from './data/dataset.js'
import {
  type CreateOptions,
  createNative,
  type EvaluateOptions,
  type LoadOptions,
  loadInto,
  Network,
} from './network.js'
import { type InvokeOptions, invoke } from './runtime/index.js'
import type { SpecValue } from './spec/index.js'
import type { RowsLike, Tensor } from './tensor/index.js'
import './energies/index.js'

/**
 * An energy E(x) or E(x, y) with its parameters, in native memory. LOW energy = probable: p(x) = exp(-E(x)) / Z.
 *
 * While a run trains the energy, every other call on it is ERR_LANGEVIN_BUSY; after `dispose()` ERR_LANGEVIN_DISPOSED (a
 * job that has begun keeps what it needs).
 */
export class Energy extends Network {
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
  static override async create(spec: SpecValue<'energy'>, options: CreateOptions = {}): Promise<Energy> {
    const made = await createNative('energy', spec, options)
    return new Energy(made.handle, made.spec, options.inputs)
  }

  /**
   * Reads an energy from a safetensors file: one that `save` wrote, or a training checkpoint.
   *
   * @param options.spec for a file without langevin's metadata (a PyTorch state dict): what the parameters belong to
   * @param options.prefix what the names in the file begin with: 'module.', 'net.', ...
   * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (not such a file; parameters that do not fit the spec)
   */
  static override async load(path: string, options: LoadOptions = {}): Promise<Energy> {
    return loadInto(path, 'energy', options, (spec, more) => Energy.create(spec, more))
  }

  /**
   * E of every row. With `inputs` it is the energy of the row in the units of the data: exp(-E(x)) / Z is a density of x.
   *
   * @param x rows `[n, d]`, or `[n, ...inputShape]`; or a Dataset
   * @returns `[n]`
   * @throws (rejects) ERR_LANGEVIN_SHAPE, _NON_FINITE (naming row and column), _INVALID_OPTION (columns of a Dataset that do
   *   not fit the `inputs`), _BUSY, _DISPOSED
   */
  async energy(x: RowsLike | Dataset, options: EvaluateOptions = {}): Promise<Tensor> {
    const energies = await this.onRows('energy', x, options, (args, more) =>
      invoke('energy.energy', { energy: this.native(), ...args }, more),
    )
    return this.conversion?.energies(energies) ?? energies
  }

  /**
   * The score grad_x log p(x) = -grad_x E(x) of every row; with `inputs` by x in the units of the data.
   *
   * @param x rows `[n, d]`, or `[n, ...inputShape]`; or a Dataset
   * @returns the shape of x
   */
  async score(x: RowsLike | Dataset, options: EvaluateOptions = {}): Promise<Tensor> {
    const gradient = await this.onRows('score', x, options, (args, more) =>
      invoke('energy.score', { energy: this.native(), ...args }, more),
    )
    return this.conversion?.derivatives(gradient) ?? gradient
  }

  /**
   * A classifier's logits, or the outputs of a regressor.
   *
   * @param x rows `[n, d]`, or `[n, ...inputShape]`
   * @returns `[n, k]`
   * @throws (rejects) ERR_LANGEVIN_UNSUPPORTED for an energy without outputs
   */
  async logits(x: RowsLike | Dataset, options: Omit<EvaluateOptions, 'y'> = {}): Promise<Tensor> {
    const body = (args: Record<string, unknown>, more: InvokeOptions) =>
      invoke<Tensor>('network.outputs', { network: this.native(), ...args }, more)
    return this.onRows('logits', x, options, body, ['threads', 'signal'])
  }
}
