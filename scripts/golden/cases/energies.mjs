// Every kind of energy, at every number of rows around the borders of tiles: parameters, energies, scores and outputs.
import { join } from 'node:path'
import { bell, states } from '../rows.mjs'
import { bytesOf, conditionOf, rowsOf, SIZES, withModel } from './support.mjs'

const ACTIVATIONS = ['silu', 'gelu', 'tanh', 'sigmoid', 'softplus', 'relu', 'leakyRelu']
const covariance = [
  [1, 0.3],
  [0.3, 0.5],
]
const base = {
  'base.mean': [0.5, -0.25],
  'base.precision': [
    [1.5, 0.25],
    [0.25, 0.75],
  ],
}

/** Every operation expressions have; `norm` is apart, as it keeps a formula from the fused kernels. */
export const everyOperation = (langevin, options = {}) => {
  const { concat, cos, exp, gt, log, logsumexp, matmul, maximum, pow, sin, softplus, sqrt, sum, tanh, where } =
    langevin.expr
  const formula = (x) => {
    const [a, b, c] = x
    const smooth = softplus(a).add(tanh(b)).sub(sin(c)).mul(cos(a)).div(exp(b).add(2))
    const rough = maximum(a, b).add(c.abs()).add(x.minimum(0.5).mean()).add(c.relu())
    const chosen = where(gt(a, 0), pow(b, 3), sqrt(x.square().sum().add(1)))
    const matrix = [
      [1, 0.5],
      [-1, 2],
      [0.2, 0],
    ]
    const wide = concat(x, matmul(x, matrix), log(x.square().add(1)))
    const steps = x
      .ge(0)
      .add(x.lt(0.3).mul(2))
      .add(x.le([0.1, 0.2, 0.3]))
      .mul(x)
      .sum()
    const activations = x.silu().add(x.gelu()).add(x.sigmoid()).columns([2, 0]).sum()
    const rest = x.slice(1, 3).dot(x.slice(0, 2))
    return smooth.add(rough).add(chosen).add(logsumexp(wide)).add(steps).add(activations).sub(sum(x.neg())).add(rest)
  }
  return langevin.energies.expression(formula, { input: 3, ...options })
}

/** Networks over x alone. */
const networks = [
  ...ACTIVATIONS.map((activation) => ({
    name: `mlp ${activation}`,
    quick: activation === 'silu',
    spec: ({ energies }) => energies.mlp({ input: 3, hidden: [16, 16], activation }),
    width: 3,
  })),
  ...[
    [1, [5]],
    [2, [1]],
    [2, [33, 33]],
    [5, [200]],
    [5, []],
    [33, [128, 129]],
    [200, [33, 2]],
  ].map(([input, hidden]) => ({
    name: `mlp ${input} to ${hidden.join(', ') || 'one linear layer'}`,
    spec: ({ energies }) => energies.mlp({ input, hidden, activation: 'tanh' }),
    width: input,
    dtypes: ['float32', 'float64', 'bfloat16'],
  })),
  {
    name: 'mlp leaky slope, scale, base',
    spec: ({ energies }) =>
      energies.mlp({
        input: 2,
        hidden: [64, 64, 64],
        activation: 'leakyRelu',
        negativeSlope: 0.2,
        inputScale: 2,
        gaussianBase: 2,
      }),
    width: 2,
  },
  {
    name: 'mlp full base',
    spec: ({ energies }) => energies.mlp({ input: 2, hidden: [16], gaussianBase: 'full' }),
    width: 2,
    set: base,
  },
  {
    name: 'mlp spectral norm',
    spec: ({ energies }) => energies.mlp({ input: 5, hidden: [33, 16], spectralNorm: true, gaussianBase: 2 }),
    width: 5,
  },
  ...[['binary'], ['spin'], [{ levels: 3 }], [{ levels: 3 }, { embedding: 2 }]].map(([kind, more]) => ({
    name: `mlp ${kind.levels ? 'categorical' : kind} states${more ? ', embedded' : ''}`,
    quick: more !== undefined,
    spec: ({ energies }) => energies.mlp({ input: 6, hidden: [16], states: kind, ...more }),
    width: 6,
    states: kind,
  })),
  {
    name: 'sequential spectral norm',
    quick: true,
    spec: ({ energies, layers }) =>
      energies.sequential({
        input: 33,
        layers: [
          layers.linear({ out: 12, bias: false, spectralNorm: 2.5 }),
          layers.norm({ affine: false, epsilon: 1e-3 }),
          layers.activation({ activation: 'tanh' }),
          layers.linear({ out: 1, spectralNorm: true }),
        ],
      }),
    width: 33,
  },
]

/** Every layer, dropout included: it does nothing here. */
export const everyLayer = ({ energies, layers }) =>
  energies.sequential({
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
    gaussianBase: 3,
  })

/** Networks with a condition or outputs. */
const conditional = [
  {
    name: 'sequential every layer',
    quick: true,
    spec: everyLayer,
    width: 3,
    classes: 4,
    dtypes: ['float32', 'float64', 'bfloat16'],
  },
  {
    name: 'sequential of images',
    quick: true,
    spec: ({ energies, layers }) =>
      energies.sequential({
        input: [3, 7, 6],
        layers: [
          layers.conv2d({ channels: 9, kernel: [3, 2], stride: [2, 1], padding: [1, 0], bias: false }),
          layers.activation({ activation: 'gelu' }),
          layers.residual({ layers: [layers.conv2d({ channels: 9, kernel: 3, padding: 1 })] }),
          layers.upsample({ factor: [2, 1] }),
          layers.convTranspose2d({ channels: 8, kernel: 3, stride: [1, 2], padding: 1, outputPadding: [0, 1] }),
          layers.pool({ kernel: [1, 2] }),
          layers.conv2d({ channels: 12, kernel: 3, stride: 2 }),
          layers.activation(),
          layers.flatten(),
          layers.linear({ out: 1 }),
        ],
        gaussianBase: 3,
      }),
    width: 126,
    dtypes: ['float32', 'float64', 'bfloat16'],
  },
  {
    name: 'conv',
    quick: true,
    spec: ({ energies }) => energies.conv({ input: [1, 8, 8], channels: [9, 12], kernel: [5, 3], hidden: [7] }),
    width: 64,
  },
  {
    name: 'classifier of a conv network',
    quick: true,
    spec: ({ energies, networks }) =>
      energies.classifier({ input: [2, 6, 6], classes: 4, network: networks.conv({ channels: [8], hidden: [6] }) }),
    width: 72,
    outputs: true,
  },
  {
    name: 'scalar of an mlp',
    quick: true,
    spec: ({ energies, networks }) =>
      energies.scalar({ input: 3, network: networks.mlp({ hidden: [16, 16] }), gaussianBase: 2 }),
    width: 3,
  },
  {
    name: 'classifier of a network',
    spec: ({ energies, networks }) =>
      energies.classifier({ input: 5, classes: 6, network: networks.mlp({ hidden: [33] }), gaussianBase: 3 }),
    width: 5,
    outputs: true,
  },
  {
    name: 'classifier',
    quick: true,
    spec: ({ energies }) => energies.classifier({ input: 5, hidden: [33], classes: 6, gaussianBase: 3 }),
    width: 5,
    outputs: true,
  },
  {
    name: 'classifier of a class',
    spec: ({ energies }) => energies.classifier({ input: 2, hidden: [16], classes: 3, gaussianBase: 'full' }),
    width: 2,
    classes: 3,
    set: base,
  },
  {
    name: 'classifier binary states',
    spec: ({ energies }) => energies.classifier({ input: 5, hidden: [16], classes: 3, states: 'binary' }),
    width: 5,
    states: 'binary',
    outputs: true,
  },
  {
    name: 'conditional continuous',
    quick: true,
    spec: ({ energies }) => energies.conditional({ input: 3, condition: 2, hidden: [33, 16], activation: 'softplus' }),
    width: 3,
    condition: 2,
  },
  {
    name: 'conditional class',
    spec: ({ energies }) =>
      energies.conditional({ input: 3, classes: 5, embedding: 4, hidden: [16], spectralNorm: true }),
    width: 3,
    classes: 5,
  },
  {
    name: 'conditional categorical states',
    spec: ({ energies }) => energies.conditional({ input: 8, classes: 2, hidden: [16], states: { levels: 4 } }),
    width: 8,
    states: { levels: 4 },
    classes: 2,
  },
  {
    name: 'twoTower y as it is',
    quick: true,
    spec: ({ energies }) => energies.twoTower({ input: 3, condition: 2, x: { hidden: [16], activation: 'sigmoid' } }),
    width: 3,
    condition: 2,
  },
  {
    name: 'twoTower two networks squared',
    spec: ({ energies }) =>
      energies.twoTower({
        input: 3,
        condition: 2,
        width: 7,
        x: { hidden: [16] },
        y: { hidden: [8, 8], activation: 'tanh' },
        norm: 'squared',
      }),
    width: 3,
    condition: 2,
  },
  {
    name: 'twoTower class',
    spec: ({ energies }) => energies.twoTower({ input: 3, classes: 4, width: 6, x: { hidden: [] } }),
    width: 3,
    classes: 4,
  },
  {
    name: 'regressor',
    quick: true,
    spec: ({ energies }) => energies.regressor({ input: 2, output: 2, hidden: [16], sigma: 0.3 }),
    width: 4,
    outputs: true,
  },
  {
    name: 'mixtureDensity',
    quick: true,
    spec: ({ energies }) =>
      energies.mixtureDensity({ input: 2, output: 2, components: 3, hidden: [16], sigmaFloor: 0.01 }),
    width: 4,
    outputs: true,
  },
]

const means = [
  [0, 1],
  [2, 0],
]
/** Formulas. */
const analytic = [
  {
    name: 'gaussian',
    quick: true,
    spec: ({ energies }) => energies.gaussian({ mean: [0.5, -1], precision: covariance }),
    width: 2,
  },
  {
    name: 'gaussian learnable',
    spec: ({ energies }) => energies.gaussian({ mean: [0.5, -1], precision: [4, 1], learnable: true }),
    width: 2,
  },
  {
    name: 'gaussian wide',
    spec: ({ energies }) =>
      energies.gaussian({ mean: Array.from({ length: 200 }, (_, i) => i / 64 - 1), precision: 0.5 }),
    width: 200,
  },
  {
    name: 'gaussianMixture sigmas',
    quick: true,
    spec: ({ energies }) => energies.gaussianMixture({ means, sigmas: [0.5, 1], weights: [1, 3] }),
    width: 2,
  },
  {
    name: 'gaussianMixture covariances',
    spec: ({ energies }) => energies.gaussianMixture({ means, covariances: [covariance, [1, 2]] }),
    width: 2,
  },
  {
    name: 'gaussianMixture precisions',
    spec: ({ energies }) => energies.gaussianMixture({ means, precisions: [covariance, 2] }),
    width: 2,
  },
  {
    name: 'doubleWell',
    quick: true,
    spec: ({ energies }) => energies.doubleWell({ input: 3, barrier: 3, separation: 1.5, tilt: 0.3, stiffness: 2 }),
    width: 3,
  },
  { name: 'rosenbrock', quick: true, spec: ({ energies }) => energies.rosenbrock({ input: 3, scale: 0.05 }), width: 3 },
  { name: 'rastrigin', quick: true, spec: ({ energies }) => energies.rastrigin({ input: 5 }), width: 5 },
  { name: 'ackley', quick: true, spec: ({ energies }) => energies.ackley({ input: 3, gaussianBase: 5 }), width: 3 },
  { name: 'funnel', quick: true, spec: ({ energies }) => energies.funnel({ sigma: 1 }), width: 10 },
  { name: 'expression', quick: true, spec: (langevin) => everyOperation(langevin), width: 3 },
  {
    name: 'expression norm, base',
    spec: ({ energies, expr }) =>
      energies.expression((x) => expr.norm(x.sub(0.3)).exp(), { input: 2, gaussianBase: 'full' }),
    width: 2,
    set: base,
  },
  {
    name: 'expression spin states',
    spec: (langevin) => everyOperation(langevin, { states: 'spin' }),
    width: 3,
    states: 'spin',
  },
]

/** Pairwise and hidden-unit energies of discrete states. */
const discrete = [
  {
    name: 'rbm',
    quick: true,
    spec: ({ energies }) => energies.rbm({ input: 33, hidden: 17 }),
    width: 33,
    states: 'binary',
    outputs: true,
  },
  {
    name: 'ising all pairs',
    spec: ({ energies }) => energies.ising({ sites: 7, coupling: 0.3, field: 0.2, states: 'binary' }),
    width: 7,
    states: 'binary',
  },
  {
    name: 'ising torus',
    quick: true,
    spec: ({ energies }) => energies.ising({ lattice: [5, 7], coupling: 0.4, field: -0.1 }),
    width: 35,
    states: 'spin',
  },
  {
    name: 'ising open lattice',
    spec: ({ energies }) =>
      energies.ising({ lattice: [2, 1, 2], periodic: false, coupling: 0.5, field: [0.1, 0.2, 0.3, 0.4] }),
    width: 4,
    states: 'spin',
  },
  {
    name: 'potts all pairs',
    quick: true,
    spec: ({ energies }) => energies.potts({ sites: 3, levels: 4, coupling: 0.5, field: [0.1, 0, -0.2, 0.3] }),
    width: 12,
    states: { levels: 4 },
  },
  {
    name: 'potts lattice',
    spec: ({ energies }) => energies.potts({ lattice: [2, 3], levels: 3, coupling: 0.7, field: 0.1 }),
    width: 18,
    states: { levels: 3 },
  },
]

async function evaluate(context, subject) {
  const { width, states: kind, outputs } = subject
  const body = async (model) => {
    const results = { parameters: await model.parameters(), energy: [], score: [], ...(outputs && { logits: [] }) }
    for (const n of SIZES) {
      const x = rowsOf(context, kind === undefined ? bell(n, width, n) : states(n, width, kind, n))
      const options = { threads: context.threads, ...conditionOf(context, subject, n) }
      results.energy.push(await model.energy(x, options))
      results.score.push(await model.score(x, options))
      if (outputs) results.logits.push(await model.logits(x, { threads: context.threads }))
    }
    return results
  }
  return withModel(context, subject.spec(context.langevin), body, { set: subject.set })
}

/** A file that is read back gives the same energies. */
async function saved(context) {
  const { langevin, scratch, must, threads } = context
  const x = rowsOf(context, bell(300, 3, 1))
  const options = { threads, ...conditionOf(context, { classes: 4 }, 300) }
  return withModel(context, everyLayer(langevin), async (model) => {
    const path = join(scratch, 'model.safetensors')
    await model.save(path)
    const read = await langevin.Energy.load(path)
    const results = { energy: await read.energy(x, options), parameters: await read.parameters() }
    must(bytesOf(await model.energy(x, options)).equals(bytesOf(results.energy)), 'a loaded model gives other energies')
    read.dispose()
    return results
  })
}

export default [
  ...[...networks, ...conditional, ...analytic, ...discrete].map((subject) => ({
    name: subject.name,
    quick: subject.quick ?? false,
    ...(subject.dtypes && { dtypes: subject.dtypes }),
    run: (context) => evaluate(context, subject),
  })),
  { name: 'saved and loaded', run: saved },
]
