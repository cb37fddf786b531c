// A valid spec of many kinds of every family.
import {
  energies,
  inferences,
  layers,
  networks,
  noises,
  objectives,
  optimizers,
  perturbations,
  samplers,
  schedules,
} from '../../../dist/index.js'

const plain = (list) => list.map((spec) => JSON.parse(JSON.stringify(spec)))
const walk = samplers.langevin({ steps: 10, stepSize: 0.05 })
const net = networks.sequential({
  input: [3, 4],
  layers: [
    layers.flatten(),
    layers.linear({ out: 16 }),
    layers.activation({ activation: 'silu' }),
    layers.layerNorm(),
    layers.linear({ out: 1 }),
  ],
})

export const SPECS = {
  energy: plain([
    energies.mlp({ input: 2, hidden: [16, 16], activation: 'tanh', gaussianBase: 2 }),
    energies.gaussian({ mean: [1, 2], precision: [1, 4] }),
    energies.gaussianMixture({
      means: [
        [0, 0],
        [1, 1],
      ],
      sigmas: 0.5,
    }),
    energies.scalar({ input: [3, 4], network: net }),
    energies.classifier({ input: 4, hidden: [8], classes: 3 }),
    energies.rbm({ input: 6, hidden: 4 }),
    energies.funnel({ input: 3 }),
  ]),
  network: plain([net, networks.mlp({ input: 3, hidden: [8], output: 2 })]),
  sampler: plain([
    walk,
    samplers.mala({ steps: 10, stepSize: 0.1 }),
    samplers.hmc({ steps: 3, stepSize: 0.1, leapfrogSteps: 4 }),
    samplers.nuts({ steps: 3 }),
    samplers.underdampedLangevin({ steps: 10, stepSize: 0.1 }),
    samplers.parallelTempering({
      sampler: samplers.hmc({ steps: 1, stepSize: 0.1 }),
      temperatures: [1, 2, 4],
      steps: 5,
    }),
    samplers.gibbs({ steps: 4 }),
  ]),
  objective: plain([
    objectives.denoisingScoreMatching({ sigma: 0.3 }),
    objectives.persistentContrastiveDivergence({ sampler: walk }),
    objectives.noiseContrastive({ noise: noises.dataGaussian() }),
    objectives.contrastiveDivergence({ sampler: walk }),
    objectives.slicedScoreMatching({}),
    objectives.energyDiscrepancy({ perturbation: perturbations.structured({ t: 0.2 }) }),
  ]),
  optimizer: plain([
    optimizers.adam({ lr: schedules.cosine({ from: 1e-3 }) }),
    optimizers.sgd({ lr: 0.1, momentum: 0.9 }),
  ]),
  noise: plain([noises.dataGaussian(), noises.gaussian({ sd: 1.5 }), noises.kde({ bandwidth: 0.3 })]),
  perturbation: plain([
    perturbations.structured({ kernels: [{ on: 'discrete', perturbation: perturbations.absorbing({ grid: true }) }] }),
    perturbations.ordinal({ tBase: 0.01 }),
    perturbations.gaussian({ sd: [0.1, 0.2] }),
  ]),
  inference: plain([inferences.gradientDescent({ low: -1, high: 1 })]),
}
