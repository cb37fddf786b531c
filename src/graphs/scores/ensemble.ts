/** Answers of several networks. */
import { defineSpec } from '../../spec/index.js'
import { type MeasureOptions, measureField } from './measure.js'
import { NodeScore } from './node-score.js'

const ensembleSpec = defineSpec('nodeScore', 'ensemble', (z) => measureField(z), {
  summary: 'How much several trained networks disagree on a node.',
  source: 'Lakshminarayanan et al. 2017, Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles',
}).options<MeasureOptions>()
/**
 * How much networks disagree that were trained from different initial weights: `outputs.samples`, one of each, over the edges.
 * Default measure 'mutualInformation'.
 *
 * ```js
 * import { graph } from 'langevin'
 * const outputs = { samples: [{ logits: [[2, 0], [9, 0]] }, { logits: [[0, 2], [9, 0]] }] }
 * const fitted = await graph.ensemble().fit({ outputs })
 * const { uncertainty } = await fitted.score({ outputs })
 * // the answers disagree on the first node
 * console.log(uncertainty.toArray().map((i) => i.toFixed(3))) // [ '0.328', '0.000' ]
 * ```
 */
export const ensemble = (options?: MeasureOptions): NodeScore<'ensemble'> => new NodeScore(ensembleSpec(options))
