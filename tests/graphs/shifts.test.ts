/** Distribution shifts on a graph: which nodes, which features, and that seeds alone decide. */
import { describe, expect, it } from 'vitest'
import { Graph, SparseMatrix } from '../../src/graph/index.js'
import * as shifts from '../../src/graphs/shifts/index.js'
import type { Tensor } from '../../src/tensor/index.js'

/** Two triangles joined by an edge, and a node by itself. Classes: 0 0 1, 1 1 2, 2. */
const edges = [
  [0, 1, 2, 3, 4, 5, 2],
  [1, 2, 0, 4, 5, 3, 3],
]
const labels = [0, 0, 1, 1, 1, 2, 2]
const small = () => Graph.fromArrays({ edges, labels, features: labels.map((c, v) => [c, v, 1]) })
const mask = (t: Tensor) => t.toArray() as boolean[]
const where = (t: Tensor) => mask(t).flatMap((is, v) => (is ? [v] : []))

const N = 400
const large = (sparse: boolean) => {
  const ring = [Array.from({ length: N }, (_, v) => v), Array.from({ length: N }, (_, v) => (v + 1) % N)]
  const features = ring[0]!.map((v) => Array.from({ length: 30 }, (_, j) => Number((v * 31 + j * 17) % 5 === 0) / 2))
  return Graph.fromArrays({
    edges: ring,
    labels: ring[0]!.map((v) => v % 4),
    features: sparse ? SparseMatrix.from(features) : features,
  })
}
const rows = (graph: Graph): number[][] =>
  (graph.features instanceof SparseMatrix ? graph.features.toDense() : graph.features).toArray() as number[][]

describe('leaveOutClasses', () => {
  it('removes the last classes from the training graph and numbers the others anew', async () => {
    const shift = await shifts.leaveOutClasses(small(), { classes: 1 })
    expect(where(shift.outOfDistribution)).toEqual([5, 6])
    expect(shift.graph.labels!.toArray()).toEqual([0, 0, 1, 1, 1, -1, -1])
    expect([shift.trainGraph.nodes, shift.trainGraph.classes]).toEqual([5, 2])
    expect(shift.nodes.toArray()).toEqual([0, 1, 2, 3, 4])
    const between = (shift.trainGraph.edges.toArray() as number[][])[0]!.length
    // 0-1, 1-2, 2-0, 3-4 and 2-3, in both directions.
    expect(between).toBe(10)
    const middle = await shifts.leaveOutClasses(small(), { classes: [1] })
    expect(middle.graph.labels!.toArray()).toEqual([0, 0, -1, -1, -1, 1, 1])
    expect(where(middle.outOfDistribution)).toEqual([2, 3, 4])
  })
  it('refuses classes there are not, all and none', async () => {
    for (const classes of [[7], 3, 0, []])
      await expect(shifts.leaveOutClasses(small(), { classes })).rejects.toMatchObject({
        code: 'ERR_LANGEVIN_INVALID_OPTION',
      })
  })
})

describe('homophily and pageRank', () => {
  it('homophily takes the nodes whose neighbours are of other classes', async () => {
    // Shares of own class: 0: 1/2, 1: 1/2, 2: 1/3, 3: 2/3, 4: 1/2, 5: 0, 6 (no edge): 1.
    const shift = await shifts.homophily(small(), { share: 0.5 })
    const chosen = where(shift.outOfDistribution)
    expect(chosen.filter((v) => labels[v] === 1)).toEqual([2])
    expect(chosen.filter((v) => labels[v] === 2)).toEqual([5])
    expect(chosen.filter((v) => labels[v] === 0)).toHaveLength(1)
    expect(chosen).toHaveLength(3)
  })
  it('draws among equals by the seed', async () => {
    const ofClass0 = async (seed: number) =>
      where((await shifts.homophily(small(), { seed })).outOfDistribution).filter((v) => labels[v] === 0)[0]
    const drawn = await Promise.all(Array.from({ length: 30 }, (_, seed) => ofClass0(seed)))
    expect(new Set(drawn)).toEqual(new Set([0, 1]))
    expect(await ofClass0(3)).toBe(await ofClass0(3))
  })
  it('pageRank is the power iteration', async () => {
    const { invoke } = await import('../../src/runtime/index.js')
    const graph = Graph.fromArrays({ edges, labels, features: labels.map(() => [1]), symmetrise: false })
    const { edges: list, nodes } = graph
    const ours = (
      await invoke<Tensor>('graph.pageRank', { edges: list, nodes, teleport: 0.2, iterations: 10 })
    ).toArray() as number[]
    const outward = labels.map((_, v) => [v, ...edges[0]!.flatMap((u, e) => (u === v ? [edges[1]![e]!] : []))])
    let rank = labels.map(() => 1 / 7)
    for (let k = 0; k < 10; k++) {
      const next = labels.map(() => 0.2 / 7)
      outward.forEach((to, v) => {
        for (const u of to) next[u]! += (0.8 * rank[v]!) / to.length
      })
      rank = next
    }
    // Sums of a few numbers below 1.
    expect(Math.max(...ours.map((r, v) => Math.abs(r - rank[v]!)))).toBeLessThan(1e-14)
    const shift = await shifts.pageRank(graph)
    const least = [0, 1, 2].flatMap((c) => {
      const own = labels.flatMap((y, v) => (y === c ? [v] : [])).sort((a, b) => rank[a]! - rank[b]!)
      return own.slice(0, Math.floor(own.length / 2))
    })
    expect(where(shift.outOfDistribution).sort()).toEqual(least.sort())
  })
})

describe('featureNoise', () => {
  it.each([false, true])('replaces half the nodes of each class and nothing else (sparse: %s)', async (sparse) => {
    const graph = large(sparse)
    const shift = await shifts.featureNoise(graph, { noise: 'normal', seed: 4 })
    const chosen = where(shift.outOfDistribution)
    for (let c = 0; c < 4; c++) expect(chosen.filter((v) => v % 4 === c)).toHaveLength(50)
    const [before, after] = [rows(graph), rows(shift.graph)]
    for (let v = 0; v < N; v++) {
      if (chosen.includes(v)) expect(after[v]).not.toEqual(before[v])
      else expect(after[v]).toEqual(before[v])
    }
    expect(rows(shift.trainGraph)).toEqual((shift.nodes.toArray() as number[]).map((v) => before[v]))
    const numbers = chosen.flatMap((v) => after[v]!)
    const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length
    const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length
    // 6,000 numbers: five standard errors of the mean and of the variance.
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(6000))
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / 6000))
  })

  it('the nodes depend on the seed alone, the noise of a node on the seed and its number', async () => {
    const of = (noise: shifts.FeatureNoiseOptions['noise'], seed: number, threads?: number) =>
      shifts.featureNoise(large(true), { noise, seed, threads })
    const first = await of('normal', 1, 1)
    expect(mask((await of({ bernoulli: 0.5 }, 1)).outOfDistribution)).toEqual(mask(first.outOfDistribution))
    expect(mask((await of('normal', 2)).outOfDistribution)).not.toEqual(mask(first.outOfDistribution))
    expect(rows((await of('normal', 1, 3)).graph)).toEqual(rows(first.graph))
  })

  it.each([0, 1, 0.5])('bernoulli %s is zeros and ones divided by their norm', async (p) => {
    const shift = await shifts.featureNoise(large(true), { noise: { bernoulli: p }, seed: 2 })
    expect(shift.name).toBe(`bernoulli-${p}`)
    const drawn = where(shift.outOfDistribution).map((v) => rows(shift.graph)[v]!)
    const ones = drawn.map((row) => row.filter((x) => x !== 0))
    for (const [k, row] of ones.entries()) for (const x of row) expect(x).toBeCloseTo(1 / Math.sqrt(ones[k]!.length), 6)
    const share = ones.reduce((sum, row) => sum + row.length, 0) / (drawn.length * 30)
    // Five standard errors of a share of 6,000.
    expect(Math.abs(share - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / 6000) + 1e-12)
  })

  it("'mean' and 'classMean' follow the in-distribution nodes", async () => {
    // Column 0 is 1 for class 0 alone, column 1 for nobody, column 2 for all.
    const graph = Graph.fromArrays({
      edges: [[0], [1]],
      labels: Array.from({ length: N }, (_, v) => v % 2),
      features: Array.from({ length: N }, (_, v) => [Number(v % 2 === 0), 0, 1]),
    })
    const drawnRows = async (bernoulli: 'mean' | 'classMean') => {
      const shift = await shifts.featureNoise(graph, { noise: { bernoulli }, seed: 5 })
      return where(shift.outOfDistribution).map((v) => ({ class: v % 2, row: rows(shift.graph)[v]! }))
    }
    const byClass = await drawnRows('classMean')
    for (const { class: c, row } of byClass) expect(row.map((x) => x > 0)).toEqual([c === 0, false, true])
    const overall = await drawnRows('mean')
    const share = overall.filter(({ row }) => row[0]! > 0).length / overall.length
    // Half of the nodes; five standard errors of a share of 200.
    expect(Math.abs(share - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / 200))
    expect(overall.some(({ class: c, row }) => c === 1 && row[0]! > 0)).toBe(true)
  })

  it('refuses other noise', async () => {
    for (const noise of ['uniform', { bernoulli: 2 }, undefined])
      await expect(shifts.featureNoise(large(false), { noise: noise as never })).rejects.toMatchObject({
        code: 'ERR_LANGEVIN_INVALID_OPTION',
      })
  })
})
