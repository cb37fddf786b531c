/** partition.grid and partition.exact. */
import { describe, expect, test } from 'vitest'
import { energies } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import * as partition from '../../src/partition/index.js'

const LOG_2PI = Math.log(2 * Math.PI)
const gaussian = (precision: number | number[] | number[][], mean: number[]) =>
  Energy.create(energies.gaussian({ mean, precision }), { dtype: 'float64' })

describe('partition.grid', () => {
  test.each([
    [4, [0.3], 0.5 * (LOG_2PI - Math.log(4))],
    [
      [
        [2, 0.5],
        [0.5, 1],
      ],
      [0.3, -0.2],
      LOG_2PI - 0.5 * Math.log(1.75),
    ],
    [[2, 1, 3], [0, 0.1, 0], 1.5 * LOG_2PI - 0.5 * Math.log(6)],
  ])('a Gaussian of precision %j', async (precision, mean, expected) => {
    await using model = await gaussian(precision, mean)
    const result = await partition.grid(model, { low: -9, high: 9 })
    // The midpoint rule of a Gaussian far inside the box converges faster than any power of the cell width.
    expect(Math.abs(result.logZ - expected)).toBeLessThan(1e-9)
    expect(result.converged).toBe(true)
    expect(result.borderMass).toBeLessThan(1e-12)
    expect(result.cells).toHaveLength(mean.length)
    expect([result.lower, result.upper]).toEqual([
      result.logZ - 2 * result.standardError,
      result.logZ + 2 * result.standardError,
    ])
    // Entropy of a Gaussian: log Z + d / 2.
    expect(Math.abs(result.entropy - expected - mean.length / 2)).toBeLessThan(1e-9)
  })

  test('temperature, and a float32 energy', async () => {
    await using model = await Energy.create(energies.gaussian({ mean: [0], precision: 1 }))
    const { logZ } = await partition.grid(model, { low: -20, high: 20, temperature: 4 })
    // float32 energies near 0 carry 1e-7 relative; their sum does no worse.
    expect(Math.abs(logZ - 0.5 * (LOG_2PI + Math.log(4)))).toBeLessThan(1e-6)
  })

  test('refines until the tolerance, and says when it could not', async () => {
    await using model = await gaussian(1e4, [0.003])
    const refined = await partition.grid(model, { low: -1, high: 1, cells: 8, tolerance: 1e-6 })
    expect(refined.cells[0]).toBeGreaterThan(100)
    expect(Math.max(...refined.changes.slice(-2).map(Math.abs))).toBeLessThanOrEqual(1e-6)
    // 2, 4, 8, ... cells: one change a doubling.
    expect(2 ** (refined.changes.length + 1)).toBe(refined.cells[0])
    expect(Math.abs(refined.logZ - 0.5 * (LOG_2PI - Math.log(1e4)))).toBeLessThan(1e-6)
    const coarse = await partition.grid(model, { low: -1, high: 1, cells: 8, maxCells: 32 })
    expect(coarse.converged).toBe(false)
    const error = Math.abs(coarse.logZ - 0.5 * (LOG_2PI - Math.log(1e4)))
    expect(error).toBeGreaterThan(0.1)
    expect(coarse.standardError).toBeGreaterThan(0.1)
  })

  test('errors', async () => {
    await using four = await gaussian(1, [0, 0, 0, 0])
    await expect(partition.grid(four, { low: -1, high: 1 })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_UNSUPPORTED' })
    await using one = await gaussian(1, [0])
    await expect(partition.grid(one, { low: 1, high: -1 })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
    })
    await expect(partition.grid(one, { low: [0, 0], high: 1 })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
    })
    // @ts-expect-error a misspelt option
    await expect(partition.grid(one, { low: 0, hgih: 1 })).rejects.toThrow(/did you mean 'high'/)
    await expect(partition.grid(one, { low: 0, high: 1, y: [0] })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
    })
    const signal = AbortSignal.timeout(1)
    const slow = partition.grid(one, { low: -9, high: 9, cells: 4_000_000, refine: false, signal })
    await expect(slow).rejects.toMatchObject({ name: 'TimeoutError' })
  })
})

describe('partition.exact', () => {
  test('binary states, spins and lists of values against the factorised sum', async () => {
    const m = [0.2, -0.4, 0.9]
    await using model = await gaussian(1, m)
    const factors = (values: readonly number[]) =>
      m.reduce((sum, v) => sum + Math.log(values.reduce((z, x) => z + Math.exp(-((x - v) ** 2) / 2), 0)), 0)
    const binary = await partition.exact(model)
    expect(binary.logZ).toBeCloseTo(factors([0, 1]), 12)
    expect([binary.states, binary.standardError]).toEqual([8, 0])
    expect([binary.lower, binary.upper]).toEqual([binary.logZ, binary.logZ])
    expect((await partition.exact(model, { values: [-1, 1] })).logZ).toBeCloseTo(factors([-1, 1]), 12)
    const mixed = await partition.exact(model, { values: [[0, 1], [0, 1, 2], [5]] })
    expect(mixed.states).toBe(6)
  })

  test('categories as levels', async () => {
    const m = [0.2, -0.4, 0.9]
    await using model = await gaussian(1, m)
    const levels = await partition.exact(model, { levels: [2, 3, 4] })
    const values = await partition.exact(model, {
      values: [
        [0, 1],
        [0, 1, 2],
        [0, 1, 2, 3],
      ],
    })
    expect(levels).toEqual(values)
    expect(levels.states).toBe(24)
    expect((await partition.exact(model, { levels: 3 })).states).toBe(27)
    for (const bad of [{ levels: [2, 2] }, { levels: 0 }, { levels: 2, values: [0, 1] }]) {
      await expect(partition.exact(model, bad)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    }
  })

  test('a restricted Boltzmann machine, its hidden units summed out by hand, and the entropy', async () => {
    // E(v) = -b v - sum_j log(1 + exp(c_j + W_j v)); the joint sum over 2^6 v and 2^4 h is done here.
    const [visible, hidden] = [6, 4]
    const w = Array.from({ length: hidden }, (_, j) =>
      Array.from({ length: visible }, (_, i) => Math.sin(3 * j + 5 * i)),
    )
    const b = Array.from({ length: visible }, (_, i) => 0.3 * Math.cos(i))
    const c = Array.from({ length: hidden }, (_, j) => 0.5 * Math.sin(j))
    const spec = energies.expression(
      (v) => w.reduce((sum, row, j) => sum.sub(v.mul(row).sum().add(c[j]!).softplus()), v.mul(b).sum().neg()),
      { input: visible },
    )
    await using model = await Energy.create(spec, { dtype: 'float64' })
    const bits = (n: number, width: number) => Array.from({ length: width }, (_, i) => (n >> i) & 1)
    const dot = (x: number[], y: number[]) => x.reduce((sum, v, i) => sum + v * y[i]!, 0)
    const marginal = Array.from({ length: 2 ** visible }, (_, n) => {
      const v = bits(n, visible)
      let sum = 0
      for (let k = 0; k < 2 ** hidden; k++) {
        const h = bits(k, hidden)
        sum += Math.exp(dot(b, v) + dot(c, h) + h.reduce((s, on, j) => s + on * dot(w[j]!, v), 0))
      }
      return sum
    })
    const z = marginal.reduce((sum, v) => sum + v, 0)
    const entropy = -marginal.reduce((sum, v) => sum + (v / z) * Math.log(v / z), 0)
    const result = await partition.exact(model)
    expect(result.logZ).toBeCloseTo(Math.log(z), 10)
    expect(result.entropy).toBeCloseTo(entropy, 10)
  })

  test('2^21 states are refused, 2^20 are summed', async () => {
    await using model = await gaussian(1, Array(21).fill(0.5))
    await expect(partition.exact(model)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_UNSUPPORTED' })
    await using smaller = await gaussian(1, Array(20).fill(0.5))
    // Every state has the energy 20 / 8 = 2.5.
    const most = await partition.exact(smaller)
    expect([most.logZ, most.states]).toEqual([expect.closeTo(20 * Math.log(2) - 2.5, 9), 2 ** 20])
    await using ten = await gaussian(1, Array(10).fill(0))
    expect((await partition.exact(ten, { levels: 4 })).states).toBe(2 ** 20)
    await expect(partition.exact(ten, { levels: [4, 4, 4, 4, 4, 4, 4, 4, 4, 5] })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_UNSUPPORTED',
    })
  })
})
