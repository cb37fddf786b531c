/** A kernel density estimate of the training rows. */
import { columnsField, defineSpec } from '../spec/index.js'

/** Options of `kde`. */
export interface KdeOptions {
  /** Standard deviation of a kernel: a number, or one per column. Default: Scott's rule. */
  bandwidth?: number | number[] | undefined
  /** Factor of the bandwidth. Default 1. */
  scale?: number | undefined
  /** Data rows that are centres at most. Default 1000. */
  centres?: number | undefined
}

/**
 * Gaussian kernels on data rows: log p = logsumexp over the n centres of log N(x; x_i, h^2) - log n. `bandwidth`: h, one
 * number or one per column; left out, Scott's rule gives h = sd n^(-1 / (d + 4)) to every column. `scale` (default 1)
 * multiplies it. `centres` (default 1000): at most this many rows become centres; a density costs one distance to each.
 *
 * ```js
 * import { data, energies, Energy, noises, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.noiseContrastive({ noise: noises.kde({ scale: 2 }) })
 * const { history } = await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const kde = defineSpec(
  'noise',
  'kde',
  (z) => ({
    bandwidth: columnsField(z).optional(),
    scale: z.number().positive().default(1),
    centres: z.int().positive().default(1000),
  }),
  {
    summary: 'A kernel density estimate of the data.',
    source: 'Scott 1992 for the bandwidth.',
    check: ({ bandwidth }, fail) => {
      if (bandwidth !== undefined && [bandwidth].flat().some((h) => !(h > 0))) {
        fail('bandwidth', 'must be greater than 0')
      }
    },
  },
).options<KdeOptions>()
