/** Kolmogorov-Smirnov and the stability index: known values, scipy, all permutations, and their laws when nothing changes. */
import { describe, expect, test } from 'vitest'
import { chiSquaredTail, kolmogorovSmirnov, populationStability } from '../../src/metrics/two-sample.js'
import { refusal, rejection } from '../helpers/errors.js'
import { ask } from '../helpers/python.js'
import { uniforms } from '../helpers/random.js'

const sample = (next: () => number, n: number, of: (u: number) => number = (u) => u) =>
  Array.from({ length: n }, () => of(next()))

/** Every way to deal the pooled values into samples of m and the rest. */
function dealt(pool: number[], m: number): [number[], number[]][] {
  if (m === 0) return [[[], pool]]
  if (pool.length < m) return []
  const [first, ...rest] = pool as [number, ...number[]]
  return [
    ...dealt(rest, m - 1).map(([a, b]): [number[], number[]] => [[first, ...a], b]),
    ...dealt(rest, m).map(([a, b]): [number[], number[]] => [a, [first, ...b]]),
  ]
}

const SIZES = [
  [5, 7],
  [40, 25],
  [300, 120],
] as const
const cases = SIZES.map(([m, n], k) => {
  const next = uniforms(10 + k)
  return { a: sample(next, m), b: sample(next, n, (u) => u ** 1.4) }
})
interface Answers {
  ks: { statistic: number; pvalue: number }[]
  tails: number[]
}
const tails = [1, 2, 5, 9, 19].flatMap((k) => [0.05, 0.9, 4, 17, 60].map((x) => [x, k] as const))
const answers = ask<Answers>('tests/metrics/two-sample.py', { cases, tails })

describe('the two-sample Kolmogorov-Smirnov test', () => {
  test('is that of scipy without ties, exact to rounding', () => {
    for (const [k, { a, b }] of cases.entries()) {
      const { statistic, pValue } = kolmogorovSmirnov(a, b)
      expect(statistic).toBeCloseTo(answers.ks[k]!.statistic, 14)
      expect(Math.abs(pValue / answers.ks[k]!.pvalue - 1)).toBeLessThan(1e-9)
    }
  })

  test('with ties is the share of all deals whose difference is as large', () => {
    const next = uniforms(4)
    for (const [m, n, levels] of [
      [4, 5, 3],
      [6, 6, 4],
      [3, 9, 2],
    ] as const) {
      const [a, b] = [sample(next, m, (u) => Math.floor(levels * u)), sample(next, n, (u) => Math.floor(levels * u))]
      const { statistic, pValue } = kolmogorovSmirnov(a, b)
      const all = dealt([...a, ...b], m).map(([x, y]) => kolmogorovSmirnov(x, y).statistic)
      const share = all.filter((d) => d >= statistic - 1e-12).length / all.length
      expect(pValue).toBeCloseTo(share, 12)
    }
  })

  test('knows that the reference is finite: p-values are uniform when nothing changes, those of a fixed law are not', () => {
    const next = uniforms(9)
    const [trials, m, n] = [2000, 60, 40]
    let [wrong, small] = [0, 0]
    for (let t = 0; t < trials; t++) {
      const [a, b] = [sample(next, m), sample(next, n)]
      const { statistic, pValue } = kolmogorovSmirnov(a, b)
      if (pValue <= 0.05) small++
      // The limit law of one sample against a law that is known: what forgetting the finite reference computes.
      if (2 * Math.exp(-2 * n * statistic ** 2) <= 0.05) wrong++
    }
    // An exact test: at most 5 %, within four standard errors of 2,000 trials; not empty either.
    const error = 4 * Math.sqrt((0.05 * 0.95) / trials)
    expect(small / trials).toBeLessThan(0.05 + error)
    expect(small / trials).toBeGreaterThan(0.02)
    expect(wrong / trials).toBeGreaterThan(0.05 + 2 * error)
  })

  test('in its limit form agrees with the exact one', () => {
    const next = uniforms(77)
    const [a, b] = [sample(next, 1000), sample(next, 500, (u) => u ** 1.09)]
    const exact = kolmogorovSmirnov(a, b)
    // 1,000 * 500 cells are asked exactly; one value more passes the limit.
    const limit = kolmogorovSmirnov(a, [...b, 0.5])
    expect(Math.abs(limit.statistic - exact.statistic)).toBeLessThan(1 / 500 + 1e-9)
    // The limit is an upper bound, off by a few per cent at these sizes.
    expect(Math.abs(limit.pValue / exact.pValue - 1)).toBeLessThan(0.15)
  })

  test('refuses what is no sample', async () => {
    expect(refusal(() => kolmogorovSmirnov([], [1])).code).toBe('ERR_LANGEVIN_SHAPE')
    expect((await rejection(() => kolmogorovSmirnov([1, Number.NaN], [1]))).message).toMatch(/a: number 2 is NaN/)
    expect(kolmogorovSmirnov([1, 1], [1]).pValue).toBe(1)
    expect(kolmogorovSmirnov([1, 1, 1, 1], [2, 2, 2, 2]).pValue).toBeCloseTo(2 / 70, 12)
  })
})

describe('the population stability index', () => {
  test('is the sum over bins, by hand', () => {
    const reference = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    const found = populationStability(reference, [1, 1, 1, 9], { bins: 2 })
    // Bins up to 5 and above: 5 and 5 of 10, 3 and 1 of 4, 1/2 added to each count.
    const [p, q] = [
      [5.5 / 11, 5.5 / 11],
      [3.5 / 5, 1.5 / 5],
    ] as [number[], number[]]
    const wanted = p.reduce((sum, share, k) => sum + (q[k]! - share) * Math.log(q[k]! / share), 0)
    expect(found.statistic).toBeCloseTo(wanted, 14)
    expect(found.bins).toBe(2)
    expect(populationStability([3, 3, 3], [3, 4])).toEqual({ statistic: 0, pValue: 1, bins: 1 })
  })

  test('has a chi-squared tail as scipy does', () => {
    for (const [k, [x, degrees]] of tails.entries()) {
      expect(Math.abs(chiSquaredTail(x, degrees) - answers.tails[k]!)).toBeLessThan(1e-12)
      expect(Math.abs(chiSquaredTail(x, degrees) / answers.tails[k]! - 1)).toBeLessThan(1e-9)
    }
  })

  test('has the p-values of its law: 5 % when nothing changes, where the customary limit of 0.1 flags far more', () => {
    const next = uniforms(21)
    const [trials, n, m] = [2000, 400, 150]
    let [small, custom] = [0, 0]
    for (let t = 0; t < trials; t++) {
      const { statistic, pValue } = populationStability(sample(next, n), sample(next, m))
      if (pValue <= 0.05) small++
      if (statistic > 0.1) custom++
    }
    // chi-squared is a limit: with 15 values in a bin its 5 % are between 3 and 7 %.
    expect(small / trials).toBeGreaterThan(0.03)
    expect(small / trials).toBeLessThan(0.07)
    expect(custom / trials).toBeGreaterThan(0.2)
    const { pValue } = populationStability(
      sample(next, n),
      sample(next, m, (u) => u ** 2),
    )
    expect(pValue).toBeLessThan(1e-6)
  })
})
