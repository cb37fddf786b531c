/** Ratio matching of discrete variables. */
import { defineSpec } from '../spec/index.js'
import { type SitesOptions, sitesFields } from './fields.js'

/** Options of `ratioMatching`. */
export interface RatioMatchingOptions extends SitesOptions {}

/**
 * Ratio matching: how likely a row is beside each row x' that differs from it in one discrete variable,
 * loss = mean sum_x' 1 / (1 + exp(E(x') - E(x)))^2. Without log Z or samples; a row costs 1 + the sum of (levels - 1) evaluations. For bits
 * it is the published loss; for more levels the same of every pair of levels. Consistent where every state may occur. Terms lie between 0
 * and 1, so outliers count little; those of `minimumProbabilityFlow` grow as exponentials.
 *
 * `sites`: so many discrete variables are drawn at every step, and the sum is scaled to all; for rows of hundreds of columns (default:
 * all). In rows with real columns too it compares the discrete ones given the rest: p(discrete | real) is learned, the law of the real
 * columns is not.
 *
 * ```js
 * import { Energy, energies, objectives, train } from 'langevin'
 * const rows = [[1, 1, -1], [1, 1, 1], [-1, -1, 1], [-1, -1, -1]] // the first two spins agree
 * const model = await Energy.create(energies.ising({ sites: 3 }))
 * await train(model, rows, { objective: objectives.ratioMatching(), batchSize: 4, steps: 200 }).done
 * console.log((await model.parameters()).coupling.toArray()[0][1] > 0) // true
 * ```
 */
export const ratioMatching = defineSpec('objective', 'ratioMatching', sitesFields, {
  summary: 'Ratios of probability between rows that differ in one discrete variable.',
  source: 'Hyvarinen 2007.',
}).options<RatioMatchingOptions>()
