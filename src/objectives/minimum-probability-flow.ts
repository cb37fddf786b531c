/** Minimum probability flow for discrete states. */
import { defineSpec } from '../spec/index.js'

/**
 * Minimum probability flow for energies of discrete states: loss = mean over rows x of the sum over all x' that differ from x
 * in one site of exp((E(x) - E(x')) / 2). Neither a sampler nor log Z is needed; a row costs 1 + sites * (levels - 1)
 * evaluations. Consistent where every state may occur; convex for `ising` and `potts`. Data on a small part of the states
 * leaves the energy of states two sites away from it free.
 *
 * ```js
 * import { Energy, energies, objectives, train } from 'langevin'
 * const rows = [[1, 1, -1], [1, 1, 1], [-1, -1, 1], [-1, -1, -1]] // the first two spins agree
 * const model = await Energy.create(energies.ising({ sites: 3 }))
 * await train(model, rows, { objective: objectives.minimumProbabilityFlow(), batchSize: 4, steps: 200 }).done
 * console.log((await model.parameters()).coupling.toArray()[0][1] > 0) // true
 * ```
 */
export const minimumProbabilityFlow = defineSpec('objective', 'minimumProbabilityFlow', () => ({}), {
  summary: 'Minimum probability flow between states that differ in one site.',
  source: 'Sohl-Dickstein, Battaglino and DeWeese 2011.',
}).options()
