/** A flow fitted to the training rows. */
import { defineSpec } from '../spec/index.js'

/** Options of `flow`. */
export interface FlowOptions {
  /** Layers of the flow. Default 30. */
  layers?: number | undefined
  /** Knots of the splines. Default 24. */
  knots?: number | undefined
  /** Widens the flow by this factor. Default 1. */
  scale?: number | undefined
}

/**
 * A flow that Gaussianises the data: whitened rows go through layers of a random rotation and a monotone spline in every
 * column that makes it normal; a draw is a normal row sent backwards, and its density is exact. The layers are fitted to
 * the training rows (at most 20,000 of them) when training starts, without gradients and always the same for the same rows.
 * A layer stays if it raises the density of a fifth of the rows, held out, by more than the standard error; at most `layers`
 * (default 30) stay, and ten rotations in a row without a gain end the fit. `knots` (default 24) is the number of knots of a
 * spline. `scale` (default 1) widens the law about its mean.
 *
 * It takes the shape of rings, clusters and curves where one Gaussian cannot; each layer costs one rotation and one
 * spline per column for every row (30 layers: about 4 ms for 256 rows of two columns, data and noise). Tails beyond the
 * outermost rows are those of a normal law or wider.
 *
 * ```js
 * import { data, energies, Energy, noises, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.noiseContrastive({ noise: noises.flow({ layers: 5 }) })
 * const { history } = await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const flow = defineSpec(
  'noise',
  'flow',
  (z) => ({
    layers: z.int().positive().default(30),
    knots: z.int().min(4).default(24),
    scale: z.number().positive().default(1),
  }),
  {
    summary: 'A Gaussianising flow fitted to the data, with its exact density.',
    source:
      'Laparra, Camps-Valls and Malo 2011, Iterative Gaussianization: from ICA to random rotations; splines: Gregory and Delbourgo 1982, Durkan et al. 2019.',
  },
).options<FlowOptions>()
