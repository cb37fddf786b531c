/** Milliseconds per training step of every objective at batch 256. A new objective is one entry here and one in each peer. */
import { langevinSampler, mlp, trainingContenders } from '../lib/training.mjs'

export const name = 'objectives'
export const title = 'One training step of each objective, 2-128-128-., batch 256'
export const unit = 'ms'
export const threads = [1]

const objective = (kind, fields = {}, { energy = mlp, steps = 500 } = {}) => ({
  label: kind,
  options: { energy, objective: { kind, ...fields }, batch: 256, steps, per: 'step' },
})
const network = (kind, fields) => ({ energy: { ...mlp, kind, ...fields } })

export const rows = [
  objective('maximumLikelihood', { box: { low: -6, high: 6 }, cells: 50 }, { steps: 200 }),
  objective('contrastiveDivergence', { sampler: langevinSampler(10) }, { steps: 200 }),
  objective('persistentContrastiveDivergence', { sampler: langevinSampler(20) }, { steps: 100 }),
  objective('noiseContrastive', { noise: { kind: 'gaussian' } }),
  objective('denoisingScoreMatching', { sigma: 0.3 }),
  objective('crossEntropy', {}, network('classifier', { classes: 10 })),
  objective('meanSquaredError', {}, network('regressor')),
  objective('negativeLogLikelihood', {}, network('mixtureDensity', { components: 4 })),
]
export const contenders = trainingContenders
