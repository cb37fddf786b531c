/** The multilayer perceptron as a network. */
import { defineSpec } from '../spec/index.js'
import { checkActivation, type StackOptions, shapeField, stackFields } from './fields.js'

/** Options of `mlp`. */
export interface MlpOptions extends StackOptions {
  /** Columns out. Inside an energy it may be left out. */
  output?: number | undefined
  /** Columns in, or the axes of a row such as [3, 32, 32]. Inside an energy it may be left out. */
  input?: number | number[] | undefined
}

/**
 * Linear, activation, ..., Linear. Parameters are those of the torch.nn.Sequential with the same modules: "0.weight",
 * "0.bias", "2.weight", ...; default initialisation too, bit for bit from the same seed.
 *
 * `input`: columns in, or the axes of a row, which is flattened first; `output`: columns out; inside an energy both may be left out, which then says them. `hidden`: widths of
 * the hidden layers ([] for a linear map). `activation`: default 'silu'. `spectralNorm`: true, or a bound c: every weight is
 * c W / (its largest singular value), with the parameters of torch.nn.utils.parametrizations.spectral_norm.
 *
 * ```js
 * import { Network, networks } from 'langevin'
 * const network = await Network.create(networks.mlp({ input: 3, hidden: [16], output: 2 }), { seed: 1 })
 * console.log((await network.outputs([[1, 2, 3]])).shape) // [ 1, 2 ]
 * ```
 */
export const mlp = defineSpec(
  'network',
  'mlp',
  (z) => ({ input: shapeField(z).optional(), ...stackFields(z), output: z.int().positive().optional() }),
  { summary: 'A multilayer perceptron.', check: (options, fail) => checkActivation(options, fail) },
).options<MlpOptions>()
