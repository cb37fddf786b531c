/** Detectors that `ood.fit` trains or puts together: the score of one energy, and ensembles. `detectors.*` has them. */
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'
import { columnDensity, gaussianMixture, lof, type RowsOptions, rowsField } from './classical.js'
import { type TrainedOptions, trainedFields } from './trained.js'

/** Options of `denoisingScore`. */
export interface DenoisingScoreOptions extends RowsOptions, TrainedOptions {
  /** Noise level, in standard deviations of a column. Default 0.5. */
  sigma?: number | undefined
}

/**
 * |dE/dx| at the row, of one energy that `ood.fit` trains by denoising score matching at the noise level `sigma`: the energies of
 * `energyLadder`, E(x) = (x - m)' (S + sigma^2 I)^-1 (x - m) / 2 + MLP(x / sigma). sigma^2 times it is how far the row lies from its
 * denoised self. Columns are standardised (`ood.fit` does it unless told not to). Defaults: sigma 0.5, hidden [64, 64], steps
 * 600, batchSize 256.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const detector = detectors.denoisingScore({ hidden: [16], steps: 50 }) // few steps, for the example
 * const fitted = await ood.fit(detector, data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0, 1], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const denoisingScore = defineSpec(
  'detector',
  'denoisingScore',
  (z) => ({
    rows: rowsField(z),
    sigma: z.number().positive().default(0.5),
    ...trainedFields(z),
  }),
  {
    summary: 'The norm of the score of an energy trained by denoising score matching.',
    source: 'Vincent 2011; Mahmood et al. 2021, Multiscale Score Matching for Out-of-Distribution Detection',
  },
).options<DenoisingScoreOptions>()

/** Options of `ensemble`. */
export interface EnsembleOptions extends RowsOptions {
  /**
   * Detectors that are fitted to rows. Default: knn with k = 1, the mean distance of 5 neighbours, lof, a gaussianMixture of up to 15
   * components, columnDensity, denoisingScore.
   */
  members?: SpecValue<'detector'>[] | undefined
  /** How often all members are fitted, each time to other rows. Default 2. */
  rounds?: number | undefined
  /** Share of the rows that a round holds out, for the scale of its members. Default 0.2. */
  heldOut?: number | undefined
  /** Most rows that a round trains on; of more, so many are drawn. Default 10000. */
  limit?: number | undefined
}

/** Kinds whose energies come from elsewhere: maybe from the rows that a round holds out. */
const TRAINED = ['energy', 'averagedEnergy', 'likelihood', 'scoreNorm', 'logitEnergy', 'maxSoftmax', 'maxLogit']

/**
 * The mean of several detectors on one scale: (t(s) - m) / d, where t is the logarithm for distances and ratios (knn, lof, mahalanobis,
 * minimumCovarianceDeterminant, pca) and the identity for the others, m and d mean and standard deviation of t(s) on rows
 * that were held out. No label is used. Each of the `rounds` holds other rows out and fits all members to the rest, at most
 * `limit` of them, so time and memory are bounded. Columns are standardised (`ood.fit` does it unless told not to).
 * The detector of docs/anomaly.md. Defaults: rounds 2, heldOut 0.2, limit 10000, the members named above.
 * Errors when fitted: those of the members; ERR_LANGEVIN_INVALID_OPTION for too few rows.
 *
 * ```js
 * import { data, detectors, ood } from 'langevin'
 * const detector = detectors.ensemble({ members: [detectors.knn(), detectors.gaussianMixture()] })
 * const fitted = await ood.fit(detector, data.toys.moons({ n: 500, seed: 1 }))
 * const [near, far] = (await fitted.scores([[0, 1], [6, 6]])).toArray()
 * console.log(far > near) // true
 * ```
 */
export const ensemble = defineSpec(
  'detector',
  'ensemble',
  (z) => ({
    rows: rowsField(z),
    members: z.array(specOf(z, 'detector')).min(1).optional(),
    rounds: z.number().int().min(1).default(2),
    heldOut: z.number().gt(0).lt(1).default(0.2),
    limit: z.number().int().min(2).default(10_000),
  }),
  {
    summary: 'Several detectors on one scale, averaged.',
    source: 'Aggarwal and Sathe 2015, Theoretical Foundations and Algorithms for Outlier Ensembles',
    check: ({ members = [] }, fail) => {
      members.forEach(({ kind }, k) => {
        if (TRAINED.includes(kind) || kind === 'ensemble')
          fail(`members.${k}`, `'${kind}' cannot be a member; give detectors that are fitted to rows`)
      })
    },
  },
).options<EnsembleOptions>()

/** The members of an `ensemble` that names none. */
export const defaultMembers = (knn: (options: object) => SpecValue<'detector'>): SpecValue<'detector'>[] => [
  knn({ k: 1 }),
  knn({ k: 5, distance: 'mean' }),
  lof({ k: 20 }),
  gaussianMixture({ components: 15, iterations: 30, tolerance: 0.01 }),
  columnDensity(),
  denoisingScore(),
]
