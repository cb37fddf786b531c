/** A perceptron of the features of nodes. */
import { defineSpec } from '../spec/index.js'
import { type NodeNetworkOptions, nodeFields } from './node-fields.js'

/** Options of `nodeMlp`. */
export interface NodeMlpOptions extends NodeNetworkOptions {}

/**
 * Linear, ReLU, dropout, ..., Linear of each node's features: the network that sees no edges, to compare the others with.
 * Parameters: "lin1.weight", "lin1.bias", "lin2.weight", ...
 *
 * ```js
 * import { graph, Graph, networks } from 'langevin'
 * const two = Graph.fromArrays({ edges: [[0], [1]], features: [[1, 0], [0, 1]], labels: [0, 1] })
 * const classifier = await graph.NodeClassifier.create(networks.nodeMlp({ hidden: [16] }), { features: 2, classes: 2 })
 * console.log((await classifier.infer(two)).logits.shape) // [ 2, 2 ]
 * ```
 */
export const nodeMlp = defineSpec('nodeNetwork', 'nodeMlp', nodeFields, {
  summary: 'A perceptron of the features of each node, without the graph.',
}).options<NodeMlpOptions>()
