/**
 * Detectors: a row in, an OOD score out, HIGHER = more out-of-distribution. A detector is a frozen value that says what to
 * fit, like an estimator of scikit-learn; `ood.fit` fits it once to training rows. It may hold an energy, or the rows.
 */
import type { Dataset } from '../data/dataset.js'
import type { Energy } from '../energy.js'
import { defineSpec } from '../spec/index.js'
import type { RowsLike } from '../tensor/index.js'
import { rowsField } from './classical.js'
import { type ModelOptions, modelField } from './model.js'
import { type TrainedOptions, trainedFields } from './trained.js'

export {
  columnDensity,
  copod,
  diffusionTime,
  ecod,
  gaussianMixture,
  isolationForest,
  lof,
  minimumCovarianceDeterminant,
  oneClassSvm,
  pca,
} from './classical.js'
export { denoisingScore, ensemble } from './combined.js'
export { ash, fdbd, react, relativeMahalanobis, vim } from './features.js'
export { entropy, gen, gradNorm, klUniform, odin } from './logits.js'

const energySpec = defineSpec('detector', 'energy', (z) => ({ model: modelField(z) }), {
  summary: 'The energy E(x).',
  source: 'Liu et al. 2020, Energy-based Out-of-distribution Detection',
}).options<ModelOptions>()
/**
 * E(x). Of a classifier energy that is -logsumexp f(x), the energy score at temperature 1.
 *
 * ```js
 * import { detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: 1 }))
 * const scores = await ood.scores(detectors.energy(model), [[0, 0], [3, 4]])
 * // higher = less like the model
 * console.log(scores.toArray()) // [ 0, 12.5 ]
 * ```
 */
export const energy = (model: Energy) => energySpec({ model })

/** Options of `averagedEnergy`. */
export interface AveragedEnergyOptions {
  /** The energies. */
  models: Energy[]
  /** Training rows; they may be given to `ood.fit` instead. */
  rows?: RowsLike | Dataset | undefined
}

/**
 * The mean over several energies of (E_k(x) - m_k) / s_k, with m_k and s_k the mean and standard deviation (divisor n) of
 * E_k over the training rows: energies of different scales, such as those of several noise levels, count alike.
 * Errors when fitted: ERR_LANGEVIN_INVALID_OPTION when an energy is the same on all of them.
 *
 * ```js
 * import { data, detectors, Energy, energies, ood } from 'langevin'
 * const gaussian = (precision) => Energy.create(energies.gaussian({ mean: [0, 0], precision }))
 * const models = await Promise.all([gaussian(1), gaussian(4)])
 * const fitted = await ood.fit(detectors.averagedEnergy({ models }), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0.5, 0.25], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const averagedEnergy = defineSpec(
  'detector',
  'averagedEnergy',
  (z) => ({ models: z.array(modelField(z)).min(1), rows: rowsField(z) }),
  { summary: 'The mean of several energies, each standardised on the training rows.' },
).options<AveragedEnergyOptions>()

/** Options of `energyLadder`. */
export interface EnergyLadderOptions extends TrainedOptions {
  /** Noise levels, in standard deviations of a column. Default [1, 0.5, 0.25]. */
  sigmas?: number[] | undefined
}

/**
 * Energies at several noise levels, trained on the rows by `ood.fit` without labels, then averaged as `averagedEnergy` does:
 * the detector of docs/anomaly.md. Each is E(x) = (x - m)' (S + sigma^2 I)^-1 (x - m) / 2 + MLP(x / sigma), with mean m and
 * covariance S of the training rows, trained by denoising score matching at its sigma. Columns are standardised (`ood.fit`
 * does it unless told not to), so sigma counts in standard deviations of a column.
 *
 * Defaults: sigmas [1, 0.5, 0.25]; hidden [64, 64] (SiLU); steps 600 optimiser steps for each energy (Adam, learning rate
 * 0.005 on a cosine to 0 after 50 warm-up steps); batchSize 256.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const detector = detectors.energyLadder({ hidden: [16], steps: 50 }) // few steps, for the example
 * const fitted = await ood.fit(detector, data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0, 1], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const energyLadder = defineSpec(
  'detector',
  'energyLadder',
  (z) => ({
    sigmas: z.array(z.number().positive()).min(1).default([1, 0.5, 0.25]),
    ...trainedFields(z),
  }),
  {
    summary: 'Energies trained by denoising score matching at several noise levels, averaged.',
    source: 'Vincent 2011; Mahmood et al. 2021, Multiscale Score Matching for Out-of-Distribution Detection',
  },
).options<EnergyLadderOptions>()

/** Options of `likelihood`. */
export interface LikelihoodOptions {
  /** The energy. */
  model: Energy
  /** log Z of the energy. */
  logZ: number
}

const likelihoodSpec = defineSpec('detector', 'likelihood', (z) => ({ model: modelField(z), logZ: z.number() }), {
  summary: '-log p(x) = E(x) + log Z.',
}).options<LikelihoodOptions>()
/**
 * -log p(x) = E(x) + logZ in nats: the same order as `energy`, on an absolute scale.
 *
 * ```js
 * import { detectors, Energy, energies, ood } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [0], precision: 1 }))
 * const detector = detectors.likelihood(model, { logZ: 0.5 * Math.log(2 * Math.PI) })
 * // -log p(0)
 * console.log((await ood.scores(detector, [[0]])).toArray()[0].toFixed(3)) // 0.919
 * ```
 */
export const likelihood = (model: Energy, options: { logZ: number }) => likelihoodSpec({ ...options, model })

const scoreNormSpec = defineSpec('detector', 'scoreNorm', (z) => ({ model: modelField(z) }), {
  summary: '|grad_x E(x)|.',
  source: 'Grathwohl et al. 2020, section 5.3 (approximate mass, with the opposite sign)',
}).options<ModelOptions>()
/**
 * |grad_x log p(x)| = |grad_x E(x)|.
 *
 * ```js
 * import { detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: 1 }))
 * const scores = await ood.scores(detectors.scoreNorm(model), [[0, 0], [3, 4]])
 * // higher = less like the model
 * console.log(scores.toArray()) // [ 0, 5 ]
 * ```
 */
export const scoreNorm = (model: Energy) => scoreNormSpec({ model })

/** Options of `logitEnergy`. */
export interface LogitEnergyOptions {
  /** The energy. */
  model: Energy
  /** Temperature T. Default 1. */
  temperature?: number | undefined
}

const logitEnergySpec = defineSpec(
  'detector',
  'logitEnergy',
  (z) => ({ model: modelField(z), temperature: z.number().positive().default(1) }),
  {
    summary: '-T logsumexp(f(x) / T) of a classifier.',
    source: 'Liu et al. 2020, Energy-based Out-of-distribution Detection, equation 4',
  },
).options<LogitEnergyOptions>()
/**
 * -T logsumexp(f(x) / T) of a classifier's logits f. Default T = 1.
 *
 * ```js
 * import { detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const scores = await ood.scores(detectors.logitEnergy(model, { temperature: 2 }), [[0, 0], [3, 4]])
 * console.log(scores.shape) // [ 2 ]
 * ```
 */
export const logitEnergy = (model: Energy, options: { temperature?: number } = {}) =>
  logitEnergySpec({ ...options, model })

const maxSoftmaxSpec = defineSpec('detector', 'maxSoftmax', (z) => ({ model: modelField(z) }), {
  summary: '1 - max softmax f(x) of a classifier.',
  source: 'Hendrycks and Gimpel 2017',
}).options<ModelOptions>()
/**
 * 1 - max_k softmax(f(x))_k, computed so that very confident rows keep their order.
 *
 * ```js
 * import { detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const scores = await ood.scores(detectors.maxSoftmax(model), [[0, 0], [3, 4]])
 * console.log(scores.shape) // [ 2 ]
 * ```
 */
export const maxSoftmax = (model: Energy) => maxSoftmaxSpec({ model })

const maxLogitSpec = defineSpec('detector', 'maxLogit', (z) => ({ model: modelField(z) }), {
  summary: '-max f(x) of a classifier.',
  source: 'Hendrycks et al. 2022, Scaling Out-of-Distribution Detection for Real-World Settings',
}).options<ModelOptions>()
/**
 * -max_k f(x)_k.
 *
 * ```js
 * import { detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const scores = await ood.scores(detectors.maxLogit(model), [[0, 0], [3, 4]])
 * console.log(scores.shape) // [ 2 ]
 * ```
 */
export const maxLogit = (model: Energy) => maxLogitSpec({ model })

/** Options of `mahalanobis`. */
export interface MahalanobisOptions {
  /** Training rows; they may be given to `ood.fit` instead. */
  rows?: RowsLike | Dataset | undefined
  /** Share of the covariance that is replaced by its mean variance. Default 0.001. */
  shrinkage?: number | undefined
}

/**
 * Squared Mahalanobis distance to the training rows, (x - m)' S^-1 (x - m), with the covariance C (divisor n) shrunk as
 * S = (1 - shrinkage) C + shrinkage tr(C) / d I (scikit-learn's ShrunkCovariance). Default shrinkage 0.001.
 * Errors when fitted: ERR_LANGEVIN_INVALID_OPTION when S is singular, naming the remedy.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const fitted = await ood.fit(detectors.mahalanobis({ shrinkage: 0.01 }), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0, 1], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const mahalanobis = defineSpec(
  'detector',
  'mahalanobis',
  (z) => ({ rows: rowsField(z), shrinkage: z.number().min(0).max(1).default(1e-3) }),
  { summary: 'Squared Mahalanobis distance to the training rows.', source: 'Mahalanobis 1936; Lee et al. 2018' },
).options<MahalanobisOptions>()

/** Options of `knn`. */
export interface KnnOptions {
  /** Training rows; they may be given to `ood.fit` instead. */
  rows?: RowsLike | Dataset | undefined
  /** Which neighbour. Default 5. */
  k?: number | undefined
  /** 'largest', the distance to the k-th, or 'mean' over the k nearest. Default 'largest'. */
  distance?: 'mean' | 'largest' | undefined
}

/**
 * Euclidean distance to the k-th nearest training row ('largest', default), or the mean over the k nearest ('mean').
 * Default k = 5. Columns of different units should be standardised first.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const fitted = await ood.fit(detectors.knn({ k: 3 }), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0, 1], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
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
).options<KnnOptions>()
