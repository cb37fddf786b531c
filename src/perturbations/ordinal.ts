/** A random walk on a path of levels. */
import { defineSpec } from '../spec/index.js'
import { checkWalk, type WalkOptions, walkFields } from './fields.js'

/** Options of `ordinal`. */
export interface OrdinalOptions extends WalkOptions {}

/**
 * Discrete columns walk on the path of their levels 0 ... K - 1: rate 1 to each neighbour, reflected at both ends. For ordinal
 * columns; categorical ones are taken in the order of their levels.
 *
 * `t`: the time; or `tBase`, which gives every column the time tBase K^2: the width of the kernel is then the same share of the range
 * for any number of levels, sqrt(2 tBase). 0.005 is a tenth of it. Law by the cosines of the DCT, at most 1,048,576 levels.
 *
 * ```js
 * import { Energy, energies, objectives, perturbations, train } from 'langevin'
 * const ratings = [4, 4, 3, 4, 3, 2, 4, 3].map((rating) => [rating])
 * const states = [{ kind: 'ordinal', levels: 5 }]
 * const model = await Energy.create(energies.mlp({ input: 1, hidden: [16], states }), { seed: 1 })
 * const objective = objectives.energyDiscrepancy({ perturbation: perturbations.ordinal({ t: 1 }) })
 * await train(model, ratings, { objective, batchSize: 8, steps: 300 }).done
 * const [good, bad] = (await model.energy([[4], [0]])).toArray()
 * console.log(good < bad) // true
 * ```
 */
export const ordinal = defineSpec('perturbation', 'ordinal', walkFields, {
  summary: 'Discrete columns walk on the path of their levels, reflected at its ends.',
  source: 'Schroeder et al. 2024, arXiv 2412.01019.',
  check: checkWalk,
}).options<OrdinalOptions>()
