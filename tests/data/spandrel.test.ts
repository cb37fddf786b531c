/** The spandrel shapes: their densities against an independent quadrature, and their rows. */
import { describe, expect, test } from 'vitest'
import { grid } from '../../src/data/grid.js'
import * as spandrel from '../../src/data/spandrel.js'
import { reference } from '../helpers/python.js'

const SIGMA = 0.05

describe('data.spandrel against an independent quadrature', () => {
  const points = [
    ...(grid({ low: -2, high: 2, cells: 9 }).points.toArray() as number[][]),
    [0.31, 0.36],
    [1.25, 0.6],
    [-0.65, 0.05],
  ]
  const cases = spandrel.SHAPES.map((shape) => ({ shape, points, sigma: SIGMA }))
  const truth = reference<{ logDensity: number[]; distance: number[] }[]>('spandrel_shapes.py', cases)

  test.each(spandrel.SHAPES.map((shape, i) => [shape, truth[i]!] as const))('%s', async (shape, expected) => {
    const logp = (await spandrel.logDensity(shape, points, { sigma: SIGMA })).toArray() as number[]
    const distance = (await spandrel.distance(shape, points)).toArray() as number[]
    for (const [i, value] of expected.logDensity.entries()) {
      // The reference's nodes are at most 1.8 * 2 pi / 80,000 = 1.4e-4 apart. Where the nearest point of the curve is an
      // end, its midpoint sum misses up to half a spacing: d * 0.7e-4 / sigma^2 in log p.
      expect(Math.abs(logp[i]! - value)).toBeLessThan(1e-4 + (0.7e-4 * expected.distance[i]!) / SIGMA ** 2)
      expect(Math.abs(distance[i]! - expected.distance[i]!)).toBeLessThan(0.8e-4)
    }
  })
})

describe('data.spandrel', () => {
  test('the four shapes draw labelled rows on their own branch', () => {
    for (const draw of [spandrel.step, spandrel.splitCircle, spandrel.twist, spandrel.kissingPyramids]) {
      const data = draw({ n: 500, seed: 2 })
      expect([data.length, data.label, data.toTensor().shape]).toEqual([500, 'y', [500, 2]])
      expect(data.categories.y!.length).toBe(2)
    }
    const step = spandrel.step({ n: 200, seed: 1, sigma: 0 })
    const labels = step.labels()!.toArray() as number[]
    for (const [i, [x, y]] of (step.toTensor().toArray() as [number, number][]).entries()) {
      expect(y).toBeCloseTo(labels[i] === 1 ? 0.6 : -0.6, 6)
      expect(Math.sign(x)).toBe(labels[i] === 1 ? 1 : -1)
      expect(Math.abs(x)).toBeGreaterThanOrEqual(0.1499)
      expect(Math.abs(x)).toBeLessThanOrEqual(1.2001)
    }
  })

  test('curves and bridges', async () => {
    expect(spandrel.curve('kissing-pyramids', { points: 5 }).map((line) => line.shape)).toEqual(Array(4).fill([5, 2]))
    expect(spandrel.describe('step').bridges).toEqual([{ low: [-0.15, -0.4], high: [0.15, 0.4] }])
    // The true mass of a bridge: its widest point is 4 sigma away, so less than P(|z| > 4) of the tube is in it.
    for (const shape of ['step', 'kissing-pyramids'] as const) {
      const { low, high } = spandrel.describe(shape).bridges[0]!
      const { points, cellVolume } = grid({ low, high, cells: 100 })
      const logp = (await spandrel.logDensity(shape, points)).toArray() as number[]
      expect(logp.reduce((sum, v) => sum + Math.exp(v), 0) * cellVolume).toBeLessThan(6e-5)
    }
  })

  test('errors', async () => {
    // @ts-expect-error an unknown shape
    await expect(spandrel.logDensity('circle', [[0, 0]])).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    await expect(spandrel.distance('step', [[0, 0, 0]])).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
    await expect(spandrel.logDensity('step', [[0, Number.NaN]])).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_NON_FINITE',
    })
    expect(() => spandrel.step({ n: 0 })).toThrow(expect.objectContaining({ code: 'ERR_LANGEVIN_INVALID_OPTION' }))
    await expect(spandrel.logDensity('step', [[0, 0]], { sigma: 1e-5 })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
    })
  })
})
