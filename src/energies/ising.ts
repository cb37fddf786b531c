/** Ising models and Boltzmann machines: pairs of binary variables that interact. */
import { defineSpec } from '../spec/index.js'
import { checkInteractions, type InteractionOptions, interactionFields } from './fields.js'

/** Options of `ising`. */
export interface IsingOptions extends InteractionOptions {
  /** 'spin' (-1, +1) or 'binary' (0, 1). Default 'spin'. */
  states?: 'binary' | 'spin' | undefined
}

/**
 * E(x) = -sum_{i < j} J_ij x_i x_j - sum_i h_i x_i over spins -1, +1 (`states: 'spin'`, the default) or over 0, 1 (`'binary'`:
 * a Boltzmann machine without hidden units). A positive J_ij favours equal neighbours. The temperature is 1.
 *
 * `sites`: how many, all pairs interact; or `lattice`: lengths of the axes, e.g. [16, 16], nearest neighbours interact,
 * across the borders too unless `periodic: false`. Parameters, both learned: "coupling" [n, n], whose symmetric part
 * without the diagonal and without pairs that are not neighbours is J, and "field" h [n]. `coupling`: their start, a
 * number for every interacting pair or a symmetric matrix (default 0); `field`: a number or n numbers (default 0).
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.ising({ lattice: [2, 2], periodic: false, coupling: 1 }))
 * // four pairs of neighbours
 * console.log((await model.energy([[1, 1, 1, 1], [1, -1, -1, 1]])).toArray()) // [ -4, 4 ]
 * ```
 */
export const ising = defineSpec(
  'energy',
  'ising',
  (z) => ({ ...interactionFields(z), states: z.enum(['spin', 'binary']).default('spin') }),
  {
    summary: 'Pairwise interacting spins, on a lattice or all with all, with learnable couplings.',
    source: 'Ising 1925; Ackley, Hinton and Sejnowski 1985 (the binary form, learned).',
    check(options, fail) {
      const sites = checkInteractions(options, 1, fail)
      if (typeof options.field !== 'number' && options.field.length !== sites) {
        fail('field', `must be a number or ${sites} numbers, got ${options.field.length}`)
      }
    },
  },
).options<IsingOptions>()
