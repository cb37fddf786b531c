/** Minimum probability flow for discrete states. */
import { defineSpec } from '../spec/index.js'

/**
 * Minimum probability flow for energies of discrete states: loss = mean over rows x of the sum over all x' that differ from x
 * in one site of exp((E(x) - E(x')) / 2). Neither a sampler nor log Z is needed; a row costs 1 + sites * (levels - 1)
 * evaluations. Consistent where every state may occur; convex for `ising` and `potts`. Data on a small part of the states
 * leaves the energy of states two sites away from it free.
 */
export const minimumProbabilityFlow = defineSpec('objective', 'minimumProbabilityFlow', () => ({}), {
  summary: 'Minimum probability flow between states that differ in one site.',
  source: 'Sohl-Dickstein, Battaglino and DeWeese 2011.',
}).options()
