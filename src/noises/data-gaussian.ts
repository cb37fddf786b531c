/** A Gaussian fitted to the training rows. */
import { defineSpec } from '../spec/index.js'

/** Options of `dataGaussian`. */
export interface DataGaussianOptions {
  /** Factor of the standard deviations. Default 1. */
  scale?: number | undefined
  /** Share of the mean variance that is added to the covariance's diagonal. Default 1e-06. */
  ridge?: number | undefined
}

/**
 * A Gaussian fitted to the training rows when training starts: their mean, and their full covariance times `scale`^2
 * (default 1). `ridge` (default 1e-6), as a share of the mean variance, is added to the covariance's diagonal so that
 * collinear columns keep a density.
 *
 * ```js
 * import { data, energies, Energy, noises, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.noiseContrastive({ noise: noises.dataGaussian({ scale: 1.2 }) })
 * const { history } = await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const dataGaussian = defineSpec(
  'noise',
  'dataGaussian',
  (z) => ({ scale: z.number().positive().default(1), ridge: z.number().nonnegative().default(1e-6) }),
  { summary: "A Gaussian with the data's mean and full covariance." },
).options<DataGaussianOptions>()
