// What needs no model: toy rows, data sets, metrics, exact inference on chains of tables. Each runs once.
import { bell, clusters, even, labels } from '../rows.mjs'

const rowsOf = ({ langevin }, { data, rows, columns }) => langevin.tensor(data, [rows, columns], 'float64')
const dataset = (set) => ({ x: set.toTensor(), ...(set.label !== undefined && { y: set.labels() }) })

const TOYS = [
  'rings',
  'moons',
  'eightGaussians',
  'twentyFiveGaussians',
  'checkerboard',
  'pinwheel',
  'swissRoll',
  'twoSpirals',
  'cosine',
  'unequalModes',
]

async function toys(context) {
  const { data } = context.langevin
  const points = rowsOf(context, even(129, 2, 70))
  const results = {
    gaussians: dataset(
      data.toys.gaussians({
        n: 300,
        seed: 1,
        means: [
          [0, 1],
          [2, 3],
        ],
        noise: 0.3,
      }),
    ),
    barsAndStripes: dataset(data.toys.barsAndStripes({ n: 129, size: 3, seed: 2 })),
  }
  for (const kind of TOYS) results[kind] = dataset(data.toys[kind]({ n: 300, seed: 3 }))
  for (const kind of TOYS) results[`density of ${kind}`] = await data.toys.logDensity(kind, points, { noise: 0.2 })
  return results
}

async function spandrel(context) {
  const { spandrel: shapes } = context.langevin.data
  const points = rowsOf(context, even(129, 2, 71))
  const results = {}
  for (const shape of ['step', 'split-circle', 'twist', 'kissing-pyramids']) {
    results[shape] = {
      rows: dataset(shapes.sample(shape, { n: 300, seed: 4 })),
      density: await shapes.logDensity(shape, points),
      distance: await shapes.distance(shape, points),
      curve: shapes.curve(shape, { points: 33 }),
    }
  }
  return results
}

async function sets(context) {
  const { langevin: L } = context
  const x = rowsOf(context, clusters(129, 3, 72))
  const set = new L.Dataset({ x: { values: x }, y: { values: L.tensor(labels(129, 3, 73), [129]) } }, { label: 'y' })
  const [one, two] = set.split({ fractions: [0.7, 0.3], seed: 5, stratify: true })
  const { dataset: scaled, mean, sd } = one.standardize()
  return { one: dataset(one), two: dataset(two), scaled: dataset(scaled), mean, sd, batch: dataset(set.batch(2, 50)) }
}

async function metrics(context) {
  const { langevin: L } = context
  const m = L.metrics
  const [x, y] = [rowsOf(context, bell(129, 2, 74)), rowsOf(context, clusters(300, 2, 75))]
  const scores = rowsOf(context, even(300, 1, 76)).reshape([300])
  const truth = L.tensor(labels(300, 2, 77), [300])
  const logits = rowsOf(context, bell(300, 4, 78))
  const classes = L.tensor(labels(300, 4, 79), [300])
  const from = { from: 'logits' }
  const draws = rowsOf(context, bell(4, 200, 80))
  const cells = (salt) => L.tensor(Float64Array.from(even(1, 64, salt).data, Math.abs))
  return {
    calibration: {
      ece: m.ece(logits, classes, from),
      brier: m.brier(logits, classes, from),
      nll: m.nll(logits, classes, from),
      reliability: m.reliability(logits, classes, { ...from, bins: 5 }),
    },
    ranking: {
      auroc: m.auroc(scores, truth, { positive: 'ood' }),
      aupr: ['step', 'trapezoid'].map((rule) => m.aupr(scores, truth, { positive: 'id', rule })),
      fpr: ['first', 'nearest'].map((rule) => m.fprAtTpr(scores, truth, { positive: 'ood', rule, tpr: 0.9 })),
    },
    chains: { rhat: await m.rhat(draws), bulk: await m.ess(draws), tail: await m.ess(draws, { of: 'tail' }) },
    distances: {
      energy: await m.energyDistance(x, y),
      mmd: await m.mmd(x, y),
      mmdBiased: await m.mmd(x, y, { estimator: 'biased', bandwidth: 0.7 }),
      wasserstein: await m.slicedWasserstein(x, y, { projections: 16, seed: 2 }),
      variation: m.totalVariation(cells(81), cells(82)),
    },
  }
}

async function twoSamples({ langevin: L }) {
  const [a, b] = [even(1, 90, 84).data, even(1, 70, 85).data.map((v) => v + 0.2)]
  return { shift: L.metrics.kolmogorovSmirnov(a, b), stability: L.metrics.populationStability(a, b, { bins: 6 }) }
}

async function calibrators(context) {
  const { langevin: L } = context
  const logits = rowsOf(context, bell(300, 4, 86))
  const classes = L.tensor(labels(300, 4, 87), [300])
  const found = {}
  for (const kind of ['platt', 'vectorScaling', 'isotonic']) {
    const fitted = await L.Calibrator.fit(L.calibrators[kind](), logits, classes)
    found[kind] = { parameters: fitted.parameters, probabilities: await fitted.probabilities(logits) }
  }
  // Labels by chance have no best temperature: half of them are the largest logit's.
  const half = logits.toArray().map((row, i) => (i % 2 === 0 ? row.indexOf(Math.max(...row)) : i % 4))
  const scaled = await L.Calibrator.fit(L.calibrators.temperature(), logits, half)
  return { ...found, temperature: { parameters: scaled.parameters, probabilities: await scaled.probabilities(logits) } }
}

async function calibrationErrors(context) {
  const { langevin: L } = context
  const logits = rowsOf(context, bell(300, 4, 78))
  const classes = L.tensor(labels(300, 4, 79), [300])
  const [from, mass] = [{ from: 'logits' }, { from: 'logits', binning: 'mass' }]
  const [one, two] = [88, 89].map((salt) => rowsOf(context, even(300, 1, salt)).reshape([300]))
  return {
    mce: L.metrics.mce(logits, classes, from),
    classwise: L.metrics.classwiseEce(logits, classes, from),
    mass: L.metrics.ece(logits, classes, mass),
    areas: L.metrics.compareAuroc(one, two, L.tensor(labels(300, 2, 77), [300])),
  }
}

async function tables(context) {
  const { infer } = context.langevin
  const { data } = even(1, 60, 83)
  const unary = Array.from({ length: 5 }, (_, t) => Array.from({ length: 3 }, (_, s) => data[3 * t + s]))
  const pairwise = Array.from({ length: 4 }, (_, t) =>
    [0, 1, 2].map((a) => [0, 1, 2].map((b) => data[15 + 9 * t + 3 * a + b])),
  )
  const results = {}
  for (const method of ['viterbi', 'minSum', 'forward', 'exhaustive']) {
    const beta = method === 'forward' || method === 'exhaustive' ? { beta: 1.5 } : {}
    results[method] = await infer.chain({ unary, pairwise }, { method, ...beta })
  }
  return results
}

export default [
  { name: 'toys', run: toys },
  { name: 'spandrel', run: spandrel },
  { name: 'sets', run: sets },
  { name: 'metrics', run: metrics },
  { name: 'two samples', run: twoSamples },
  { name: 'calibrators', run: calibrators },
  { name: 'calibration errors, areas compared', run: calibrationErrors },
  { name: 'chains of tables', run: tables },
].map((one) => ({ ...one, quick: true, fixed: true, dtypes: ['float64'] }))
