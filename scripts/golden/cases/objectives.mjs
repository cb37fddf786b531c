// Every objective: its loss and gradients on given rows, and a short run of it, whole and resumed from a checkpoint.
import { join } from 'node:path'
import { bell, clusters, even, labels, states } from '../rows.mjs'
import { perturbed } from './perturbed.mjs'
import { binary, pick, rbm, rowsOf, timeless, trained, withModel } from './support.mjs'

const ROWS = 1000
const network = ({ energies }) => energies.mlp({ input: 2, hidden: [16, 33], gaussianBase: 2 })
const joint = ({ energies }) => energies.conditional({ input: 2, condition: 1, hidden: [33, 16], gaussianBase: 2 })
const classes = ({ energies }) =>
  energies.conditional({ input: 2, classes: 3, embedding: 5, hidden: [33], gaussianBase: 2 })

/** What a subject is trained on: x, and y where the energy has a condition or labels. */
const continuous = { y: (context, n) => rowsOf(context, even(n, 1, 21)) }
const labelled = { y: ({ langevin }, n) => langevin.tensor(labels(n, 3, 22), [n]) }

const steps = (samplers) => samplers.langevin({ steps: 3, stepSize: 0.05 })
/** A small buffer that is drawn from, restarted and run over in a few steps. */
const chains = (langevin, buffer = {}) => ({
  sampler: steps(langevin.samplers),
  buffer: { size: 400, reinit: 0.1, ...buffer },
})

const discrimination = [
  {
    name: 'conditionalNoiseContrastive',
    quick: true,
    objective: ({ objectives }) => objectives.conditionalNoiseContrastive({ sigma: [1, 2], negatives: 3 }),
  },
  {
    name: 'energyDiscrepancy',
    quick: true,
    objective: ({ objectives }) => objectives.energyDiscrepancy({ t: 0.5, negatives: 4, w: 0.7 }),
  },
  {
    name: 'rankingNoiseContrastive',
    quick: true,
    spec: joint,
    ...continuous,
    objective: ({ objectives, noises }) =>
      objectives.rankingNoiseContrastive({ noise: noises.gaussian({ sd: 1.5 }), negatives: 4 }),
  },
]

const noiseKinds = {
  gaussian: ({ noises }) => noises.gaussian({ mean: 0.1, sd: [1.5, 2] }),
  uniform: ({ noises }) => noises.uniform({ low: -6, high: [6, 7] }),
  dataGaussian: ({ noises }) => noises.dataGaussian({ scale: 1.3 }),
  gaussianMixture: ({ noises }) =>
    noises.gaussianMixture({
      means: [
        [-1, 0],
        [1, 1],
      ],
      weights: [1, 3],
      covariances: [1.5, [1, 2]],
    }),
  dataGaussianMixture: ({ noises }) => noises.dataGaussianMixture({ components: 3, iterations: 6 }),
  kde: ({ noises }) => noises.kde({ scale: 1.5, centres: 129 }),
  flow: ({ noises }) => noises.flow({ layers: 4, knots: 8, scale: 1.1 }),
}
const noise = Object.entries(noiseKinds).flatMap(([kind, make]) => [
  {
    name: `noiseContrastive ${kind}`,
    quick: true,
    objective: (langevin) =>
      langevin.objectives.noiseContrastive({ noise: make(langevin), ratio: kind === 'gaussian' ? 3 : 1 }),
  },
  {
    name: `rankingNoiseContrastive ${kind}`,
    objective: (langevin) => langevin.objectives.rankingNoiseContrastive({ noise: make(langevin), negatives: 2 }),
  },
])

const scores = [
  ...['exact', 'hutchinson'].map((trace) => ({
    name: `explicitScoreMatching ${trace}`,
    quick: trace === 'exact',
    objective: ({ objectives }) =>
      objectives.explicitScoreMatching({ trace, ...(trace === 'hutchinson' && { projections: 2 }) }),
  })),
  ...['rademacher', 'gaussian', 'sphere'].map((law) => ({
    name: `slicedScoreMatching ${law}`,
    quick: law === 'rademacher',
    objective: ({ objectives }) =>
      objectives.slicedScoreMatching({ law, projections: 2, varianceReduced: law === 'sphere' }),
  })),
  {
    name: 'slicedScoreMatching finite differences',
    objective: ({ objectives }) => objectives.slicedScoreMatching({ projections: 2, finiteDifference: 0.2 }),
  },
  {
    name: 'denoisingScoreMatching',
    quick: true,
    objective: ({ objectives }) => objectives.denoisingScoreMatching({ sigma: 0.3 }),
  },
  {
    name: 'denoisingScoreMatching finite differences',
    objective: ({ objectives }) => objectives.denoisingScoreMatching({ sigma: 0.6, finiteDifference: 0.5 }),
  },
  {
    name: 'denoisingScoreMatching ladder',
    spec: joint,
    objective: ({ objectives }) => objectives.denoisingScoreMatching({ sigma: { from: 2, to: 0.1, levels: 5 } }),
  },
  {
    name: 'steinDiscrepancy',
    quick: true,
    batchSize: 129,
    objective: ({ objectives }) => objectives.steinDiscrepancy({ scale: 1.3, beta: -0.4 }),
  },
  {
    name: 'steinDiscrepancy median biased',
    batchSize: 129,
    objective: ({ objectives }) => objectives.steinDiscrepancy({ estimator: 'biased' }),
  },
  ...['exact', 'hutchinson'].map((trace) => ({
    name: `learnedSteinDiscrepancy ${trace}`,
    quick: trace === 'exact',
    objective: ({ objectives, optimizers }) =>
      objectives.learnedSteinDiscrepancy({
        trace,
        critic: { hidden: [16] },
        criticSteps: 2,
        criticOptimizer: optimizers.sgd({ lr: 0.01 }),
        lambda: 0.7,
      }),
  })),
  ...['tanh', 'softplus', 'gelu'].map((activation) => ({
    name: `explicitScoreMatching of 5 columns, ${activation}`,
    spec: ({ energies }) => energies.mlp({ input: 5, hidden: [33], activation, gaussianBase: 'full' }),
    x: (context, n) => rowsOf(context, bell(n, 5, 24)),
    objective: ({ objectives }) => objectives.explicitScoreMatching(),
  })),
]

const discrete = [
  ['rbm', rbm, { x: binary.x }],
  [
    'ising',
    ({ energies }) => energies.ising({ sites: 5, coupling: 0.3, field: [0.1, 0.2, -0.3, 0.4, 0] }),
    { x: (c, n) => rowsOf(c, states(n, 5, 'spin', 25)) },
  ],
  [
    'potts',
    ({ energies }) => energies.potts({ sites: 5, levels: 3, coupling: 0.6 }),
    { x: (c, n) => rowsOf(c, states(n, 15, { levels: 3 }, 26)) },
  ],
].flatMap(([name, spec, rows]) =>
  ['minimumProbabilityFlow', 'pseudoLikelihood', 'ratioMatching'].map((kind) => ({
    name: `${kind} ${name}`,
    quick: name === 'ising',
    spec,
    ...rows,
    objective: ({ objectives }) => objectives[kind](),
  })),
)

const supervised = [
  {
    name: 'maximumLikelihood',
    quick: true,
    objective: ({ objectives }) => objectives.maximumLikelihood({ box: { low: -6, high: 6 }, cells: [40, 33] }),
  },
  {
    name: 'maximumLikelihood jitter, one column',
    spec: ({ energies }) => energies.mlp({ input: 1, hidden: [16] }),
    x: (context, n) => rowsOf(context, clusters(n, 1, 27)),
    objective: ({ objectives }) => objectives.maximumLikelihood({ box: { low: -6, high: 6 }, jitter: true }),
  },
  {
    name: 'crossEntropy',
    quick: true,
    spec: ({ energies }) => energies.classifier({ input: 2, hidden: [33], classes: 3 }),
    ...labelled,
    objective: ({ objectives }) => objectives.crossEntropy(),
  },
  {
    name: 'jointEnergy',
    quick: true,
    spec: ({ energies }) => energies.classifier({ input: 2, hidden: [33], classes: 3 }),
    ...labelled,
    objective: ({ objectives }) => objectives.jointEnergy({ buffer: { size: 2000 }, conditional: 0.5 }),
  },
  {
    name: 'meanSquaredError',
    quick: true,
    spec: ({ energies }) => energies.regressor({ input: 1, hidden: [16] }),
    objective: ({ objectives }) => objectives.meanSquaredError(),
  },
  {
    name: 'negativeLogLikelihood',
    quick: true,
    spec: ({ energies }) => energies.mixtureDensity({ input: 1, hidden: [16], components: 3 }),
    objective: ({ objectives }) => objectives.negativeLogLikelihood(),
  },
]

const LOSSES = [
  'energy',
  'perceptron',
  'hinge',
  'log',
  'lvq2',
  'mce',
  'squareSquare',
  'squareExponential',
  'nll',
  'mee',
]
const OFFENDING = ['hinge', 'log', 'lvq2', 'mce', 'squareSquare', 'squareExponential']
const structured = [
  ...LOSSES.map((loss) => ({
    name: `structured ${loss}`,
    quick: loss === 'hinge',
    // Its energies are at least 0, as lvq2 wants them.
    spec: ({ energies }) =>
      energies.twoTower({
        input: 2,
        condition: 1,
        width: 5,
        x: { hidden: [16] },
        y: { hidden: [8], activation: 'tanh' },
      }),
    ...continuous,
    objective: ({ objectives }) =>
      objectives.structured({
        loss,
        answers: { low: -2, high: 2, points: 17 },
        ...(OFFENDING.includes(loss) && { epsilon: 0.3 }),
      }),
  })),
  {
    name: 'structured nll of drawn answers',
    spec: joint,
    ...continuous,
    objective: ({ objectives }) =>
      objectives.structured({ loss: 'nll', beta: 0.7, answers: { low: -2, high: 2, samples: 8 } }),
  },
  {
    name: 'structured hinge of values',
    spec: joint,
    ...continuous,
    objective: ({ objectives }) =>
      objectives.structured({ loss: 'hinge', margin: 0.5, answers: { values: [-1.5, 0, 0.5, 1] } }),
  },
  {
    name: 'structured log of classes',
    spec: classes,
    ...labelled,
    objective: ({ objectives }) => objectives.structured({ loss: 'log' }),
  },
]

const divergences = [
  {
    name: 'contrastiveDivergence',
    quick: true,
    objective: ({ objectives, samplers }) => objectives.contrastiveDivergence({ sampler: steps(samplers) }),
  },
  {
    name: 'contrastiveDivergence samplerKl',
    objective: ({ objectives, samplers }) =>
      objectives.contrastiveDivergence({
        sampler: steps(samplers),
        k: 4,
        samplerKl: { energy: 0.5, entropy: 0.7, steps: 2, neighbour: 2 },
      }),
  },
  {
    name: 'contrastiveDivergence long chains',
    objective: ({ objectives, samplers }) =>
      objectives.contrastiveDivergence({
        sampler: steps(samplers),
        longChains: { steps: 7, weight: 0.3, fraction: 0.66 },
      }),
  },
  {
    name: 'contrastiveDivergence short run',
    objective: ({ objectives, samplers }) =>
      objectives.contrastiveDivergence({ sampler: steps(samplers), mode: 'shortRun', start: { from: 'normal' } }),
  },
  {
    name: 'contrastiveDivergence gibbs of rbm',
    spec: rbm,
    ...binary,
    objective: ({ objectives, samplers }) =>
      objectives.contrastiveDivergence({ sampler: samplers.gibbs({ steps: 2, order: 'blocks' }) }),
  },
  ...[0.5, -0.5, 0].map((gamma) => ({
    name: `pseudoSpherical ${gamma}`,
    quick: gamma === 0.5,
    objective: (langevin) => langevin.objectives.pseudoSpherical({ ...chains(langevin), gamma }),
  })),
  ...['kl', 'reverseKl', 'jensenShannon', 'squaredHellinger', 'pearson', 'neyman', { alpha: 0.5 }].map(
    (divergence) => ({
      name: `fDivergence ${divergence.alpha ?? divergence}`,
      quick: divergence === 'kl',
      // The weights of pearson and neyman grow as exponentials.
      options: () => ({ clipNorm: 1 }),
      objective: (langevin) =>
        langevin.objectives.fDivergence({
          ...chains(langevin),
          divergence,
          helper: langevin.energies.mlp({ input: 2, hidden: [8] }),
          helperOptimizer: langevin.optimizers.adam({ lr: 5e-3, epsilon: 1e-3 }),
          helperPenalty: 0.1,
          clip: 2,
          warmup: divergence === 'kl' ? 3 : 0,
        }),
    }),
  ),
]

export const subjects = [
  ...discrimination,
  ...perturbed,
  ...noise,
  ...scores,
  ...discrete,
  ...supervised,
  ...structured,
  ...divergences,
]

/** The rows of a subject. */
function sourceOf(context, { x = (c, n) => rowsOf(c, clusters(n, 2, 20)), y }, n) {
  return y === undefined ? x(context, n) : { x: x(context, n), y: y(context, n) }
}

/**
 * A run of 12 steps by gradient descent, which leaves rounding what it is: Adam makes whole steps of the rounding of
 * gradients that should be 0, such as that of a constant added to the energy. Interrupted, it is one of six steps that
 * leave a checkpoint and six that resume from it.
 */
export async function learn(context, subject) {
  const { langevin: L, threads, interrupted, scratch } = context
  const { spec = network, objective, batchSize = 300, rows = ROWS, options = () => ({}) } = subject
  const source = sourceOf(context, subject, rows)
  const common = {
    objective: objective(L),
    optimizer: L.optimizers.sgd({ lr: 0.02, momentum: 0.5 }),
    batchSize,
    seed: 99,
    threads,
    ...options(L),
  }
  const run = (model, more) => L.train(model, source, { ...common, ...more }).done
  const path = join(scratch, 'checkpoint.safetensors')
  if (interrupted) {
    await withModel(context, spec(L), (model) => run(model, { steps: 6, checkpoint: { path } }))
    // Other weights to begin with: those of the checkpoint must come in their place.
    return withModel(context, spec(L), async (model) => trained(await run(model, { steps: 12, resume: path }), model), {
      seed: 8,
    })
  }
  return withModel(context, spec(L), async (model) => trained(await run(model, { steps: 12 }), model))
}

/** Loss and gradients, at borders of tiles. */
async function evaluate(context, subject) {
  const { langevin: L, threads } = context
  const { spec = network, objective } = subject
  return withModel(context, spec(L), async (model) => {
    const results = {}
    for (const n of [129, 300]) {
      const given = { objective: objective(L), seed: 17, step: 3, threads, penalties: subject.penalties }
      const found = await L.evaluateObjective(model, sourceOf(context, subject, n), given)
      const { loss, extras, extraGradient, gradient, monitors, networks, rows } = found
      results[`of ${n}`] = { loss, extras, extraGradient, monitors: timeless(monitors) }
      results[`gradient of ${n}`] = gradient
      if (Object.keys(networks).length > 0) results[`networks of ${n}`] = networks
      results[`rows of ${n}`] = rows.map((each) => pick(each, ['x', 'y']))
    }
    return results
  })
}

export default subjects.flatMap((subject) => [
  { name: `${subject.name}, gradients`, quick: subject.quick ?? false, run: (context) => evaluate(context, subject) },
  {
    name: `${subject.name}, a run`,
    quick: subject.quick ?? false,
    resume: 'all',
    run: (context) => learn(context, subject),
  },
])
