/** Graph: nodes with features and labels, and the edges between them, in native memory. */
import { LangevinError } from '../errors.js'
import { UNCLONEABLE } from '../native/uncloneable.js'
import { invokeNow } from '../runtime/index.js'
import { requireOneOf, requireOptions } from '../spec/index.js'
import { type FloatDtype, type RowsLike, Tensor, toRows } from '../tensor/index.js'
import {
  type FeaturesLike,
  type NativeFeatures,
  nativeOf,
  type SparseMatrix,
  toFeatures,
  wrapFeatures,
} from './sparse.js'

/** How a list of edges becomes a graph. */
export interface EdgeOptions {
  /**
   * true (default): every edge goes in both directions, as the citation and co-purchase benchmarks are used. false: messages go
   * from source to target alone.
   */
  symmetrise?: boolean
  /**
   * Edges from a node to itself. 'remove' (default): they are left out and counted; networks that want self loops add them by
   * themselves. 'keep': they stay.
   */
  selfLoops?: 'remove' | 'keep'
}

export interface GraphArrays extends EdgeOptions {
  /** int64 `[2, E]`: sources, then targets, as PyTorch Geometric's edge_index. Nodes are numbered from 0. */
  edges: RowsLike
  /** One row a node: `[n, d]`, or a sparse matrix. */
  features: FeaturesLike
  /** int64 `[n]`: the class of each node, -1 where there is none. */
  labels?: RowsLike | undefined
  /** Number of classes. Default: the largest label + 1. */
  classes?: number | undefined
  /** Names of the classes, one each. */
  classNames?: readonly string[] | undefined
}

/** What was found in the list of edges. */
export interface EdgeCounts {
  /** Edges in the list. */
  readonly given: number
  /** The same source and target again: kept once. */
  readonly duplicates: number
  /** Edges from a node to itself. */
  readonly selfLoops: number
  /** Edges that `symmetrise` added. */
  readonly reversed: number
}

/** Options of `graph.withPreparedFeatures`. */
export interface PrepareOptions {
  /** Every number that is not 0 becomes 1. Default true. */
  binarise?: boolean
  /** What the rows are divided by: their Euclidean norm ('l2', default), the sum of their magnitudes ('l1'), nothing. */
  norm?: 'l2' | 'l1' | 'none'
}

interface NativeAdjacency extends EdgeCounts {
  edges: Tensor<'int64', 2>
  isolated: number
  undirected: boolean
}

/** What a Graph holds. */
interface Parts {
  nodes: number
  edges: Tensor<'int64', 2>
  counts: EdgeCounts
  isolated: number
  undirected: boolean
  features: Tensor<FloatDtype, 2> | SparseMatrix
  labels: Tensor<'int64', 1> | undefined
  classes: number | undefined
  classNames: readonly string[] | undefined
}

const OWNER = 'Graph.fromArrays'
const KNOWN = [
  'edges',
  'features',
  'labels',
  'classes',
  'classNames',
  'symmetrise',
  'selfLoops',
] as const satisfies readonly (keyof GraphArrays)[]

function adjacencyOf(edges: Tensor, nodes: number, { symmetrise = true, selfLoops = 'remove' }: EdgeOptions) {
  const args = { edges, nodes, symmetrise, selfLoops: selfLoops === 'keep' }
  const { edges: cleaned, isolated, undirected, ...counts } = invokeNow<NativeAdjacency>('graph.adjacency', args)
  return { edges: cleaned, isolated, undirected, counts: Object.freeze(counts) }
}

function labelsOf(labels: RowsLike, nodes: number, classes: number | undefined) {
  const given = toRows(labels, 'labels')
  try {
    return invokeNow<{ labels: Tensor<'int64', 1>; classes: number }>('graph.labels', { labels: given, nodes, classes })
  } finally {
    if (given !== labels) given.dispose()
  }
}

function checkNames(names: readonly string[] | undefined, classes: number | undefined): void {
  if (names === undefined || names.length === classes) return
  throw new LangevinError(
    'ERR_LANGEVIN_INVALID_OPTION',
    `${OWNER}: classNames has ${names.length} names, and there are ${classes ?? 0} classes`,
  )
}

/**
 * Nodes with features and, where they are known, labels, and the edges between them. A graph never changes; what alters it makes a
 * new one, which may share tensors with it, so freeing them is left to the garbage collector.
 */
export class Graph {
  /** @internal */
  protected readonly inNativeMemory = UNCLONEABLE
  /** How many nodes there are. */
  readonly nodes: number
  /** int64 `[2, E]`: source row and target row, each edge once, ascending by target and then by source. */
  readonly edges: Tensor<'int64', 2>
  /** What was found in the list the edges were made of. */
  readonly edgeCounts: EdgeCounts
  /** Nodes without an edge (self loops count as edges). */
  readonly isolated: number
  /** Whether every edge is there in both directions. */
  readonly undirected: boolean
  /** One row a node: a tensor `[n, d]`, or a sparse matrix where one was given. */
  readonly features: Tensor<FloatDtype, 2> | SparseMatrix
  /** int64 `[n]`, -1 = unlabelled. */
  readonly labels: Tensor<'int64', 1> | undefined
  /** How many classes the labels have; undefined without labels. */
  readonly classes: number | undefined
  readonly classNames: readonly string[] | undefined

  private constructor(parts: Parts) {
    this.nodes = parts.nodes
    this.edges = parts.edges
    this.edgeCounts = parts.counts
    this.isolated = parts.isolated
    this.undirected = parts.undirected
    this.features = parts.features
    this.labels = parts.labels
    this.classes = parts.classes
    this.classNames = parts.classNames
  }

  /**
   * A graph from arrays. The caller waits: a million edges take about a fifth of a second.
   *
   * ```js
   * import { Graph } from 'langevin'
   * const graph = Graph.fromArrays({ edges: [[0, 1], [1, 2]], features: [[1, 0], [0, 1], [1, 1]], labels: [0, 1, 1] })
   * console.log(graph.nodes, graph.edges.toArray()) // 3 [ [ 1, 0, 2, 1 ], [ 0, 1, 1, 2 ] ]
   * ```
   *
   * @throws ERR_LANGEVIN_INVALID_OPTION (an edge to a node that is not there, a label outside of the classes), _SHAPE, _DTYPE,
   * _NON_FINITE, each naming the place
   */
  static fromArrays(arrays: GraphArrays): Graph {
    const { edges, features, labels, classes, classNames, ...policy } = requireOptions(OWNER, arrays, KNOWN)
    requireOneOf(OWNER, 'selfLoops', policy.selfLoops, ['remove', 'keep'])
    for (const name of ['edges', 'features'] as const) {
      if (arrays[name] === undefined) {
        throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `${OWNER}: ${name}: is required`, {
          details: { path: name },
        })
      }
    }
    const rows = toFeatures(features, undefined)
    const nodes = rows.shape[0]
    const list = toRows(edges, 'edges', edges instanceof Tensor ? undefined : 'int64')
    try {
      // [[], []] has no kind and no second axis of its own.
      const none = list.size === 0 && list.shape[0] === 2 ? list.reshape([2, 0]) : list
      const named = labels === undefined ? undefined : labelsOf(labels, nodes, classes)
      checkNames(classNames, named?.classes)
      return new Graph({
        nodes,
        ...adjacencyOf(none, nodes, policy),
        features: rows,
        labels: named?.labels,
        classes: named?.classes,
        classNames: classNames === undefined ? undefined : Object.freeze([...classNames]),
      })
    } finally {
      if (list !== edges) list.dispose()
    }
  }

  /** How many directed edges there are. */
  get edgeCount(): number {
    return this.edges.shape[1]
  }
  /** Columns of the features. */
  get featureCount(): number {
    return this.features.shape[1]
  }

  /** @internal Edges and features as the core takes them. */
  native(): { nodes: number; edges: Tensor; features: NativeFeatures } {
    return { nodes: this.nodes, edges: this.edges, features: nativeOf(this.features) }
  }

  /**
   * The graph of some nodes and the edges between them; node `nodes[i]` becomes node i.
   *
   * @param nodes numbers of nodes, none twice
   * @throws ERR_LANGEVIN_INVALID_OPTION for a node that is not there, or twice
   */
  subgraph(nodes: Tensor | readonly number[]): Graph {
    const rows = toRows(nodes, 'nodes', nodes instanceof Tensor ? undefined : 'int64')
    try {
      const edges = invokeNow<Tensor>('graph.subgraphEdges', { edges: this.edges, nodes: this.nodes, rows })
      const features = invokeNow<NativeFeatures>('graph.featureRows', { features: nativeOf(this.features), rows })
      return new Graph({
        ...this.#parts(),
        nodes: rows.shape[0]!,
        ...adjacencyOf(edges, rows.shape[0]!, { symmetrise: false, selfLoops: 'keep' }),
        features: wrapFeatures(features),
        labels: this.labels?.index(rows),
      })
    } finally {
      if (rows !== nodes) rows.dispose()
    }
  }

  /** The same nodes, edges and labels with other features, which may have other columns. */
  withFeatures(features: FeaturesLike): Graph {
    return new Graph({ ...this.#parts(), features: toFeatures(features, this.nodes) })
  }

  /** The same nodes, edges and features with other labels; undefined for none. */
  withLabels(labels: RowsLike | undefined, classes?: number): Graph {
    const named = labels === undefined ? undefined : labelsOf(labels, this.nodes, classes)
    const classNames = named?.classes === this.classes ? this.classNames : undefined
    return new Graph({ ...this.#parts(), labels: named?.labels, classes: named?.classes, classNames })
  }

  /** The same graph with other edges between its nodes. */
  withEdges(edges: RowsLike, options: EdgeOptions = {}): Graph {
    requireOptions('graph.withEdges', options, ['symmetrise', 'selfLoops'])
    const list = toRows(edges, 'edges', edges instanceof Tensor ? undefined : 'int64')
    try {
      return new Graph({ ...this.#parts(), ...adjacencyOf(list, this.nodes, options) })
    } finally {
      if (list !== edges) list.dispose()
    }
  }

  /**
   * Features as the benchmarks of GEBM use them: binarised, rows divided by their Euclidean norm. Rows of zeros stay; sparse
   * features stay sparse.
   */
  withPreparedFeatures(options: PrepareOptions = {}): Graph {
    const { binarise = true, norm = 'l2' } = requireOptions('graph.withPreparedFeatures', options, ['binarise', 'norm'])
    requireOneOf('graph.withPreparedFeatures', 'norm', norm, ['l2', 'l1', 'none'])
    const args = { features: nativeOf(this.features), binarise, norm: { none: 0, l1: 1, l2: 2 }[norm] }
    return new Graph({ ...this.#parts(), features: wrapFeatures(invokeNow('graph.prepareFeatures', args)) })
  }

  #parts(): Parts {
    const { nodes, edges, edgeCounts: counts, isolated, undirected, features, labels, classes, classNames } = this
    return { nodes, edges, counts, isolated, undirected, features, labels, classes, classNames }
  }
}
