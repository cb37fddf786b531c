/** What hmc and nuts find during their warm-up: step sizes, scales, correlations. */
import { describe, expect, it } from 'vitest'
import { Energy, energies, type SampleResult, sample, samplers } from '../../src/index.js'
import type { SpecValue } from '../../src/spec/index.js'
import { rejection } from '../helpers/errors.js'

/** Standard errors allowed: a false alarm in 1 of 150,000 checks; seeds are fixed. */
const SIGMAS = 4.5

const column = (result: SampleResult, i: number) => (result.samples.toArray() as number[][]).map((row) => row[i]!)
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length
const variance = (values: number[]) => {
  const m = mean(values)
  return values.reduce((sum, v) => sum + (v - m) ** 2, 0) / (values.length - 1)
}

/** The two long-trajectory samplers, at `steps` steps of which `warmup` adapt. */
const both = (steps: number, warmup: number, more: object = {}) =>
  [
    ['nuts', samplers.nuts({ steps, warmup, ...more })],
    ['hmc', samplers.hmc({ steps, warmup, stepSize: 1, leapfrogSteps: 6, jitter: 0.3, ...more })],
  ] as [string, SpecValue][]

describe('a flat energy', () => {
  const flat = energies.expression((x) => x.at(0).mul(0).add(x.at(1).mul(0)), { input: 2 })

  it.each(both(260, 200, { box: { low: -1, high: 4 } }))('in a box has uniform draws: %s', async (_, sampler) => {
    await using model = await Energy.create(flat)
    const chains = 2000
    const result = await sample(model, { sampler, chains, init: { kind: 'uniform', low: 0, high: 0.5 }, seed: 5 }).done
    for (const i of [0, 1]) {
      const sorted = column(result, i)
        .map((v) => (v + 1) / 5)
        .sort((a, b) => a - b)
      // Kolmogorov and Smirnov: above 2.2 / sqrt(n) once in 16,000 samples.
      const distance = Math.max(...sorted.map((v, k) => Math.max(v - k / chains, (k + 1) / chains - v)))
      expect(distance * Math.sqrt(chains)).toBeLessThan(2.2)
      expect(sorted[0]).toBeGreaterThanOrEqual(0)
      expect(sorted.at(-1)).toBeLessThanOrEqual(1)
    }
    // Half of the box is sqrt(3) deviations of the uniform law; chains that found a smaller one take longer steps.
    expect(result.diagnostics.stepSize!.max).toBeLessThan(2 * Math.sqrt(3))
    expect(result.diagnostics.rhat!).toBeLessThan(1.02)
  })

  it.each(both(60, 40))('without a box is refused: %s', async (_, sampler) => {
    await using model = await Energy.create(flat)
    const error = await rejection(() => sample(model, { sampler, chains: 4, seed: 1 }).done)
    expect(error.code).toBe('ERR_LANGEVIN_DIVERGED')
    expect(error.message).toMatch(/chain 0.*flat.*box/)
  })
})

describe('columns of different scales', () => {
  const run = async (ratio: number, sampler: SpecValue) => {
    await using model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: [ratio * ratio, 1] }))
    return sample(model, { sampler, chains: 32, keep: 'moments', seed: 8 }).done
  }

  it.each(both(1000, 500))('cost the same at a ratio of 10 and of 10^6: %s', async (kind, sampler) => {
    const near = await run(10, sampler)
    for (const ratio of [1e5, 1e6]) {
      const far = await run(ratio, sampler)
      expect(far.diagnostics.ess.bulk!).toBeGreaterThan(0.7 * near.diagnostics.ess.bulk!)
      if (kind === 'nuts') expect(far.diagnostics.leapfrogSteps!).toBeLessThan(1.3 * near.diagnostics.leapfrogSteps!)
      expect(far.diagnostics.rhat!).toBeLessThan(1.01)
      const variances = far.moments!.variance.toArray() as number[]
      // Squares of Gaussian draws: a relative standard error of sqrt(2 / n), n no less than a quarter of the draws.
      const allowed = SIGMAS * Math.sqrt(2 / (32 * 500 * 0.25))
      expect(Math.abs(variances[0]! * ratio ** 2 - 1)).toBeLessThan(allowed)
      expect(Math.abs(variances[1]! - 1)).toBeLessThan(allowed)
    }
  })
})

describe('a linear regression', () => {
  /**
   * earnings = b0 + b1 height + N(0, sigma) over 1,192 people (posteriordb earn_height; sums of that size), flat in b0, b1 and
   * sigma > 0; columns b0, b1, log sigma. Intercept and slope correlate by -0.998, their deviations are 9,640 and 145.
   */
  const n = 1192
  const data = { height: 66.56, spread: 3.83, b0: -61316, b1: 1262, residual: 18865 }
  const regression = energies.expression(
    (x) => {
      const [d0, d1, t] = [x.at(0).sub(data.b0), x.at(1).sub(data.b1), x.at(2)]
      const level = d0.add(d1.mul(data.height)).square().mul(n)
      const errors = level.add(d1.square().mul(n * data.spread ** 2)).add((n - 2) * data.residual ** 2)
      return t.mul(n - 1).add(errors.mul(t.mul(-2).exp()).mul(0.5))
    },
    { input: 3 },
  )
  // sigma^2 is inverse gamma with (n - 3) / 2 and (n - 2) residual^2 / 2; b given sigma is Gaussian.
  const sigma2 = ((n - 2) * data.residual ** 2) / (n - 5)
  const deviations = [
    Math.sqrt((sigma2 / n) * (1 + (data.height / data.spread) ** 2)),
    Math.sqrt(sigma2 / n) / data.spread,
  ]

  it.each([
    ['hmc', samplers.hmc({ steps: 2000, warmup: 1000, stepSize: 1, leapfrogSteps: 32, jitter: 0.3 })],
    [
      'hmc, dense',
      samplers.hmc({ steps: 1500, warmup: 700, stepSize: 1, leapfrogSteps: 5, jitter: 0.3, metric: 'dense' }),
    ],
    ['nuts', samplers.nuts({ steps: 2000, warmup: 1000 })],
    ['nuts, dense', samplers.nuts({ steps: 1500, warmup: 700, metric: 'dense' })],
  ] as [string, SpecValue][])('has the known posterior: %s', async (name, sampler) => {
    await using model = await Energy.create(regression)
    const { moments, diagnostics } = await sample(model, { sampler, chains: 8, keep: 'moments', seed: 2 }).done
    expect(diagnostics.rhat!).toBeLessThan(1.01)
    if (name === 'nuts, dense') expect(diagnostics.leapfrogSteps!).toBeLessThan(8)
    const [means, variances] = [moments!.mean.toArray() as number[], moments!.variance.toArray() as number[]]
    for (const [i, truth] of [data.b0, data.b1].entries()) {
      const error = deviations[i]! / Math.sqrt(diagnostics.ess.bulk!)
      expect(Math.abs(means[i]! - truth)).toBeLessThan(SIGMAS * error)
      expect(Math.abs(Math.sqrt(variances[i]!) / deviations[i]! - 1)).toBeLessThan(
        SIGMAS / Math.sqrt(diagnostics.ess.bulk!),
      )
    }
    expect(Math.abs(means[2]! - 0.5 * Math.log(sigma2))).toBeLessThan(0.01)
  })
})

describe('a dense metric', () => {
  it('makes a correlated Gaussian round', async () => {
    // Deviations 1, 100 and 0.01, all pairs correlated by 0.99.
    const sd = [1, 100, 0.01]
    const correlation = 0.99
    const own = (1 + correlation) / ((1 - correlation) * (1 + 2 * correlation))
    const cross = -correlation / ((1 - correlation) * (1 + 2 * correlation))
    const precision = sd.map((a, i) => sd.map((b, j) => (i === j ? own : cross) / (a * b)))
    await using model = await Energy.create(energies.gaussian({ mean: [0, 0, 0], precision }))
    const run = (metric: 'diagonal' | 'dense') =>
      sample(model, {
        sampler: samplers.nuts({ steps: 1000, warmup: 500, metric }),
        chains: 32,
        keep: 'moments',
        seed: 4,
      }).done
    const [diagonal, dense] = [await run('diagonal'), await run('dense')]
    expect(dense.diagnostics.leapfrogSteps!).toBeLessThan(8)
    expect(diagonal.diagnostics.leapfrogSteps!).toBeGreaterThan(2 * dense.diagnostics.leapfrogSteps!)
    expect(dense.diagnostics.rhat!).toBeLessThan(1.01)
    const covariance = dense.moments!.covariance!.toArray() as number[][]
    const allowed = SIGMAS * Math.sqrt(2 / (32 * 500 * 0.25))
    for (const [i, row] of covariance.entries()) {
      for (const [j, v] of row.entries()) {
        expect(Math.abs(v / (sd[i]! * sd[j]!) - (i === j ? 1 : correlation))).toBeLessThan(allowed)
      }
    }
  })
})

describe('a short warm-up', () => {
  it.each([
    ...both(40, 10).map(([name, sampler]) => [`${name}, 10 steps`, sampler]),
    ...both(60, 20).map(([name, sampler]) => [`${name}, 20 steps`, sampler]),
    ...both(65, 25).map(([name, sampler]) => [`${name}, 25 steps`, sampler]),
    ...both(140, 100).map(([name, sampler]) => [`${name}, 100 steps`, sampler]),
  ] as [string, SpecValue][])('leaves no chain behind: %s', async (_, sampler) => {
    const chains = 4096
    await using model = await Energy.create(energies.gaussian({ mean: [0, 0, 0, 0], precision: 2 }))
    const result = await sample(model, { sampler, chains, seed: 3, init: { kind: 'normal', sd: 0.3 } }).done
    const all = [0, 1, 2, 3].map((i) => variance(column(result, i)))
    expect(Math.abs(mean(all) - 0.5)).toBeLessThan(SIGMAS * 0.5 * Math.sqrt(2 / (4 * chains)))
    const { min, max } = result.diagnostics.stepSize!
    expect(max / min).toBeLessThan(100)
    expect(result.diagnostics.acceptance!).toBeGreaterThan(0.6)
  })
})
