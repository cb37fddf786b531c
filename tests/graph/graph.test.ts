/** Graphs from arrays: what is cleaned, what is refused and where. */
import { describe, expect, test } from 'vitest'
import { Graph, SparseMatrix, tensor } from '../../src/index.js'
import { refusal } from '../helpers/errors.js'
import { uniforms } from '../helpers/graphs.js'

const features = [
  [1, 0],
  [0, 2],
  [0, 0],
  [3, 4],
]
const sparse = { indptr: [0, 1, 2, 2, 4], indices: [0, 1, 0, 1], values: [1, 2, 3, 4], shape: [4, 2] as const }
const edges = [
  [0, 0, 1, 2, 2, 0],
  [1, 1, 0, 2, 0, 2],
]

describe('edges', () => {
  test('are in both directions, once each, without self loops, and what was left out is counted', () => {
    const graph = Graph.fromArrays({ edges, features })
    expect(graph.edges.toArray()).toEqual([
      [1, 2, 0, 0],
      [0, 0, 1, 2],
    ])
    expect(graph.edgeCounts).toEqual({ given: 6, duplicates: 1, selfLoops: 1, reversed: 0 })
    expect([graph.nodes, graph.isolated, graph.undirected, graph.featureCount]).toEqual([4, 1, true, 2])
    expect(graph.labels).toBeUndefined()
  })

  test('are kept as they are where that is asked for', () => {
    const list = [
      [0, 2, 2],
      [1, 2, 0],
    ]
    const graph = Graph.fromArrays({ edges: list, features, symmetrise: false, selfLoops: 'keep' })
    expect(graph.edges.toArray()).toEqual([
      [2, 0, 2],
      [0, 1, 2],
    ])
    expect([graph.undirected, graph.isolated]).toEqual([false, 1])
    expect(Graph.fromArrays({ edges: list, features }).edgeCounts.reversed).toBe(2)
  })

  test('may be none', () => {
    for (const none of [[[], []], tensor(new BigInt64Array(0), [2, 0])]) {
      const graph = Graph.fromArrays({ edges: none, features })
      expect([graph.edgeCount, graph.isolated]).toEqual([0, 4])
    }
  })

  test.each([
    [[[0], [4]], 'ERR_LANGEVIN_INVALID_OPTION', /the target of edge 0 is 4, and the graph has 4 nodes.*begin with 1/],
    [
      [
        [0, -1],
        [1, 1],
      ],
      'ERR_LANGEVIN_INVALID_OPTION',
      /the source of edge 1 is -1/,
    ],
    [
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
      'ERR_LANGEVIN_SHAPE',
      /edges are \[2, E\]/,
    ],
    [[[0.5], [1]], 'ERR_LANGEVIN_DTYPE', /0\.5 at data\[0\]\[0\]/],
    [[[0, 1], [1]], 'ERR_LANGEVIN_SHAPE', /ragged/],
    [new Float32Array(4), 'ERR_LANGEVIN_SHAPE', /\[2, E\]/],
  ])('that do not fit are refused: %j', (bad, code, message) => {
    const error = refusal(() => Graph.fromArrays({ edges: bad as number[][], features }))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
  })
})

describe('features and labels', () => {
  test('sparse ones are the dense ones', () => {
    const graph = Graph.fromArrays({ edges, features: sparse })
    expect(graph.features).toBeInstanceOf(SparseMatrix)
    expect((graph.features as SparseMatrix).toDense().toArray()).toEqual(features)
    expect(SparseMatrix.from(features).indices.toArray()).toEqual([0, 1, 0, 1])
  })

  test('are binarised and divided by their norm, dense and sparse alike', () => {
    for (const given of [features, sparse]) {
      const graph = Graph.fromArrays({ edges, features: given })
      const dense = (of: Graph) => (of.features instanceof SparseMatrix ? of.features.toDense() : of.features).toArray()
      const half = 1 / Math.sqrt(2)
      expect(dense(graph.withPreparedFeatures())).toEqual([
        [1, 0],
        [0, 1],
        [0, 0],
        [half, half],
      ])
      expect(dense(graph.withPreparedFeatures({ binarise: false }))).toEqual([
        [1, 0],
        [0, 1],
        [0, 0],
        [0.6, 0.8],
      ])
      expect(dense(graph.withPreparedFeatures({ binarise: true, norm: 'none' })).at(-1)).toEqual([1, 1])
      expect(dense(graph.withPreparedFeatures({ binarise: false, norm: 'l1' })).at(-1)![0]).toBeCloseTo(3 / 7, 12)
    }
  })

  test.each([
    [
      {
        features: [
          [1, Number.NaN],
          [0, 0],
        ],
      },
      'ERR_LANGEVIN_NON_FINITE',
      /features.*row 0, column 1/,
    ],
    [{ features: [[1, 2], [0]] }, 'ERR_LANGEVIN_SHAPE', /ragged/],
    [{ features: [1, 2, 3] }, 'ERR_LANGEVIN_SHAPE', /features of nodes are \[n, d\]/],
    [{ labels: [0, 1, 1] }, 'ERR_LANGEVIN_SHAPE', /labels have shape \[3\], and the graph has 4 nodes/],
    [{ labels: [0, 1, 0.5, 1] }, 'ERR_LANGEVIN_DTYPE', /labels\[2\] is 0\.5/],
    [{ labels: [0, 1, -2, 1] }, 'ERR_LANGEVIN_INVALID_OPTION', /labels\[2\] is -2/],
    [{ labels: [0, 1, 2, 1], classes: 2 }, 'ERR_LANGEVIN_INVALID_OPTION', /labels\[2\] is 2; with 2 classes/],
    [{ labels: [0, 1, 1, 1], classNames: ['a'] }, 'ERR_LANGEVIN_INVALID_OPTION', /classNames has 1 names/],
    [
      { features: { ...sparse, indices: [0, 2, 0, 1] } },
      'ERR_LANGEVIN_INVALID_OPTION',
      /indices\[1\] is 2, and there are 2 columns/,
    ],
    [
      { features: { ...sparse, indptr: [0, 2, 1, 2, 4] } },
      'ERR_LANGEVIN_INVALID_OPTION',
      /indptr falls from 2 to 1 at row 1/,
    ],
    [
      { features: { ...sparse, indices: [0, 1, 0], values: [1, 2, 3] } },
      'ERR_LANGEVIN_INVALID_OPTION',
      /ends with 4, and there are 3 indices/,
    ],
    [{ features: { ...sparse, values: [1, 2] } }, 'ERR_LANGEVIN_SHAPE', /each entry has one value/],
    [{ features: { ...sparse, values: [1, 2, 3, Number.POSITIVE_INFINITY] } }, 'ERR_LANGEVIN_NON_FINITE', /row 3/],
    [{ features: { ...sparse, indices: [0, 1, 1, 1] } }, 'ERR_LANGEVIN_INVALID_OPTION', /row 3 has column 1 twice/],
    [{ features: { ...sparse, shape: [5, 2] } }, 'ERR_LANGEVIN_SHAPE', /is 4 rows, and shape says 5/],
    [{ features: undefined }, 'ERR_LANGEVIN_INVALID_OPTION', /features: is required/],
    [{ selfLoop: 'keep' }, 'ERR_LANGEVIN_INVALID_OPTION', /did you mean 'selfLoops'/],
  ])('that do not fit are refused: %j', (bad, code, message) => {
    const error = refusal(() => Graph.fromArrays({ edges, features, ...(bad as object) }))
    expect(error.message).toMatch(message)
    expect(error.code).toBe(code)
  })

  test('whole numbers in floats are labels, and the number of classes may be larger', () => {
    const graph = Graph.fromArrays({ edges, features, labels: new Float32Array([0, 1, -1, 1]), classes: 5 })
    expect(graph.labels?.dtype).toBe('int64')
    expect(graph.classes).toBe(5)
    expect(graph.withLabels([0, 1, 1, 2]).classes).toBe(3)
    expect(graph.withLabels(undefined).classes).toBeUndefined()
  })
})

describe('parts', () => {
  test('a subgraph has its nodes and the edges between them', () => {
    const graph = Graph.fromArrays({ edges, features: sparse, labels: [0, 1, 2, 0] })
    const part = graph.subgraph([2, 0, 3])
    expect(part.edges.toArray()).toEqual([
      [1, 0],
      [0, 1],
    ])
    expect((part.features as SparseMatrix).toDense().toArray()).toEqual([
      [0, 0],
      [1, 0],
      [3, 4],
    ])
    expect(part.labels?.toArray()).toEqual([2, 0, 0])
    expect(part.classes).toBe(3)
    expect(refusal(() => graph.subgraph([0, 4])).message).toMatch(/rows\[1\] is 4/)
    expect(refusal(() => graph.subgraph([1, 1])).message).toMatch(/node 1 is there already/)
  })

  test('a permutation of the nodes keeps every edge', () => {
    const next = uniforms(3)
    const ends = () => Array.from({ length: 60 }, () => Math.floor(next() * 20))
    const rows = Array.from({ length: 20 }, (_, i) => [i])
    const graph = Graph.fromArrays({ edges: [ends(), ends()], features: rows, symmetrise: false })
    const order = Array.from({ length: 20 }, (_, i) => (7 * i + 3) % 20)
    const turned = graph.subgraph(order)
    const named = turned.edges.toArray().map((list) => list.map((node) => order[node]!))
    const pairs = ([a, b]: number[][]) => a!.map((source, k) => `${source} ${b![k]}`).sort()
    expect(pairs(named)).toEqual(pairs(graph.edges.toArray()))
  })

  test('other features and edges leave the rest', () => {
    const graph = Graph.fromArrays({ edges, features, labels: [0, 1, 1, 0] })
    expect(graph.withFeatures([[1], [2], [3], [4]]).featureCount).toBe(1)
    expect(graph.withEdges([[0], [3]]).edgeCount).toBe(2)
    expect(refusal(() => graph.withFeatures([[1], [2]])).message).toMatch(/features have 2 rows, and the graph has 4/)
  })
})
