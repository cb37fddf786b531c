/** Distribution shifts on a graph and the inductive protocol: what is trained on, and what is scored. */
import { LangevinError } from '../../errors.js'
import type { Graph } from '../../graph/index.js'
import { invokeNow } from '../../runtime/index.js'
import { type Tensor, tensor } from '../../tensor/index.js'

/**
 * A shift in the inductive protocol: the network is trained on `trainGraph`, from which the out-of-distribution nodes and their
 * edges are removed, and all nodes of `graph` are scored.
 */
export interface Shift {
  /** 'leave-out-classes', 'normal', ... */
  readonly name: string
  /** All nodes, as they are scored. */
  readonly graph: Graph
  /** The in-distribution nodes and the edges between them. */
  readonly trainGraph: Graph
  /** int64 [m]: node i of `trainGraph` is node `nodes[i]` of `graph`. */
  readonly nodes: Tensor<'int64', 1>
  /** bool [n]: the nodes of `graph` that are out-of-distribution. */
  readonly outOfDistribution: Tensor<'bool', 1>
}

/** Options of shifts that make a share of the nodes of every class out-of-distribution. */
export interface ShareOptions {
  /** Of each class the floor of this share of its nodes. Default 0.5. */
  share?: number | undefined
  /** Fixes what is drawn: nodes, features, and the order of nodes that are equal. Default 0. */
  seed?: number | bigint | undefined
}

/** The labels of a graph, which every shift looks at. */
export function labelsOf(owner: string, graph: Graph): Tensor<'int64', 1> {
  if (graph.labels !== undefined) return graph.labels
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `graph.shifts.${owner}: the graph has no labels; give it some`)
}

/** Node numbers where a mask is true (1) or false (0). */
export function nodesWhere(mask: Tensor, equals: 0 | 1): Tensor<'int64', 1> {
  return invokeNow('data.where', { tensor: mask, equals })
}

/** The inductive protocol for a mask of out-of-distribution nodes. `trainFrom`: the graph before its features are replaced. */
export function inductive(name: string, graph: Graph, outOfDistribution: Tensor<'bool', 1>, trainFrom = graph): Shift {
  const nodes = nodesWhere(outOfDistribution, 0)
  if (nodes.size === 0 || nodes.size === graph.nodes) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `graph.shifts: ${name}: ${nodes.size === 0 ? 'every' : 'no'} node is out-of-distribution; both kinds are needed`,
    )
  }
  return { name, graph, trainGraph: trainFrom.subgraph(nodes), nodes, outOfDistribution }
}

/** The share of each class with the lowest values; equal values (all of them, without any) in an order drawn by the seed. */
export function lowestPerClass(
  labels: Tensor,
  values: Tensor | undefined,
  { share = 0.5, seed = 0 }: ShareOptions,
): Tensor<'bool', 1> {
  return invokeNow('graph.lowestPerClass', { labels, share, seed, ...(values !== undefined && { values }) })
}

export const maskOf = (values: readonly boolean[]): Tensor<'bool', 1> => tensor(values as boolean[], undefined, 'bool')
