/** The protocols of the anomaly study, its ranks and tests, and F1. */
import { describe, expect, it } from 'vitest'
import { tensor } from '../../src/index.js'
import { evaluate } from '../../src/ood/evaluate.js'
import * as ood from '../../src/ood/index.js'
import { PROTOCOLS, roundEven, split } from '../../src/studies/anomaly/protocols.js'
import { holm, ranksDown, rankTable, wilcoxon } from '../../src/studies/anomaly/ranks.js'
import type { AnomalyTable } from '../../src/studies/anomaly/tables.js'
import type { Tensor } from '../../src/tensor/index.js'

/** One column that holds the number of its row; every `step`-th row is an anomaly. */
function counting(n: number, step: number): AnomalyTable {
  const rows = Array.from({ length: n }, (_, i) => i)
  const index = (list: number[]) => tensor(list, [list.length], 'int64')
  return {
    name: 'counting',
    x: tensor(Float64Array.from(rows), [n, 1]),
    // Not in the order of the file, as classes are read one after the other.
    normals: index(rows.filter((i) => i % step !== 0).reverse()),
    anomalies: index(rows.filter((i) => i % step === 0)),
    classes: 'made',
  }
}

/** Row numbers behind standardised values: the scale is the mean and sd (divisor n) of `scale`. */
function rowsOf(part: Tensor, scale: readonly number[]): number[] {
  const mean = scale.reduce((sum, v) => sum + v, 0) / scale.length
  const sd = Math.sqrt(scale.reduce((sum, v) => sum + (v - mean) ** 2, 0) / scale.length)
  return (part.toArray() as number[][]).map(([z]) => {
    const row = z! * sd + mean
    expect(Math.abs(row - Math.round(row))).toBeLessThan(1e-6)
    return Math.round(row)
  })
}

describe('protocol dte', () => {
  it('trains on the first half of the normal rows in the order of the file', () => {
    const table = counting(1500, 4)
    const normal = Array.from({ length: 1500 }, (_, i) => i).filter((i) => i % 4 !== 0)
    const expected = normal.slice(0, 562) // 1125 / 2 = 562.5, halves go to the even number
    const parts = split(table, 'dte', 50_000, 3)
    expect(rowsOf(parts.train, expected)).toEqual(expected)
    expect(rowsOf(parts.normals, expected)).toEqual(normal.slice(562))
    expect(rowsOf(parts.anomalies, expected)).toEqual(Array.from({ length: 375 }, (_, i) => 4 * i))
    parts.dispose()
    expect([roundEven(0.5), roundEven(1.5), roundEven(2.5), roundEven(2.4), roundEven(2.6)]).toEqual([0, 2, 2, 2, 3])
  })

  it('draws a small table to 1,000 rows with replacement, another draw for each seed', () => {
    const table = counting(200, 4)
    const sizes = (seed: number) => {
      const parts = split(table, 'dte', 50_000, seed)
      const all = [parts.train, parts.normals, parts.anomalies].map(({ shape }) => shape[0]!)
      const distinct = new Set((parts.train.toArray() as number[][]).map(([z]) => z)).size
      parts.dispose()
      return { all, distinct }
    }
    const { all, distinct } = sizes(1)
    expect(all[0]! + all[1]! + all[2]!).toBe(1000)
    expect(Math.abs(all[0]! - all[1]!)).toBeLessThanOrEqual(1)
    // 250 of 1000 expected, binomial sd 13.7.
    expect(Math.abs(all[2]! - 250)).toBeLessThan(5 * 13.7)
    // 375 draws from 150 rows leave 150 (1 - 1/150)^375 = 12 out.
    expect(distinct).toBeLessThan(150)
    expect(distinct).toBeGreaterThan(120)
    expect(sizes(2).all).not.toEqual(all)
  })

  it('cuts a large table down before it is split', () => {
    const parts = split(counting(3000, 3), 'dte', 1200, 0)
    const sizes = [parts.train, parts.normals, parts.anomalies].map(({ shape }) => shape[0]!)
    expect(sizes[0]! + sizes[1]! + sizes[2]!).toBe(1200)
    parts.dispose()
  })
})

it('protocol unsupervised trains on a draw from all rows and scores every row', () => {
  const table = counting(1200, 4)
  const all = Array.from({ length: 1200 }, (_, i) => i)
  const parts = split(table, 'unsupervised', 50_000, 0)
  const trained = rowsOf(parts.train, all)
  expect(trained.length).toBe(1200)
  // (1 - 1/e) of the rows are drawn at least once; sd of the share about 0.009.
  expect(Math.abs(new Set(trained).size / 1200 - (1 - Math.exp(-1)))).toBeLessThan(0.045)
  expect(trained.some((row) => row % 4 === 0)).toBe(true)
  expect(rowsOf(parts.normals, all)).toEqual(all.filter((i) => i % 4 !== 0))
  expect(rowsOf(parts.anomalies, all)).toEqual(all.filter((i) => i % 4 === 0))
  parts.dispose()
})

it('every protocol is a function of the seed', () => {
  for (const protocol of PROTOCOLS) {
    const of = (seed: number) => {
      const parts = split(counting(300, 5), protocol, 50_000, seed)
      const rows = parts.train.toArray()
      parts.dispose()
      return rows
    }
    expect(of(1)).toEqual(of(1))
    expect(of(1)).not.toEqual(of(2))
  }
})

it('F1 is that of as many rows as there are anomalies, ties in proportion', async () => {
  // Distances to the one far cluster of training rows at 0: scores are |x|.
  const fitted = await ood.fit(ood.detectors.knn({ k: 1 }), [[0], [0]])
  const f1 = async (inside: number[], outside: number[]) => {
    const column = (values: number[]) => values.map((v) => [v])
    const options = { inDistribution: column(inside), outOfDistribution: { odd: column(outside) } }
    return (await evaluate({ detector: fitted, ...options })).odd.f1
  }
  expect(await f1([1, 2, 5], [4, 6, 7])).toBeCloseTo(2 / 3, 12)
  // Four rows tie for one place, one of them an anomaly.
  expect(await f1([3, 3, 3, 1], [3, 9])).toBeCloseTo((1 + 1 / 4) / 2, 12)
  expect(await f1([1, 2], [3, 4])).toBe(1)
  fitted.dispose()
})

describe('ranks and tests over tables', () => {
  /** P by counting all signs. */
  function counted(differences: number[]): number {
    const sizes = differences.map(Math.abs)
    const ranks = ranksDown(sizes).map((rank) => sizes.length + 1 - rank)
    const total = ranks.reduce((sum, rank) => sum + rank, 0)
    const positive = ranks.reduce((sum, rank, k) => sum + (differences[k]! > 0 ? rank : 0), 0)
    const far = Math.abs(positive - total / 2)
    let count = 0
    for (let signs = 0; signs < 2 ** sizes.length; signs++) {
      const sum = ranks.reduce((all, rank, k) => all + ((signs >> k) & 1 ? rank : 0), 0)
      if (Math.abs(sum - total / 2) >= far - 1e-9) count++
    }
    return count / 2 ** sizes.length
  }

  it('Wilcoxon: all signs counted, with and without ties', () => {
    expect(wilcoxon([1, 2, 3, 4, 5])).toBeCloseTo(2 / 32, 12)
    // Subsets of 1..6 with sum at most 6: 14 of 64 on either side.
    expect(wilcoxon([1, 2, 3, 4, 5, -6])).toBeCloseTo(28 / 64, 12)
    for (const list of [
      [1, 1, -1, 2, 2, 5, -5, 3],
      [0.5, -0.5, 0.5, 0.5, 7],
    ])
      expect(wilcoxon(list)).toBeCloseTo(counted(list), 12)
    expect(wilcoxon([0, 0, 1, 2, 3, 4, 5])).toBeCloseTo(2 / 32, 12)
    expect(wilcoxon([0, 0])).toBe(1)
  })

  it('Holm and mean ranks by hand', () => {
    expect(holm([0.01, 0.04, 0.03]).map((p) => Number(p.toFixed(12)))).toEqual([0.03, 0.06, 0.06])
    expect(ranksDown([3, 1, 3, 2])).toEqual([1.5, 4, 1.5, 3])
    const lines = rankTable({ a: [0.9, 0.8, 0.7], b: [0.8, 0.9, 0.6], c: [0.1, 0.2, 0.6] }, 'a')
    expect(lines.map(({ detector }) => detector)).toEqual(['a', 'b', 'c'])
    expect(lines[0]).toMatchObject({ meanRank: 4 / 3, difference: 0, p: undefined })
    expect(lines[1]!.meanRank).toBeCloseTo((2 + 1 + 2.5) / 3, 12)
    expect(lines[1]).toMatchObject({ wins: 1, losses: 2 })
  })
})
