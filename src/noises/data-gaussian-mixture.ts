/** A mixture of Gaussians fitted to the training rows. */
import { defineSpec } from '../spec/index.js'

/** Options of `dataGaussianMixture`. */
export interface DataGaussianMixtureOptions {
  /** Components of the mixture. Default 8. */
  components?: number | undefined
  /** Iterations of the fit. Default 50. */
  iterations?: number | undefined
  /** Factor of the standard deviations. Default 1. */
  scale?: number | undefined
  /** Share of the mean variance that is added to the covariance's diagonal. Default 0.001. */
  ridge?: number | undefined
}

/**
 * A mixture of `components` (default 8) Gaussians with full covariances, learned from the training rows (at most 20,000
 * of them) when training starts, by at most `iterations` (default 50) rounds of expectation maximisation from k-means++ starts;
 * the same rows always give the same mixture. The covariances are then multiplied by `scale`^2 (default 1). `ridge`
 * (default 1e-3), as a share of the mean variance of the columns, is added to their diagonals. A noise that lies close
 * to the data is what noise-contrastive objectives learn most from.
 *
 * ```js
 * import { data, energies, Energy, noises, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.noiseContrastive({ noise: noises.dataGaussianMixture({ components: 4 }) })
 * const { history } = await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const dataGaussianMixture = defineSpec(
  'noise',
  'dataGaussianMixture',
  (z) => ({
    components: z.int().positive().default(8),
    iterations: z.int().positive().default(50),
    scale: z.number().positive().default(1),
    ridge: z.number().positive().default(1e-3),
  }),
  {
    summary: 'A mixture of Gaussians learned from the data.',
    source: 'Dempster, Laird and Rubin 1977; starts: Arthur and Vassilvitskii 2007.',
  },
).options<DataGaussianMixtureOptions>()
