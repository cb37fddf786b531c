/** Milliseconds per training step of every objective at batch 256. A new objective is one entry here and one in each peer. */
import { langevinSampler, mlp, trainingContenders } from '../lib/training.mjs'

export const name = 'objectives'
export const title = 'One training step of each objective, 2-128-128-., batch 256'
export const unit = 'ms'
export const threads = [1]

/** `variant` tells the rows of one objective apart. */
const objective = (kind, fields = {}, { energy = mlp, steps = 500, variant } = {}) => ({
  label: variant === undefined ? kind : `${kind}, ${variant}`,
  options: { energy, objective: { kind, ...fields }, batch: 256, steps, per: 'step' },
})
const network = (kind, fields) => ({ energy: { ...mlp, kind, ...fields } })
const noise = { kind: 'gaussian' }
const samplerKl = { energy: 1, entropy: 1, steps: 1, neighbour: 1 }
const sliced = { projections: 1, varianceReduced: false }

export const rows = [
  objective('maximumLikelihood', { box: { low: -6, high: 6 }, cells: 50 }, { steps: 200 }),
  objective('contrastiveDivergence', { sampler: langevinSampler(10) }, { steps: 200 }),
  objective(
    'contrastiveDivergence',
    { sampler: langevinSampler(10), samplerKl },
    { steps: 200, variant: 'with the KL of the sampler' },
  ),
  objective('persistentContrastiveDivergence', { sampler: langevinSampler(20) }, { steps: 100 }),
  objective('pseudoSpherical', { gamma: 0.5, sampler: langevinSampler(20) }, { steps: 100 }),
  objective('fDivergence', { divergence: 'jensenShannon', helper: mlp, sampler: langevinSampler(20) }, { steps: 100 }),
  objective('noiseContrastive', { noise }),
  objective('rankingNoiseContrastive', { noise, negatives: 15 }, { steps: 100 }),
  objective('conditionalNoiseContrastive', { sigma: 0.5, negatives: 1 }),
  objective('explicitScoreMatching', { trace: 'exact' }),
  objective('explicitScoreMatching', { trace: 'hutchinson', projections: 1 }, { variant: "Hutchinson's trace" }),
  objective('slicedScoreMatching', sliced),
  objective('slicedScoreMatching', { ...sliced, varianceReduced: true }, { variant: 'variance-reduced' }),
  objective('slicedScoreMatching', { ...sliced, finiteDifference: 0.1 }, { variant: 'finite differences' }),
  objective('denoisingScoreMatching', { sigma: 0.3 }),
  objective('denoisingScoreMatching', { sigma: 0.3, finiteDifference: 0.5 }, { variant: 'finite differences' }),
  objective(
    'denoisingScoreMatching',
    { sigma: { from: 1, to: 0.1, levels: 10 } },
    { ...network('conditional', { condition: 1 }), variant: 'ten levels' },
  ),
  objective('energyDiscrepancy', { t: 0.25, negatives: 32, w: 1 }, { steps: 100 }),
  objective('steinDiscrepancy', { scale: 2, beta: -0.5, estimator: 'unbiased' }),
  objective(
    'learnedSteinDiscrepancy',
    { critic: { hidden: [64, 64], activation: 'silu' }, criticSteps: 5, lambda: 0.5, trace: 'exact' },
    { steps: 200 },
  ),
  objective('crossEntropy', {}, network('classifier', { classes: 10 })),
  objective('meanSquaredError', {}, network('regressor')),
  objective('negativeLogLikelihood', {}, network('mixtureDensity', { components: 4 })),
  objective(
    'structured',
    { loss: 'nll', beta: 1, answers: { low: -4, high: 4, samples: 32 } },
    { ...network('conditional', { input: 1, condition: 1 }), steps: 100, variant: 'nll, 32 drawn answers' },
  ),
  objective(
    'minimumProbabilityFlow',
    {},
    { energy: { kind: 'rbm', input: 16, hidden: 128 }, steps: 200, variant: 'rbm 16-128' },
  ),
]
export const contenders = trainingContenders
