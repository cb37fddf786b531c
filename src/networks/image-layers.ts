/** Layers of images, rows of shape [channels, height, width]; layers.ts lists them with the others. */
import type { Z } from '../spec/index.js'
import { type Fail, type RowShape, shapeText } from './fields.js'
import { defineLayer } from './layer.js'

/** A number, or one along the height and one along the width. */
export type Pair = number | [number, number]

const pairField = (z: Z, least: number) => {
  const size = z.int().min(least).max(65536)
  return z.union([size, z.tuple([size, size])])
}
type Two = [number, number]
const pairOf = (pair: Pair): Two => (typeof pair === 'number' ? [pair, pair] : pair)
const pairText = (pair: Pair): string => pairOf(pair).join(' x ')

/** The three axes of an image. */
export function requireImage(what: string, takes: RowShape, path: string, fail: Fail): [number, number, number] {
  if (takes.length === 3) return [...takes] as [number, number, number]
  return fail(
    path,
    `${what} takes images [channels, height, width] and gets ${shapeText(takes)}; give input as three axes, and put flatten behind the last layer of images`,
  )
}

interface Windows {
  kernel: Pair
  stride: Pair
  padding: Pair
}

/** Height and width of what windows on an image give. */
export function placesOf(windows: Windows, size: [number, number], path: string, fail: Fail): [number, number] {
  const kernel = pairOf(windows.kernel)
  const stride = pairOf(windows.stride)
  const padding = pairOf(windows.padding)
  const over = size.map((pixels, axis) => pixels + 2 * padding[axis]! - kernel[axis]!)
  if (over.some((rest) => rest < 0)) {
    fail(
      path,
      `a kernel of ${pairText(kernel)} does not fit into an image of ${pairText(size)} with a padding of ${pairText(padding)}; make kernel smaller or padding larger`,
    )
  }
  return over.map((rest, axis) => Math.floor(rest / stride[axis]!) + 1) as [number, number]
}

/** Options of `conv2d`. */
export interface Conv2dOptions {
  /** Channels it gives. */
  channels: number
  /** Height and width of the kernel: a number, or [height, width]. */
  kernel: number | [number, number]
  /** Pixels from one window to the next. Default 1. */
  stride?: number | [number, number] | undefined
  /** Zeros around the image. Default 0. */
  padding?: number | [number, number] | undefined
  /** Whether there is a bias. Default true. */
  bias?: boolean | undefined
}

/**
 * Convolution of images [c, h, w] with learned kernels (torch.nn.Conv2d): gives [channels, h', w'], h' = floor((h + 2 padding - kernel) /
 * stride) + 1. `kernel`, `stride` (default 1) and `padding` (default 0, filled with zeros) are numbers, or pairs [along the
 * height, along the width]; `bias`: default true. Parameters "0.weight" [channels, c, kernel, kernel] and "0.bias" [channels], with the
 * initialisation of torch.nn.
 * Rows of one axis are refused: `input: [c, h, w]` makes them images.
 *
 * ```js
 * import { layers, Network, networks } from 'langevin'
 * const list = [layers.conv2d({ channels: 1, kernel: 2, bias: false })]
 * const network = await Network.create(networks.sequential({ input: [1, 2, 3], layers: list }))
 * await network.setParameters({ '0.weight': [[[[1, 0], [0, 10]]]] })
 * console.log((await network.outputs([[[[1, 2, 3], [4, 5, 6]]]])).toArray()) // [ [ 51, 62 ] ]
 * ```
 */
export const conv2d = defineLayer(
  'conv2d',
  (z) => ({
    channels: z.int().positive(),
    kernel: pairField(z, 1),
    stride: pairField(z, 1).default(1),
    padding: pairField(z, 0).default(0),
    bias: z.boolean().default(true),
  }),
  {
    summary: 'A convolution of images (torch.nn.Conv2d).',
    source: 'LeCun et al. 1989.',
    gives: (options, takes, path, fail) => {
      const [, ...size] = requireImage('a conv2d layer', takes, path, fail)
      return [options.channels, ...placesOf(options, size, path, fail)]
    },
  },
).options<Conv2dOptions>()

/** Options of `convTranspose2d`. */
export interface ConvTranspose2dOptions extends Conv2dOptions {
  /** Pixels added at the bottom and at the right, fewer than `stride`. Default 0. */
  outputPadding?: number | [number, number] | undefined
}

/**
 * Transposed convolution (torch.nn.ConvTranspose2d), which makes images larger: [c, h, w] become [channels, h', w'], h' = (h - 1) stride -
 * 2 padding + kernel + outputPadding. Options as of `conv2d`, and `outputPadding` (default 0, below `stride`). Parameters "0.weight" [c,
 * channels, kernel, kernel] and "0.bias" [channels].
 *
 * ```js
 * import { layers, Network, networks } from 'langevin'
 * const list = [layers.convTranspose2d({ channels: 1, kernel: 2, stride: 2, bias: false })]
 * const network = await Network.create(networks.sequential({ input: [1, 1, 2], layers: list }))
 * await network.setParameters({ '0.weight': [[[[1, 2], [3, 4]]]] })
 * console.log((await network.outputs([[[[1, 10]]]])).toArray()) // [ [ 1, 2, 10, 20, 3, 4, 30, 40 ] ]
 * ```
 */
export const convTranspose2d = defineLayer(
  'convTranspose2d',
  (z) => ({
    channels: z.int().positive(),
    kernel: pairField(z, 1),
    stride: pairField(z, 1).default(1),
    padding: pairField(z, 0).default(0),
    outputPadding: pairField(z, 0).default(0),
    bias: z.boolean().default(true),
  }),
  {
    summary: 'A transposed convolution of images (torch.nn.ConvTranspose2d).',
    source: 'Zeiler et al. 2010.',
    check: ({ stride, outputPadding }, fail) => {
      if (pairOf(outputPadding).some((more, axis) => more >= pairOf(stride)[axis]!))
        fail('outputPadding', 'must be smaller than stride')
    },
    gives: ({ channels, kernel, stride, padding, outputPadding }, takes, path, fail) => {
      const [, ...size] = requireImage('a convTranspose2d layer', takes, path, fail)
      const [k, s, p, more] = [kernel, stride, padding, outputPadding].map(pairOf) as [Two, Two, Two, Two]
      const given = size.map((n, axis) => (n - 1) * s[axis]! - 2 * p[axis]! + k[axis]! + more[axis]!)
      if (given.some((n) => n < 1)) fail(path, 'gives images without pixels; make padding smaller or kernel larger')
      return [channels, ...given]
    },
  },
).options<ConvTranspose2dOptions>()

/** Options of `pool`. */
export interface PoolOptions {
  /** Height and width of a window: a number, [height, width], or 'global': the whole image. */
  kernel: number | [number, number] | 'global'
  /** What a window becomes: its 'average', its 'max' or its 'sum'. Default 'average'. */
  reduce?: 'average' | 'max' | 'sum' | undefined
  /** Pixels from one window to the next. Default: the kernel. */
  stride?: number | [number, number] | undefined
}

/**
 * Each channel's average, maximum or sum in windows (torch.nn.AvgPool2d, torch.nn.MaxPool2d): images [c, h, w] become [c, h', w'],
 * h' = floor((h - kernel) / stride) + 1. `kernel`: 'global' takes the whole image, [c, 1, 1]. `reduce`: default 'average'; 'max' has
 * no second derivatives, which score matching would need. `stride`: default the kernel.
 *
 * ```js
 * import { layers, Network, networks } from 'langevin'
 * const list = [layers.pool({ kernel: 2, reduce: 'max' })]
 * const network = await Network.create(networks.sequential({ input: [1, 2, 4], layers: list }))
 * console.log((await network.outputs([[[[1, 2, 3, 4], [5, 6, 7, 8]]]])).toArray()) // [ [ 6, 8 ] ]
 * ```
 */
export const pool = defineLayer(
  'pool',
  (z) => ({
    kernel: z.union([pairField(z, 1), z.literal('global')]),
    reduce: z.enum(['average', 'max', 'sum']).default('average'),
    stride: pairField(z, 1).optional(),
  }),
  {
    summary: 'Average, maximum or sum of windows of images (torch.nn.AvgPool2d, MaxPool2d).',
    gives: ({ kernel: given, stride }, takes, path, fail) => {
      const [channels, ...size] = requireImage('a pool layer', takes, path, fail)
      const kernel = given === 'global' ? size : given
      return [channels, ...placesOf({ kernel, stride: stride ?? kernel, padding: 0 }, size, path, fail)]
    },
  },
).options<PoolOptions>()

/** Options of `upsample`. */
export interface UpsampleOptions {
  /** How often every pixel is repeated: a number, or [along the height, along the width]. Default 2. */
  factor?: number | [number, number] | undefined
}

/**
 * Every pixel repeated (torch.nn.Upsample, mode nearest): images [c, h, w] become [c, factor h, factor w]. `factor`: default 2.
 *
 * ```js
 * import { layers, Network, networks } from 'langevin'
 * const network = await Network.create(networks.sequential({ input: [1, 1, 2], layers: [layers.upsample()] }))
 * console.log((await network.outputs([[[[1, 2]]]])).toArray()) // [ [ 1, 1, 2, 2, 1, 1, 2, 2 ] ]
 * ```
 */
export const upsample = defineLayer('upsample', (z) => ({ factor: pairField(z, 1).default(2) }), {
  summary: 'Every pixel repeated (torch.nn.Upsample).',
  gives: ({ factor }, takes, path, fail) => {
    const [channels, height, width] = requireImage('a upsample layer', takes, path, fail)
    const [down, across] = pairOf(factor)
    return [channels, height * down, width * across]
  },
}).options<UpsampleOptions>()
