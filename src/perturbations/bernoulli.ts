/** Flipped bits. */
import { defineSpec } from '../spec/index.js'

/** Options of `bernoulli`. */
export interface BernoulliOptions {
  /** Probability that a bit is flipped, at most 0.5. */
  epsilon: number
}

/**
 * Every bit or spin is flipped with probability `epsilon`, once for y and again for x'. For binary and spin columns; the same as
 * `perturbations.uniform` with epsilon = (1 - e^-t) / 2. Usual: 0.1 for 32 bits, 0.005 for binary images of 784.
 *
 * ```js
 * import { Energy, energies, objectives, perturbations, train } from 'langevin'
 * const rows = [[1, 1, -1], [1, 1, 1], [-1, -1, 1], [-1, -1, -1]] // the first two spins agree
 * const model = await Energy.create(energies.ising({ sites: 3 }))
 * const objective = objectives.energyDiscrepancy({ perturbation: perturbations.bernoulli({ epsilon: 0.2 }) })
 * await train(model, rows, { objective, batchSize: 4, steps: 200 }).done
 * console.log((await model.parameters()).coupling.toArray()[0][1] > 0) // true
 * ```
 */
export const bernoulli = defineSpec('perturbation', 'bernoulli', (z) => ({ epsilon: z.number().positive().max(0.5) }), {
  summary: 'Bits and spins are flipped, each with probability epsilon.',
  source: 'Schroeder et al. 2023, arXiv 2307.07595.',
}).options<BernoulliOptions>()
