/** The graph convolutional network. */
import { defineSpec } from '../spec/index.js'
import { type NodeNetworkOptions, nodeFields } from './node-fields.js'

/** Options of `gcn`. */
export interface GcnOptions extends NodeNetworkOptions {
  /**
   * How the adjacency is normalised: 'symmetric' (default), 1 / sqrt(d_i d_j); 'row', 1 / d_i: the mean; 'none', the sum. d counts
   * the neighbours, the node itself among them where `selfLoops`.
   */
  normalisation?: 'symmetric' | 'row' | 'none' | undefined
  /** Whether every node is its own neighbour. Default true. */
  selfLoops?: boolean | undefined
}

/**
 * Layers x <- P x W' + b with P the normalised adjacency, ReLU and dropout between them. Parameters are those of GCNConv in
 * PyTorch Geometric: "conv1.lin.weight", "conv1.bias", "conv2.lin.weight", ... Without edges a layer is x W' + b.
 *
 * ```js
 * import { graph, Graph, networks } from 'langevin'
 * const two = Graph.fromArrays({ edges: [[0], [1]], features: [[1, 0], [0, 1]], labels: [0, 1] })
 * const classifier = await graph.NodeClassifier.create(networks.gcn({ hidden: [8] }), { features: 2, classes: 2, seed: 1 })
 * const { logits, embeddings } = await classifier.infer(two)
 * console.log(logits.shape, embeddings.shape) // [ 2, 2 ] [ 2, 8 ]
 * ```
 */
export const gcn = defineSpec(
  'nodeNetwork',
  'gcn',
  (z) => ({
    ...nodeFields(z),
    normalisation: z.enum(['symmetric', 'row', 'none']).default('symmetric'),
    selfLoops: z.boolean().default(true),
  }),
  { summary: 'Graph convolutions (GCN).', source: 'Kipf and Welling 2017, equation 2.' },
).options<GcnOptions>()
