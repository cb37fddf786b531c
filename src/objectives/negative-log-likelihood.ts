/** Negative log-likelihood of energies that are normalised. */
import { defineSpec } from '../spec/index.js'

/**
 * Negative log-likelihood of energies that are normalised by construction (mixtureDensity: -log p(y | x)):
 * loss = mean E. Unnormalised energies are refused with ERR_LANGEVIN_UNSUPPORTED: their mean has no minimum.
 *
 * ```js
 * import { Energy, energies, objectives, train } from 'langevin'
 * const rows = Array.from({ length: 200 }, (_, i) => [i / 100 - 1, Math.sin(i)]) // (x, y)
 * const model = await Energy.create(energies.mixtureDensity({ input: 1, hidden: [16] }), { seed: 1 })
 * const { history } = await train(model, rows, { objective: objectives.negativeLogLikelihood(), steps: 300 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const negativeLogLikelihood = defineSpec('objective', 'negativeLogLikelihood', () => ({}), {
  summary: 'Negative log-likelihood of normalised energies.',
  source: 'Bishop 1994 for mixture density networks.',
}).options()
