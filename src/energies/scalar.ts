/** Any network of one output, read as an energy. */
import { shapeField } from '../networks/fields.js'
import { defineSpec, specOf } from '../spec/index.js'
import { gaussianBaseField } from './fields.js'
import { checkStates, statesField } from './states.js'

/**
 * E(x) = network(x), one column; E(x, y) where the network embeds a class y. Parameters are those of the network.
 *
 * `input`: columns of x, or the axes of a row such as [3, 32, 32]. `network`: a spec from `networks.*`; it takes its `input`
 * from here and gives one column.
 * `gaussianBase`: s adds |x|^2 / (2 s^2), 'full' adds (x - m)' P (x - m) / 2 with the buffers "base.mean" and
 * "base.precision" (default: none; then exp(-E) need not be integrable). `states`: 'binary', 'spin', { levels } or a list of
 * column blocks for x that is not all real (default: real).
 */
export const scalar = defineSpec(
  'energy',
  'scalar',
  (z) => ({
    input: shapeField(z),
    network: specOf(z, 'network'),
    gaussianBase: gaussianBaseField(z),
    states: statesField(z),
  }),
  { summary: 'Any network with one output, the energy.', check: (options, fail) => checkStates(options, fail) },
)
