/** evaluate.logLikelihood against known densities. */
import { describe, expect, test } from 'vitest'
import { Energy, energies, evaluate, partition, data as sets, tensor } from '../../src/index.js'

const { eightGaussians, gaussians, logDensity } = sets.toys
/** data.toys.eightGaussians as an energy. */
const eighths = Array.from({ length: 8 }, (_, k) => (k * Math.PI) / 4)
const ring = energies.gaussianMixture({ means: eighths.map((t) => [2 * Math.cos(t), 2 * Math.sin(t)]), sigmas: 0.1 })

describe('evaluate.logLikelihood', () => {
  test('the true density of a toy gets minus its entropy, from any way to log Z', async () => {
    const rows = eightGaussians({ n: 4000, seed: 2 })
    await using model = await Energy.create(ring, { dtype: 'float64' })
    // Eight round Gaussians that hardly overlap: entropy log 8 + 1 + log(2 pi 0.01).
    const entropy = Math.log(8) + 1 + Math.log(2 * Math.PI * 0.01)
    const result = await evaluate.logLikelihood(model, rows, { logZ: { kind: 'grid', low: -4, high: 4 }, truth: model })
    // Standard error of the mean of a chi-square over 2: 1 / sqrt(4000). Four of them: once in 16,000 seeds.
    expect(result.standardError).toBeCloseTo(1 / Math.sqrt(4000), 3)
    expect(Math.abs(result.logLikelihood + entropy)).toBeLessThan(4 * result.standardError)
    expect(result.partition.logZ).toBeCloseTo(0, 6)
    expect(result.baselines.ownSamples).toBeCloseTo(-entropy, 3)
    expect(result.baselines.truth).toBeCloseTo(result.logLikelihood, 6)
    using truth = await logDensity('eightGaussians', rows.toTensor())
    const byRows = await evaluate.logLikelihood(model, rows, { logZ: result.partition, truth })
    expect(byRows.baselines.truth).toBeCloseTo(result.baselines.truth!, 6)
    expect(result.bitsPerDimension).toBeCloseTo(-result.logLikelihood / (2 * Math.LN2), 10)
    expect(result.baselines.gaussian!).toBeLessThan(result.logLikelihood - 1)
    expect(result.text).toMatch(/nats per row[\s\S]*the true density gets[\s\S]*a Gaussian gets/)

    const proposal = { kind: 'importance', rows, components: 8, seed: 1 } as const
    const sampled = await evaluate.logLikelihood(model, rows, { logZ: proposal })
    expect(Math.abs(sampled.logLikelihood - result.logLikelihood)).toBeLessThan(4 * sampled.partition.standardError)
    expect(sampled.standardError).toBeGreaterThan(result.standardError)
    const given = await evaluate.logLikelihood(model, rows, { logZ: result.partition })
    expect(given.logLikelihood).toBe(result.logLikelihood)
    const number = await evaluate.logLikelihood(model, rows, { logZ: 1 })
    expect(number.logLikelihood).toBeCloseTo(result.logLikelihood + result.partition.logZ - 1, 10)
  })

  test('the Gaussian baseline is the closed form, in sample and held out', async () => {
    const [train, held] = [1, 2].map((seed) => gaussians({ n: 5000, seed, means: [[1, -2, 0]], noise: 0.7 }).toTensor())
    await using model = await Energy.create(energies.gaussian({ mean: [1, -2, 0], precision: 1 / 0.49 }), {
      dtype: 'float64',
    })
    const truth = -1.5 * (1 + Math.log(2 * Math.PI * 0.49))
    const logZ = 1.5 * Math.log(2 * Math.PI * 0.49)
    const inSample = await evaluate.logLikelihood(model, held!, { logZ, truth })
    const heldOut = await evaluate.logLikelihood(model, held!, { logZ, truth, baseline: train! })
    expect(inSample.baselines.truth).toBe(truth)
    expect(Math.abs(inSample.logLikelihood - truth)).toBeLessThan(4 * inSample.standardError)
    // The fit is better in sample than the truth, and worse held out; each by about (9 parameters) / 2 n = 0.0009.
    expect(inSample.baselines.gaussian! - inSample.logLikelihood).toBeGreaterThan(0)
    expect(heldOut.baselines.gaussian! - heldOut.logLikelihood).toBeLessThan(0)
    expect(Math.abs(heldOut.baselines.gaussian! - heldOut.logLikelihood)).toBeLessThan(0.005)
    const flat = [
      [1, -2, 0],
      [1, -2, 0],
    ]
    expect((await evaluate.logLikelihood(model, flat, { logZ })).baselines.gaussian).toBeNull()
  })

  test('bounds from annealing: none above without samples', async () => {
    await using model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: 4 }), { dtype: 'float64' })
    const samples = gaussians({ n: 500, seed: 3, noise: 0.5 }).toTensor()
    const one = await evaluate.logLikelihood(model, samples, { logZ: { kind: 'ais', temperatures: 20, chains: 200 } })
    expect([one.lower, one.partition.upper]).toEqual([null, null])
    expect(one.text).toContain('no upper bound')
    const both = await evaluate.logLikelihood(model, samples, {
      logZ: { kind: 'ais', temperatures: 20, chains: 200, samples },
    })
    const exact = both.logLikelihood + both.partition.logZ - Math.log((2 * Math.PI) / 4)
    expect(both.lower).toBeLessThan(exact)
    expect(both.upper).toBeGreaterThan(exact)
  })

  test('one condition, a temperature, errors', async () => {
    const spec = energies.conditional({ input: 2, classes: 3, hidden: [8] })
    await using model = await Energy.create(spec, { dtype: 'float64', seed: 1 })
    const rows = [
      [0, 0],
      [1, 1],
    ]
    const box = { kind: 'grid', low: -2, high: 2, cells: 32 } as const
    const result = await evaluate.logLikelihood(model, rows, { logZ: box, y: [1], temperature: 2 })
    const energy = (await model.energy(rows, { y: [1, 1] })).toArray() as number[]
    const { logZ } = await partition.grid(model, { low: -2, high: 2, cells: 32, y: [1], temperature: 2 })
    expect(result.logLikelihood).toBeCloseTo(-(energy[0]! + energy[1]!) / 4 - logZ, 10)
    const invalid = { code: 'ERR_LANGEVIN_INVALID_OPTION' }
    await expect(evaluate.logLikelihood(model, rows, { logZ: 0, y: [1, 1] })).rejects.toMatchObject(invalid)
    const unknown = { logZ: { kind: 'guess' } } as unknown as evaluate.LogLikelihoodOptions
    await expect(evaluate.logLikelihood(model, rows, unknown)).rejects.toMatchObject(invalid)
    await expect(evaluate.logLikelihood(model, [[0, 0]], { logZ: 0, y: [1] })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_SHAPE',
    })
    const short = { logZ: 0, y: [1], truth: tensor([0.5]) }
    await expect(evaluate.logLikelihood(model, rows, short)).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_SHAPE',
      message: expect.stringMatching(/truth holds the log density of 1 rows and x has 2/),
    })
  })
})
