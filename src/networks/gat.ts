/** Graph attention. */
import { defineSpec } from '../spec/index.js'
import { type NodeNetworkOptions, nodeFields } from './node-fields.js'

/** Options of `gat`. */
export interface GatOptions extends NodeNetworkOptions {
  /** Heads of a hidden layer, side by side in its columns; the last layer has one. Default 8. */
  heads?: number | undefined
  /** Slope of the leaky ReLU of the attention below 0. Default 0.2. */
  negativeSlope?: number | undefined
  /** Whether every node is its own neighbour. Default true. */
  selfLoops?: boolean | undefined
}

/**
 * Layers x_i <- sum_j a_ij W x_j + b with a_ij the softmax over the neighbours j of leakyRelu(att_src . W x_j + att_dst . W x_i),
 * in `heads` heads; ReLU and dropout between them, and dropout of a_ij. Parameters are those of GATConv in PyTorch Geometric:
 * "conv1.lin.weight", "conv1.att_src", "conv1.att_dst", "conv1.bias", ... Without edges a node attends to itself alone, and a layer
 * is x W' + b.
 *
 * ```js
 * import { graph, Graph, networks } from 'langevin'
 * const two = Graph.fromArrays({ edges: [[0], [1]], features: [[1, 0], [0, 1]], labels: [0, 1] })
 * const classifier = await graph.NodeClassifier.create(networks.gat({ heads: 4 }), { features: 2, classes: 2 })
 * console.log((await classifier.infer(two)).logits.shape) // [ 2, 2 ]
 * ```
 */
export const gat = defineSpec(
  'nodeNetwork',
  'gat',
  (z) => ({
    ...nodeFields(z),
    heads: z.int().positive().default(8),
    negativeSlope: z.number().nonnegative().default(0.2),
    selfLoops: z.boolean().default(true),
  }),
  {
    summary: 'Graph attention (GAT).',
    source: 'Velickovic et al. 2018, equations 3 to 6.',
    check: ({ hidden, heads }, fail) => {
      const odd = hidden.findIndex((width) => width % heads !== 0)
      if (odd >= 0) fail(`hidden[${odd}]`, `is ${hidden[odd]}, which ${heads} heads cannot share; give a multiple`)
    },
  },
).options<GatOptions>()
