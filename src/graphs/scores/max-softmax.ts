/** The largest class probability of a network. */
import { defineSpec } from '../../spec/index.js'
import { NodeScore } from './node-score.js'

const maxSoftmaxSpec = defineSpec('nodeScore', 'maxSoftmax', () => ({}), {
  summary: '1 - max softmax of the logits of a node.',
  source: 'Hendrycks and Gimpel 2017',
}).options()
/**
 * 1 - max_c p_c, p being the softmax of a node's logits with edges, computed so that very confident nodes keep their order.
 *
 * ```js
 * import { graph } from 'langevin'
 * const outputs = { withEdges: { logits: [[0, 0], [4, 0]] } }
 * const fitted = await graph.maxSoftmax().fit({ outputs })
 * const { uncertainty } = await fitted.score({ outputs })
 * console.log(uncertainty.toArray().map((p) => p.toFixed(3))) // [ '0.500', '0.018' ]
 * ```
 */
export const maxSoftmax = (): NodeScore<'maxSoftmax'> => new NodeScore(maxSoftmaxSpec())
