/** An energy made of a list of layers. */
import { axesOf, shapeField, shapeText } from '../networks/fields.js'
import { shapeAfter } from '../networks/layer.js'
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'
import { bernoulliBaseField, checkBernoulliBase, gaussianBaseField } from './fields.js'
import { checkStates, type States, statesField } from './states.js'

/** Options of `sequential`. */
export interface SequentialOptions {
  /** Columns of a row x, or its axes such as [3, 32, 32]. */
  input: number | number[]
  /** The layers, first to last: specs of `layers.*`. */
  layers: SpecValue<'layer'>[]
  /**
   * s adds |x|^2 / (2 s^2), 'full' adds (x - m)' P (x - m) / 2 with the buffers base.mean and base.precision.
   * Default: none; then exp(-E) need not be integrable.
   */
  gaussianBase?: number | 'full' | undefined
  /** Of bits: probabilities p, one or one per column; takes x' log(p / (1 - p)) off the energy. Not trained. Default: none. */
  bernoulliBase?: number | number[] | undefined
  /**
   * What values the columns of x take: 'binary' (0, 1), 'spin' (-1, +1), one-hot blocks of `levels`, or column
   * blocks. Default: real.
   */
  states?: States | undefined
}

/**
 * E(x), or E(x, y) where an embedding layer takes a class y: any list of `layers`, the last of which gives one column.
 * Parameters are named by index as in torch.nn.Sequential: "0.weight", "3.body.0.bias".
 * `input`: columns of x, or the axes of a row such as [3, 32, 32]; a flatten layer makes them one.
 * `bernoulliBase`, of bits: probabilities p that take x' log(p / (1 - p)) off the energy.
 * `states`: 'binary', 'spin', { levels } or a list of column blocks for x that is not all real (default: real).
 *
 * ```js
 * import { Energy, energies, layers } from 'langevin'
 * const body = [layers.linear({ out: 16 }), layers.activation(), layers.linear({ out: 1 })]
 * const model = await Energy.create(energies.sequential({ input: [2, 4], layers: [layers.flatten(), ...body] }))
 * console.log(model.inputShape, model.parameterCount) // [ 2, 4 ] 161
 * ```
 */
export const sequential = defineSpec(
  'energy',
  'sequential',
  (z) => ({
    input: shapeField(z),
    layers: z.array(specOf(z, 'layer')).min(1),
    gaussianBase: gaussianBaseField(z),
    bernoulliBase: bernoulliBaseField(z),
    states: statesField(z),
  }),
  {
    summary: 'A list of layers that ends in one column, the energy.',
    check(options, fail) {
      checkStates(options, fail)
      checkBernoulliBase(options, fail)
      const out = shapeAfter(options.layers, axesOf(options.input), 'layers', fail)
      if (out.length === 1 && out[0] === 1) return
      fail('layers', `the last layer must give one column, the energy; it gives ${shapeText(out)}`)
    },
  },
).options<SequentialOptions>()
