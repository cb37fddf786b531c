/** One temperature for all logits. */
import { defineSpec } from '../spec/index.js'

/**
 * Temperature scaling: p = softmax(f / T), with the T that makes mean -log p(y) of the given rows least. The order of the classes of
 * a row, and so the accuracy, stays. Errors when fitted: ERR_LANGEVIN_INVALID_OPTION where every row has its own class on top (then no T
 * is best).
 *
 * ```js
 * import { Calibrator, calibrators } from 'langevin'
 * const logits = [[4, 0], [4, 0], [4, 0], [0, 4]] // four rows, sure each time
 * const calibrator = await Calibrator.fit(calibrators.temperature(), logits, [0, 0, 1, 1]) // and wrong once
 * const [[p]] = (await calibrator.probabilities(logits)).toArray()
 * console.log(p.toFixed(2)) // 0.75
 * ```
 */
export const temperature = defineSpec('calibrator', 'temperature', () => ({}), {
  summary: 'softmax(f / T), T by maximum likelihood.',
  source: 'Guo, Pleiss, Sun and Weinberger 2017, section 4.2.',
}).options()
