/** A random walk on a ring of levels. */
import { defineSpec } from '../spec/index.js'
import { checkWalk, type WalkOptions, walkFields } from './fields.js'

/** Options of `cyclic`. */
export interface CyclicOptions extends WalkOptions {}

/**
 * Discrete columns walk on the ring of their levels 0 ... K - 1: rate 1 to each of the two neighbours, K - 1 being next to 0. With
 * two levels both neighbours are the same one. For cyclic columns; categorical ones are taken in the order of their levels.
 *
 * `t`: the time; or `tBase`, which gives every column the time tBase K^2: the width of the kernel is then the same share of the ring
 * for any number of levels, sqrt(2 tBase). 0.005 is a tenth of it. Law by a fast Fourier transform, at most 1,048,576 levels.
 *
 * ```js
 * import { Energy, energies, objectives, perturbations, train } from 'langevin'
 * const hours = [22, 23, 0, 1, 2, 23, 0, 1].map((hour) => [hour]) // around midnight
 * const states = [{ kind: 'cyclic', levels: 24 }]
 * const model = await Energy.create(energies.mlp({ input: 1, inputScale: 0.1, hidden: [32], states }), { seed: 1 })
 * const objective = objectives.energyDiscrepancy({ perturbation: perturbations.cyclic({ tBase: 0.02 }) })
 * await train(model, hours, { objective, batchSize: 8, steps: 500 }).done
 * const [night, noon] = (await model.energy([[0], [12]])).toArray()
 * console.log(night < noon) // true
 * ```
 */
export const cyclic = defineSpec('perturbation', 'cyclic', walkFields, {
  summary: 'Discrete columns walk on the ring of their levels.',
  source: 'Schroeder et al. 2024, arXiv 2412.01019.',
  check: checkWalk,
}).options<CyclicOptions>()
