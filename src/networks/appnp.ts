/** Predict, then propagate by personalised PageRank. */
import { defineSpec } from '../spec/index.js'
import { type NodeNetworkOptions, nodeFields } from './node-fields.js'

/** Options of `appnp`. */
export interface AppnpOptions extends NodeNetworkOptions {
  /** Probability of the jump back to the node itself. Default 0.1. */
  alpha?: number | undefined
  /** How often logits are passed on. Default 10. */
  iterations?: number | undefined
  /** Whether every node is its own neighbour. Default true. */
  selfLoops?: boolean | undefined
}

/**
 * A perceptron gives logits z, which are passed along the edges: x <- (1 - alpha) P x + alpha z, `iterations` times from x = z,
 * P the symmetrically normalised adjacency. Parameters: "lin1.weight", "lin1.bias", "lin2.weight", ... The embeddings are those
 * of the perceptron: they see no edges. Without edges the logits are z.
 *
 * ```js
 * import { graph, Graph, networks } from 'langevin'
 * const two = Graph.fromArrays({ edges: [[0], [1]], features: [[1, 0], [0, 1]], labels: [0, 1] })
 * const classifier = await graph.NodeClassifier.create(networks.appnp({ alpha: 0.2 }), { features: 2, classes: 2 })
 * console.log((await classifier.infer(two)).logits.shape) // [ 2, 2 ]
 * ```
 */
export const appnp = defineSpec(
  'nodeNetwork',
  'appnp',
  (z) => ({
    ...nodeFields(z),
    alpha: z.number().min(0).max(1).default(0.1),
    iterations: z.int().nonnegative().default(10),
    selfLoops: z.boolean().default(true),
  }),
  {
    summary: 'A perceptron whose logits are spread by personalised PageRank (APPNP).',
    source: 'Gasteiger, Bojchevski and Guennemann 2019, equation 4.',
  },
).options<AppnpOptions>()
