/** The graph isomorphism network. */
import { defineSpec } from '../spec/index.js'
import { type NodeNetworkOptions, nodeFields } from './node-fields.js'

/** Options of `gin`. */
export interface GinOptions extends NodeNetworkOptions {
  /** What a node counts more than a neighbour. Default 0. */
  epsilon?: number | undefined
  /** Whether epsilon is learned. Default false. */
  trainEpsilon?: boolean | undefined
}

/**
 * Layers x <- nn((1 + epsilon) x + sum of the neighbours' x) with nn a Linear, a ReLU and a Linear; ReLU and dropout between them.
 * Parameters are those of GINConv in PyTorch Geometric: "conv1.eps", "conv1.nn.0.weight", "conv1.nn.0.bias",
 * "conv1.nn.2.weight", ... Without edges a layer is nn((1 + epsilon) x).
 *
 * ```js
 * import { graph, Graph, networks } from 'langevin'
 * const two = Graph.fromArrays({ edges: [[0], [1]], features: [[1, 0], [0, 1]], labels: [0, 1] })
 * const classifier = await graph.NodeClassifier.create(networks.gin(), { features: 2, classes: 2 })
 * console.log((await classifier.infer(two)).logits.shape) // [ 2, 2 ]
 * ```
 */
export const gin = defineSpec(
  'nodeNetwork',
  'gin',
  (z) => ({ ...nodeFields(z), epsilon: z.number().default(0), trainEpsilon: z.boolean().default(false) }),
  {
    summary: 'A perceptron of the sum over the neighbours (GIN).',
    source: 'Xu, Hu, Leskovec and Jegelka 2019, equation 4.1.',
  },
).options<GinOptions>()
