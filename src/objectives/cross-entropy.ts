/** Cross-entropy of a classifier. */
import { defineSpec } from '../spec/index.js'

/**
 * Cross-entropy of the logits f(x) of a classifier energy: loss = mean (logsumexp f(x) - f(x)[y]), the negative
 * log p(y | x) under E(x, y) = -f(x)[y]. Labels y: whole numbers 0 ... classes - 1.
 *
 * ```js
 * import { data, Energy, energies, objectives, train } from 'langevin'
 * const x = data.toys.eightGaussians({ n: 800, seed: 1 }).toTensor()
 * const y = x.toArray().map(([first]) => (first > 0 ? 1 : 0))
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 2, hidden: [16] }), { seed: 1 })
 * const { history } = await train(model, { x, y }, { objective: objectives.crossEntropy(), steps: 200 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const crossEntropy = defineSpec('objective', 'crossEntropy', () => ({}), {
  summary: 'Cross-entropy of the logits.',
  source: 'Grathwohl et al. 2020, eq. 1.',
}).options()
