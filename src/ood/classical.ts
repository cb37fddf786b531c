/** Classical detectors that are fitted to rows: neighbours, tails, trees, components, mixtures. `detectors.*` has them. */
import type { Dataset } from '../data/dataset.js'
import { defineSpec, type Z } from '../spec/index.js'
import type { RowsLike } from '../tensor/index.js'

/** Training rows may be given here, or to `ood.fit`. */
export const rowsField = (z: Z) =>
  z
    .custom<RowsLike | Dataset>((value) => typeof value === 'object' && value !== null, {
      message: 'expected rows: a Tensor, nested arrays, { data, shape }, or a Dataset',
    })
    .optional()

/** Options of detectors that are fitted to rows. */
export interface RowsOptions {
  /** Training rows; they may be given to `ood.fit` instead. */
  rows?: RowsLike | Dataset | undefined
}

/** Options of `diffusionTime`. */
export interface DiffusionTimeOptions extends RowsOptions {
  /** How many neighbours. Default 5. */
  k?: number | undefined
  /** Steps of the diffusion. Default 300. */
  steps?: number | undefined
}

/**
 * DTE-NP: the step t of a diffusion that most likely led from the training rows to x, argmax_t -d/2 log v_t - m / (2 v_t), with m
 * the mean squared distance to the k nearest training rows and v_t the variance of the noise after step t of `steps`, whose
 * beta runs from 0.0001 to 0.01 in equal steps. Whole numbers from 0 to steps - 1, so many rows tie; otherwise the order is that
 * of m. Columns should be standardised. Default k = 5, steps = 300 (as published).
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const fitted = await ood.fit(detectors.diffusionTime(), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0, 1], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const diffusionTime = defineSpec(
  'detector',
  'diffusionTime',
  (z) => ({
    rows: rowsField(z),
    k: z.number().int().min(1).default(5),
    steps: z.number().int().min(1).default(300),
  }),
  {
    summary: 'DTE-NP: which step of a diffusion explains the distance to the nearest rows.',
    source: 'Livernoche et al. 2024, On Diffusion Modeling for Anomaly Detection, section 4.1 and published code',
  },
).options<DiffusionTimeOptions>()

/** Options of `lof`. */
export interface LofOptions extends RowsOptions {
  /** How many neighbours. Default 20. */
  k?: number | undefined
}

/**
 * Local outlier factor of a row that is none of the training rows: the mean density of its k nearest training rows over its own,
 * where a density is 1 / mean reachability distance (scikit-learn's LocalOutlierFactor with novelty=True). About 1 inside,
 * larger outside. Default k = 20. Fitting compares all pairs of training rows.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const fitted = await ood.fit(detectors.lof({ k: 10 }), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0, 1], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const lof = defineSpec(
  'detector',
  'lof',
  (z) => ({ rows: rowsField(z), k: z.number().int().min(1).default(20) }),
  { summary: 'Local outlier factor.', source: 'Breunig et al. 2000, LOF: Identifying Density-Based Local Outliers' },
).options<LofOptions>()

/**
 * Sum over the columns of the larger of two tails, -log share of training rows at most x_j and at least x_j (x itself counted among
 * them). Columns count one by one, so no unit matters, and no dependence between columns is seen.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const fitted = await ood.fit(detectors.ecod(), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0.5, 0.25], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const ecod = defineSpec('detector', 'ecod', (z) => ({ rows: rowsField(z) }), {
  summary: 'Empirical tails of the columns.',
  source: 'Li et al. 2022, ECOD: Unsupervised Outlier Detection Using Empirical Cumulative Distribution Functions',
}).options<RowsOptions>()

/**
 * As `ecod`, with max(s_j, (l_j + u_j) / 2) for each column: l_j and u_j are the two tails, s_j the one the skewness of the column
 * points to.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const fitted = await ood.fit(detectors.copod(), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0.5, 0.25], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const copod = defineSpec('detector', 'copod', (z) => ({ rows: rowsField(z) }), {
  summary: 'Tails of the empirical copula.',
  source: 'Li et al. 2020, COPOD: Copula-Based Outlier Detection',
}).options<RowsOptions>()

/** Options of `isolationForest`. */
export interface IsolationForestOptions extends RowsOptions {
  /** How many trees. Default 100. */
  trees?: number | undefined
  /** Rows of a tree. Default 256, or all where there are fewer. */
  subsample?: number | undefined
  /** Fixes the trees. Default 0. */
  seed?: number | undefined
}

/**
 * Isolation forest: 2^(-h / c), h the mean depth at which random cuts of random columns set the row apart, c the depth expected of a
 * random tree of `subsample` rows. Between 0 and 1, about 0.5 for ordinary rows. Defaults: trees 100, subsample 256.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const fitted = await ood.fit(detectors.isolationForest({ seed: 1 }), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0, 1], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const isolationForest = defineSpec(
  'detector',
  'isolationForest',
  (z) => ({
    rows: rowsField(z),
    trees: z.number().int().min(1).default(100),
    subsample: z.number().int().min(2).default(256),
    seed: z.number().int().min(0).default(0),
  }),
  { summary: 'Isolation forest.', source: 'Liu, Ting and Zhou 2008, Isolation Forest' },
).options<IsolationForestOptions>()

/** Options of `pca`. */
export interface PcaOptions extends RowsOptions {
  /** Share of the variance that the leading components hold. Default 0.9. */
  variance?: number | undefined
}

/**
 * Squared distance to the subspace of the leading principal components, the fewest that hold at least the share `variance` of the
 * variance of the training rows. Default 0.9.
 * Errors when fitted: ERR_LANGEVIN_INVALID_OPTION when the leading components are all there are.
 *
 * ```js
 * import { detectors, ood } from 'langevin'
 * const rows = Array.from({ length: 50 }, (_, i) => [i, i + Math.sin(i)])
 * const fitted = await ood.fit(detectors.pca(), rows)
 * const [near, far] = (await fitted.scores([[80, 80], [20, 30]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const pca = defineSpec(
  'detector',
  'pca',
  (z) => ({ rows: rowsField(z), variance: z.number().min(0).max(1).default(0.9) }),
  {
    summary: 'Squared distance to the leading principal components.',
    source: 'Shyu et al. 2003, A Novel Anomaly Detection Scheme Based on Principal Component Classifier',
  },
).options<PcaOptions>()

/** Options of the detector `gaussianMixture`. */
export interface MixtureDetectorOptions extends RowsOptions {
  /** How many Gaussians. Default 5. */
  components?: number | undefined
  /** Added to the diagonal of each covariance, squared units of the columns. Default 0.03. */
  ridge?: number | undefined
  /** Steps of expectation maximisation at most. Default 100. */
  iterations?: number | undefined
  /** Gain of the mean log-likelihood, in nats a row, below which it stops. Default 0.001. */
  tolerance?: number | undefined
  /** Fixes where it begins. Default 0. */
  seed?: number | undefined
}

/**
 * -log p(x) in nats of a mixture of Gaussians with full covariances, fitted by expectation maximisation from k-means++ centres.
 * Columns should be standardised, as the ridge counts in their squared units. Defaults: components 5, ridge 0.03, iterations
 * 100, tolerance 0.001.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const fitted = await ood.fit(detectors.gaussianMixture({ components: 3 }), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0, 1], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const gaussianMixture = defineSpec(
  'detector',
  'gaussianMixture',
  (z) => ({
    rows: rowsField(z),
    components: z.number().int().min(1).default(5),
    ridge: z.number().min(0).default(0.03),
    iterations: z.number().int().min(1).default(100),
    tolerance: z.number().min(0).default(1e-3),
    seed: z.number().int().min(0).default(0),
  }),
  {
    summary: '-log p(x) of a mixture of Gaussians.',
    source: 'Dempster, Laird and Rubin 1977; Bishop 2006, section 9.2',
  },
).options<MixtureDetectorOptions>()

/** Options of `oneClassSvm`. */
export interface OneClassSvmOptions extends RowsOptions {
  /** Upper bound of the share of training rows outside, lower bound of the share of support vectors. Default 0.5. */
  nu?: number | undefined
  /** Of the kernel exp(-gamma |x - y|^2), per squared unit of the columns. Default 1 / columns. */
  gamma?: number | undefined
  /** Most rows it is fitted to; of more, so many are drawn. The kernel of all pairs is held in memory. Default 2000. */
  limit?: number | undefined
  /** How far a condition of the optimum may be missed, as scikit-learn counts it. Default 1e-6. */
  tolerance?: number | undefined
  /** Fixes which rows are drawn. Default 0. */
  seed?: number | undefined
}

/**
 * One-class support vector machine with a Gaussian kernel: rho - sum_i a_i exp(-gamma |x_i - x|^2); above 0 outside. In units of
 * 1 / (nu n) of scikit-learn's OneClassSVM, of opposite sign. Columns should be standardised. Defaults: nu 0.5, gamma
 * 1 / columns, limit 2000 rows.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const fitted = await ood.fit(detectors.oneClassSvm({ nu: 0.1, gamma: 4 }), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0, 1], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const oneClassSvm = defineSpec(
  'detector',
  'oneClassSvm',
  (z) => ({
    rows: rowsField(z),
    nu: z.number().positive().max(1).default(0.5),
    gamma: z.number().positive().optional(),
    limit: z.number().int().min(2).default(2000),
    tolerance: z.number().positive().default(1e-6),
    seed: z.number().int().min(0).default(0),
  }),
  {
    summary: 'One-class support vector machine.',
    source: 'Schoelkopf et al. 2001, Estimating the Support of a High-Dimensional Distribution',
  },
).options<OneClassSvmOptions>()

/** Options of `minimumCovarianceDeterminant`. */
export interface RobustOptions extends RowsOptions {
  /** Share of each covariance that is replaced by its mean variance. Default 0.001. */
  shrinkage?: number | undefined
  /** Fixes the random starts. Default 0. */
  seed?: number | undefined
}

/**
 * Squared Mahalanobis distance by the mean and covariance of the half of the training rows that lies closest together (FastMCD with the
 * consistency correction and one step of reweighting, as scikit-learn's MinCovDet): up to half of the rows may be anomalies.
 * Default shrinkage 0.001.
 * Errors when fitted: ERR_LANGEVIN_INVALID_OPTION when that half has a singular covariance.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const fitted = await ood.fit(detectors.minimumCovarianceDeterminant(), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0.5, 0.25], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const minimumCovarianceDeterminant = defineSpec(
  'detector',
  'minimumCovarianceDeterminant',
  (z) => ({
    rows: rowsField(z),
    shrinkage: z.number().min(0).max(1).default(1e-3),
    seed: z.number().int().min(0).default(0),
  }),
  {
    summary: 'Mahalanobis distance by the closest half of the training rows.',
    source: 'Rousseeuw and Van Driessen 1999, A Fast Algorithm for the Minimum Covariance Determinant Estimator',
  },
).options<RobustOptions>()

/** Options of `columnDensity`. */
export interface ColumnDensityOptions extends RowsOptions {
  /** Bins of a column. Default 200. */
  bins?: number | undefined
}

/**
 * -sum_j log p_j(x_j): the energy of columns taken as independent. p_j is a histogram of the column, smoothed by a Gaussian of a tenth of
 * its standard deviation and mixed with 2 % of the uniform density; beyond the training values -log p_j rises by 1 for each
 * standard deviation. Sees gaps inside a column, which `ecod` does not, and no dependence between columns. Default bins 200.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const fitted = await ood.fit(detectors.columnDensity(), data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0, 1], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const columnDensity = defineSpec(
  'detector',
  'columnDensity',
  (z) => ({ rows: rowsField(z), bins: z.number().int().min(2).default(200) }),
  {
    summary: 'The sum of -log densities of the columns.',
    source: 'Goldstein and Dengel 2012, Histogram-Based Outlier Score (HBOS), here with smoothed bins',
  },
).options<ColumnDensityOptions>()
