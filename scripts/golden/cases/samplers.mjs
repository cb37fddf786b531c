// Every sampler of continuous energies, whole and in two halves, over numbers of chains around the borders of tiles.
import { bell, labels } from '../rows.mjs'
import { rowsOf, sampled, withModel } from './support.mjs'

const network =
  (input, hidden = [16, 16]) =>
  ({ energies }) =>
    energies.mlp({ input, hidden, gaussianBase: 2 })
const wells = ({ energies }) =>
  energies.gaussianMixture({
    means: [
      [-1, 0],
      [1, 0.5],
    ],
    sigmas: [0.5, 0.7],
  })
const joint = ({ energies }) => energies.conditional({ input: 2, condition: 1, hidden: [33, 16], gaussianBase: 2 })
const classes = ({ energies }) => energies.conditional({ input: 2, classes: 3, hidden: [16], gaussianBase: 2 })

/** Starts that do not depend on the package. */
const given = (chains, width) => (context) => rowsOf(context, bell(chains, width, chains + width))

/** `sampler(langevin, steps)`; without `halves` it can not be cut in two (a schedule, a ladder over the whole run). */
const langevin = [
  ...[1, 127, 128, 129, 300, 1000].map((chains) => ({
    name: `langevin of ${chains} chains`,
    quick: chains === 300,
    halves: true,
    spec: network(2),
    chains,
    steps: 6,
    sampler: ({ samplers }, steps) => samplers.langevin({ steps, stepSize: 0.05 }),
  })),
  ...[
    [1, [5]],
    [5, [200]],
    [33, [33, 33]],
    [200, [16]],
  ].map(([width, hidden]) => ({
    name: `langevin of ${width} columns`,
    halves: true,
    spec: network(width, hidden),
    chains: 129,
    steps: 6,
    sampler: ({ samplers }, steps) => samplers.langevin({ steps, stepSize: 0.02, temperature: 0.7 }),
  })),
  {
    name: 'langevin heuristic, given rows',
    halves: true,
    spec: network(2),
    init: given(300, 2),
    steps: 6,
    sampler: ({ samplers }, steps) => samplers.langevin({ form: 'heuristic', steps, stepSize: 0.05, noise: 0.01 }),
  },
  {
    name: 'langevin trajectory in a reflecting box',
    spec: network(2),
    chains: 300,
    steps: 12,
    options: { init: 'uniform', keep: 'trajectory', burnIn: 2, thin: 3 },
    sampler: ({ samplers }, steps) => samplers.langevin({ steps, stepSize: 0.2, box: { low: -1, high: 1 } }),
  },
  {
    name: 'langevin moments in a clamping box, clipped',
    spec: wells,
    chains: 1000,
    steps: 12,
    options: { init: { kind: 'normal', mean: 0.5, sd: 2 }, keep: 'moments', diagnostics: false },
    sampler: ({ samplers }, steps) =>
      samplers.langevin({ steps, stepSize: 0.1, clip: 1.5, box: { low: -2, high: 2, mode: 'clamp' } }),
  },
  {
    name: 'langevin bfloat16',
    halves: true,
    spec: network(5, [64, 33]),
    chains: 300,
    steps: 6,
    dtypes: ['float32'],
    sampler: ({ samplers }, steps) => samplers.langevin({ steps, stepSize: 0.05, precision: 'bfloat16' }),
  },
  {
    name: 'langevin every layer, a class for each chain',
    halves: true,
    spec: ({ energies, layers }) =>
      energies.sequential({
        input: 5,
        layers: [
          layers.embedding({ classes: 3, width: 4 }),
          layers.linear({ out: 33 }),
          layers.layerNorm(),
          layers.activation({ activation: 'gelu' }),
          layers.residual({ layers: [layers.linear({ out: 33 }), layers.activation()] }),
          layers.linear({ out: 1 }),
        ],
        gaussianBase: 2,
      }),
    chains: 300,
    steps: 6,
    y: ({ langevin: L }) => L.tensor(labels(300, 3, 5), [300]),
    sampler: ({ samplers }, steps) => samplers.langevin({ steps, stepSize: 0.05 }),
  },
  {
    name: 'langevin one condition for all chains',
    halves: true,
    spec: joint,
    chains: 129,
    steps: 6,
    y: (context) => rowsOf(context, bell(1, 1, 9)),
    sampler: ({ samplers }, steps) => samplers.langevin({ steps, stepSize: 0.05 }),
  },
  {
    name: 'langevin one class for all chains',
    spec: classes,
    chains: 129,
    steps: 6,
    y: () => 2,
    sampler: ({ samplers }, steps) => samplers.langevin({ steps, stepSize: 0.05 }),
  },
  ...[
    ['constant', ({ schedules }) => schedules.constant({ value: 0.1, warmup: 3 })],
    ['linear', ({ schedules }) => schedules.linear({ from: 0.1, to: 0.01 })],
    ['geometric', ({ schedules }) => schedules.geometric({ from: 0.1, to: 0.001 })],
    ['cosine', ({ schedules }) => schedules.cosine({ from: 0.1, to: 0.01, warmup: 2 })],
    ['step', ({ schedules }) => schedules.step({ from: 0.1, factor: 0.3, milestones: [0.25, 0.75] })],
    ['polynomial', ({ schedules }) => schedules.polynomial({ a: 0.1, b: 2 })],
  ].map(([name, schedule]) => ({
    name: `langevin ${name} schedule`,
    quick: true,
    spec: wells,
    chains: 129,
    steps: 8,
    sampler: (all, steps) =>
      all.samplers.langevin({ steps, stepSize: schedule(all), temperature: all.schedules.linear({ from: 2, to: 1 }) }),
  })),
]

const moving = [
  {
    name: 'underdampedLangevin',
    quick: true,
    halves: true,
    spec: network(2, [33]),
    chains: 300,
    steps: 8,
    sampler: ({ samplers }, steps) => samplers.underdampedLangevin({ steps, stepSize: 0.2, friction: 0.5 }),
  },
  {
    name: 'underdampedLangevin in a box, clipped, heated',
    spec: joint,
    chains: 129,
    steps: 8,
    y: (context) => rowsOf(context, bell(129, 1, 8)),
    options: { keep: 'trajectory' },
    sampler: ({ samplers }, steps) =>
      samplers.underdampedLangevin({
        steps,
        stepSize: 0.3,
        temperature: 2,
        clip: 2,
        box: { low: -1.5, high: 1.5, mode: 'clamp' },
      }),
  },
  {
    name: 'mala',
    quick: true,
    halves: true,
    spec: network(5, [33]),
    chains: 300,
    steps: 8,
    sampler: ({ samplers }, steps) => samplers.mala({ steps, stepSize: 0.3 }),
  },
  {
    name: 'mala in a box, clipped, scheduled',
    spec: wells,
    chains: 1000,
    steps: 12,
    options: { keep: 'moments', burnIn: 4 },
    sampler: ({ samplers, schedules }, steps) =>
      samplers.mala({
        steps,
        stepSize: schedules.geometric({ from: 1, to: 0.1 }),
        temperature: 1.5,
        clip: 3,
        box: { low: -2, high: 2 },
      }),
  },
  {
    name: 'hmc',
    quick: true,
    halves: true,
    spec: network(2),
    chains: 300,
    steps: 6,
    sampler: ({ samplers }, steps) => samplers.hmc({ steps, stepSize: 0.2, leapfrogSteps: 4 }),
  },
  {
    name: 'hmc warm-up, jitter, box',
    halves: true,
    spec: ({ energies }) => energies.funnel({ input: 5, sigma: 1 }),
    chains: 129,
    steps: 12,
    sampler: ({ samplers }, steps) =>
      samplers.hmc({
        steps,
        stepSize: 0.3,
        leapfrogSteps: 3,
        warmup: 8,
        targetAcceptance: 0.7,
        jitter: 0.2,
        box: { low: -3, high: 3 },
      }),
  },
  {
    name: 'hmc bfloat16, clipped',
    spec: network(33, [64]),
    chains: 129,
    steps: 6,
    dtypes: ['float32'],
    sampler: ({ samplers }, steps) =>
      samplers.hmc({ steps, stepSize: 0.1, leapfrogSteps: 3, precision: 'bfloat16', clip: 5, temperature: 2 }),
  },
  {
    name: 'nuts warm-up',
    quick: true,
    halves: true,
    spec: ({ energies }) => energies.gaussian({ mean: [0.5, -1, 0], precision: [4, 1, 0.25] }),
    // Few: trees that turn one step apart part the runs of two processors for good.
    chains: 129,
    steps: 14,
    sampler: ({ samplers }, steps) => samplers.nuts({ steps, warmup: 10, maxDepth: 4, stepSize: 0.5 }),
  },
  {
    name: 'nuts of a network',
    spec: network(2, [16]),
    chains: 129,
    steps: 30,
    options: { keep: 'trajectory' },
    sampler: ({ samplers }, steps) =>
      samplers.nuts({ steps, maxDepth: 4, targetAcceptance: 0.7, temperature: 1.5, box: { low: -4, high: 4 } }),
  },
]

const inner = {
  langevin: ({ samplers }) => samplers.langevin({ steps: 2, stepSize: 0.1 }),
  mala: ({ samplers }) => samplers.mala({ steps: 2, stepSize: 0.3 }),
  hmc: ({ samplers }) => samplers.hmc({ steps: 2, stepSize: 0.2, leapfrogSteps: 3, warmup: 3 }),
  underdampedLangevin: ({ samplers }) => samplers.underdampedLangevin({ steps: 2, stepSize: 0.2 }),
}

const tempered = [
  ...Object.entries(inner).map(([name, kernel]) => ({
    name: `parallelTempering of ${name}`,
    quick: name === 'mala',
    spec: name === 'langevin' ? joint : wells,
    ...(name === 'langevin' && { y: (context) => rowsOf(context, bell(129, 1, 7)) }),
    chains: 129,
    steps: 6,
    sampler: (all, steps) => all.samplers.parallelTempering({ steps, temperatures: [1, 2, 4], sampler: kernel(all) }),
  })),
  {
    name: 'parallelTempering adapted',
    spec: wells,
    chains: 300,
    steps: 6,
    options: { keep: 'trajectory' },
    sampler: (all, steps) =>
      all.samplers.parallelTempering({
        steps,
        temperatures: { from: 1, to: 8, levels: 4 },
        adapt: 6,
        sampler: inner.mala(all),
      }),
  },
  {
    name: 'annealedLangevin of temperatures',
    quick: true,
    spec: network(2, [33]),
    chains: 300,
    sampler: ({ samplers }) => samplers.annealedLangevin({ temperatures: [4, 2, 1], stepsPerLevel: 3, stepSize: 0.05 }),
  },
  ...['logSigma', 'sigma'].map((condition) => ({
    name: `annealedLangevin of noise levels by ${condition}`,
    spec: joint,
    chains: 300,
    sampler: ({ samplers }) =>
      samplers.annealedLangevin({
        noiseLevels: { from: 1, to: 0.1, levels: 4 },
        condition,
        stepsPerLevel: 3,
        stepSize: 0.002,
        clip: 20,
        box: { low: -3, high: 3 },
      }),
  })),
  {
    name: 'annealedLangevin trajectory',
    spec: wells,
    chains: 129,
    options: { keep: 'trajectory' },
    sampler: ({ samplers }) =>
      samplers.annealedLangevin({ temperatures: { from: 8, to: 1, levels: 3 }, stepsPerLevel: 4, stepSize: 0.1 }),
  },
]

/** Every formula under one sampler: each has kernels of its own. */
const formulas = [
  ['doubleWell', ({ energies }) => energies.doubleWell({ input: 5, barrier: 2 })],
  ['rosenbrock', ({ energies }) => energies.rosenbrock({ input: 5, scale: 0.05 })],
  ['rastrigin', ({ energies }) => energies.rastrigin({ input: 2, scale: 0.2 })],
  ['ackley', ({ energies }) => energies.ackley({ input: 2, gaussianBase: 3 })],
  ['funnel', ({ energies }) => energies.funnel({ input: 5, sigma: 1 })],
  [
    'expression',
    ({ energies }) => energies.expression((x) => x.square().sum().add(x.sin().mul(2).sum()), { input: 5 }),
  ],
  ['classifier', ({ energies }) => energies.classifier({ input: 5, classes: 4, hidden: [33], gaussianBase: 2 })],
  ['regressor', ({ energies }) => energies.regressor({ input: 2, hidden: [33] })],
  [
    'mixtureDensity',
    ({ energies }) => energies.mixtureDensity({ input: 1, hidden: [16], components: 3, sigmaFloor: 0.1 }),
  ],
  [
    'mlp spectral norm',
    ({ energies }) => energies.mlp({ input: 5, hidden: [33], spectralNorm: true, gaussianBase: 2 }),
  ],
].map(([name, spec]) => ({
  name: `mala of ${name}`,
  spec,
  chains: 300,
  steps: 6,
  sampler: ({ samplers }, steps) => samplers.mala({ steps, stepSize: 0.02 }),
}))

/** Draws; interrupted, the same in two halves. */
export async function draw(context, one) {
  const { langevin: L, threads, interrupted } = context
  return withModel(context, one.spec(L), async (model) => {
    const y = one.y === undefined ? {} : { y: one.y(context) }
    const common = { seed: 12345, threads, ...y, ...one.options }
    const start = one.init === undefined ? { chains: one.chains } : { init: one.init(context) }
    const call = (steps, more) => L.sample(model, { sampler: one.sampler(L, steps), ...common, ...more }).done
    if (!interrupted) return sampled(await call(one.steps, start))
    const first = await call(one.steps / 2, start)
    const second = await call(one.steps / 2, { resume: first.state })
    const { samples, energy, state } = sampled(second)
    return { samples, energy, state }
  })
}

export default [...langevin, ...moving, ...tempered, ...formulas].map((one) => ({
  name: one.name,
  quick: one.quick ?? false,
  ...(one.dtypes && { dtypes: one.dtypes }),
  ...(one.halves && { resume: 'some' }),
  run: (context) => draw(context, one),
}))
