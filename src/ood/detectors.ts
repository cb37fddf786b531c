/**
 * Detectors: a row in, an OOD score out, HIGHER = more out-of-distribution. A detector is a frozen value that holds the
 * energy or the training rows; what needs fitting is fitted in the core when it is used.
 */
import type { Energy } from '../energy.js'
import { defineSpec, handleField, type Z } from '../spec/index.js'
import type { RowsLike } from '../tensor/index.js'

const modelField = (z: Z) => handleField<Energy>(z, 'an Energy')
const rowsField = (z: Z) =>
  z.custom<RowsLike>((value) => typeof value === 'object' && value !== null, {
    message: 'expected rows: a Tensor, nested arrays, or { data, shape }',
  })

const energySpec = defineSpec('detector', 'energy', (z) => ({ model: modelField(z) }), {
  summary: 'The energy E(x).',
  source: 'Liu et al. 2020, Energy-based Out-of-distribution Detection',
})
/** E(x). Of a classifier energy that is -logsumexp f(x), the energy score at temperature 1. */
export const energy = (model: Energy) => energySpec({ model })

/**
 * The mean over several energies of (E_k(x) - m_k) / s_k, with m_k and s_k the mean and standard deviation (divisor n) of
 * E_k over `rows`, the training rows: energies of different scales, such as those of several noise levels, count alike.
 * Errors when used: ERR_LANGEVIN_INVALID_OPTION when an energy is the same on all of `rows`.
 */
export const averagedEnergy = defineSpec(
  'detector',
  'averagedEnergy',
  (z) => ({ models: z.array(modelField(z)).min(1), rows: rowsField(z) }),
  { summary: 'The mean of several energies, each standardised on the training rows.' },
)

const likelihoodSpec = defineSpec('detector', 'likelihood', (z) => ({ model: modelField(z), logZ: z.number() }), {
  summary: '-log p(x) = E(x) + log Z.',
})
/** -log p(x) = E(x) + logZ in nats: the same order as `energy`, on an absolute scale. */
export const likelihood = (model: Energy, options: { logZ: number }) => likelihoodSpec({ ...options, model })

const scoreNormSpec = defineSpec('detector', 'scoreNorm', (z) => ({ model: modelField(z) }), {
  summary: '|grad_x E(x)|.',
  source: 'Grathwohl et al. 2020, section 5.3 (approximate mass, with the opposite sign)',
})
/** |grad_x log p(x)| = |grad_x E(x)|. */
export const scoreNorm = (model: Energy) => scoreNormSpec({ model })

const logitEnergySpec = defineSpec(
  'detector',
  'logitEnergy',
  (z) => ({ model: modelField(z), temperature: z.number().positive().default(1) }),
  {
    summary: '-T logsumexp(f(x) / T) of a classifier.',
    source: 'Liu et al. 2020, Energy-based Out-of-distribution Detection, equation 4',
  },
)
/** -T logsumexp(f(x) / T) of a classifier's logits f. Default T = 1. */
export const logitEnergy = (model: Energy, options: { temperature?: number } = {}) =>
  logitEnergySpec({ ...options, model })

const maxSoftmaxSpec = defineSpec('detector', 'maxSoftmax', (z) => ({ model: modelField(z) }), {
  summary: '1 - max softmax f(x) of a classifier.',
  source: 'Hendrycks and Gimpel 2017',
})
/** 1 - max_k softmax(f(x))_k, computed so that very confident rows keep their order. */
export const maxSoftmax = (model: Energy) => maxSoftmaxSpec({ model })

const maxLogitSpec = defineSpec('detector', 'maxLogit', (z) => ({ model: modelField(z) }), {
  summary: '-max f(x) of a classifier.',
  source: 'Hendrycks et al. 2022, Scaling Out-of-Distribution Detection for Real-World Settings',
})
/** -max_k f(x)_k. */
export const maxLogit = (model: Energy) => maxLogitSpec({ model })

/**
 * Squared Mahalanobis distance to the training rows, (x - m)' S^-1 (x - m), with the covariance C (divisor n) shrunk as
 * S = (1 - shrinkage) C + shrinkage tr(C) / d I (scikit-learn's ShrunkCovariance). Default shrinkage 0.001.
 * Errors when used: ERR_LANGEVIN_INVALID_OPTION when S is singular, naming the remedy.
 */
export const mahalanobis = defineSpec(
  'detector',
  'mahalanobis',
  (z) => ({ rows: rowsField(z), shrinkage: z.number().min(0).max(1).default(1e-3) }),
  { summary: 'Squared Mahalanobis distance to the training rows.', source: 'Mahalanobis 1936; Lee et al. 2018' },
)

/**
 * Euclidean distance to the k-th nearest training row ('largest', default), or the mean over the k nearest ('mean').
 * Default k = 5. Columns of different units should be standardised first.
 */
export const knn = defineSpec(
  'detector',
  'knn',
  (z) => ({
    rows: rowsField(z),
    k: z.number().int().min(1).default(5),
    distance: z.enum(['largest', 'mean']).default('largest'),
  }),
  {
    summary: 'Distance to the k-th nearest training row.',
    source: 'Ramaswamy et al. 2000; Sun et al. 2022, Out-of-Distribution Detection with Deep Nearest Neighbors',
  },
)
