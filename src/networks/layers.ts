/** Layers of a sequential energy, each the torch.nn module of the same name. */
import { type SpecValue, specOf } from '../spec/index.js'
import {
  type ActivationOptions,
  activationFields,
  checkActivation,
  type Fail,
  type RowShape,
  shapeText,
  spectralNormField,
} from './fields.js'
import { defineLayer, type Gives, shapeAfter } from './layer.js'

export {
  type Conv2dOptions,
  type ConvTranspose2dOptions,
  conv2d,
  convTranspose2d,
  type PoolOptions,
  pool,
  type UpsampleOptions,
  upsample,
} from './image-layers.js'

/** Of a layer that works on each number, or on the columns, and gives as many. */
const same: Gives<unknown> = (_options, takes) => takes

/** Layers over the columns of a row do not say how more axes would be laid side by side. */
function requireFlat(kind: string, takes: RowShape, path: string, fail: Fail): number {
  if (takes.length === 1) return takes[0]!
  return fail(
    path,
    `a ${kind} layer takes rows of one axis and gets ${shapeText(takes)}; put a flatten layer before it`,
  )
}

/** Options of `linear`. */
export interface LinearOptions {
  /** Columns it gives. */
  out: number
  /** Whether there is a bias. Default true. */
  bias?: boolean | undefined
  /** true, or a bound c: every weight is c W / (its largest singular value). Default: none. */
  spectralNorm?: number | boolean | undefined
}

/**
 * x W' + b (torch.nn.Linear). `out`: columns it gives; `bias`: default true. `spectralNorm`: true, or a bound c: the weight
 * is c W / (its largest singular value), with the parameters of torch.nn.utils.parametrizations.spectral_norm.
 * Rows of more axes than one are refused: a flatten layer before it makes them columns.
 *
 * ```js
 * import { layers, Network, networks } from 'langevin'
 * const network = await Network.create(networks.sequential({ input: 2, layers: [layers.linear({ out: 1 })] }))
 * await network.setParameters({ '0.weight': [[2, 3]], '0.bias': [1] })
 * console.log((await network.outputs([[1, 1]])).toArray()) // [ [ 6 ] ]
 * ```
 */
export const linear = defineLayer(
  'linear',
  (z) => ({ out: z.int().positive(), bias: z.boolean().default(true), spectralNorm: spectralNormField(z) }),
  {
    summary: 'An affine map (torch.nn.Linear).',
    gives: ({ out }, takes, path, fail) => {
      requireFlat('linear', takes, path, fail)
      return [out]
    },
  },
).options<LinearOptions>()

/**
 * One of silu (default), gelu, tanh, sigmoid, softplus, relu, leakyRelu (`negativeSlope`, default 0.01).
 *
 * ```js
 * import { layers, Network, networks } from 'langevin'
 * const list = [layers.activation({ activation: 'relu' })]
 * const network = await Network.create(networks.sequential({ input: 2, layers: list }))
 * console.log((await network.outputs([[-1, 2]])).toArray()) // [ [ 0, 2 ] ]
 * ```
 */
export const activation = defineLayer('activation', activationFields, {
  summary: 'An elementwise activation.',
  check: (options, fail) => checkActivation(options, fail),
  gives: same,
}).options<ActivationOptions>()

/** Options of `layerNorm`. */
export interface LayerNormOptions {
  /** Added to the variance. Default 1e-05. */
  epsilon?: number | undefined
  /** Whether it has a learned weight and bias. Default true. */
  affine?: boolean | undefined
}

/**
 * (x - mean) / sqrt(variance + epsilon) over the columns, times weight plus bias where `affine` (default).
 *
 * ```js
 * import { layers, Network, networks } from 'langevin'
 * const network = await Network.create(networks.sequential({ input: 2, layers: [layers.layerNorm()] }))
 * console.log((await network.outputs([[1, 3]])).toArray()[0].map((v) => v.toFixed(3))) // [ '-1.000', '1.000' ]
 * ```
 */
export const layerNorm = defineLayer(
  'layerNorm',
  (z) => ({ epsilon: z.number().positive().default(1e-5), affine: z.boolean().default(true) }),
  {
    summary: 'Layer normalisation over the columns (torch.nn.LayerNorm).',
    source: 'Ba, Kiros and Hinton 2016.',
    gives: (_options, takes, path, fail) => [requireFlat('layerNorm', takes, path, fail)],
  },
).options<LayerNormOptions>()

/** The same as layerNorm. */
export const norm = layerNorm

/** Options of `dropout`. */
export interface DropoutOptions {
  /** Probability that a column is dropped. Default 0.5. */
  p?: number | undefined
}

/**
 * In training each column is dropped with probability `p` (default 0.5) and the rest scaled by 1 / (1 - p).
 *
 * ```js
 * import { layers, Network, networks } from 'langevin'
 * const network = await Network.create(networks.sequential({ input: 2, layers: [layers.dropout({ p: 0.2 })] }))
 * // nothing is dropped outside of training
 * console.log((await network.outputs([[1, 3]])).toArray()) // [ [ 1, 3 ] ]
 * ```
 */
export const dropout = defineLayer('dropout', (z) => ({ p: z.number().min(0).lt(1).default(0.5) }), {
  summary: 'Dropout while training; nothing otherwise (torch.nn.Dropout).',
  source: 'Srivastava et al. 2014.',
  gives: same,
}).options<DropoutOptions>()

/** Options of `residual`. */
export interface ResidualOptions {
  /** The body: layers that give the shape they take. */
  layers: SpecValue<'layer'>[]
}

/**
 * x + body(x); the body must give the shape it takes. In PyTorch: a module whose attribute `body` is a Sequential.
 *
 * ```js
 * import { layers, Network, networks } from 'langevin'
 * const list = [layers.residual({ layers: [layers.linear({ out: 2, bias: false })] })]
 * const network = await Network.create(networks.sequential({ input: 2, layers: list }))
 * await network.setParameters({ '0.body.0.weight': [[1, 0], [0, 1]] })
 * console.log((await network.outputs([[1, 3]])).toArray()) // [ [ 2, 6 ] ]
 * ```
 */
export const residual = defineLayer('residual', (z) => ({ layers: z.array(specOf(z, 'layer')).min(1) }), {
  summary: 'x + body(x), body a list of layers.',
  source: 'He et al. 2016.',
  gives: ({ layers }, takes, path, fail) => {
    const place = `${path}.layers`
    const out = shapeAfter(layers, takes, place, fail)
    if (out.length === takes.length && out.every((axis, i) => axis === takes[i])) return takes
    const what = out.length === 1 && takes.length === 1 ? 'as many columns as it takes' : 'the shape it takes'
    return fail(place, `a residual body must give ${what}: takes ${shapeText(takes)}, gives ${shapeText(out)}`)
  },
}).options<ResidualOptions>()

/** Options of `embedding`. */
export interface EmbeddingOptions {
  /** Number of classes of y. */
  classes: number
  /** Columns of the learned vector of a class. */
  width: number
}

/**
 * [x, W[y]]: appends a learned vector of `width` columns for the class y in 0 .. classes - 1; makes the energy E(x, y).
 *
 * ```js
 * import { Energy, energies, layers } from 'langevin'
 * const list = [layers.embedding({ classes: 3, width: 2 }), layers.linear({ out: 1 })]
 * const model = await Energy.create(energies.sequential({ input: 2, layers: list }))
 * console.log((await model.energy([[1, 3]], { y: [2] })).shape) // [ 1 ]
 * ```
 */
export const embedding = defineLayer('embedding', (z) => ({ classes: z.int().positive(), width: z.int().positive() }), {
  summary: 'Appends the embedding of the class y to the columns (torch.nn.Embedding).',
  gives: ({ width }, takes, path, fail) => [requireFlat('embedding', takes, path, fail) + width],
}).options<EmbeddingOptions>()

/**
 * One axis from all axes of a row, row-major (torch.nn.Flatten); nothing where rows are flat already. Takes its index.
 *
 * ```js
 * import { layers, Network, networks } from 'langevin'
 * const network = await Network.create(networks.sequential({ input: [2, 2], layers: [layers.flatten()] }))
 * console.log((await network.outputs([[[1, 2], [3, 4]]])).toArray()) // [ [ 1, 2, 3, 4 ] ]
 * ```
 */
export const flatten = defineLayer('flatten', () => ({}), {
  summary: 'The axes of a row as one (torch.nn.Flatten).',
  gives: (_options, takes) => [takes.reduce((a, b) => a * b, 1)],
}).options()
