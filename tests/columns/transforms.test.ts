/** Transforms of columns: against scikit-learn or NumPy, and back again. */
import { describe, expect, it } from 'vitest'
import { backward, fitTransform, forward, forwardSpread } from '../../src/columns/index.js'
import { normalCdf, normalQuantile } from '../../src/columns/normal.js'
import { FARTHEST } from '../../src/columns/transforms.js'
import { reference } from '../helpers/python.js'
import { normals, uniforms } from '../helpers/random.js'

const next = normals(3)
// A skewed column with ties in the middle: every fourth number is rounded.
const TRAIN = Float64Array.from({ length: 400 }, (_, i) => {
  const x = Math.exp(next())
  return i % 4 === 0 ? Math.max(1, Math.round(x)) : x
})
const draw = uniforms(5)
const [LOW, HIGH] = [Math.min(...TRAIN), Math.max(...TRAIN)]
const ROWS = [...TRAIN.slice(0, 80), 1, 2, ...Array.from({ length: 100 }, () => LOW + (HIGH - LOW) * draw() ** 3)]
const POINTS = {
  x: [-37, -8.5, -7, -3, -0.4, 0, 1e-9, 0.7, 2.5, 5, 8],
  p: [1e-300, 1e-20, 1e-7, 0.02, 0.3, 0.5, 0.6, 0.9, 1 - 1e-9],
}

describe('quantile to normal', () => {
  it.each([50, 400])('is that of QuantileTransformer with %i quantiles', (quantiles) => {
    const told = reference<{ z: number[]; back: number[]; cdf: number[]; quantile: number[] }>('table_transforms.py', {
      train: [...TRAIN],
      rows: ROWS,
      quantiles,
      ...POINTS,
    })
    const fitted = fitTransform('quantile', TRAIN, quantiles)
    const [to, from] = [forward(fitted), backward(fitted)]
    // float64; Phi^-1 magnifies a rounding of p = 1e-16 by 1 / phi(z), 3e4 at z = 4.5 and 7e5 at the bound.
    for (const [i, x] of ROWS.entries()) {
      const z = to(x)
      expect(Math.abs(z - told.z[i]!), `row ${i}`).toBeLessThan(1e-9)
      expect(Math.abs(from(told.z[i]!) - told.back[i]!), `row ${i}`).toBeLessThan(1e-9)
    }
    for (const [i, x] of POINTS.x.entries())
      expect(Math.abs(normalCdf(x) - told.cdf[i]!)).toBeLessThan(1e-14 * Math.max(told.cdf[i]!, 1e-3) * 1e3)
    for (const [i, p] of POINTS.p.entries())
      expect(Math.abs(normalQuantile(p) - told.quantile[i]!)).toBeLessThan(1e-13 * Math.abs(told.quantile[i]!) + 1e-15)
  })

  it('is undone exactly within the seen range, and its inverse stays there', () => {
    const fitted = fitTransform('quantile', TRAIN, 1000)
    const [to, from] = [forward(fitted), backward(fitted)]
    // Between neighbours of 400 an error of 1e-15 in p is one of 4e-13 of their distance, and what lies within 1e-7 of probability
    // of an end becomes the end.
    const sorted = [...TRAIN].sort((a, b) => a - b)
    const end = 399e-7 * Math.max(sorted[1]! - sorted[0]!, sorted[399]! - sorted[398]!)
    for (const x of ROWS) expect(Math.abs(from(to(x)) - x)).toBeLessThan(Math.abs(to(x)) < 5 ? 1e-10 : end)
    expect([from(-50), from(50), from(-FARTHEST), from(FARTHEST)]).toEqual([LOW, HIGH, LOW, HIGH])
    // The law of z is standard normal: mean and variance of 400 evenly spaced ranks.
    const z = [...TRAIN].map(to)
    const mean = z.reduce((a, b) => a + b / 400, 0)
    const variance = z.reduce((a, b) => a + (b - mean) ** 2 / 400, 0)
    expect(Math.abs(mean)).toBeLessThan(0.1)
    // The two ends count 5.2^2 each: 0.13 of the variance.
    expect(variance).toBeGreaterThan(0.9)
    expect(variance).toBeLessThan(1.2)
  })

  it('puts a value that many rows share in the middle of their ranks, at the ends too', () => {
    const zeros = Float64Array.from({ length: 100 }, (_, i) => (i < 80 ? 0 : i))
    const fitted = fitTransform('quantile', zeros, 1000)
    // Ranks 0 to 79 of 99: the middle is 39.5 / 99.
    expect(forward(fitted)(0)).toBeCloseTo(normalQuantile(39.5 / 99), 12)
    expect(backward(fitted)(forward(fitted)(0))).toBe(0)
    expect(backward(fitted)(-3)).toBe(0)
    const constant = fitTransform('quantile', new Float64Array(5).fill(7), 1000)
    expect(forward(constant)(7)).toBe(0)
    expect([-9, 0, 9].map(backward(constant))).toEqual([7, 7, 7])
  })

  it('goes on straight beyond what was seen, so that order is kept', () => {
    const to = forward(fitTransform('quantile', TRAIN, 1000))
    const far = [LOW - 2, LOW - 1, LOW, LOW + 0.1, HIGH - 0.1, HIGH, HIGH + 1, HIGH + 2].map(to)
    for (const [k, z] of far.entries()) if (k > 0) expect(z).toBeGreaterThan(far[k - 1]!)
  })
})

describe('the other transforms', () => {
  it.each(['none', 'standardize', 'log'] as const)('%s is undone', (kind) => {
    const fitted = fitTransform(kind, TRAIN, 2)
    const [to, from] = [forward(fitted), backward(fitted)]
    // A few roundings of numbers up to 30.
    for (const x of [...ROWS, 40]) expect(Math.abs(from(to(x)) - x)).toBeLessThan(1e-13 * (1 + x))
    if (kind === 'none') return
    const z = [...TRAIN].map(to)
    expect(z.reduce((a, b) => a + b, 0) / 400).toBeCloseTo(0, 12)
    expect(z.reduce((a, b) => a + b * b, 0) / 400).toBeCloseTo(1, 12)
  })
})

describe('values that many rows share', () => {
  // Most rows are 0, as of a capital gain; the rest are whole numbers.
  const uniform = uniforms(9)
  const column = Float64Array.from({ length: 4000 }, () => (uniform() < 0.7 ? 0 : Math.floor(1 + 40 * uniform())))
  const fitted = fitTransform('quantile', column, 1000)
  /** The largest difference of their distribution function and the normal one. */
  const apart = (z: readonly number[]) => {
    const sorted = [...z].sort((a, b) => a - b)
    return Math.max(...sorted.map((each, i) => Math.abs((i + 0.5) / sorted.length - normalCdf(each))))
  }

  it('spread over their ranks are normal, and come back as they were', () => {
    const spread = forwardSpread(fitted)
    const z = Array.from(column, (x) => spread(x, uniform()))
    // 99.99 % point of Kolmogorov's law, 2.2 / sqrt(n), and half a step of 1,000 quantiles at both ends of a value.
    expect(apart(z)).toBeLessThan(2.2 / Math.sqrt(column.length) + 1e-3)
    const back = backward(fitted)
    for (const [i, each] of z.entries()) expect(Math.abs(back(each) - column[i]!)).toBeLessThan(1e-9)
    // As they are scored they lie in the middle of their ranks, which is not normal.
    expect(apart(Array.from(column, forward(fitted)))).toBeGreaterThan(0.3)
  })

  it('of other transforms there is nothing to spread', () => {
    for (const kind of ['none', 'standardize', 'log'] as const) {
      const other = fitTransform(kind, column, 1000)
      expect(forwardSpread(other)(7, 0.3)).toBe(forward(other)(7))
    }
  })
})
