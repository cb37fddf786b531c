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
    expect((await partition.exact(model, { values: [-1, 1] })).logZ).toBeCloseTo(factors([-1, 1]), 12)
    const mixed = await partition.exact(model, { values: [[0, 1], [0, 1, 2], [5]] })
    expect(mixed.states).toBe(6)
  })

  test('two million states are refused, a million are summed', async () => {
    await using model = await gaussian(1, Array(21).fill(0.5))
    await expect(partition.exact(model)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_UNSUPPORTED' })
    await using smaller = await gaussian(1, Array(16).fill(0.5))
    // Every state has the energy 16 / 8 = 2.
    expect((await partition.exact(smaller)).logZ).toBeCloseTo(16 * Math.log(2) - 2, 10)
  })
})

describe('partition.ais', () => {
  test('a correlated Gaussian, any number of threads', async () => {
    await using model = await gaussian(
      [
        [2, 0.5],
        [0.5, 1],
      ],
      [1, -1],
    )
    const options = { dim: 2, chains: 1000, temperatures: 40, stepSize: 0.3, seed: 5 }
    const result = await partition.ais(model, { ...options, threads: 1 })
    expect(result.standardError).toBeLessThan(0.05)
    // Four standard errors: a false alarm once in 16,000 seeds.
    expect(Math.abs(result.logZ - (LOG_2PI - 0.5 * Math.log(1.75)))).toBeLessThan(4 * result.standardError)
    expect((await partition.ais(model, { ...options, threads: 2 })).logZ).toBe(result.logZ)
    expect((await partition.ais(model, { ...options, seed: 6 })).logZ).not.toBe(result.logZ)
  })

  test('errors', async () => {
    await using model = await gaussian(1, [0, 0])
    await expect(partition.ais(model, { dim: 3 })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    await expect(partition.ais(model, { temperatures: [0, 0.5] })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
    })
  })
})
