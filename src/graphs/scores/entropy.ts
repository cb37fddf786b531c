/** The entropy of a network's class probabilities. */
import { defineSpec } from '../../spec/index.js'
import { NodeScore } from './node-score.js'

const entropySpec = defineSpec('nodeScore', 'entropy', () => ({}), {
  summary: 'The entropy of the softmax of the logits of a node.',
  source: 'Shannon 1948',
}).options()
/**
 * -sum_c p_c log p_c in nats, p being the softmax of a node's logits with edges.
 *
 * ```js
 * import { graph } from 'langevin'
 * const outputs = { withEdges: { logits: [[0, 0], [4, 0]] } }
 * const fitted = await graph.entropy().fit({ outputs })
 * const { uncertainty } = await fitted.score({ outputs })
 * console.log(uncertainty.toArray().map((h) => h.toFixed(3))) // [ '0.693', '0.090' ]
 * ```
 */
export const entropy = (): NodeScore<'entropy'> => new NodeScore(entropySpec())
