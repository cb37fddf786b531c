/** GNNSafe: logit energies diffused over the graph. */
import { defineSpec } from '../../spec/index.js'
import { NodeScore } from './node-score.js'

/** Options of `gnnSafe`. */
export interface GnnSafeOptions {
  /** Share of a node's own energy in a step, 0 to 1. Default 0.5. */
  alpha?: number | undefined
  /** Steps of the diffusion. Default 2. */
  steps?: number | undefined
  /** Temperature T. Default 1. */
  temperature?: number | undefined
}

const gnnSafeSpec = defineSpec(
  'nodeScore',
  'gnnSafe',
  (z) => ({
    alpha: z.number().min(0).max(1).default(0.5),
    steps: z.int().min(0).default(2),
    temperature: z.number().positive().default(1),
  }),
  {
    summary: 'The energy of the logits with edges, diffused over the graph.',
    source: 'Wu et al. 2023, Energy-based Out-of-Distribution Detection for Graph Neural Networks (GNNSafe)',
  },
).options<GnnSafeOptions>()
/**
 * The energy of a node's logits WITH edges, diffused: E <- alpha E + (1 - alpha) P E, `steps` times, P being the mean over the
 * nodes that have an edge to it, without itself; a node that has no such neighbour keeps its energy. Defaults alpha 0.5, steps 2,
 * temperature 1.
 *
 * ```js
 * import { graph } from 'langevin'
 * const edges = { edges: [[0, 1], [1, 0]] }
 * const outputs = { withEdges: { logits: [[0, 0], [4, 0]] } }
 * const fitted = await graph.gnnSafe().fit({ outputs })
 * const { uncertainty } = await fitted.score({ outputs, graph: edges })
 * // the energies -0.69 and -4.02 have met in the middle
 * console.log(uncertainty.toArray().map((e) => e.toFixed(2))) // [ '-2.36', '-2.36' ]
 * ```
 */
export const gnnSafe = (options?: GnnSafeOptions): NodeScore<'gnnSafe'> => new NodeScore(gnnSafeSpec(options))
