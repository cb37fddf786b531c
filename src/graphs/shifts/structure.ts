/** Nodes whose place in the graph is unusual. */

import type { Graph } from '../../graph/index.js'
import { invoke, invokeNow } from '../../runtime/index.js'
import { requireOptions } from '../../spec/index.js'
import type { Tensor } from '../../tensor/index.js'
import { inductive, labelsOf, lowestPerClass, type ShareOptions, type Shift } from './shift.js'

/**
 * Out-of-distribution are the nodes of each class whose neighbours are least of their class: the share of edges ending at a node
 * that begin at one of its class, 1 for a node without edges.
 */
export async function homophily(graph: Graph, options: ShareOptions = {}): Promise<Shift> {
  const how = requireOptions('graph.shifts.homophily', options, ['share', 'seed'])
  const labels = labelsOf('homophily', graph)
  using values = invokeNow<Tensor>('graph.homophily', { edges: graph.edges, nodes: graph.nodes, labels })
  return inductive('homophily', graph, lowestPerClass(labels, values, how))
}

export interface PageRankOptions extends ShareOptions {
  /** Chance of a jump to any node. Default 0.2. */
  teleport?: number | undefined
  /** Steps of the power iteration. Default 10. */
  iterations?: number | undefined
}

/** Out-of-distribution are the nodes of each class of lowest PageRank, nodes being neighbours of themselves too. */
export async function pageRank(graph: Graph, options: PageRankOptions = {}): Promise<Shift> {
  const how = requireOptions('graph.shifts.pageRank', options, ['share', 'seed', 'teleport', 'iterations'])
  const { teleport = 0.2, iterations = 10, ...share } = how
  const labels = labelsOf('pageRank', graph)
  const { edges, nodes } = graph
  using values = await invoke<Tensor>('graph.pageRank', { edges, nodes, teleport, iterations })
  return inductive('page-rank', graph, lowestPerClass(labels, values, share))
}
