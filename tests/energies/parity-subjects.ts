/** Energies of every kind with every layer, activation and operation: what is compared with PyTorch, and with files of other libraries. */
import { energies, expr, layers } from '../../src/energies/index.js'
import { ACTIVATIONS } from '../../src/networks/activations.js'
import { networks } from '../../src/networks/index.js'
import type { SpecValue } from '../../src/spec/index.js'

const { abs, concat, cos, exp, gt, log, logsumexp, matmul, maximum, norm, pow, sin, softplus, sqrt, sum, tanh, where } =
  expr

export type Matrix = number[][]
export interface Subject {
  name: string
  spec: SpecValue
  /** A class y of this many classes, or a continuous y of this many columns. */
  classes?: number
  condition?: number
}

const covariance = [
  [1, 0.3],
  [0.3, 0.5],
]
/** Every operation expressions have. */
const everyOperation = energies.expression(
  (x) => {
    const [a, b, c] = x
    const smooth = softplus(a!).add(tanh(b!)).sub(sin(c!)).mul(cos(a!)).div(exp(b!).add(2))
    const rough = maximum(a!, b!).add(abs(c!)).add(x.minimum(0.5).mean()).add(c!.relu())
    const chosen = where(gt(a!, 0), pow(b!, 3), sqrt(x.square().sum().add(1)))
    const wide = concat(
      x,
      matmul(x, [
        [1, 0.5],
        [-1, 2],
        [0.2, 0],
      ]),
      log(x.square().add(1)),
    )
    const steps = x
      .ge(0)
      .add(x.lt(0.3).mul(2))
      .add(x.le([0.1, 0.2, 0.3]))
      .mul(x)
      .sum()
    const activations = x.silu().add(x.gelu()).add(x.sigmoid()).columns([2, 0]).sum()
    return smooth.add(rough).add(chosen).add(logsumexp(wide)).add(steps).add(activations).sub(sum(x.neg()))
  },
  { input: 3 },
)

const network = { input: 3, hidden: [16, 16] }
export const subjects: Subject[] = [
  ...ACTIVATIONS.map((activation) => ({
    name: `mlp, ${activation}`,
    spec: energies.mlp({ ...network, activation }),
  })),
  { name: 'mlp, Gaussian base', spec: energies.mlp({ input: 2, hidden: [64, 64, 64], gaussianBase: 2 }) },
  {
    name: 'mlp, scaled, full base',
    spec: energies.mlp({ input: 2, hidden: [16], inputScale: 2, gaussianBase: 'full' }),
  },
  {
    name: 'mlp, Bernoulli base',
    spec: energies.mlp({ input: 3, hidden: [16], states: 'binary', bernoulliBase: [0.1, 0.5, 0.98] }),
  },
  {
    name: 'mlp, embedded categories',
    spec: energies.mlp({
      input: 12,
      hidden: [16, 8],
      gaussianBase: 2,
      embedding: 4,
      states: [
        { kind: 'categorical', levels: 3 },
        { kind: 'real', columns: 2 },
        { kind: 'binary' },
        { kind: 'categorical', levels: 2, columns: 4 },
        { kind: 'cyclic', levels: 5 },
        { kind: 'ordinal', levels: 3 },
      ],
    }),
  },
  {
    name: 'mlp, embedded levels, base of the real columns',
    spec: energies.mlp({
      input: 11,
      hidden: [16, 8],
      gaussianBase: 2,
      embedding: 4,
      embed: 'levels',
      states: [
        { kind: 'ordinal', levels: 3, columns: 2 },
        { kind: 'real', columns: 2 },
        { kind: 'binary' },
        { kind: 'categorical', levels: 4 },
        { kind: 'cyclic', levels: 5 },
        { kind: 'real' },
      ],
    }),
  },
  {
    name: 'mlp, embedded categories alone, scaled, spectral norm',
    spec: energies.mlp({ input: 6, hidden: [8], embedding: 2, inputScale: 2, spectralNorm: 2, states: { levels: 3 } }),
  },
  { name: 'mlp, spectral norm', spec: energies.mlp({ ...network, spectralNorm: true, gaussianBase: 2 }) },
  {
    name: 'sequential, spectral norm',
    spec: energies.sequential({
      input: 3,
      layers: [
        layers.linear({ out: 12, bias: false, spectralNorm: 2.5 }),
        layers.activation({ activation: 'tanh' }),
        layers.linear({ out: 1, spectralNorm: true }),
      ],
    }),
  },
  {
    name: 'scalar, mlp',
    spec: energies.scalar({
      input: 3,
      network: networks.mlp({ hidden: [16, 8], activation: 'tanh' }),
      gaussianBase: 2,
    }),
  },
  {
    name: 'scalar, sequential',
    spec: energies.scalar({
      input: 3,
      network: networks.sequential({
        layers: [layers.linear({ out: 6 }), layers.layerNorm(), layers.linear({ out: 1 })],
      }),
    }),
  },
  {
    name: 'conv',
    spec: energies.conv({
      input: [1, 8, 8],
      channels: [9, 12],
      kernel: [5, 3],
      padding: [4, 1],
      hidden: [7],
      gaussianBase: 2,
    }),
  },
  {
    name: 'sequential, images',
    spec: energies.sequential({
      input: [3, 7, 6],
      gaussianBase: 3,
      layers: [
        layers.conv2d({ channels: 9, kernel: [3, 2], stride: [2, 1], padding: [1, 0], bias: false }),
        layers.activation(),
        layers.residual({
          layers: [
            layers.conv2d({ channels: 9, kernel: 3, padding: 1 }),
            layers.activation({ activation: 'tanh' }),
            layers.conv2d({ channels: 9, kernel: 1 }),
          ],
        }),
        layers.upsample({ factor: [2, 1] }),
        layers.convTranspose2d({ channels: 8, kernel: [2, 3], stride: [1, 2], padding: [0, 1], outputPadding: [0, 1] }),
        layers.activation({ activation: 'softplus' }),
        layers.pool({ kernel: [1, 2], reduce: 'sum' }),
        layers.conv2d({ channels: 12, kernel: 3, stride: 2 }),
        layers.pool({ kernel: 2, stride: 1, reduce: 'max' }),
        layers.pool({ kernel: 'global' }),
        layers.flatten(),
        layers.linear({ out: 1 }),
      ],
    }),
  },
  {
    name: 'classifier, conv network, E(x, y)',
    spec: energies.classifier({
      input: [2, 6, 6],
      classes: 4,
      network: networks.conv({ channels: [8], hidden: [6], activation: 'gelu' }),
    }),
    classes: 4,
  },
  { name: 'mlp, linear', spec: energies.mlp({ input: 5, hidden: [] }) },
  {
    name: 'sequential',
    spec: energies.sequential({
      input: 3,
      layers: [
        layers.embedding({ classes: 4, width: 5 }),
        layers.linear({ out: 12 }),
        layers.layerNorm(),
        layers.activation({ activation: 'gelu' }),
        layers.dropout({ p: 0.2 }),
        layers.residual({
          layers: [
            layers.linear({ out: 24 }),
            layers.activation({ activation: 'tanh' }),
            layers.linear({ out: 12, bias: false }),
          ],
        }),
        layers.flatten(),
        layers.linear({ out: 1 }),
      ],
    }),
    classes: 4,
  },
  {
    name: 'classifier, full base, E(x)',
    spec: energies.classifier({ input: 2, hidden: [16], classes: 3, gaussianBase: 'full' }),
  },
  {
    name: 'classifier, full base, E(x, y)',
    spec: energies.classifier({ input: 2, hidden: [16], classes: 3, gaussianBase: 'full' }),
    classes: 3,
  },
  { name: 'conditional, continuous', spec: energies.conditional({ ...network, condition: 2 }), condition: 2 },
  { name: 'conditional, class', spec: energies.conditional({ ...network, classes: 5, embedding: 4 }), classes: 5 },
  {
    name: 'twoTower, y as it is',
    spec: energies.twoTower({ input: 3, condition: 2, x: { hidden: [16], activation: 'sigmoid' } }),
    condition: 2,
  },
  {
    name: 'twoTower, two networks, squared',
    spec: energies.twoTower({
      input: 3,
      condition: 2,
      width: 7,
      x: { hidden: [16] },
      y: { hidden: [8, 8], activation: 'tanh' },
      norm: 'squared',
    }),
    condition: 2,
  },
  {
    name: 'twoTower, class',
    spec: energies.twoTower({ input: 3, classes: 4, width: 6, x: { hidden: [] } }),
    classes: 4,
  },
  { name: 'classifier, E(x)', spec: energies.classifier({ ...network, classes: 6, gaussianBase: 3 }) },
  { name: 'classifier, E(x, y)', spec: energies.classifier({ ...network, classes: 6 }), classes: 6 },
  { name: 'regressor', spec: energies.regressor({ input: 2, output: 2, hidden: [16], sigma: 0.3 }) },
  { name: 'mixtureDensity', spec: energies.mixtureDensity({ input: 2, output: 2, components: 3, hidden: [16] }) },
  {
    name: 'gaussian',
    spec: energies.gaussian({
      mean: [0.5, -1],
      precision: [
        [2, 0.5],
        [0.5, 1],
      ],
    }),
  },
  { name: 'gaussian, learnable', spec: energies.gaussian({ mean: [0.5, -1], precision: [4, 1], learnable: true }) },
  {
    name: 'gaussianMixture, sigmas',
    spec: energies.gaussianMixture({
      means: [
        [0, 1],
        [2, 0],
      ],
      sigmas: [0.5, 1],
      weights: [1, 3],
    }),
  },
  {
    name: 'gaussianMixture, covariances',
    spec: energies.gaussianMixture({
      means: [
        [0, 1],
        [2, 0],
      ],
      covariances: [covariance, [1, 2]],
    }),
  },
  {
    name: 'gaussianMixture, precisions',
    spec: energies.gaussianMixture({ means: [[0, 1]], precisions: [covariance] }),
  },
  { name: 'doubleWell', spec: energies.doubleWell({ input: 3, barrier: 3, separation: 1.5, tilt: 0.3, stiffness: 2 }) },
  { name: 'rosenbrock', spec: energies.rosenbrock({ input: 3, scale: 0.05 }) },
  { name: 'rastrigin', spec: energies.rastrigin() },
  { name: 'ackley', spec: energies.ackley({ input: 3, gaussianBase: 5 }) },
  { name: 'funnel', spec: energies.funnel() },
  { name: 'rbm', spec: energies.rbm({ input: 6, hidden: 9 }) },
  { name: 'ising, all pairs', spec: energies.ising({ sites: 7, coupling: 0.3, field: 0.2, states: 'binary' }) },
  { name: 'ising, torus', spec: energies.ising({ lattice: [3, 4], coupling: 0.4, field: -0.1 }) },
  {
    name: 'ising, open lattice, matrix',
    spec: energies.ising({
      lattice: [2, 1, 2],
      periodic: false,
      coupling: [
        [0, 0.5, 0.25, 0],
        [0.5, 0, 0, -1],
        [0.25, 0, 0, 2],
        [0, -1, 2, 0],
      ],
      field: [0.1, 0.2, 0.3, 0.4],
    }),
  },
  {
    name: 'potts, all pairs',
    spec: energies.potts({ sites: 3, levels: 4, coupling: 0.5, field: [0.1, 0, -0.2, 0.3] }),
  },
  { name: 'potts, lattice', spec: energies.potts({ lattice: [2, 3], levels: 3, coupling: 0.7, field: 0.1 }) },
  { name: 'expression', spec: everyOperation },
  // Apart from the others: the fused kernels have no norm, and one such operation takes a whole formula to the plain path.
  { name: 'expression, norm', spec: energies.expression((x) => norm(x.sub(0.3)).exp(), { input: 3 }) },
]

/** Deterministic numbers in (-2, 2), the same in both dtypes (multiples of 2^-16). */
export function numbers(rows: number, columns: number, salt: number): Matrix {
  let state = (salt * 2654435761) >>> 0
  return Array.from({ length: rows }, () =>
    Array.from({ length: columns }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return ((state >>> 14) - 131072) / 65536
    }),
  )
}

export const flat = (value: unknown): number[] => [value].flat(Number.POSITIVE_INFINITY) as number[]
/** The largest difference in units of the largest reference value. NaN on either side gives NaN, which passes no bound. */
export function difference(ours: unknown, theirs: unknown): number {
  const [a, b] = [flat(ours), flat(theirs)]
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  return Math.max(...a.map((v, i) => Math.abs(v - b[i]!))) / Math.max(...b.map(Math.abs))
}

export function widthOf(spec: SpecValue): number {
  if (spec.kind === 'gaussian') return (spec.mean as number[]).length
  if (spec.kind === 'gaussianMixture') return (spec.means as Matrix)[0]!.length
  if (spec.kind === 'regressor' || spec.kind === 'mixtureDensity')
    return (spec.input as number) + (spec.output as number)
  const sites = (spec.sites as number) ?? (spec.lattice as number[] | undefined)?.reduce((a, b) => a * b)
  if (Array.isArray(spec.input)) return (spec.input as number[]).reduce((a, b) => a * b)
  return (spec.input as number) ?? sites * ((spec.levels as number) ?? 1)
}

/** Numbers for every parameter, symmetric where a precision is meant. */
export function otherParameters(state: Record<string, unknown>): Record<string, unknown> {
  const shaped = (like: unknown, values: number[]): unknown =>
    Array.isArray(like) ? like.map((item) => shaped(item, values)) : values.pop()! / 4
  // The vectors of a spectral norm come with the weight; the file then has them.
  const given = Object.entries(state).filter(([name]) => !/\._[uv]$/.test(name))
  return Object.fromEntries(
    given.map(([name, value], i) => [
      name,
      name.endsWith('precision')
        ? [
            [1.5, 0.25],
            [0.25, 0.75],
          ]
        : shaped(value, numbers(1, flat(value).length, 50 + i)[0]!),
    ]),
  )
}
