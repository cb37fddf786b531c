/** A logistic function of the score. */
import { defineSpec } from '../spec/index.js'

/**
 * Platt scaling: p = 1 / (1 + exp(a s + b)) by maximum likelihood, with targets a little off 0 and 1, which keep a and b finite.
 * Of two classes s is the difference of their logits; of more each class has its own a and b, one against all, and the
 * probabilities are normalised, so that the largest may be of another class than the largest logit.
 *
 * ```js
 * import { Calibrator, calibrators } from 'langevin'
 * const logits = [[4, 0], [4, 0], [4, 0], [0, 4], [0, 4], [0, 4]]
 * const calibrator = await Calibrator.fit(calibrators.platt(), logits, [0, 0, 1, 1, 1, 0])
 * const [[p]] = (await calibrator.probabilities(logits)).toArray()
 * console.log(p > 0.5 && p < 0.8) // true
 * ```
 */
export const platt = defineSpec('calibrator', 'platt', () => ({}), {
  summary: '1 / (1 + exp(a s + b)), one class against all.',
  source: 'Platt 1999, Probabilistic outputs for support vector machines.',
}).options()
