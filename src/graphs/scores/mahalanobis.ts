/** The Mahalanobis distance of a node's embedding. */
import { defineSpec } from '../../spec/index.js'
import { NodeScore } from './node-score.js'

/** Options of `mahalanobis` of nodes. */
export interface NodeMahalanobisOptions {
  /** Form of the covariance. Default 'full'. */
  covariance?: 'diagonal' | 'full' | 'isotropic' | 'identity' | undefined
}

const mahalanobisSpec = defineSpec(
  'nodeScore',
  'mahalanobis',
  (z) => ({ covariance: z.enum(['diagonal', 'full', 'isotropic', 'identity']).default('full') }),
  {
    summary: 'Squared Mahalanobis distance of the embedding to the nearest class.',
    source: 'Lee et al. 2018, A Simple Unified Framework for Detecting Out-of-Distribution Samples',
  },
).options<NodeMahalanobisOptions>()
/**
 * min_c (h - m_c)' S^-1 (h - m_c) of a node's embedding h with edges: m_c the mean of the training nodes of class c, S their
 * covariance around these means (divisor n), with 1e-8, 1e-7, ... added to its diagonal until every eigenvalue exceeds 1e-6.
 * Default covariance 'full'.
 *
 * ```js
 * import { graph } from 'langevin'
 * const outputs = { withEdges: { logits: [[1, 0], [1, 0], [0, 1], [0, 1]], embeddings: [[0], [2], [5], [7]] } }
 * const fitted = await graph.mahalanobis().fit({ outputs, labels: [0, 0, 1, 1], train: [0, 1, 2, 3] })
 * const { uncertainty } = await fitted.score({ outputs })
 * // one standard deviation from the means 1 and 6
 * console.log(uncertainty.toArray()) // [ 1, 1, 1, 1 ]
 * ```
 */
export const mahalanobis = (options?: NodeMahalanobisOptions): NodeScore<'mahalanobis'> =>
  new NodeScore(mahalanobisSpec(options))
