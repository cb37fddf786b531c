/** An energy made of a list of layers. */
import { widthAfter } from '../networks/layers.js'
import { defineSpec, specOf } from '../spec/index.js'
import { gaussianBaseField, inputField } from './fields.js'
import { checkStates, statesField } from './states.js'

/**
 * E(x), or E(x, y) where an embedding layer takes a class y: any list of `layers`, the last of which gives one column.
 * Parameters are named by index as in torch.nn.Sequential: "0.weight", "3.body.0.bias".
 * `states`: 'binary', 'spin', { levels } or a list of column blocks for x that is not all real (default: real).
 */
export const sequential = defineSpec(
  'energy',
  'sequential',
  (z) => ({
    input: inputField(z),
    layers: z.array(specOf(z, 'layer')).min(1),
    gaussianBase: gaussianBaseField(z),
    states: statesField(z),
  }),
  {
    summary: 'A list of layers that ends in one column, the energy.',
    check(options, fail) {
      checkStates(options, fail)
      const out = widthAfter(options.layers, options.input, 'layers', fail)
      if (out !== 1) fail('layers', `the last layer must give one column, the energy; it gives ${out}`)
    },
  },
)
