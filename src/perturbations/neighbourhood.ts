/** One column moves. */
import { defineSpec } from '../spec/index.js'

/**
 * One discrete column of a row, each as likely, moves to another of its levels, each as likely; once for y, again for x'. With bits
 * one is flipped. For any discrete columns, tokens too.
 *
 * Two flips change no parity: where all columns have two levels, rows with an even and with an odd number of ones are never compared,
 * and nothing is learned of how likely the one kind is beside the other. An energy without such a term (`ising`, `rbm`, convolutions) is
 * not troubled; for a free network take `bernoulli` or `absorbing`.
 *
 * ```js
 * import { Energy, energies, objectives, perturbations, train } from 'langevin'
 * const rows = [[1, 1, -1], [1, 1, 1], [-1, -1, 1], [-1, -1, -1]] // the first two spins agree
 * const model = await Energy.create(energies.ising({ sites: 3 }))
 * const objective = objectives.energyDiscrepancy({ perturbation: perturbations.neighbourhood() })
 * await train(model, rows, { objective, batchSize: 4, steps: 200 }).done
 * console.log((await model.parameters()).coupling.toArray()[0][1] > 0) // true
 * ```
 */
export const neighbourhood = defineSpec('perturbation', 'neighbourhood', () => ({}), {
  summary: 'One discrete column of a row moves to another level.',
  source: 'Schroeder et al. 2024, arXiv 2412.01019 (ED-Grid of binary images).',
}).options()
