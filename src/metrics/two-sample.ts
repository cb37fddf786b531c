/** Two samples of one number each, compared: Kolmogorov-Smirnov and the population stability index, with their laws under no change. */
import { LangevinError } from '../errors.js'
import { requireOptions } from '../spec/index.js'

/** Above this many cells of the exact law its limit is used. */
const EXACT_CELLS = 500_000
const EPSILON = 1e-15
/** Terms of a series that converges within about the square root of its argument. */
const MOST_TERMS = 10_000

export interface TwoSampleTest {
  /** The size of the difference. */
  statistic: number
  /** The chance of a difference at least as large when both samples follow one law. */
  pValue: number
}

function sorted(values: ArrayLike<number>, what: string): Float64Array {
  if (!(values?.length > 0)) {
    throw new LangevinError('ERR_LANGEVIN_SHAPE', `${what}: needs at least one number`, { details: { what } })
  }
  const copy = Float64Array.from(values)
  const odd = copy.findIndex((value) => Number.isNaN(value))
  if (odd >= 0) {
    throw new LangevinError('ERR_LANGEVIN_NON_FINITE', `${what}: number ${odd + 1} is NaN`, {
      details: { what, row: odd },
    })
  }
  return copy.sort()
}

/** How far the shares of two sorted samples are apart, times both sizes: a whole number. `ends[k]`: a new value begins after k. */
function largestGap(a: Float64Array, b: Float64Array): { gap: number; ends: Uint8Array } {
  const [m, n] = [a.length, b.length]
  const ends = new Uint8Array(m + n + 1)
  let [i, j, gap] = [0, 0, 0]
  while (i < m || j < n) {
    const value = j >= n || (i < m && a[i]! <= b[j]!) ? a[i]! : b[j]!
    while (i < m && a[i] === value) i++
    while (j < n && b[j] === value) j++
    ends[i + j] = 1
    gap = Math.max(gap, Math.abs(i * n - j * m))
  }
  return { gap, ends }
}

/**
 * P(D >= d) over all equally likely ways to deal the pooled values into samples of m and n. v(i, j): the chance that a way to
 * i of the first and j of the second has met the gap, where the pooled values change.
 */
function exactTail(m: number, n: number, gap: number, ends: Uint8Array): number {
  const met = (i: number, j: number) => ends[i + j] === 1 && Math.abs(i * n - j * m) >= gap
  const v = new Float64Array(n + 1)
  for (let j = 1; j <= n; j++) v[j] = met(0, j) ? 1 : v[j - 1]!
  for (let i = 1; i <= m; i++) {
    v[0] = met(i, 0) ? 1 : v[0]!
    for (let j = 1; j <= n; j++) v[j] = met(i, j) ? 1 : (i * v[j]! + j * v[j - 1]!) / (i + j)
  }
  return v[n]!
}

/** P(K >= x) of the Kolmogorov law, the limit for large samples. */
function kolmogorovTail(x: number): number {
  if (x < 0.2) return 1 // the tail differs from 1 by less than 1e-12
  let sum = 0
  for (let k = 1; k <= 100; k++) {
    const term = Math.exp(-2 * k * k * x * x)
    sum += k % 2 === 1 ? term : -term
    if (term < EPSILON) break
  }
  return Math.min(1, Math.max(0, 2 * sum))
}

/**
 * The two-sample Kolmogorov-Smirnov test: D = sup |F_a - F_b| and the chance of a D at least as large under one law for both.
 * Both samples are finite and the p-value knows it: exact given the ties (Schroeer and Trenkler 1995) while a.length * b.length
 * is at most 500,000, beyond that the limit law at D sqrt(m n / (m + n)), which ties make too large, never too small.
 *
 * @throws ERR_LANGEVIN_SHAPE for an empty sample, ERR_LANGEVIN_NON_FINITE for NaN
 */
export function kolmogorovSmirnov(a: ArrayLike<number>, b: ArrayLike<number>): TwoSampleTest {
  const [x, y] = [sorted(a, 'a'), sorted(b, 'b')]
  const [m, n] = [x.length, y.length]
  const { gap, ends } = largestGap(x, y)
  const statistic = gap / (m * n)
  if (gap === 0) return { statistic, pValue: 1 }
  const pValue =
    m * n <= EXACT_CELLS ? exactTail(m, n, gap, ends) : kolmogorovTail(statistic * Math.sqrt((m * n) / (m + n)))
  return { statistic, pValue }
}

/** log Gamma(k / 2), by its recursion. */
function logGammaOfHalf(k: number): number {
  let sum = k % 2 === 1 ? Math.log(Math.PI) / 2 : 0
  for (let a = k % 2 === 1 ? 0.5 : 1; a < k / 2; a++) sum += Math.log(a)
  return sum
}

/** P(X >= x) of the chi-squared law with k degrees of freedom: the series below k / 2 + 1, the continued fraction above. */
export function chiSquaredTail(x: number, k: number): number {
  const [a, z] = [k / 2, x / 2]
  if (!(z > 0)) return 1
  const front = Math.exp(a * Math.log(z) - z - logGammaOfHalf(k))
  if (z < a + 1) {
    let [term, sum] = [1 / a, 1 / a]
    for (let i = 1; i < MOST_TERMS && term > EPSILON * sum; i++) {
      term *= z / (a + i)
      sum += term
    }
    return 1 - front * sum
  }
  let b = z + 1 - a
  let c = Number.MAX_VALUE
  let d = 1 / b
  let h = d
  for (let i = 1; i < MOST_TERMS; i++) {
    const numerator = -i * (i - a)
    b += 2
    d = 1 / (numerator * d + b)
    c = b + numerator / c
    h *= c * d
    if (Math.abs(c * d - 1) < EPSILON) break
  }
  return front * h
}

/** Upper borders of bins that hold about equal shares of a sorted sample; equal values share a bin. The last bin is open. */
function bordersOf(reference: Float64Array, bins: number): number[] {
  const borders: number[] = []
  for (let k = 1; k < bins; k++) {
    const border = reference[Math.ceil((k * reference.length) / bins) - 1]!
    if (border !== borders.at(-1) && border < reference.at(-1)!) borders.push(border)
  }
  return borders
}

function countsIn(sortedValues: Float64Array, borders: readonly number[]): number[] {
  const counts = Array<number>(borders.length + 1).fill(0)
  let bin = 0
  for (const value of sortedValues) {
    while (bin < borders.length && value > borders[bin]!) bin++
    counts[bin]!++
  }
  return counts
}

export interface StabilityOptions {
  /** Bins of about equal shares of the reference. Default 10; fewer where values repeat, and at most n / 5. */
  bins?: number
}

/**
 * The population stability index, sum over bins of (q - p) log(q / p), with p and q the shares of the reference and of the new
 * values. Bins hold about equal shares of the reference; 1/2 is added to every count, so an empty bin is no infinity. With
 * one law for both, PSI / (1 / n + 1 / m) follows about chi-squared with bins - 1 degrees of freedom (Yurdakul and Naranjo
 * 2020), which gives the p-value: the customary limits 0.1 and 0.25 mean little for small samples.
 *
 * @param reference n values, @param values m values
 * @throws ERR_LANGEVIN_SHAPE for an empty sample, ERR_LANGEVIN_NON_FINITE for NaN, ERR_LANGEVIN_INVALID_OPTION
 */
export function populationStability(
  reference: ArrayLike<number>,
  values: ArrayLike<number>,
  options: StabilityOptions = {},
): TwoSampleTest & { bins: number } {
  const { bins = 10 } = requireOptions('metrics.populationStability', options, ['bins'])
  if (!(Number.isInteger(bins) && bins >= 2)) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `metrics.populationStability: bins: a whole number of at least 2, got ${bins}`,
    )
  }
  const [old, fresh] = [sorted(reference, 'reference'), sorted(values, 'values')]
  const borders = bordersOf(old, Math.min(bins, Math.max(2, Math.floor(old.length / 5))))
  const [before, after] = [countsIn(old, borders), countsIn(fresh, borders)]
  const count = before.length
  const share = (found: number, all: number) => (found + 0.5) / (all + count / 2)
  let statistic = 0
  for (const [k, found] of before.entries()) {
    const [p, q] = [share(found, old.length), share(after[k]!, fresh.length)]
    statistic += (q - p) * Math.log(q / p)
  }
  const degrees = count - 1
  const pValue = degrees === 0 ? 1 : chiSquaredTail(statistic / (1 / old.length + 1 / fresh.length), degrees)
  return { statistic, pValue, bins: count }
}
