/** Every sampler on energies it is for: { sampler, ...energy }, by columns. A new sampler is one entry here and one in peers/sampler_twins.py. */
import { discrete } from './energies.mjs'

const network = (d) => ({ energy: { kind: 'mlp', input: d, hidden: [64, 64], gaussianBase: 1 } })
const on =
  (subject, sampler, more = {}) =>
  (d) => ({ ...subject(d), sampler, ...more })

const binaryNetwork = (d) => ({
  energy: { kind: 'mlp', input: d, hidden: [64, 64], states: 'binary' },
  states: 'binary',
})
const mixed = (d) => ({
  energy: {
    ...network(d).energy,
    states: [
      { kind: 'real', columns: d / 2 },
      { kind: 'binary', columns: d / 2 },
    ],
  },
  states: 'mixed',
})

const stepSize = 0.05
const levels = 4
const gibbs = { kind: 'gibbs' }
const withGradients = { kind: 'gibbsWithGradients' }
const discreteLangevin = { kind: 'discreteLangevin', stepSize: 0.2 }
const spins = { kind: 'discreteLangevin', stepSize: 0.8 }
const { ising, potts, rbm, 'ising, all pairs': allPairs } = discrete

export const samplers = {
  langevin: on(network, { kind: 'langevin', stepSize }),
  annealedLangevin: on(network, { kind: 'annealedLangevin', stepSize, temperatures: [4, 2, 1.5, 1] }, { levels }),
  underdampedLangevin: on(network, { kind: 'underdampedLangevin', stepSize: 0.2 }),
  mala: on(network, { kind: 'mala', stepSize }),
  'hmc, 10 leapfrog steps': on(network, { kind: 'hmc', stepSize: 0.1, leapfrogSteps: 10 }),
  /** By the leapfrog: a step this small takes all 31 of them. The peers take leapfrog steps and nothing else. */
  'nuts, a leapfrog step': on(network, { kind: 'nuts', stepSize: 0.01, warmup: 0, maxDepth: 5 }),
  'parallelTempering, 4 replicas of 5 steps': on(network, {
    kind: 'parallelTempering',
    sampler: { kind: 'langevin', steps: 5, stepSize },
    temperatures: [1, 1.5, 2, 4],
  }),
  'gibbs on ising': on(ising, gibbs),
  'gibbs on ising, all pairs': on(allPairs, { ...gibbs, order: 'fixed' }),
  'gibbs on potts': on(potts, gibbs),
  'gibbs on rbm': on(rbm, gibbs),
  'gibbs on mlp': on(binaryNetwork, { ...gibbs, order: 'fixed' }),
  'gibbsWithGradients on ising': on(ising, withGradients),
  'gibbsWithGradients on potts': on(potts, withGradients),
  'gibbsWithGradients on rbm': on(rbm, withGradients),
  'discreteLangevin on ising': on(ising, spins),
  'discreteLangevin on potts': on(potts, discreteLangevin),
  'discreteLangevin on rbm': on(rbm, discreteLangevin),
  'discreteLangevin on rbm, unadjusted': on(rbm, { ...discreteLangevin, adjusted: false }),
  'blockwise, langevin and discreteLangevin': on(mixed, {
    kind: 'blockwise',
    kernels: [
      { on: 'real', sampler: { kind: 'langevin', steps: 1, stepSize } },
      { on: 'binary', sampler: { ...discreteLangevin, steps: 1 } },
    ],
  }),
}
