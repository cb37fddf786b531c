// Every sampler of discrete states on every kind of discrete energy.
import { labels, states } from '../rows.mjs'
import { draw } from './samplers.mjs'
import { rowsOf } from './support.mjs'

const models = [
  { name: 'rbm', spec: ({ energies }) => energies.rbm({ input: 12, hidden: 9 }) },
  { name: 'ising', spec: ({ energies }) => energies.ising({ lattice: [4, 5], coupling: 0.3, field: 0.1 }) },
  {
    name: 'binary ising',
    spec: ({ energies }) => energies.ising({ sites: 9, coupling: 0.3, field: -0.4, states: 'binary' }),
  },
  {
    name: 'potts',
    spec: ({ energies }) => energies.potts({ lattice: [3, 3], levels: 3, coupling: 0.5, field: [0, 0.3, -0.2] }),
  },
  { name: 'binary mlp', spec: ({ energies }) => energies.mlp({ input: 5, hidden: [33], states: 'binary' }) },
  {
    name: 'spin expression',
    spec: ({ energies }) =>
      energies.expression(
        (x) =>
          x
            .sum()
            .square()
            .mul(0.1)
            .sub(x.slice(1).dot(x.slice(0, 4)).mul(0.5)),
        { input: 5, states: 'spin' },
      ),
  },
  {
    name: 'categorical conditional',
    spec: ({ energies }) => energies.conditional({ input: 6, classes: 2, hidden: [16], states: { levels: 3 } }),
    y: ({ langevin }) => langevin.tensor(labels(300, 2, 6), [300]),
  },
]

const kernels = [
  { name: 'gibbs', sampler: ({ samplers }, steps) => samplers.gibbs({ steps }) },
  {
    name: 'gibbs fixed, heated',
    sampler: ({ samplers }, steps) => samplers.gibbs({ steps, order: 'fixed', temperature: 1.5 }),
  },
  {
    name: 'gibbsWithGradients',
    steps: 12,
    sampler: ({ samplers }, steps) => samplers.gibbsWithGradients({ steps, temperature: 2 }),
  },
  { name: 'discreteLangevin', sampler: ({ samplers }, steps) => samplers.discreteLangevin({ steps, stepSize: 1.5 }) },
  {
    name: 'discreteLangevin unadjusted',
    sampler: ({ samplers }, steps) =>
      samplers.discreteLangevin({ steps, stepSize: 0.5, temperature: 0.8, adjusted: false }),
  },
]

const pairs = models.flatMap((model) =>
  kernels.map((kernel) => ({
    ...model,
    ...kernel,
    halves: true,
    name: `${kernel.name} of ${model.name}`,
    chains: 300,
  })),
)

const others = [
  {
    name: 'gibbs blocks of rbm',
    quick: true,
    halves: true,
    spec: models[0].spec,
    chains: 1000,
    sampler: ({ samplers }, steps) => samplers.gibbs({ steps, order: 'blocks' }),
  },
  {
    name: 'gibbs trajectory of given ising states',
    spec: models[1].spec,
    init: (context) => rowsOf(context, states(129, 20, 'spin', 2)),
    options: { keep: 'trajectory', thin: 2 },
    sampler: ({ samplers }, steps) => samplers.gibbs({ steps }),
  },
  {
    name: 'gibbs moments of wide ising',
    spec: ({ energies }) => energies.ising({ lattice: [10, 20], coupling: 0.4 }),
    chains: 128,
    options: { keep: 'moments' },
    sampler: ({ samplers }, steps) => samplers.gibbs({ steps }),
  },
  {
    name: 'discreteLangevin scheduled of 127 potts chains',
    spec: models[3].spec,
    chains: 127,
    sampler: ({ samplers, schedules }, steps) =>
      samplers.discreteLangevin({
        steps,
        stepSize: schedules.geometric({ from: 2, to: 0.5 }),
        temperature: schedules.linear({ from: 2, to: 1 }),
      }),
  },
]

/** Columns that differ in kind and number of levels. */
const unequal = ({ energies }) =>
  energies.mlp({
    input: 6,
    hidden: [33],
    activation: 'tanh',
    states: [
      { kind: 'binary' },
      { kind: 'categorical', levels: 3 },
      { kind: 'ordinal', levels: 4 },
      { kind: 'cyclic', levels: 5 },
    ],
  })
const mixed = ({ energies }) =>
  energies.mlp({
    input: 6,
    hidden: [33],
    gaussianBase: 2,
    states: [
      { kind: 'real', columns: 2 },
      { kind: 'categorical', levels: 3, name: 'colour' },
      { kind: 'cyclic', levels: 5 },
    ],
  })
const blocks = [
  ...kernels.map((kernel) => ({
    ...kernel,
    halves: true,
    quick: kernel.name === 'gibbs',
    name: `${kernel.name} of unequal columns`,
    spec: unequal,
    chains: 300,
  })),
  {
    name: 'blockwise of mixed columns',
    quick: true,
    halves: true,
    spec: mixed,
    chains: 300,
    sampler: ({ samplers }, steps) =>
      samplers.blockwise({
        steps,
        kernels: [
          { on: 'discrete', sampler: samplers.gibbs({ steps: 1 }) },
          { on: 'real', sampler: samplers.mala({ steps: 2, stepSize: 0.3 }) },
        ],
      }),
  },
  {
    name: 'parallelTempering of gibbs',
    quick: true,
    halves: true,
    spec: models[1].spec,
    chains: 300,
    sampler: ({ samplers }, steps) =>
      samplers.parallelTempering({ steps, temperatures: [1, 2, 4], sampler: samplers.gibbs({ steps: 2 }) }),
  },
  {
    name: 'parallelTempering of blockwise',
    quick: true,
    halves: true,
    spec: mixed,
    chains: 129,
    sampler: ({ samplers }, steps) =>
      samplers.parallelTempering({
        steps,
        temperatures: [1, 2, 4],
        sampler: samplers.blockwise({
          steps: 2,
          kernels: [
            { on: 'discrete', sampler: samplers.gibbsWithGradients({ steps: 2 }) },
            { on: 'real', sampler: samplers.underdampedLangevin({ steps: 2, stepSize: 0.2 }) },
          ],
        }),
      }),
  },
  {
    name: 'blockwise of three kernels, one adapting',
    halves: true,
    spec: mixed,
    chains: 129,
    sampler: ({ samplers }, steps) =>
      samplers.blockwise({
        steps,
        kernels: [
          { on: 0, sampler: samplers.hmc({ steps: 2, stepSize: 0.5, leapfrogSteps: 3, warmup: 8 }) },
          { on: 'colour', sampler: samplers.gibbsWithGradients({ steps: 2 }) },
          { on: 'cyclic', sampler: samplers.discreteLangevin({ steps: 1, stepSize: 1.5 }) },
        ],
      }),
  },
]

const QUICK = ['gibbs of ising', 'gibbs of potts', 'gibbsWithGradients of rbm', 'discreteLangevin of binary mlp']

export default [...pairs, ...others, ...blocks].map((one) => ({
  name: one.name,
  quick: one.quick ?? QUICK.includes(one.name),
  ...(one.halves && { resume: 'some' }),
  run: (context) => draw(context, { steps: 6, ...one }),
}))
