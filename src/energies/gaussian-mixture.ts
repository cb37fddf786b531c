/** The negative log density of a mixture of Gaussians. */
import { defineSpec } from '../spec/index.js'
import { checkSymmetric, symmetricField } from './fields.js'

/** Options of `gaussianMixture`. */
export interface GaussianMixtureOptions {
  /** Means of the components, [K, d]. */
  means: number[][]
  /** Weights of the components, scaled to sum 1. Default: equal. */
  weights?: number[] | undefined
  /** Standard deviation of round components: one number, or one for each. */
  sigmas?: number | number[] | undefined
  /** Precisions of the components: numbers, diagonals or symmetric matrices. */
  precisions?: (number | number[] | number[][])[] | undefined
  /** Covariances of the components: numbers, diagonals or symmetric matrices. */
  covariances?: (number | number[] | number[][])[] | undefined
}

/**
 * E(x) = -log sum_k w_k N(x; m_k, C_k), normalised (log Z = 0). `means`: K rows of d numbers. `weights`: K positive
 * numbers, scaled to sum 1 (default: equal). One of `sigmas` (one number or K: round components), `precisions` or
 * `covariances` (K entries, each a number, d numbers or a symmetric matrix).
 *
 * ```js
 * import { Energy, energies, partition } from 'langevin'
 * const model = await Energy.create(energies.gaussianMixture({ means: [[-2], [2]], sigmas: 0.5 }))
 * const { logZ } = await partition.grid(model, { low: -8, high: 8 }) // normalised: log Z = 0
 * console.log(Math.abs(logZ) < 1e-4) // true
 * ```
 */
export const gaussianMixture = defineSpec(
  'energy',
  'gaussianMixture',
  (z) => ({
    means: z.array(z.array(z.number()).min(1)).min(1),
    weights: z.array(z.number().positive()).optional(),
    sigmas: z.union([z.number().positive(), z.array(z.number().positive())]).optional(),
    precisions: z.array(symmetricField(z)).optional(),
    covariances: z.array(symmetricField(z)).optional(),
  }),
  {
    summary: 'The negative log density of a Gaussian mixture.',
    check(options, fail) {
      const k = options.means.length
      const d = options.means[0]!.length
      for (const [i, mean] of options.means.entries()) {
        if (mean.length !== d) fail(`means[${i}]`, `has ${mean.length} numbers, the first mean has ${d}`)
      }
      const given = (['sigmas', 'precisions', 'covariances'] as const).filter((key) => options[key] !== undefined)
      if (given.length !== 1) fail(given[1] ?? 'sigmas', 'give exactly one of sigmas, precisions, covariances')
      for (const key of ['weights', 'sigmas', 'precisions', 'covariances'] as const) {
        const list = options[key]
        if (Array.isArray(list) && list.length !== k)
          fail(key, `must have ${k} entries, one per mean, got ${list.length}`)
      }
      for (const key of ['precisions', 'covariances'] as const) {
        for (const [i, entry] of (options[key] ?? []).entries()) checkSymmetric(entry, d, `${key}[${i}]`, fail)
      }
    },
  },
).options<GaussianMixtureOptions>()
