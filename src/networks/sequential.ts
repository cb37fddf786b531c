/** Any list of layers as a network. */
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'
import { shapeField } from './fields.js'
import './layers.js'

/** Options of `sequential`. */
export interface SequentialOptions {
  /** The layers, first to last: specs of `layers.*`. */
  layers: SpecValue<'layer'>[]
  /** Columns in, or the axes of a row such as [3, 32, 32]. Inside an energy it may be left out. */
  input?: number | number[] | undefined
}

/**
 * A list of `layers`. Parameters are named by index as in torch.nn.Sequential: "0.weight", "3.body.0.bias". `input`: columns in, or the axes of a row;
 * inside an energy it may be left out. An embedding layer takes the class y of the call.
 *
 * ```js
 * import { layers, Network, networks } from 'langevin'
 * const list = [layers.linear({ out: 8 }), layers.activation({ activation: 'tanh' }), layers.linear({ out: 2 })]
 * const network = await Network.create(networks.sequential({ input: 3, layers: list }))
 * console.log((await network.outputs([[1, 2, 3]])).shape) // [ 1, 2 ]
 * ```
 */
export const sequential = defineSpec(
  'network',
  'sequential',
  (z) => ({ input: shapeField(z).optional(), layers: z.array(specOf(z, 'layer')).min(1) }),
  { summary: 'A list of layers (torch.nn.Sequential).' },
).options<SequentialOptions>()
