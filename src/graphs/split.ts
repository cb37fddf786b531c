/** Which nodes are trained on, validated on and tested on. */
import { LangevinError } from '../errors.js'
import type { Graph } from '../graph/index.js'
import { invokeNow } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import type { Tensor } from '../tensor/index.js'

export interface NodeSplitOptions {
  /** Training nodes of each class; 0: none. Default 20. */
  perClass?: number
  /** Share of each class that is tested on, rounded to whole nodes; 0: none. Default 0.2. */
  test?: number
  /** Fixes the test set, whatever `seed` is. Default 0. */
  testSeed?: number | bigint
  /** Fixes which of the other nodes are trained on. Default 0. */
  seed?: number | bigint
}

/** Numbers of nodes, ascending, int64. */
export interface NodeSplit {
  readonly train: Tensor<'int64', 1>
  /** Labelled nodes that are in neither of the other two. */
  readonly validation: Tensor<'int64', 1>
  readonly test: Tensor<'int64', 1>
}

const KNOWN = ['perClass', 'test', 'testSeed', 'seed'] as const satisfies readonly (keyof NodeSplitOptions)[]

/**
 * Splits the labelled nodes: `perClass` training nodes of every class, a test set stratified by class that is the same for every
 * `seed`, and the rest for validation.
 *
 * ```js
 * import { graph, Graph } from 'langevin'
 * const nodes = Array.from({ length: 20 }, (_, i) => i)
 * const ring = Graph.fromArrays({
 *   edges: [nodes, nodes.map((i) => (i + 1) % 20)],
 *   features: nodes.map((i) => [i % 2]),
 *   labels: nodes.map((i) => i % 2),
 * })
 * const { train, validation, test } = graph.split(ring, { perClass: 3, seed: 1 })
 * console.log(train.size, validation.size, test.size) // 6 10 4
 * ```
 *
 * @throws ERR_LANGEVIN_INVALID_OPTION naming the class that has too few nodes, or where the graph has no labels
 */
export function split(graph: Graph, options: NodeSplitOptions = {}): NodeSplit {
  const { perClass = 20, test = 0.2, testSeed = 0, seed = 0 } = requireOptions('graph.split', options, KNOWN)
  if (graph.labels === undefined) {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', 'graph.split: the graph has no labels to split by')
  }
  return invokeNow('graph.split', { labels: graph.labels, classes: graph.classes, perClass, test, testSeed, seed })
}
