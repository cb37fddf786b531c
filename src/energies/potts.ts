/** Potts models: pairs of categorical variables that interact. */
import { defineSpec } from '../spec/index.js'
import { checkInteractions, type InteractionOptions, interactionFields } from './fields.js'

/** Options of `potts`. */
export interface PottsOptions extends InteractionOptions {
  /** Levels of a site, at least 2. */
  levels: number
}

/**
 * E = -sum_{i < j} J_ij[a_i][a_j] - sum_i h_i[a_i] for sites with a level a_i in 0 .. `levels` - 1 each. x holds the levels as
 * one-hot blocks: [n, sites * levels], so that E(x) = -x' J x / 2 - h' x. The temperature is 1.
 *
 * `sites` or `lattice`, `periodic`: as for `ising`. Parameters, both learned: "coupling" [d, d] with d = sites *
 * levels, whose symmetric part without blocks of one site and of pairs that are not neighbours is J, and "field" h [d].
 * `coupling`: their start, a number J (J for equal neighbours, 0 for unequal ones: the standard Potts model) or a
 * symmetric matrix (default 0); `field`: a number, `levels` numbers for every site, or d numbers (default 0).
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.potts({ sites: 2, levels: 3, coupling: 1 }))
 * // equal levels, unequal levels
 * console.log((await model.energy([[1, 0, 0, 1, 0, 0], [1, 0, 0, 0, 1, 0]])).toArray()) // [ -1, 0 ]
 * ```
 */
export const potts = defineSpec('energy', 'potts', (z) => ({ ...interactionFields(z), levels: z.int().min(2) }), {
  summary: 'Pairwise interacting categorical sites, on a lattice or all with all, with learnable couplings.',
  source: 'Potts 1952; Wu 1982.',
  check(options, fail) {
    const columns = checkInteractions(options, options.levels, fail) * options.levels
    const { field } = options
    if (typeof field !== 'number' && field.length !== columns && field.length !== options.levels) {
      fail('field', `must be a number, ${options.levels} or ${columns} numbers, got ${field.length}`)
    }
  },
}).options<PottsOptions>()
