/** A mixture of Gaussians with given parameters. */
import { checkSymmetric, symmetricField } from '../energies/fields.js'
import { defineSpec } from '../spec/index.js'

/** Options of `gaussianMixture`. */
export interface GaussianMixtureOptions {
  /** Means of the components, [K, d]. */
  means: number[][]
  /** Weights of the components, scaled to sum 1. Default: equal. */
  weights?: number[] | undefined
  /** Standard deviation of round components: one number, or one for each. */
  sigmas?: number | number[] | undefined
  /** Covariances of the components: numbers, diagonals or symmetric matrices. */
  covariances?: (number | number[] | number[][])[] | undefined
}

/**
 * A given mixture of Gaussians: `means` [k][d]; `weights` (default: all equal; any positive numbers); either `sigmas`,
 * one number or one per component, for round ones, or `covariances`, one per component: a number, d numbers, or d rows.
 *
 * ```js
 * import { data, energies, Energy, noises, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const noise = noises.gaussianMixture({ means: [[0, 1], [1, -0.5]], sigmas: 1 })
 * const objective = objectives.noiseContrastive({ noise })
 * const { history } = await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const gaussianMixture = defineSpec(
  'noise',
  'gaussianMixture',
  (z) => ({
    means: z.array(z.array(z.number()).min(1)).min(1),
    weights: z.array(z.number().positive()).optional(),
    sigmas: z.union([z.number().positive(), z.array(z.number().positive()).min(1)]).optional(),
    covariances: z.array(symmetricField(z)).optional(),
  }),
  {
    summary: 'A given mixture of Gaussians.',
    check: ({ means, weights, sigmas, covariances }, fail) => {
      const k = means.length
      const d = means[0]!.length
      for (const [i, mean] of means.entries()) {
        if (mean.length !== d) fail(`means[${i}]`, `has ${mean.length} numbers, the first mean has ${d}`)
      }
      if (weights !== undefined && weights.length !== k) fail('weights', `must have ${k} entries, one per mean`)
      if ((sigmas === undefined) === (covariances === undefined)) fail('sigmas', 'give either sigmas or covariances')
      if (Array.isArray(sigmas) && sigmas.length !== k) fail('sigmas', `must be one number or ${k}, one per mean`)
      if (covariances !== undefined && covariances.length !== k) {
        fail('covariances', `must have ${k} entries, one per mean`)
      }
      for (const [i, covariance] of (covariances ?? []).entries()) {
        checkSymmetric(covariance, d, `covariances[${i}]`, fail)
      }
    },
  },
).options<GaussianMixtureOptions>()
