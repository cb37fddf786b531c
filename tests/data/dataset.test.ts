/** Dataset and the toy distributions. */
import { describe, expect, test } from 'vitest'
import { fromArrays } from '../../src/data/arrays.js'
import * as toys from '../../src/data/toys.js'
import { tensor } from '../../src/tensor/index.js'

const table = () =>
  fromArrays({ x: { data: new Float64Array([1, 10, 2, 20, 3, 30, 4, 40]), shape: [4, 2] }, y: [0, 1, 0, 1] })

describe('Dataset', () => {
  test('columns, length, label and the matrix without it', () => {
    const data = table()
    expect(data.columns).toEqual(['x', 'y'])
    expect([data.length, data.label]).toEqual([4, 'y'])
    expect(data.toTensor().dtype).toBe('float64')
    expect(data.toTensor().toArray()).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
      [4, 40],
    ])
    expect(data.toTensor(['y', 'x']).toArray()).toEqual([
      [0, 1, 10],
      [1, 2, 20],
      [0, 3, 30],
      [1, 4, 40],
    ])
    expect(data.toTensor(undefined, 'float32').dtype).toBe('float32')
    const labels = data.labels()!
    expect([labels.dtype, labels.toArray()]).toEqual(['int64', [0, 1, 0, 1]])
    expect(data.withLabel(undefined).toTensor().shape).toEqual([4, 3])
    expect(fromArrays({ x: [[1]], y: [2] }, { label: null }).label).toBeUndefined()
  })

  test('select, batch and where take rows', () => {
    const data = table()
    expect(data.select([3, 0, 3]).toTensor().toArray()).toEqual([
      [4, 40],
      [1, 10],
      [4, 40],
    ])
    expect(data.batch(1, 3).toTensor().toArray()).toEqual([[4, 40]])
    expect(data.select(data.where('y', 1)).column('x').toArray()).toEqual([
      [2, 20],
      [4, 40],
    ])
    expect(() => data.batch(2, 3)).toThrow(expect.objectContaining({ code: 'ERR_LANGEVIN_INVALID_OPTION' }))
    expect(() => data.select([4])).toThrow(expect.objectContaining({ code: 'ERR_LANGEVIN_INVALID_OPTION' }))
    expect(() => data.column('z')).toThrow(/there is no column 'z'; the columns are x, y/)
  })

  test('split is a seeded partition of the rows, stratified on request', () => {
    const n = 200
    const data = fromArrays({
      x: Array.from({ length: n }, (_, i) => [i]),
      y: Array.from({ length: n }, (_, i) => (i < 20 ? 1 : 0)),
    })
    const values = (parts: ReturnType<typeof data.split>) =>
      parts.map((part) => (part.toTensor().toArray() as number[][]).flat())
    const parts = data.split({ fractions: [0.6, 0.25, 0.15], seed: 5, stratify: true })
    expect(parts.map((part) => part.length)).toEqual([120, 50, 30])
    expect(
      values(parts)
        .flat()
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: n }, (_, i) => i))
    expect(parts.map((part) => (part.labels()!.toArray() as number[]).reduce((a, b) => a + b))).toEqual([12, 5, 3])
    expect(values(data.split({ fractions: [0.6, 0.25, 0.15], seed: 5, stratify: true }))).toEqual(values(parts))
    expect(values(data.split({ fractions: [0.6, 0.25, 0.15], seed: 6 }))).not.toEqual(values(parts))
    // A third and two thirds of 200 rows, and sizes that leave rows out.
    expect(data.split({ fractions: [1 / 3, 2 / 3] }).map((part) => part.length)).toEqual([67, 133])
    expect(data.split({ sizes: [3, 4] }).map((part) => part.length)).toEqual([3, 4])
    for (const wrong of [
      {},
      { fractions: [0.7, 0.4] },
      { sizes: [201] },
      { fractions: [0.5], sizes: [5] },
      { sizes: [-1] },
    ]) {
      expect(() => data.split(wrong)).toThrow(expect.objectContaining({ code: 'ERR_LANGEVIN_INVALID_OPTION' }))
    }
  })

  test('standardize: statistics go on to other rows, constant columns get sd 1', () => {
    const data = fromArrays({
      x: { data: new Float64Array([1, 5, 3, 5, 5, 5]), shape: [3, 2] },
      y: [0, 1, 1],
    })
    const { dataset, mean, sd } = data.standardize()
    expect(mean).toEqual({ x: [3, 5] })
    expect(sd.x![0]).toBeCloseTo(Math.sqrt(8 / 3), 14)
    expect(sd.x![1]).toBe(1)
    expect(dataset.labels()!.toArray()).toEqual([0, 1, 1])
    const other = fromArrays({ x: { data: new Float64Array([3, 6]), shape: [1, 2] } }).standardize({ mean, sd })
    expect(other.dataset.toTensor().toArray()).toEqual([[0, 1]])
    expect(data.standardize({ rows: [0, 1] }).mean).toEqual({ x: [2, 5] })
    const bad = fromArrays({ x: { data: new Float64Array([1, Number.NaN]), shape: [2, 1] } })
    expect(() => bad.standardize()).toThrow(
      expect.objectContaining({ code: 'ERR_LANGEVIN_NON_FINITE', details: expect.objectContaining({ row: 1 }) }),
    )
  })

  test('rows must agree, options must be known', () => {
    expect(() => fromArrays({ x: [[1], [2]], y: [1] })).toThrow(expect.objectContaining({ code: 'ERR_LANGEVIN_SHAPE' }))
    expect(() => fromArrays({})).toThrow(expect.objectContaining({ code: 'ERR_LANGEVIN_INVALID_OPTION' }))
    // @ts-expect-error a misspelt option
    expect(() => table().split({ fraction: [1] })).toThrow(/did you mean 'fractions'/)
    expect(() => fromArrays({ x: tensor(1) })).toThrow(expect.objectContaining({ code: 'ERR_LANGEVIN_SHAPE' }))
  })
})

describe('data.toys', () => {
  const { logDensity: _, ...factories } = toys
  const all = Object.entries(factories) as [string, typeof toys.rings][]
  test.each(all)('%s is seeded, labelled and of the size asked for', (name, toy) => {
    const data = toy({ n: 300, seed: 4 })
    expect([data.length, data.columns, data.label]).toEqual([300, ['x', 'y'], 'y'])
    expect(data.toTensor().shape).toEqual([300, name === 'barsAndStripes' ? 16 : 2])
    expect(data.toTensor().dtype).toBe('float32')
    expect(toy({ n: 300, seed: 4n }).toTensor().toArray()).toEqual(data.toTensor().toArray())
    expect(toy({ n: 300, seed: 5 }).toTensor().toArray()).not.toEqual(data.toTensor().toArray())
    // Rows do not depend on how many are drawn.
    expect(toy({ n: 10, seed: 4 }).toTensor().toArray()).toEqual((data.toTensor().toArray() as number[][]).slice(0, 10))
  })

  test('options are checked', () => {
    // @ts-expect-error a misspelt option
    expect(() => toys.rings({ n: 3, noize: 1 })).toThrow(/did you mean 'noise'/)
    for (const n of [0, -1, 1.5, Number.NaN]) {
      expect(() => toys.moons({ n })).toThrow(expect.objectContaining({ code: 'ERR_LANGEVIN_INVALID_OPTION' }))
    }
    expect(() => toys.moons({ n: 3, noise: -1 })).toThrow(
      expect.objectContaining({ code: 'ERR_LANGEVIN_INVALID_OPTION' }),
    )
  })

  test('bars and stripes: every picture, as often as its coins say', () => {
    const n = 8000
    const data = toys.barsAndStripes({ n, size: 3, seed: 2 })
    const counts = new Map<string, number>()
    for (const row of data.toTensor().toArray() as number[][]) {
      const lines = [row.slice(0, 3), row.slice(3, 6), row.slice(6)]
      const rows = lines.every((line) => line.every((v) => v === line[0]))
      const columns = lines.every((line) => String(line) === String(lines[0]))
      expect(rows || columns).toBe(true)
      counts.set(String(row), (counts.get(String(row)) ?? 0) + 1)
    }
    expect(counts.size).toBe(14)
    for (const [picture, count] of counts) {
      const p = new Set(picture.split(',')).size === 1 ? 1 / 8 : 1 / 16
      // 4.5 binomial standard errors.
      expect(Math.abs(count - n * p)).toBeLessThan(4.5 * Math.sqrt(n * p * (1 - p)))
    }
  })

  test('gaussians about given means', () => {
    const data = toys.gaussians({
      n: 4000,
      seed: 1,
      noise: 0.5,
      means: [
        [0, 0, 0],
        [10, 0, 0],
      ],
    })
    expect(data.toTensor().shape).toEqual([4000, 3])
    const right = data.select(data.where('y', 1)).standardize()
    // About 2,000 rows: the mean has sd 0.011 and the sd has 0.008; five of them.
    expect(Math.abs(right.mean.x![0]! - 10)).toBeLessThan(0.056)
    expect(Math.abs(right.sd.x![1]! - 0.5)).toBeLessThan(0.04)
  })
})
