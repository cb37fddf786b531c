/** Layers of a sequential energy, each the torch.nn module of the same name. */
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'
import { activationFields, checkActivation, spectralNormField } from './fields.js'

const layerNorm = defineSpec(
  'layer',
  'layerNorm',
  (z) => ({ epsilon: z.number().positive().default(1e-5), affine: z.boolean().default(true) }),
  { summary: 'Layer normalisation over the columns (torch.nn.LayerNorm).', source: 'Ba, Kiros and Hinton 2016.' },
)

export const layers = {
  /**
   * x W' + b (torch.nn.Linear). `out`: columns it gives; `bias`: default true. `spectralNorm`: true, or a bound c: the weight
   * is c W / (its largest singular value), with the parameters of torch.nn.utils.parametrizations.spectral_norm.
   */
  linear: defineSpec(
    'layer',
    'linear',
    (z) => ({ out: z.int().positive(), bias: z.boolean().default(true), spectralNorm: spectralNormField(z) }),
    { summary: 'An affine map (torch.nn.Linear).' },
  ),
  /** One of silu (default), gelu, tanh, sigmoid, softplus, relu, leakyRelu (`negativeSlope`, default 0.01). */
  activation: defineSpec('layer', 'activation', activationFields, {
    summary: 'An elementwise activation.',
    check: (options, fail) => checkActivation(options, fail),
  }),
  /** (x - mean) / sqrt(variance + epsilon) over the columns, times weight plus bias where `affine` (default). */
  layerNorm,
  /** The same as layerNorm. */
  norm: layerNorm,
  /** In training each column is dropped with probability `p` (default 0.5) and the rest scaled by 1 / (1 - p). */
  dropout: defineSpec('layer', 'dropout', (z) => ({ p: z.number().min(0).lt(1).default(0.5) }), {
    summary: 'Dropout while training; nothing otherwise (torch.nn.Dropout).',
    source: 'Srivastava et al. 2014.',
  }),
  /** x + body(x); the body must give as many columns as it takes. In PyTorch: a module whose attribute `body` is a Sequential. */
  residual: defineSpec('layer', 'residual', (z) => ({ layers: z.array(specOf(z, 'layer')).min(1) }), {
    summary: 'x + body(x), body a list of layers.',
    source: 'He et al. 2016.',
  }),
  /** [x, W[y]]: appends a learned vector of `width` columns for the class y in 0 .. classes - 1; makes the energy E(x, y). */
  embedding: defineSpec('layer', 'embedding', (z) => ({ classes: z.int().positive(), width: z.int().positive() }), {
    summary: 'Appends the embedding of the class y to the columns (torch.nn.Embedding).',
  }),
  /** Nothing: rows are flat. It takes its index among the modules as torch.nn.Flatten would. */
  flatten: defineSpec('layer', 'flatten', () => ({}), { summary: 'Rows are flat already (torch.nn.Flatten).' }),
}

type Fail = (path: string, problem: string) => never

/** Columns after a list of layers that takes `width` columns; fails where a residual body does not fit. */
export function widthAfter(list: readonly SpecValue[], width: number, path: string, fail: Fail): number {
  let columns = width
  for (const [i, layer] of list.entries()) {
    if (layer.kind === 'linear') columns = layer.out as number
    if (layer.kind === 'embedding') columns += layer.width as number
    if (layer.kind === 'residual') {
      const place = `${path}[${i}].layers`
      const out = widthAfter(layer.layers as SpecValue[], columns, place, fail)
      if (out !== columns)
        fail(place, `a residual body must give as many columns as it takes: takes ${columns}, gives ${out}`)
    }
  }
  return columns
}
