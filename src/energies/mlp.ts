import { defineSpec } from '../spec/define.js'
import { checkActivation, gaussianBaseField, inputField, stackFields } from './fields.js'

/**
 * E(x) = Linear(... activation(Linear(x))), one column. Parameters are those of the torch.nn.Sequential with the same
 * modules: "0.weight", "0.bias", "2.weight", ...; default initialisation too, bit for bit from the same seed.
 *
 * `input`: columns of x. `hidden`: widths of the hidden layers ([] for a linear energy). `activation`: default 'silu'.
 * `gaussianBase`: s adds |x|^2 / (2 s^2) (default: none; then exp(-E) need not be integrable).
 */
export const mlp = defineSpec(
  'energy',
  'mlp',
  (z) => ({ input: inputField(z), ...stackFields(z), gaussianBase: gaussianBaseField(z) }),
  {
    summary: 'A multilayer perceptron with one output, the energy.',
    check: (options, fail) => checkActivation(options, fail),
  },
)
