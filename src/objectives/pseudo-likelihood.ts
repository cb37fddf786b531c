/** Pseudo-likelihood of discrete variables. */
import { defineSpec } from '../spec/index.js'
import { type SitesOptions, sitesFields } from './fields.js'

/** Options of `pseudoLikelihood`. */
export interface PseudoLikelihoodOptions extends SitesOptions {}

/**
 * Pseudo-likelihood: the probability of every discrete variable given the rest of its row,
 * loss = mean sum_s log(1 + sum_k exp(E(x) - E(x^(s -> k)))) over the other levels k of variable s. Exact, without log Z or samples; a row costs
 * 1 + the sum of (levels - 1) evaluations. Consistent where every state may occur; convex for `ising` and `potts`.
 *
 * `sites`: so many discrete variables are drawn at every step, and the sum is scaled to all; for rows of hundreds of columns (default:
 * all). In rows with real columns too it is that of the discrete ones given the rest: p(discrete | real) is learned, the law of the real
 * columns is not; for both take `energyDiscrepancy` with `perturbations.structured`.
 *
 * ```js
 * import { Energy, energies, objectives, train } from 'langevin'
 * const rows = [[1, 1, -1], [1, 1, 1], [-1, -1, 1], [-1, -1, -1]] // the first two spins agree
 * const model = await Energy.create(energies.ising({ sites: 3 }))
 * await train(model, rows, { objective: objectives.pseudoLikelihood(), batchSize: 4, steps: 200 }).done
 * console.log((await model.parameters()).coupling.toArray()[0][1] > 0) // true
 * ```
 */
export const pseudoLikelihood = defineSpec('objective', 'pseudoLikelihood', sitesFields, {
  summary: 'The probability of every discrete variable given the rest of its row.',
  source: 'Besag 1975.',
}).options<PseudoLikelihoodOptions>()
