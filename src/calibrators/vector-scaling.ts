/** A weight and a bias for the logit of every class. */
import { defineSpec } from '../spec/index.js'

/**
 * Vector scaling: p = softmax(w_k f_k + b_k), with the 2 k numbers that make mean -log p(y) of the given rows least. Errors when fitted:
 * ERR_LANGEVIN_INVALID_OPTION where those rows can be told apart without a mistake (then no w is best).
 *
 * ```js
 * import { Calibrator, calibrators } from 'langevin'
 * const logits = [[4, 0], [3, 0], [2, 0], [0, 1], [0, 2], [0, 3]]
 * const calibrator = await Calibrator.fit(calibrators.vectorScaling(), logits, [0, 0, 1, 1, 0, 1])
 * const [[p]] = (await calibrator.probabilities(logits)).toArray()
 * console.log(p > 0.5 && p < 1) // true
 * ```
 */
export const vectorScaling = defineSpec('calibrator', 'vectorScaling', () => ({}), {
  summary: 'softmax(w_k f_k + b_k), w and b by maximum likelihood.',
  source: 'Guo, Pleiss, Sun and Weinberger 2017, section 4.2.',
}).options()
