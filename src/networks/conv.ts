/** A convolutional network. */
import { defineSpec, type Z } from '../spec/index.js'
import {
  type ActivationOptions,
  activationFields,
  axesOf,
  checkActivation,
  type Fail,
  type RowShape,
  shapeField,
} from './fields.js'
import { placesOf, requireImage } from './image-layers.js'

/** Convolutions and what follows them. */
export interface ConvStackOptions extends ActivationOptions {
  /** Channels of the convolutions, first to last. */
  channels: number[]
  /** Height and width of the kernels: a number for all, or one for each convolution. Default 3. */
  kernel?: number | number[] | undefined
  /** Pixels from one window to the next: a number for all, or one for each convolution. Default 2. */
  stride?: number | number[] | undefined
  /** Zeros around the images: a number for all, or one for each convolution. Default: half the kernel, rounded down. */
  padding?: number | number[] | undefined
  /** Widths of the linear layers between the last convolution and the output. Default []. */
  hidden?: number[] | undefined
}

const eachField = (z: Z, least: number) => {
  const size = z.int().min(least).max(65536)
  return z.union([size, z.array(size).min(1)])
}

export const convFields = (z: Z) => ({
  channels: z.array(z.int().positive()).min(1),
  kernel: eachField(z, 1).default(3),
  stride: eachField(z, 1).default(2),
  padding: eachField(z, 0).optional(),
  hidden: z.array(z.int().positive()).default([]),
  ...activationFields(z),
})

/** What `convFields` and `input` stand for. */
interface Checked {
  input?: number | number[] | undefined
  channels: number[]
  kernel: number | number[]
  stride: number | number[]
  padding?: number | number[] | undefined
  activation: string
  negativeSlope?: number | undefined
}

/** Checks the fields above: a number for each convolution, and images that the kernels fit into. */
export function checkConv(options: Checked, fail: Fail): void {
  checkActivation(options, fail)
  const { input, channels, kernel, stride, padding } = options
  for (const [key, given] of Object.entries({ kernel, stride, padding })) {
    if (Array.isArray(given) && given.length !== channels.length)
      fail(
        key,
        `has ${given.length} numbers, and channels ${channels.length}: give one for each layer, or one number for all`,
      )
  }
  if (input === undefined) return
  const at = (given: number | number[], i: number) => (typeof given === 'number' ? given : given[i]!)
  const axes: RowShape = axesOf(input)
  let [, ...size] = requireImage('a conv network', axes, 'input', fail)
  for (const i of channels.keys()) {
    const own = at(kernel, i)
    const windows = { kernel: own, stride: at(stride, i), padding: at(padding ?? Math.floor(own / 2), i) }
    size = placesOf(windows, size, `channels[${i}]`, fail)
  }
}

/** Options of `conv`. */
export interface ConvOptions extends ConvStackOptions {
  /** Columns out. Inside an energy it may be left out. */
  output?: number | undefined
  /** The axes of an image: [channels, height, width]. Inside an energy it may be left out. */
  input?: number | number[] | undefined
}

/**
 * Conv2d, activation, ..., Flatten, Linear, activation, ..., Linear. Parameters are those of the torch.nn.Sequential with the same
 * modules: with two convolutions "0.weight", "0.bias", "2.weight", "2.bias" and, behind the Flatten of index 4, "5.weight", ...;
 * default initialisation too, bit for bit from the same seed.
 *
 * `input`: [channels, height, width]; `output`: columns out; inside an energy both may be left out, which then says them. `channels`: of the
 * convolutions. `kernel` (default 3), `stride` (default 2), `padding` (default half the kernel, rounded down): a number for all, or
 * one for each. `hidden`: widths of the linear layers behind them (default []). `activation`: default 'silu'.
 *
 * ```js
 * import { Energy, energies, networks } from 'langevin'
 * const network = networks.conv({ channels: [16, 32], hidden: [64] })
 * const model = await Energy.create(energies.classifier({ input: [1, 28, 28], classes: 10, network }))
 * console.log((await model.logits({ data: new Float32Array(2 * 784), shape: [2, 1, 28, 28] })).shape) // [ 2, 10 ]
 * ```
 */
export const conv = defineSpec(
  'network',
  'conv',
  (z) => ({ input: shapeField(z).optional(), ...convFields(z), output: z.int().positive().optional() }),
  {
    summary: 'A convolutional network.',
    source: 'LeCun et al. 1989.',
    check: (options, fail) => checkConv(options, fail),
  },
).options<ConvOptions>()
