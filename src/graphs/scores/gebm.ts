/** GEBM: energy-based epistemic uncertainty of nodes. */
import { defineSpec } from '../../spec/index.js'
import { NodeScore } from './node-score.js'

/** Options of `gebm`. */
export interface GebmOptions {
  /** Form of the covariances. Default 'diagonal'. */
  covariance?: 'diagonal' | 'full' | 'isotropic' | 'identity' | undefined
  /** One covariance for all classes, of all training embeddings around their common mean. Default false. */
  tied?: boolean | undefined
  /** Weight of the Gaussian term. Default 1. */
  gamma?: number | undefined
  /** Share of a node's own value in a step of the diffusion, 0 to 1. Default 0.5. */
  alpha?: number | undefined
  /** Steps of the diffusion. Default 10. */
  steps?: number | undefined
  /** How the three energies become one. Default 'sum'. */
  aggregate?: 'sum' | 'logsumexp' | undefined
  /** Temperature T of the energies. Default 1. */
  temperature?: number | undefined
}

const gebmSpec = defineSpec(
  'nodeScore',
  'gebm',
  (z) => ({
    covariance: z.enum(['diagonal', 'full', 'isotropic', 'identity']).default('diagonal'),
    tied: z.boolean().default(false),
    gamma: z.number().min(0).default(1),
    alpha: z.number().min(0).max(1).default(0.5),
    steps: z.int().min(0).default(10),
    aggregate: z.enum(['sum', 'logsumexp']).default('sum'),
    temperature: z.number().positive().default(1),
  }),
  {
    summary: 'Energies of a node by itself, of its neighbourhood and of its group, added.',
    source:
      'Fuchsgruber, Wollschlaeger and Guennemann 2024, Energy-based Epistemic Uncertainty for Graph Neural Networks',
  },
).options<GebmOptions>()
/**
 * FITTED to a network's outputs computed WITH the edges of the in-distribution graph; SCORES outputs computed WITHOUT edges
 * (`infer(graph, { edges: false })`, every layer being x W + b) and diffuses over the graph itself. Outputs the other way
 * round give other numbers, and are refused: `outputs: { withEdges, withoutEdges }` names them.
 *
 * Any trained node classifier will do; nothing is trained here. With logits l and embeddings h (what the last layer takes):
 * a Gaussian for each class on the training nodes (mean, biased covariance; 1e-8, 1e-7, ... is added to its diagonal until
 * every eigenvalue exceeds 1e-6), D_c the squared Mahalanobis distance, R_c = D_c brought to the scale of the logits of class
 * c (both over all nodes of the fit, 2.5 % cut off at both ends), evidence e_c = l_c - gamma R_c, and
 * E = -T log sum_c exp(e_c / T) three times: `independent`, of e; `local`, of e diffused; `group`, the independent one
 * diffused. A step of the diffusion is s <- alpha s + (1 - alpha) P s, P being the mean over a node and those that have an
 * edge to it. `energy` = their sum, or their logsumexp. HIGHER = more out-of-distribution.
 *
 * Defaults: covariance 'diagonal', tied false, gamma 1, alpha 0.5, steps 10, aggregate 'sum', temperature 1, those of the
 * released code. gamma 0 leaves the Gaussian term out; far from the training nodes energies then fall without end.
 *
 * ```js
 * import { graph } from 'langevin'
 * // three nodes in a row; what a network of two classes says of them with and without their edges
 * const edges = { edges: [[0, 1, 1, 2], [1, 0, 2, 1]] }
 * const withEdges = { logits: [[2, 0], [1, 1], [0, 2]], embeddings: [[1, 0], [0.5, 0.5], [0, 1]] }
 * const withoutEdges = { logits: [[3, 0], [0, 2], [0, 3]], embeddings: [[1, 0], [9, 9], [0, 1]] }
 * const score = graph.gebm({ steps: 2 })
 * const fitted = await score.fit({ outputs: { withEdges }, graph: edges, labels: [0, -1, 1], train: [0, 2] })
 * const { energy } = await fitted.score({ outputs: { withoutEdges }, graph: edges })
 * const [left, middle] = energy.toArray()
 * console.log(middle > left) // true
 * ```
 */
export const gebm = (options?: GebmOptions): NodeScore<'gebm'> => new NodeScore(gebmSpec(options))
