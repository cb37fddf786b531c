/** A rising function of the probability of each class. */
import { defineSpec } from '../spec/index.js'

/**
 * Isotonic regression: for each class, one against all, the rising function of its softmax probability that fits the labels of the
 * given rows best in squares; straight between its corners, flat beyond. The probabilities are normalised (a row of zeros becomes
 * uniform). Of two classes one function does. It needs more rows than the others: a thousand is the usual advice.
 *
 * ```js
 * import { Calibrator, calibrators } from 'langevin'
 * const logits = [[4, 0], [4, 0], [4, 0], [0, 4]]
 * const calibrator = await Calibrator.fit(calibrators.isotonic(), logits, [0, 0, 1, 1])
 * const [[p]] = (await calibrator.probabilities(logits)).toArray()
 * console.log(p.toFixed(2)) // 0.67
 * ```
 */
export const isotonic = defineSpec('calibrator', 'isotonic', () => ({}), {
  summary: 'A rising function of the probability of each class.',
  source: 'Zadrozny and Elkan 2002, Transforming classifier scores into accurate multiclass probability estimates.',
}).options()
