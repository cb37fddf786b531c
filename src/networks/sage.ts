/** GraphSAGE with the mean aggregator. */
import { defineSpec } from '../spec/index.js'
import { type NodeNetworkOptions, nodeFields } from './node-fields.js'

/** Options of `sage`. */
export interface SageOptions extends NodeNetworkOptions {}

/**
 * Layers x <- m W_l' + b + x W_r' with m the mean of the neighbours' x (0 where there is none), ReLU and dropout between them.
 * Parameters are those of SAGEConv in PyTorch Geometric: "conv1.lin_l.weight", "conv1.lin_l.bias", "conv1.lin_r.weight", ...
 * Without edges a layer is x W_r' + b.
 *
 * ```js
 * import { graph, Graph, networks } from 'langevin'
 * const two = Graph.fromArrays({ edges: [[0], [1]], features: [[1, 0], [0, 1]], labels: [0, 1] })
 * const classifier = await graph.NodeClassifier.create(networks.sage(), { features: 2, classes: 2 })
 * console.log((await classifier.infer(two)).logits.shape) // [ 2, 2 ]
 * ```
 */
export const sage = defineSpec('nodeNetwork', 'sage', nodeFields, {
  summary: 'The node and the mean of its neighbours (GraphSAGE).',
  source: 'Hamilton, Ying and Leskovec 2017, algorithm 1.',
}).options<SageOptions>()
