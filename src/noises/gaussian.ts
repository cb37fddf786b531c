/** Gaussian noise with independent columns. */
import { columnsField, defineSpec } from '../spec/index.js'

/** Options of `gaussian`. */
export interface GaussianOptions {
  /** Mean: a number, or one per column. Default 0. */
  mean?: number | number[] | undefined
  /** Standard deviation: a number, or one per column. Default 1. */
  sd?: number | number[] | undefined
}

/**
 * Independent columns N(mean, sd^2). `mean` (default 0) and `sd` (default 1): one number for every column, or one per
 * column.
 *
 * ```js
 * import { data, energies, Energy, noises, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.noiseContrastive({ noise: noises.gaussian({ sd: 2 }) })
 * const { history } = await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const gaussian = defineSpec(
  'noise',
  'gaussian',
  (z) => ({ mean: columnsField(z).default(0), sd: columnsField(z).default(1) }),
  {
    summary: 'Gaussian noise with independent columns.',
    check: ({ sd }, fail) => {
      if ([sd].flat().some((s) => !(s > 0))) fail('sd', 'must be greater than 0')
    },
  },
).options<GaussianOptions>()
