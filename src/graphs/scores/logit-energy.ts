/** The energy of a network's logits. */
import { defineSpec } from '../../spec/index.js'
import { NodeScore } from './node-score.js'

/** Options of `logitEnergy` of nodes. */
export interface NodeLogitEnergyOptions {
  /** Of `outputs.withEdges` (true) or `outputs.withoutEdges` (false). Default true. */
  edges?: boolean | undefined
  /** Temperature T. Default 1. */
  temperature?: number | undefined
}

const logitEnergySpec = defineSpec(
  'nodeScore',
  'logitEnergy',
  (z) => ({ edges: z.boolean().default(true), temperature: z.number().positive().default(1) }),
  {
    summary: '-T logsumexp(l / T) of the logits of a node.',
    source: 'Liu et al. 2020, Energy-based Out-of-distribution Detection, equation 4',
  },
).options<NodeLogitEnergyOptions>()
/**
 * -T log sum_c exp(l_c / T) of a node's logits, computed with edges (default) or without.
 *
 * ```js
 * import { graph } from 'langevin'
 * const outputs = { withEdges: { logits: [[0, 0], [4, 0]] } }
 * const fitted = await graph.logitEnergy().fit({ outputs })
 * const { uncertainty } = await fitted.score({ outputs })
 * console.log(uncertainty.toArray().map((e) => e.toFixed(2))) // [ '-0.69', '-4.02' ]
 * ```
 */
export const logitEnergy = (options?: NodeLogitEnergyOptions): NodeScore<'logitEnergy'> =>
  new NodeScore(logitEnergySpec(options))
