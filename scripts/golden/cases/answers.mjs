// What is asked of a model: log Z, log-likelihoods, inference, scores of detectors.
import { bell, clusters, even, states } from '../rows.mjs'
import { rowsOf, timeless, withModel } from './support.mjs'

const wells = ({ energies }) =>
  energies.gaussianMixture({
    means: [
      [-1, 0],
      [1, 0.5],
    ],
    sigmas: [0.5, 0.7],
  })
const network = ({ energies }) => energies.mlp({ input: 2, hidden: [33], gaussianBase: 1.5 })
const joint = ({ energies }) => energies.conditional({ input: 2, condition: 1, hidden: [16], gaussianBase: 1.5 })
const rbm = ({ energies }) => energies.rbm({ input: 10, hidden: 6 })
const ising = ({ energies }) => energies.ising({ lattice: [3, 4], coupling: 0.3, field: 0.1 })

const normal = (n, columns) => (context) => rowsOf(context, bell(n, columns, 50))

/** `call(partition, model, options, context)` */
const partitions = [
  ['exact rbm', rbm, (p, m, o) => p.exact(m, o), true],
  ['exact ising, heated', ising, (p, m, o) => p.exact(m, { ...o, temperature: 2 })],
  ['exact potts', ({ energies }) => energies.potts({ sites: 5, levels: 3, coupling: 0.5 }), (p, m, o) => p.exact(m, o)],
  ['exact of values', network, (p, m, o) => p.exact(m, { ...o, values: [-1, 0, 0.5, 2] })],
  ['exact of levels', network, (p, m, o) => p.exact(m, { ...o, levels: [3, 40] })],
  [
    'grid of one axis',
    ({ energies }) => energies.doubleWell({ barrier: 3 }),
    (p, m, o) => p.grid(m, { ...o, low: -4, high: 4 }),
  ],
  [
    'grid of two axes',
    network,
    (p, m, o) => p.grid(m, { ...o, low: [-5, -6], high: 6, cells: [33, 40], maxCells: 2 ** 16 }),
    true,
  ],
  [
    'grid of three axes',
    ({ energies }) => energies.rastrigin({ input: 3, scale: 0.1 }),
    (p, m, o) => p.grid(m, { ...o, low: -3, high: 3, cells: 16, refine: false, temperature: 2 }),
  ],
  [
    'grid of one condition',
    joint,
    (p, m, o, c) => p.grid(m, { ...o, low: -5, high: 5, cells: 32, refine: false, y: rowsOf(c, even(1, 1, 51)) }),
  ],
  [
    'importance from rows',
    network,
    (p, m, o, c) => p.importance(m, { ...o, rows: normal(300, 2)(c), components: 2, draws: 2000, seed: 3 }),
    true,
  ],
  [
    'importance from a proposal',
    wells,
    (p, m, o) =>
      p.importance(m, {
        ...o,
        proposal: {
          means: [
            [0, 0],
            [1, 0],
          ],
          weights: [1, 2],
          covariances: [2, [1, 3]],
        },
        draws: 1000,
        temperature: 1.5,
      }),
  ],
  [
    'ais by hmc',
    network,
    (p, m, o) => p.ais(m, { ...o, chains: 129, temperatures: 8, pilotChains: 33, seed: 2 }),
    true,
  ],
  [
    'ais by mala, sigmoid, both ways',
    wells,
    (p, m, o, c) =>
      p.ais(m, {
        ...o,
        chains: 300,
        temperatures: 10,
        ladder: 'sigmoid',
        transition: 'mala',
        moves: 2,
        mean: [0.5, 0],
        scale: 2,
        samples: normal(127, 2)(c),
      }),
  ],
  [
    'ais adaptive',
    network,
    (p, m, o) => p.ais(m, { ...o, chains: 129, ladder: 'adaptive', stepEss: 0.9, temperature: 2 }),
  ],
  [
    'ais with a given step',
    joint,
    (p, m, o, c) =>
      p.ais(m, {
        ...o,
        chains: 129,
        temperatures: [0, 0.2, 0.6, 1],
        stepSize: 0.3,
        leapfrogSteps: 3,
        y: rowsOf(c, even(1, 1, 52)),
      }),
  ],
  ['ais of ising', ising, (p, m, o) => p.ais(m, { ...o, chains: 300, temperatures: 10 }), true],
  [
    'ais of rbm, both ways',
    rbm,
    (p, m, o, c) =>
      p.ais(m, { ...o, chains: 300, temperatures: 10, samples: rowsOf(c, states(129, 10, 'binary', 53)) }),
  ],
  ['ais of rbm, heated', rbm, (p, m, o) => p.ais(m, { ...o, chains: 129, temperatures: 6, temperature: 1.5 })],
].map(([name, spec, call, quick = false]) => ({
  name,
  quick,
  run: (context) =>
    withModel(context, spec(context.langevin), async (model) => {
      const found = await call(context.langevin.partition, model, { threads: context.threads }, context)
      const { logZ, standardError, lower, upper, ...rest } = timeless(found)
      return { logZ: { logZ, standardError, lower, upper }, rest }
    }),
}))

async function likelihood(context) {
  const { langevin: L, threads } = context
  const x = normal(300, 2)(context)
  return withModel(context, network(L), async (model) => {
    const found = {}
    const ways = {
      grid: { kind: 'grid', low: -6, high: 6, cells: 64, refine: false },
      importance: { kind: 'importance', rows: x, draws: 1000, seed: 1 },
      ais: { kind: 'ais', chains: 129, temperatures: 6 },
      number: 1.5,
    }
    for (const [name, logZ] of Object.entries(ways)) {
      const {
        text: _,
        n,
        partition,
        ...numbers
      } = await L.evaluate.logLikelihood(model, x, {
        logZ,
        threads,
        baseline: normal(129, 2)(context),
        truth: -2.5,
      })
      found[name] = numbers
      found[`partition by ${name}`] = { n, partition }
    }
    return found
  })
}

const twoColumns = ({ energies }) => energies.conditional({ input: 3, condition: 2, hidden: [33] })
const tower = ({ energies }) =>
  energies.twoTower({ input: 3, condition: 2, width: 5, x: { hidden: [16] }, y: { hidden: [16], activation: 'tanh' } })
const box = { low: -1, high: [1, 1.5] }

/** `method(inferences, schedules)` */
const inference = [
  [
    'exhaustive of classes',
    ({ energies }) => energies.classifier({ input: 3, classes: 5, hidden: [33] }),
    () => 'exhaustive',
  ],
  [
    'exhaustive of a grid, with its table',
    tower,
    (i) => i.exhaustive({ answers: { ...box, points: [9, 5] }, table: true }),
    true,
  ],
  [
    'exhaustive of values',
    twoColumns,
    (i) =>
      i.exhaustive({
        answers: {
          values: [
            [0, 0],
            [0.5, -1],
            [1, 1],
          ],
        },
      }),
  ],
  [
    'exhaustive with a latent minimum',
    twoColumns,
    (i) =>
      i.exhaustive({
        answers: { low: -1, high: 1, points: 9 },
        latent: { columns: 1, answers: { low: -1, high: 1, points: 5 } },
      }),
  ],
  [
    'exhaustive with a free energy',
    twoColumns,
    (i) =>
      i.exhaustive({
        answers: { low: -1, high: 1, points: 9 },
        latent: { columns: 1, answers: { values: [-1, 0, 1] }, reduce: 'freeEnergy', beta: 2 },
      }),
  ],
  [
    'coordinateSearch',
    twoColumns,
    (i) => i.coordinateSearch({ answers: { ...box, points: 9 }, restarts: 3, sweeps: 5 }),
    true,
  ],
  ['derivativeFree', twoColumns, (i) => i.derivativeFree({ ...box, samples: 64 }), true],
  ['gradientDescent', tower, (i) => i.gradientDescent({ ...box, restarts: 3, steps: 8 }), true],
  [
    'langevin',
    twoColumns,
    (i, s) =>
      i.langevin({
        ...box,
        chains: 5,
        steps: 6,
        stepSize: s.geometric({ from: 0.05, to: 0.01 }),
        temperature: s.linear({ from: 1, to: 0.1 }),
        clip: 0.5,
      }),
    true,
  ],
].map(([name, spec, method, quick = false]) => ({
  name: `infer ${name}`,
  quick: quick || name === 'exhaustive of classes',
  run: (context) =>
    withModel(context, spec(context.langevin), async (model) => {
      const { langevin: L, threads } = context
      const x = normal(300, 3)(context)
      return timeless(await L.infer(model, x, { method: method(L.inferences, L.schedules), seed: 5, threads }))
    }),
}))

/** `make(detectors, models, rows)` */
const detectors = [
  ['energy', (d, m) => d.energy(m.network)],
  ['averagedEnergy', (d, m, rows) => d.averagedEnergy({ models: [m.network, m.other], rows })],
  ['likelihood', (d, m) => d.likelihood(m.network, { logZ: 1.25 })],
  ['scoreNorm', (d, m) => d.scoreNorm(m.network)],
  ['logitEnergy', (d, m) => d.logitEnergy(m.classifier, { temperature: 2 })],
  ['maxSoftmax', (d, m) => d.maxSoftmax(m.classifier)],
  ['maxLogit', (d, m) => d.maxLogit(m.classifier)],
  ['entropy', (d, m) => d.entropy(m.classifier)],
  ['klUniform', (d, m) => d.klUniform(m.classifier)],
  ['gen', (d, m) => d.gen(m.classifier, { largest: 3 })],
  ['odin', (d, m) => d.odin(m.classifier, { temperature: 10, epsilon: 0.01 })],
  ['gradNorm', (d, m) => d.gradNorm(m.classifier)],
  ['react', (d, m, rows) => d.react(m.classifier, { rows })],
  ['ash', (d, m) => d.ash(m.classifier)],
  ['vim', (d, m, rows) => d.vim(m.classifier, { rows })],
  ['fdbd', (d, m, rows) => d.fdbd(m.classifier, { rows })],
  ['relativeMahalanobis', (d, m, rows) => d.relativeMahalanobis(m.classifier, { rows })],
  ['mahalanobis', (d, _, rows) => d.mahalanobis({ rows, shrinkage: 0.01 })],
  ['knn', (d, _, rows) => d.knn({ rows, k: 3 })],
  ['knn', (d, _, rows) => d.knn({ rows, distance: 'mean' }), 'mean'],
  ['diffusionTime', (d, _, rows) => d.diffusionTime({ rows })],
  ['lof', (d, _, rows) => d.lof({ rows, k: 7 })],
  ['ecod', (d, _, rows) => d.ecod({ rows })],
  ['copod', (d, _, rows) => d.copod({ rows })],
  ['isolationForest', (d, _, rows) => d.isolationForest({ rows, trees: 9, subsample: 40, seed: 2 })],
  ['pca', (d, _, rows) => d.pca({ rows, variance: 0.5 })],
  ['gaussianMixture', (d, _, rows) => d.gaussianMixture({ rows, components: 3, iterations: 5 })],
  ['minimumCovarianceDeterminant', (d, _, rows) => d.minimumCovarianceDeterminant({ rows })],
  ['columnDensity', (d, _, rows) => d.columnDensity({ rows })],
  ['denoisingScore', (d, _, rows) => d.denoisingScore({ rows, hidden: [16], steps: 20, batchSize: 33 })],
  [
    'ensemble',
    (d, _, rows) => d.ensemble({ rows, members: [d.knn(), d.ecod(), d.denoisingScore({ hidden: [16], steps: 20 })] }),
  ],
  ['oneClassSvm', (d, _, rows) => d.oneClassSvm({ rows, limit: 100 })],
].map(([kind, make, more]) => ({
  name: `detector ${kind}${more ? ` ${more}` : ''}`,
  quick: true,
  run: (context) => detect(context, make),
}))

/** Trained by the fit itself; thresholds from rows that were set aside. */
async function ladder(context) {
  const { langevin: L, threads } = context
  const [inside, training] = [301, 129].map((n) => rowsOf(context, clusters(n, 5, n)))
  const detector = L.detectors.energyLadder({ sigmas: [1, 0.5], hidden: [16], steps: 20, batchSize: 33 })
  const fitted = await L.ood.fit(detector, training, { heldOut: 0.25, seed: 3, threads })
  try {
    return { scores: await fitted.scores(inside, { threads }), threshold: fitted.threshold({ fpr: 0.1 }) }
  } finally {
    fitted.dispose()
  }
}

async function detect(context, make) {
  const { langevin: L, threads, dtype } = context
  const model = (spec, seed) => L.Energy.create(spec, { dtype, seed })
  const models = {
    network: await model(L.energies.mlp({ input: 5, hidden: [33] }), 1),
    other: await model(L.energies.mlp({ input: 5, hidden: [16], gaussianBase: 3 }), 2),
    classifier: await model(L.energies.classifier({ input: 5, hidden: [16], classes: 4 }), 3),
  }
  try {
    const [inside, training] = [301, 129].map((n) => rowsOf(context, clusters(n, 5, n)))
    const detector = make(L.detectors, models, training)
    const outside = { shifted: rowsOf(context, bell(128, 5, 60)), box: { low: -3, high: 3, seed: 4 } }
    return {
      scores: await L.ood.scores(detector, inside, { threads }),
      report: timeless(
        await L.ood.evaluate({ detector, inDistribution: inside, outOfDistribution: outside, positive: 'id', threads }),
      ),
    }
  } finally {
    for (const each of Object.values(models)) each.dispose()
  }
}

/** Fit of rows to a model without log Z. */
async function stein(context) {
  const { langevin: L, threads } = context
  return withModel(context, wells(L), async (model) => ({
    median: await L.metrics.kernelSteinDiscrepancy(model, normal(129, 2)(context), { bootstrap: 50, threads }),
    given: await L.metrics.kernelSteinDiscrepancy(model, normal(129, 2)(context), {
      scale: 1,
      beta: -0.3,
      estimator: 'biased',
      bootstrap: 20,
      flip: 0.2,
      seed: 3,
      threads,
    }),
  }))
}

export default [
  ...partitions,
  { name: 'logLikelihood', run: likelihood },
  ...inference,
  ...detectors,
  { name: 'detector energyLadder', quick: true, run: ladder },
  { name: 'kernel Stein discrepancy', quick: true, run: stein },
]
