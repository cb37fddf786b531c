/** Answers of one network over graphs that lack some edges. */
import { defineSpec } from '../../spec/index.js'
import { type MeasureOptions, measureField } from './measure.js'
import { NodeScore } from './node-score.js'

const dropEdgeSpec = defineSpec('nodeScore', 'dropEdge', (z) => measureField(z), {
  summary: 'How much passes over fewer edges disagree on a node.',
  source:
    'Rong et al. 2020, DropEdge; Hasanzadeh et al. 2020, Bayesian Graph Neural Networks with Adaptive Connection Sampling',
}).options<MeasureOptions>()
/**
 * How much the answers of one network disagree when edges are left out by chance: `outputs.samples`, as
 * `classifier.inferSamples(graph, { dropEdge: 0.5 })` gives them. Default measure 'mutualInformation'.
 *
 * ```js
 * import { graph } from 'langevin'
 * const outputs = { samples: [{ logits: [[2, 0], [9, 0]] }, { logits: [[0, 2], [9, 0]] }] }
 * const fitted = await graph.dropEdge().fit({ outputs })
 * const { uncertainty } = await fitted.score({ outputs })
 * // the answers disagree on the first node
 * console.log(uncertainty.toArray().map((i) => i.toFixed(3))) // [ '0.328', '0.000' ]
 * ```
 */
export const dropEdge = (options?: MeasureOptions): NodeScore<'dropEdge'> => new NodeScore(dropEdgeSpec(options))
