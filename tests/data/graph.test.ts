/** Readers of graphs: the public npz layout, tables of edges and features, and files that are wrong. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import * as data from '../../src/data/index.js'
import { SparseMatrix } from '../../src/graph/index.js'
import { rejection } from '../helpers/errors.js'
import { graphFile, missingGraphs } from '../helpers/graphs.js'
import { npyBytes, npzBytes, numbersNpy, textsNpy } from '../helpers/npz.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-graph-'))
afterAll(() => rmSync(folder, { recursive: true }))

const whole = (values: readonly number[]) =>
  npyBytes('<i4', [values.length], new Uint8Array(Int32Array.from(values).buffer))

/** Three nodes, 0 -> 1, 1 -> 2 and 2 -> 1; two words. */
const parts: Record<string, Buffer> = {
  adj_data: numbersNpy([1, 1, 1]),
  adj_indices: whole([1, 2, 1]),
  adj_indptr: whole([0, 1, 2, 3]),
  adj_shape: whole([3, 3]),
  attr_data: numbersNpy([1, 2, 1]),
  attr_indices: whole([0, 1, 0]),
  attr_indptr: whole([0, 1, 2, 3]),
  attr_shape: whole([3, 2]),
  labels: whole([0, 1, 1]),
  class_names: textsNpy(['a', 'b']),
}

function file(changes: Record<string, Buffer | undefined> = {}): string {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.npz`)
  const members = Object.entries({ ...parts, ...changes }).filter((entry): entry is [string, Buffer] => !!entry[1])
  writeFileSync(path, npzBytes(members))
  return path
}
function text(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

describe('npz', () => {
  test('in the layout of the public benchmarks', async () => {
    const graph = await data.graph.npz(file())
    expect(graph.edges.toArray()).toEqual([
      [1, 0, 2, 1],
      [0, 1, 1, 2],
    ])
    expect(graph.edgeCounts).toEqual({ given: 3, duplicates: 0, selfLoops: 0, reversed: 1 })
    expect((graph.features as SparseMatrix).toDense().toArray()).toEqual([
      [1, 0],
      [0, 2],
      [1, 0],
    ])
    expect([graph.labels?.toArray(), graph.classNames]).toEqual([
      [0, 1, 1],
      ['a', 'b'],
    ])
    const directed = await data.graph.npz(file(), { symmetrise: false })
    expect(directed.edges.toArray()).toEqual([
      [0, 2, 1],
      [1, 1, 2],
    ])
  })

  test('with dense features, without labels, with stored zeros', async () => {
    const dense = numbersNpy([1, 2, 3, 4, 5, 6], [3, 2])
    const none = { attr_data: undefined, attr_indices: undefined, attr_indptr: undefined, attr_shape: undefined }
    const graph = await data.graph.npz(
      file({ ...none, attr_matrix: dense, labels: undefined, adj_data: numbersNpy([1, 0, 0]) }),
    )
    expect(graph.features).not.toBeInstanceOf(SparseMatrix)
    expect([graph.edgeCount, graph.labels]).toEqual([2, undefined])
  })

  test.each([
    [{ adj_indptr: whole([0, 2, 1, 3]) }, /npz: .*indptr falls from 2 to 1 at row 1/],
    [{ adj_indptr: whole([0, 1, 2, 4]) }, /indptr ends with 4, and there are 3 indices/],
    [{ adj_indices: whole([1, 2, 3]) }, /indices\[2\] is 3, and there are 3 columns/],
    [{ attr_indices: whole([0, -1, 0]) }, /indices\[1\] is -1/],
    [{ attr_data: numbersNpy([1, Number.NaN, 1]) }, /values is not finite at row 1/],
    [{ adj_data: numbersNpy([1, 0.5, 1]) }, /values\[1\] is 0\.5.*weights/],
    [{ adj_shape: whole([3, 4]) }, /square/],
    [
      { attr_indptr: whole([0, 1, 2]), attr_data: numbersNpy([1, 2]), attr_indices: whole([0, 1]) },
      /is 2 rows, and shape says 3/,
    ],
    [
      {
        attr_indptr: whole([0, 1, 2]),
        attr_data: numbersNpy([1, 2]),
        attr_indices: whole([0, 1]),
        attr_shape: whole([2, 2]),
      },
      /3 nodes and the features 2 rows/,
    ],
    [{ labels: numbersNpy([0, 1, 1.5]) }, /labels\[2\] is 1\.5/],
    [{ labels: whole([0, 1]) }, /labels have shape \[2\]/],
    [{ labels: whole([0, 1, 2]) }, /labels\[2\] is 2; with 2 classes/],
    [{ adj_indices: undefined }, /no array 'adj_indices'/],
    [{ labels: textsNpy(['a', 'b', 'b']) }, /'labels' holds texts/],
  ])('that is wrong is refused: %#', async (changes, message) => {
    const path = file(changes as Record<string, Buffer>)
    const error = await rejection(() => data.graph.npz(path))
    expect(error.message).toMatch(message)
    expect(error.message.startsWith(path)).toBe(true)
  })

  test('that is cut off is refused', async () => {
    const path = file()
    const { readFileSync } = await import('node:fs')
    writeFileSync(path, readFileSync(path).subarray(0, 400))
    expect((await rejection(() => data.graph.npz(path))).code).toBe('ERR_LANGEVIN_FORMAT')
    expect((await rejection(() => data.graph.npz(join(folder, 'none.npz')))).code).toBe('ERR_LANGEVIN_IO')
  })

  // What MANIFEST.md of the data says of them; undirected edges counted once by NetworkX.
  test.skipIf(missingGraphs)('the public graphs', async () => {
    const found: Record<string, readonly (number | undefined)[]> = {}
    for (const name of ['cora', 'citeseer', 'cora_ml', 'amazon_electronics_photo', 'ms_academic_cs']) {
      const graph = await data.graph.npz(graphFile(name))
      expect(graph.undirected).toBe(true)
      found[name] = [graph.nodes, graph.featureCount, graph.classes]
    }
    expect(found).toEqual({
      cora: [2708, 1433, 7],
      citeseer: [3312, 3703, 6],
      cora_ml: [2995, 2879, 7],
      amazon_electronics_photo: [7650, 745, 8],
      ms_academic_cs: [18333, 6805, 15],
    })
  })
})

describe('tables', () => {
  const nodes = () => text('nodes.csv', 'name,size,kind\na,1,red\nb,2,blue\nc,3,red\n')

  test('with names of nodes', async () => {
    const edges = text('edges.csv', 'from,to\na,b\nb,c\nb,c\n')
    const graph = await data.graph.csv(edges, nodes(), { id: 'name', label: 'kind' })
    expect(graph.edges.toArray()).toEqual([
      [1, 0, 2, 1],
      [0, 1, 1, 2],
    ])
    expect((graph.features as { toArray(): unknown }).toArray()).toEqual([[1], [2], [3]])
    expect([graph.labels?.toArray(), graph.classNames, graph.edgeCounts.duplicates]).toEqual([
      [1, 0, 1],
      ['blue', 'red'],
      1,
    ])
  })

  test('with row numbers, columns by name, and features from npz', async () => {
    const edges = text('weighted.csv', 'weight,u,v\n0.5,0,1\n0.25,2,0\n')
    const features = join(folder, 'features.npz')
    writeFileSync(
      features,
      npzBytes([
        ['features', numbersNpy([1, 2, 3, 4, 5, 6], [3, 2])],
        ['labels', whole([1, 0, -1])],
      ]),
    )
    const graph = await data.graph.csv(edges, features, { source: 'u', target: 'v', symmetrise: false })
    expect(graph.edges.toArray()).toEqual([
      [2, 0],
      [0, 1],
    ])
    expect(graph.labels?.toArray()).toEqual([1, 0, -1])
    const words = join(folder, 'words.npz')
    writeFileSync(
      words,
      npzBytes([
        ['indices', whole([1, 0])],
        ['indptr', whole([0, 1, 1, 2])],
        ['format', textsNpy(['csr'], [])],
        ['shape', whole([3, 2])],
        ['data', numbersNpy([5, 6])],
      ]),
    )
    const sparse = await data.graph.csv(edges, words, { source: 'u', target: 'v' })
    expect((sparse.features as SparseMatrix).toDense().toArray()).toEqual([
      [0, 5],
      [0, 0],
      [6, 0],
    ])
  })

  test.each([
    ['from,to\na,b\nb,d\n', { id: 'name' }, /edges.*column 'to' of edge 1 is 'd', and no node has that id/],
    ['from,to\na,b\n', {}, /column 'from' contains text \('a'\).*\{ id \}/],
    ['from,to\n0,1\n1,3\n', {}, /bad-edges.*the target of edge 1 is 3, and the graph has 3 nodes/],
    ['from,to\n0,1.5\n', {}, /1\.5/],
    ['from\n0\n', {}, /two columns/],
    ['from,to\na,b\n', { id: 'kind' }, /two nodes have the id 'red' in column 'kind' \(rows 0 and 2\)/],
    ['from,to\na,b\n', { id: 'name', source: 'x' }, /'x'/],
  ])('that are wrong are refused: %j', async (content, options, message) => {
    const edges = text('bad-edges.csv', content)
    const table = text('numbers.csv', 'size\n1\n2\n3\n')
    const path = 'id' in options ? text('nodes2.csv', 'name,size,kind\na,1,red\nb,2,blue\nc,3,red\n') : table
    const given = 'id' in options ? { ...options, label: options.id === 'name' ? 'kind' : 'name' } : options
    expect((await rejection(() => data.graph.csv(edges, path, given))).message).toMatch(message)
  })
})
