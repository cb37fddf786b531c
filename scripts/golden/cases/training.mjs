// The options of training: replay buffers, optimizers and schedules, averages, penalties, layers that change while weights
// move. Each is a short run, whole and resumed from a checkpoint.
import { join } from 'node:path'
import { clusters, even, labels, states } from '../rows.mjs'
import { everyLayer } from './energies.mjs'
import { learn } from './objectives.mjs'
import { rowsOf, trained, withModel } from './support.mjs'

const classes = ({ energies }) =>
  energies.conditional({ input: 2, classes: 3, embedding: 5, hidden: [33], gaussianBase: 2 })
const labelled = { y: ({ langevin }, n) => langevin.tensor(labels(n, 3, 32), [n]) }
const binary = { x: (context, n) => rowsOf(context, states(n, 9, 'binary', 33)) }
const langevin = ({ samplers }) => samplers.langevin({ steps: 3, stepSize: 0.05 })

/** Persistent contrastive divergence from a buffer. */
const pcd =
  (buffer, { sampler = langevin, ...more } = {}) =>
  (all) =>
    all.objectives.persistentContrastiveDivergence({
      sampler: sampler(all),
      buffer: { size: 400, reinit: 0.2, ...buffer },
      ...more,
    })
const nce = ({ objectives, noises }) => objectives.noiseContrastive({ noise: noises.gaussian({ sd: 1.5 }) })

const buffers = [
  { name: 'buffer chains', quick: true, objective: pcd({}) },
  { name: 'buffer reservoir', quick: true, objective: pcd({ strategy: 'reservoir' }) },
  { name: 'buffer class blocks', quick: true, spec: classes, ...labelled, objective: pcd({ strategy: 'classBlocks' }) },
  { name: 'buffer from normal', objective: pcd({ reinitFrom: 'normal' }) },
  { name: 'buffer from blurred data', objective: pcd({ reinitFrom: 'data', blur: 0.1 }) },
  { name: 'buffer from a mixture', objective: pcd({ reinitFrom: { uniform: 1, normal: 0.5, data: 2 }, blur: 0.1 }) },
  {
    name: 'buffer with tested restarts in a box',
    quick: true,
    objective: pcd({ reinitAccept: 'metropolis', box: { low: [-3, -2], high: 3 } }),
  },
  { name: 'buffer tempered by a list', objective: pcd({ temper: [8, 4, 2] }) },
  {
    name: 'buffer tempered by a ladder, reservoir',
    objective: pcd({ strategy: 'reservoir', temper: { from: 10, to: 1, levels: 3 } }),
  },
  { name: 'buffer of 129 chains a step, samplerKl', objective: pcd({}, { chains: 129, samplerKl: { steps: 2 } }) },
  { name: 'buffer that never restarts', objective: pcd({ reinit: 0 }) },
  ...[
    ['mala', ({ samplers }) => samplers.mala({ steps: 3, stepSize: 0.3 })],
    ['hmc', ({ samplers }) => samplers.hmc({ steps: 2, stepSize: 0.2, leapfrogSteps: 3 })],
    ['underdampedLangevin', ({ samplers }) => samplers.underdampedLangevin({ steps: 3, stepSize: 0.2 })],
    ['nuts', ({ samplers }) => samplers.nuts({ steps: 2, warmup: 0, stepSize: 0.3, maxDepth: 3 })],
    [
      'boxed langevin',
      ({ samplers }) =>
        samplers.langevin({
          form: 'heuristic',
          steps: 3,
          stepSize: 0.1,
          noise: 0.05,
          clip: 1,
          box: { low: -3, high: 3 },
        }),
    ],
  ].map(([name, sampler]) => ({ name: `buffer run by ${name}`, objective: pcd({}, { sampler }) })),
  ...[
    ['gibbs', ({ samplers }) => samplers.gibbs({ steps: 1 })],
    ['gibbsWithGradients', ({ samplers }) => samplers.gibbsWithGradients({ steps: 4 })],
    ['discreteLangevin', ({ samplers }) => samplers.discreteLangevin({ steps: 2, stepSize: 1 })],
  ].map(([name, sampler]) => ({
    name: `buffer of states run by ${name}`,
    spec: ({ energies }) =>
      name === 'gibbs'
        ? energies.rbm({ input: 9, hidden: 7 })
        : energies.mlp({ input: 9, hidden: [16], states: 'binary' }),
    ...binary,
    objective: pcd({}, { sampler }),
  })),
  {
    name: 'buffer of ising states',
    spec: ({ energies }) => energies.ising({ lattice: [3, 4], coupling: 0.1 }),
    x: (context, n) => rowsOf(context, states(n, 12, 'spin', 34)),
    objective: pcd({}, { sampler: ({ samplers }) => samplers.gibbs({ steps: 1 }) }),
  },
  {
    name: 'buffer of potts states',
    spec: ({ energies }) => energies.potts({ sites: 4, levels: 3 }),
    x: (context, n) => rowsOf(context, states(n, 12, { levels: 3 }, 35)),
    objective: pcd({}, { sampler: ({ samplers }) => samplers.gibbs({ steps: 1, order: 'fixed' }) }),
  },
]

const optimization = [
  ...[
    ['sgd', ({ optimizers }) => optimizers.sgd({ lr: 0.1 })],
    ['sgd momentum decay', ({ optimizers }) => optimizers.sgd({ lr: 0.05, momentum: 0.9, weightDecay: 0.01 })],
    ['sgd nesterov', ({ optimizers }) => optimizers.sgd({ lr: 0.05, momentum: 0.5, nesterov: true })],
    [
      'adam decay',
      ({ optimizers }) => optimizers.adam({ lr: 0.02, weightDecay: 0.1, betas: [0.8, 0.95], epsilon: 1e-6 }),
    ],
    ['adamw', ({ optimizers }) => optimizers.adamw({ lr: 0.02, weightDecay: 0.3 })],
  ].map(([name, optimizer]) => ({
    name: `optimizer ${name}`,
    quick: true,
    objective: nce,
    options: (all) => ({ optimizer: optimizer(all) }),
  })),
  { name: 'ema', objective: pcd({}), options: () => ({ ema: 0.9 }) },
  {
    name: 'ema with warm-up, clipped, extra rate',
    quick: true,
    objective: nce,
    options: () => ({ ema: { decay: 0.99, warmup: true }, clipNorm: 0.1, extraLr: 5 }),
  },
  {
    name: 'penalties',
    quick: true,
    objective: pcd({}),
    options: () => ({ penalties: { energy: 0.1, gradient: 0.05 } }),
  },
  { name: 'penalty l1', quick: true, objective: nce, options: () => ({ penalties: { l1: 0.01 } }) },
  {
    name: 'penalty on the gradient of labels',
    spec: classes,
    ...labelled,
    objective: nce,
    options: () => ({ penalties: { gradient: 0.1 } }),
  },
  { name: 'one row a step', objective: nce, batchSize: 1 },
  { name: '127 rows a step of 200', objective: pcd({}), batchSize: 127, rows: 200 },
  { name: 'thinned history', whole: true, objective: nce, options: () => ({ historyPoints: 5 }) },
]

const wide = (input, hidden) => ({
  spec: ({ energies }) => energies.mlp({ input, hidden, gaussianBase: 2 }),
  x: (context, n) => rowsOf(context, clusters(n, input, 36)),
})
const layered = [
  {
    name: 'every layer',
    quick: true,
    spec: everyLayer,
    x: (context, n) => rowsOf(context, clusters(n, 3, 37)),
    y: ({ langevin }, n) => langevin.tensor(labels(n, 4, 38), [n]),
    objective: nce,
  },
  {
    name: 'every layer, chains',
    spec: everyLayer,
    x: (context, n) => rowsOf(context, clusters(n, 3, 37)),
    y: ({ langevin }, n) => langevin.tensor(labels(n, 4, 38), [n]),
    objective: pcd({}),
  },
  {
    name: 'spectral norm',
    quick: true,
    spec: ({ energies }) => energies.mlp({ input: 2, hidden: [33, 16], spectralNorm: 1.5, gaussianBase: 2 }),
    objective: pcd({}),
  },
  {
    name: 'spectral norm, scores',
    spec: ({ energies }) => energies.mlp({ input: 2, hidden: [16], activation: 'tanh', spectralNorm: true }),
    objective: ({ objectives }) => objectives.denoisingScoreMatching({ sigma: 0.5 }),
  },
  {
    name: 'dropout, scores',
    spec: ({ energies, layers }) =>
      energies.sequential({
        input: 2,
        layers: [
          layers.linear({ out: 33 }),
          layers.activation({ activation: 'softplus' }),
          layers.dropout({ p: 0.3 }),
          layers.linear({ out: 1 }),
        ],
      }),
    objective: ({ objectives }) => objectives.denoisingScoreMatching({ sigma: 0.5 }),
  },
  {
    name: 'learnable gaussian',
    spec: ({ energies }) =>
      energies.gaussian({
        mean: [0, 0],
        precision: [
          [1, 0.1],
          [0.1, 1],
        ],
        learnable: true,
      }),
    objective: ({ objectives }) => objectives.maximumLikelihood({ box: { low: -6, high: 6 }, cells: 30 }),
  },
  ...[
    [1, [5]],
    [5, [200]],
    [33, [129]],
    [200, [33]],
  ].flatMap(([input, hidden]) => [
    { name: `chains of ${input} columns`, ...wide(input, hidden), objective: pcd({}) },
    {
      name: `denoising of ${input} columns`,
      ...wide(input, hidden),
      objective: ({ objectives }) => objectives.denoisingScoreMatching({ sigma: 0.5 }),
    },
  ]),
  {
    name: 'two towers of a continuous y',
    spec: ({ energies }) => energies.twoTower({ input: 2, condition: 1, x: { hidden: [33] } }),
    y: (context, n) => rowsOf(context, even(n, 1, 39)),
    objective: ({ objectives }) => objectives.structured({ loss: 'energy' }),
  },
]

/** A learning rate that falls over the run: the checkpoint is one of a run that goes on. */
async function scheduled(context, schedule) {
  const { langevin: L, threads, interrupted, scratch, must } = context
  const path = join(scratch, 'checkpoint.safetensors')
  const x = rowsOf(context, clusters(1000, 2, 40))
  const options = {
    objective: nce(L),
    optimizer: L.optimizers.adam({ lr: schedule(L) }),
    steps: 12,
    batchSize: 129,
    seed: 4,
    threads,
  }
  const spec = L.energies.mlp({ input: 2, hidden: [16], gaussianBase: 2 })
  if (interrupted) {
    await withModel(context, spec, async (model) => {
      const run = L.train(model, x, { ...options, checkpoint: { path, every: 7 } })
      const reason = new Error('enough')
      // An abort writes the last step that was done, which may be a later one.
      for await (const event of run) if (event.type === 'checkpoint') run.abort(reason)
    }).catch((error) => must(error.message === 'enough', `it was not stopped but failed: ${error.message}`))
  }
  const resume = interrupted ? { resume: path } : {}
  return withModel(context, spec, async (model) =>
    trained(await L.train(model, x, { ...options, ...resume }).done, model),
  )
}

const schedules = [
  ['constant', ({ schedules: s }) => s.constant({ value: 0.01, warmup: 3 })],
  ['linear', ({ schedules: s }) => s.linear({ from: 0.02, to: 0 })],
  ['geometric', ({ schedules: s }) => s.geometric({ from: 0.02, to: 0.001 })],
  ['cosine', ({ schedules: s }) => s.cosine({ from: 0.02, warmup: 3 })],
  ['step', ({ schedules: s }) => s.step({ from: 0.02, factor: 0.3, milestones: [0.4, 0.8] })],
  ['polynomial', ({ schedules: s }) => s.polynomial({ a: 0.02, b: 1, gamma: 0.6 })],
].map(([name, schedule]) => ({ name: `rate ${name}`, resume: 'all', run: (context) => scheduled(context, schedule) }))

/** A data set with its label column, and whole epochs. */
async function fromDataset(context) {
  const { langevin: L, threads } = context
  const x = rowsOf(context, clusters(300, 5, 41))
  const set = new L.Dataset(
    { x: { values: x }, kind: { values: L.tensor(labels(300, 3, 42), [300]) } },
    { label: 'kind' },
  )
  const options = {
    objective: L.objectives.crossEntropy(),
    epochs: 3,
    batchSize: 128,
    seed: 12345678901234567890n,
    threads,
  }
  const spec = L.energies.classifier({ input: 5, classes: 3, hidden: [33] })
  return withModel(context, spec, async (model) => trained(await L.train(model, set, options).done, model))
}

export default [
  ...[...buffers, ...optimization, ...layered].map((subject) => ({
    name: subject.name,
    quick: subject.quick ?? false,
    // A run of half the steps thins its history in another way.
    ...(!subject.whole && { resume: 'all' }),
    run: (context) => learn(context, subject),
  })),
  ...schedules,
  { name: 'epochs of a data set', run: fromDataset },
]
