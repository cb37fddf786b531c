/** Answers of one network with dropout left on. */
import { defineSpec } from '../../spec/index.js'
import { type MeasureOptions, measureField } from './measure.js'
import { NodeScore } from './node-score.js'

const mcDropoutSpec = defineSpec('nodeScore', 'mcDropout', (z) => measureField(z), {
  summary: 'How much passes with dropout disagree on a node.',
  source: 'Gal and Ghahramani 2016, Dropout as a Bayesian Approximation',
}).options<MeasureOptions>()
/**
 * How much the answers of one network disagree when dropout stays on: `outputs.samples`, as `classifier.inferSamples(graph,
 * { samples: 50 })` gives them. Default measure 'mutualInformation'.
 *
 * ```js
 * import { graph } from 'langevin'
 * const outputs = { samples: [{ logits: [[2, 0], [9, 0]] }, { logits: [[0, 2], [9, 0]] }] }
 * const fitted = await graph.mcDropout().fit({ outputs })
 * const { uncertainty } = await fitted.score({ outputs })
 * // the answers disagree on the first node
 * console.log(uncertainty.toArray().map((i) => i.toFixed(3))) // [ '0.328', '0.000' ]
 * ```
 */
export const mcDropout = (options?: MeasureOptions): NodeScore<'mcDropout'> => new NodeScore(mcDropoutSpec(options))
