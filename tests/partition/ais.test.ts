/** partition.ais in both directions, against PyTorch with the same random numbers. */
import { describe, expect, test } from 'vitest'
import { gaussians } from '../../src/data/toys.js'
import { energies } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import * as partition from '../../src/partition/index.js'
import { invokeNow } from '../../src/runtime/index.js'
import type { Tensor } from '../../src/tensor/index.js'
import { reference } from '../helpers/python.js'

// Seeds are fixed: a passing test stays passing. Four standard errors are a false alarm once in 16,000 seeds.
const LOG_2PI = Math.log(2 * Math.PI)
const gaussian = (precision: number | number[] | number[][], mean: number[]) =>
  Energy.create(energies.gaussian({ mean, precision }), { dtype: 'float64' })
const logZOf = (precisions: number[]) => precisions.reduce((sum, p) => sum + 0.5 * (LOG_2PI - Math.log(p)), 0)

/** Exact draws of N(mean, diag(1 / precision)). */
function exactRows(mean: number[], precision: number[], n: number, seed = 1): number[][] {
  const normal = gaussians({ n, seed, means: [mean.map(() => 0)], noise: 1 })
    .toTensor()
    .toArray() as number[][]
  return normal.map((row) => row.map((v, i) => mean[i]! + v / Math.sqrt(precision[i]!)))
}

describe('partition.ais forward', () => {
  test('a correlated Gaussian, any number of threads', async () => {
    await using model = await gaussian(
      [
        [2, 0.5],
        [0.5, 1],
      ],
      [1, -1],
    )
    const options = { dim: 2, chains: 1000, temperatures: 40, seed: 5 }
    const result = await partition.ais(model, { ...options, threads: 1 })
    expect(result.standardError).toBeLessThan(0.05)
    expect(Math.abs(result.logZ - (LOG_2PI - 0.5 * Math.log(1.75)))).toBeLessThan(4 * result.standardError)
    expect(result.lower).toBe(result.logZ - 2 * result.standardError)
    expect([result.upper, result.reverse]).toEqual([null, null])
    expect(result.forward.ess).toBe(result.ess)
    expect((await partition.ais(model, { ...options, threads: 2 })).logZ).toBe(result.logZ)
    expect((await partition.ais(model, { ...options, seed: 6 })).logZ).not.toBe(result.logZ)
  })

  const fifty = Array.from({ length: 50 }, (_, i) => 10 ** (2 * (i / 49) - 1))
  test.each([
    ['hmc, sigmoid', { ladder: 'sigmoid', temperatures: 200 }],
    ['mala, adaptive', { ladder: 'adaptive', transition: 'mala', moves: 4, stepEss: 0.998 }],
  ] as const)('fifty dimensions, precisions 0.1 to 10: %s', async (_, options) => {
    await using model = await gaussian(fifty, Array(50).fill(0.3))
    const result = await partition.ais(model, { chains: 1000, seed: 2, ...options })
    expect(Math.abs(result.logZ - logZOf(fifty))).toBeLessThan(0.05)
    expect(result.standardError).toBeLessThan(0.05)
    // The pilot found steps that are accepted as often as it aims at (hmc: or more, where trajectories are long enough).
    expect(result.acceptance).toBeGreaterThan('transition' in options ? 0.5 : 0.75)
    expect(result.acceptance).toBeLessThan('transition' in options ? 0.65 : 1)
    expect(result.temperatures[0]).toBe(0)
    expect(result.temperatures.at(-1)).toBe(1)
  })

  test('a mixture in the plane against the grid, at a temperature, from a base elsewhere', async () => {
    const spec = energies.gaussianMixture({
      means: [
        [-2, 0],
        [2, 1],
        [0, -2],
      ],
      weights: [0.5, 0.3, 0.2],
      sigmas: [0.5, 0.4, 0.6],
    })
    await using model = await Energy.create(spec, { dtype: 'float64' })
    const options = { mean: [0.5, 0], scale: [3, 2], temperature: 2, chains: 2000, temperatures: 100, seed: 3 }
    const truth = await partition.grid(model, { low: -15, high: 15, temperature: 2 })
    const result = await partition.ais(model, options)
    expect(result.standardError).toBeLessThan(0.03)
    expect(Math.abs(result.logZ - truth.logZ)).toBeLessThan(4 * result.standardError)
  })

  test('an adaptive ladder has more rungs where the law changes more', async () => {
    await using near = await gaussian(1.2, Array(5).fill(0))
    await using far = await gaussian(100, Array(5).fill(1))
    const options = { ladder: 'adaptive', chains: 100 } as const
    const few = (await partition.ais(near, options)).temperatures
    const many = (await partition.ais(far, options)).temperatures
    expect(many.length).toBeGreaterThan(5 * few.length)
    // Rungs are dense at b = 0, where the base meets the far narrow law.
    expect(many[1]!).toBeLessThan(0.01)
    expect(many.at(-1)! - many.at(-2)!).toBeGreaterThan(many[1]!)
    await expect(partition.ais(far, { ...options, temperatures: 10 })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_UNSUPPORTED',
    })
  })

  test('errors', async () => {
    await using model = await gaussian(1, [0, 0])
    const bad: partition.AnnealedOptions[] = [
      { dim: 3 },
      { temperatures: [0, 0.5] },
      { temperatures: [0, 1], ladder: 'linear' },
      { ladder: 'steep' as 'linear' },
      { transition: 'mala', leapfrogSteps: 3 },
      { scale: 0 },
      { scale: [1, 1, 1] },
      { stepEss: 1, ladder: 'adaptive' },
      { targetAcceptance: 1 },
    ]
    for (const options of bad) {
      await expect(partition.ais(model, options), JSON.stringify(options)).rejects.toMatchObject({
        code: 'ERR_LANGEVIN_INVALID_OPTION',
      })
    }
    await expect(partition.ais(model, { samples: [[1, 2, 3]] })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
  })
})

test('partition.ais is what plain PyTorch computes with the same random numbers', async () => {
  const spec = energies.mlp({ input: 3, hidden: [16, 16], activation: 'tanh', gaussianBase: 1.5 })
  await using model = await Energy.create(spec, { dtype: 'float64', seed: 4 })
  const [chains, rungs, seed] = [200, 12, 21]
  const random = (kind: string, columns: number, step: number, stream: number) =>
    invokeNow<Tensor>('random', { kind, rows: chains, columns, seed, step, stream }).toArray()
  // Streams as native/core/tensors/random.hpp numbers them: noise, accept, auxiliary; the start is of evaluation.
  const moves = (kind: string, columns: number, stream: number) =>
    Array.from({ length: rungs - 2 }, (_, k) => random(kind, columns, k + 1, stream))
  const options = { mean: [0.5, 0, -0.5], scale: [1.5, 1, 2], stepSize: 0.4, leapfrogSteps: 3 }
  const result = await partition.ais(model, { ...options, chains, temperatures: rungs, ladder: 'sigmoid', seed })
  const parameters = Object.fromEntries(
    Object.entries(await model.parameters()).map(([name, t]) => [name, t.toArray()]),
  )
  const expected = reference<{ logZ: number; standardError: number; ess: number }>('annealing.py', {
    energy: { spec, parameters, dtype: 'float64' },
    betas: result.temperatures,
    ...options,
    start: random('normal', 3, 0, 13),
    momenta: moves('normal', 3, 2),
    uniform: moves('uniform', 1, 3),
    jitter: moves('uniform', 1, 16),
  })
  // The jitter is scaled in float32 here and in float64 there.
  expect(result.logZ).toBeCloseTo(expected.logZ, 5)
  expect(result.standardError).toBeCloseTo(expected.standardError, 5)
  expect(Math.abs(result.ess / expected.ess - 1)).toBeLessThan(1e-4)
})

describe('partition.ais both ways', () => {
  const precision = Array.from({ length: 20 }, (_, i) => 1 + i)
  const mean = precision.map((_, i) => Math.sin(i))
  const truth = logZOf(precision)

  test('the bracket encloses log Z, and narrows with the ladder', async () => {
    await using model = await gaussian(precision, mean)
    const samples = exactRows(mean, precision, 1000)
    const run = (temperatures: number) =>
      partition.ais(model, { chains: 1000, temperatures, ladder: 'sigmoid', samples, seed: 4 })
    const [short, long] = [await run(10), await run(200)]
    for (const result of [short, long]) {
      expect(result.lower).toBeLessThan(truth)
      expect(result.upper).toBeGreaterThan(truth)
      expect(Math.abs(result.logZ - truth)).toBeLessThan(4 * result.standardError)
    }
    expect(long.upper! - long.lower).toBeLessThan(0.2)
    expect(short.upper! - short.lower).toBeGreaterThan(2 * (long.upper! - long.lower))
    // Bennett's estimate uses both sets of weights: better than either.
    expect(long.standardError).toBeLessThan(Math.min(long.forward.standardError, long.reverse!.standardError))
  })

  test('unequal numbers of chains, and threads', async () => {
    await using model = await gaussian(precision, mean)
    const options = { chains: 300, temperatures: 100, samples: exactRows(mean, precision, 900), seed: 8 }
    const result = await partition.ais(model, { ...options, threads: 1 })
    expect(Math.abs(result.logZ - truth)).toBeLessThan(4 * result.standardError)
    expect(await partition.ais(model, { ...options, threads: 2 })).toEqual(result)
  })

  test('control: one jump instead of a ladder shows a wide bracket and no effective weights', async () => {
    await using model = await gaussian(precision, mean)
    const samples = exactRows(mean, precision, 1000)
    const result = await partition.ais(model, { chains: 1000, temperatures: [0, 1], samples, seed: 4 })
    expect(result.acceptance).toBeNull()
    expect(result.ess).toBeLessThan(20)
    expect(result.forward.paretoK).toBeGreaterThan(0.7)
    expect(result.upper! - result.lower).toBeGreaterThan(2)
    // Forward alone is far below the truth, and nothing but the bracket tells.
    expect(truth - result.forward.logZ).toBeGreaterThan(1)
  })

  test('control: a reverse run from rows that are not samples of the model is found out', async () => {
    await using model = await gaussian(precision, mean)
    const broad = exactRows(
      mean,
      precision.map((p) => p / 25),
      1000,
    )
    const options = { chains: 1000, temperatures: 20, seed: 4 } as const
    const wrong = await partition.ais(model, { ...options, samples: broad })
    expect(wrong.upper!).toBeLessThan(wrong.lower - 1)
    const right = await partition.ais(model, { ...options, samples: exactRows(mean, precision, 1000) })
    expect(right.upper!).toBeGreaterThan(right.lower)
    expect(right.forward).toEqual(wrong.forward)
  })
})
