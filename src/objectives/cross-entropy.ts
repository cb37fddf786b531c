/** Cross-entropy of a classifier. */
import { defineSpec } from '../spec/index.js'

/**
 * Cross-entropy of the logits f(x) of a classifier energy: loss = mean (logsumexp f(x) - f(x)[y]), the negative
 * log p(y | x) under E(x, y) = -f(x)[y]. Labels y: whole numbers 0 ... classes - 1.
 */
export const crossEntropy = defineSpec('objective', 'crossEntropy', () => ({}), {
  summary: 'Cross-entropy of the logits.',
  source: 'Grathwohl et al. 2020, eq. 1.',
}).options()
