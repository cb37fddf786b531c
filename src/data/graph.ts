/** Readers of graphs: npz in the layout of the public benchmarks, and tables of edges and features. */
import { LangevinError } from '../errors.js'
import {
  type EdgeOptions,
  type FeaturesLike,
  Graph,
  type GraphArrays,
  nativeParts,
  SparseMatrix,
} from '../graph/index.js'
import { formatError } from '../io/files.js'
import { readNpy, type TextArray } from '../io/npy.js'
import { readArchive } from '../io/npz.js'
import { invokeNow } from '../runtime/index.js'
import { requireOneOf, requireOptions } from '../spec/index.js'
import { Tensor, tensor } from '../tensor/index.js'
import { csv } from './csv.js'
import type { Dataset } from './dataset.js'

/** Options of `data.graph.npz`. */
export interface GraphNpzOptions extends EdgeOptions {
  /** What to do with edges whose value is neither 0 nor 1: 'refuse' (default), or 'ignore' the value. */
  weights?: 'refuse' | 'ignore'
}

/** Options of `data.graph.csv`. */
export interface GraphTablesOptions extends EdgeOptions {
  /** The column with the class of each node, in the table of features: numbers, or names of classes. Default: none. */
  label?: string | undefined
  /**
   * The column of the table of features with the name of each node, by which the table of edges knows it. Default: nodes are known
   * by their row number, from 0.
   */
  id?: string | undefined
  /** The two columns of the table of edges. Default: its first two. */
  source?: string | undefined
  target?: string | undefined
}

type Arrays = ReadonlyMap<string, Tensor | TextArray>

const POLICY = ['symmetrise', 'selfLoops'] as const satisfies readonly (keyof EdgeOptions)[]

/** What went wrong with the numbers of a file, with its name before it. */
function inFile<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!LangevinError.is(error)) throw error
    throw new LangevinError(error.code, `${path}: ${error.message}`, {
      details: { ...error.details, path },
      cause: error,
    })
  }
}

function numbers(path: string, arrays: Arrays, name: string): Tensor {
  const found = arrays.get(name)
  if (found instanceof Tensor) return found
  const problem = found === undefined ? `there is no array '${name}'` : `the array '${name}' holds texts`
  throw formatError(path, undefined, `${problem}; it holds ${[...arrays.keys()].join(', ')}`)
}

/** The parts of a CSR matrix under names with this prefix. */
function matrixIn(path: string, arrays: Arrays, prefix: 'adj' | 'attr') {
  const shape = numbers(path, arrays, `${prefix}_shape`).toArray()
  if (!Array.isArray(shape) || shape.length !== 2)
    throw formatError(path, undefined, `${prefix}_shape is not two numbers`)
  return {
    indptr: numbers(path, arrays, `${prefix}_indptr`),
    indices: numbers(path, arrays, `${prefix}_indices`),
    ...(arrays.has(`${prefix}_data`) ? { values: numbers(path, arrays, `${prefix}_data`) } : {}),
    shape: shape as [number, number],
  }
}

function featuresIn(path: string, arrays: Arrays): FeaturesLike {
  if (arrays.has('attr_indptr')) return SparseMatrix.from(matrixIn(path, arrays, 'attr'))
  if (arrays.has('attr_matrix')) return numbers(path, arrays, 'attr_matrix')
  return numbers(path, arrays, 'attr_data')
}

const textsOf = (found: Tensor | TextArray | undefined) =>
  found === undefined || found instanceof Tensor ? undefined : found.texts

/**
 * Reads a graph from a .npz archive in the layout of the public benchmarks (gnn-benchmark: Cora-ML, Citeseer, Amazon, Coauthor): CSR
 * matrices `adj_data`, `adj_indices`, `adj_indptr`, `adj_shape` and `attr_...` (or a dense `attr_matrix`), `labels`, and
 * where they are there `class_names`. Row u, column v of the adjacency is an edge from u to v. Entries of 0 are no edges.
 *
 * @param path the archive
 * @returns the graph; edges in both directions unless `symmetrise: false`, as the published results are computed
 * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (no such archive, a missing array), _INVALID_OPTION (an index outside of the matrix,
 * row starts that fall), _SHAPE, _DTYPE, _NON_FINITE, _UNSUPPORTED (edges with weights), each naming file and place
 */
export async function npz(path: string, options: GraphNpzOptions = {}): Promise<Graph> {
  const owner = 'data.graph.npz'
  const { weights = 'refuse', ...policy } = requireOptions(owner, options, [...POLICY, 'weights'])
  requireOneOf(owner, 'weights', weights, ['refuse', 'ignore'])
  const arrays = await readArchive(path)
  return inFile(path, () => {
    const { shape, ...adjacency } = matrixIn(path, arrays, 'adj')
    const csr = { ...nativeParts('adj', { ...adjacency, shape }), columns: shape[1], weights }
    const edges = invokeNow<Tensor>('graph.edgesOfCsr', csr)
    const features = featuresIn(path, arrays)
    const labels = arrays.has('labels') ? numbers(path, arrays, 'labels') : undefined
    const rows = features instanceof SparseMatrix || features instanceof Tensor ? features.shape[0] : undefined
    if (rows !== shape[0]) {
      throw new LangevinError(
        'ERR_LANGEVIN_SHAPE',
        `the adjacency has ${shape[0]} nodes and the features ${rows} rows; they must agree`,
        { details: { nodes: shape[0], rows } },
      )
    }
    const names = labels && textsOf(arrays.get('class_names'))
    return Graph.fromArrays({
      edges,
      features,
      labels,
      ...(names && { classNames: names, classes: names.length }),
      ...policy,
    })
  })
}

/** A column as int64 numbers of nodes: their places among the ids, or the numbers themselves. */
function nodeNumbers(path: string, table: Dataset, name: string, ids: ReadonlyMap<string, number> | undefined): Tensor {
  const column = table.column(name)
  const texts = table.categories[name]
  if (ids === undefined) {
    if (texts === undefined) return inFile(path, () => column.to('int64'))
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `${path}: column '${name}' contains text ('${texts[0]}'); nodes are known by their row number, or give { id }, the column of the features that holds their names`,
      { details: { path, column: name } },
    )
  }
  const codes = column.toTypedArray()
  const places = new BigInt64Array(codes.length)
  for (const [row, code] of codes.entries()) {
    const text = texts === undefined ? String(code) : texts[Number(code)]!
    const place = ids.get(text)
    if (place === undefined) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `${path}: column '${name}' of edge ${row} is '${text}', and no node has that id`,
        { details: { path, column: name, edge: row, id: text } },
      )
    }
    places[row] = BigInt(place)
  }
  return tensor(places)
}

function idsIn(path: string, table: Dataset, name: string): Map<string, number> {
  const texts = table.categories[name]
  const codes = table.column(name).toTypedArray()
  const ids = new Map<string, number>()
  for (const [row, code] of codes.entries()) {
    const id = texts === undefined ? String(code) : texts[Number(code)]!
    if (ids.has(id)) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `${path}: two nodes have the id '${id}' in column '${name}' (rows ${ids.get(id)} and ${row})`,
        { details: { path, column: name, id } },
      )
    }
    ids.set(id, row)
  }
  return ids
}

/** What the file of features gives: rows, and where it says so labels and ids. */
async function nodeTable(path: string, { label, id }: GraphTablesOptions) {
  if (path.endsWith('.npy')) return { features: await readNpy(path) }
  if (path.endsWith('.npz')) {
    const arrays = await readArchive(path)
    const sparse = arrays.has('indptr') && arrays.has('indices')
    const features = sparse
      ? inFile(path, () =>
          SparseMatrix.from({
            indptr: numbers(path, arrays, 'indptr'),
            indices: numbers(path, arrays, 'indices'),
            values: numbers(path, arrays, 'data'),
            shape: numbers(path, arrays, 'shape').toArray() as [number, number],
          }),
        )
      : numbers(path, arrays, arrays.has('features') ? 'features' : 'x')
    const labels = arrays.has('labels') ? numbers(path, arrays, 'labels') : undefined
    return { features, labels }
  }
  const table = await csv(path, label === undefined ? {} : { label })
  const columns = table.columns.filter((name) => name !== label && name !== id)
  return {
    features: table.toTensor({ columns }),
    labels: label === undefined ? undefined : table.column(label),
    classNames: label === undefined ? undefined : table.categories[label],
    ids: id === undefined ? undefined : idsIn(path, table, id),
  }
}

/**
 * Reads a graph from a table of edges (one line an edge; columns beside the two ends, such as weights, are not read) and a file of features (one line a node): CSV, or .npz with `features` (or
 * `x`, or scipy's `save_npz`) and `labels`, or .npy.
 *
 * ```js
 * import { mkdtemp, writeFile } from 'node:fs/promises'
 * import { data } from 'langevin'
 * const folder = await mkdtemp('/tmp/graph-')
 * await writeFile(`${folder}/edges.csv`, 'from,to\na,b\nb,c\n')
 * await writeFile(`${folder}/nodes.csv`, 'name,size,kind\na,1,red\nb,2,blue\nc,3,red\n')
 * const graph = await data.graph.csv(`${folder}/edges.csv`, `${folder}/nodes.csv`, { id: 'name', label: 'kind' })
 * console.log(graph.nodes, graph.edgeCount, graph.classNames) // 3 4 [ 'blue', 'red' ]
 * ```
 *
 * @throws (rejects) as `data.csv`, and ERR_LANGEVIN_INVALID_OPTION for an edge to a node that is not there
 */
export async function graphTables(edges: string, features: string, options: GraphTablesOptions = {}): Promise<Graph> {
  const owner = 'data.graph.csv'
  const known = [...POLICY, 'label', 'id', 'source', 'target'] as const satisfies readonly (keyof GraphTablesOptions)[]
  const { label, id, source, target, ...policy } = requireOptions(owner, options, known)
  const { ids, ...nodes } = await nodeTable(features, { label, id })
  const table = await csv(edges)
  if (table.columns.length < 2) {
    throw formatError(edges, undefined, 'a table of edges has two columns, the source and the target of each edge')
  }
  const from = nodeNumbers(edges, table, source ?? table.columns[0]!, ids)
  const to = nodeNumbers(edges, table, target ?? table.columns[1]!, ids)
  const list = Tensor.concat([from, to]).reshape([2, table.length])
  return inFile(edges, () => Graph.fromArrays({ edges: list, ...nodes, ...policy }))
}

/** A graph from arrays in memory: the same as `Graph.fromArrays`. */
export const fromArrays = (arrays: GraphArrays): Graph => Graph.fromArrays(arrays)

export { graphTables as csv }
