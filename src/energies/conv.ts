/** A convolutional network whose output is the energy. */
import { type ConvStackOptions, checkConv, convFields } from '../networks/conv.js'
import { shapeField } from '../networks/fields.js'
import { defineSpec } from '../spec/index.js'
import { gaussianBaseField } from './fields.js'
import { checkStates, type States, statesField } from './states.js'

/** Options of `conv`. */
export interface ConvOptions extends ConvStackOptions {
  /** The axes of an image x: [channels, height, width]. */
  input: number | number[]
  /**
   * s adds |x|^2 / (2 s^2), 'full' adds (x - m)' P (x - m) / 2 with the buffers base.mean and base.precision.
   * Default: none; then exp(-E) need not be integrable.
   */
  gaussianBase?: number | 'full' | undefined
  /**
   * What values the pixels of x take: 'binary' (0, 1), 'spin' (-1, +1), or column blocks. Default: real.
   */
  states?: States | undefined
}

/**
 * E(x) = Linear(... activation(Linear(Flatten(... activation(Conv2d(x))))), one column: the energy of an image. Parameters are those of the
 * torch.nn.Sequential with the same modules, the Flatten among them; default initialisation too, bit for bit from the same seed.
 *
 * `input`: [channels, height, width]; rows are given as [n, channels, height, width] or flat. `channels`: of the convolutions. `kernel`
 * (default 3), `stride` (default 2), `padding` (default half the kernel, rounded down): a number for all, or one for each.
 * `hidden`: widths of the linear layers behind them (default []). `activation`: default 'silu', smooth as samplers and score
 * matching want it. `gaussianBase`: s adds |x|^2 / (2 s^2) (default: none; then exp(-E) need not be integrable, and chains are kept
 * in a box of the pixels). Other layers of images, such as pools and residual blocks: `sequential`.
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const spec = energies.conv({
 *   input: [1, 28, 28], channels: [16, 32, 64, 64], kernel: [5, 3, 3, 3], padding: [4, 1, 1, 1], hidden: [64], gaussianBase: 1,
 * })
 * const model = await Energy.create(spec, { seed: 1 })
 * console.log(model.parameterCount, model.inputShape) // 76993 [ 1, 28, 28 ]
 * ```
 */
export const conv = defineSpec(
  'energy',
  'conv',
  (z) => ({
    input: shapeField(z),
    ...convFields(z),
    gaussianBase: gaussianBaseField(z),
    states: statesField(z),
  }),
  {
    summary: 'A convolutional network with one output, the energy of an image.',
    source: 'LeCun et al. 1989; as an energy: Xie et al. 2016.',
    check: (options, fail) => {
      checkConv(options, fail)
      checkStates(options, fail)
    },
  },
).options<ConvOptions>()
