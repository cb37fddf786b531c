/** What becomes of the numbers of a column before a network sees them, and back: fitted once, kept as plain JSON. */
import { normalCdf, normalQuantile } from './normal.js'

/** How the numbers of a column are transformed. */
export const NUMBER_TRANSFORMS = ['quantile', 'standardize', 'log', 'none'] as const
export type NumberTransform = (typeof NUMBER_TRANSFORMS)[number]

/** A transform fitted to a column. */
export type FittedTransform =
  | { readonly kind: 'none' }
  /** z = (x - mean) / scale. */
  | { readonly kind: 'standardize'; readonly mean: number; readonly scale: number }
  /** z = (log(1 + x) - mean) / scale, for x >= 0. */
  | { readonly kind: 'log'; readonly mean: number; readonly scale: number }
  /** z = Phi^-1(F(x)), where F runs straight between the quantiles; they are evenly spaced in probability, 0 to 1. */
  | { readonly kind: 'quantile'; readonly quantiles: readonly number[] }

/** The largest |z| of a quantile transform: Phi^-1(1e-7), the bound of scikit-learn's QuantileTransformer. */
export const FARTHEST = -normalQuantile(1e-7 - Number.EPSILON)

function moments(values: Float64Array, of: (x: number) => number): { mean: number; scale: number } {
  let mean = 0
  for (const x of values) mean += of(x) / values.length
  let sum = 0
  for (const x of values) sum += (of(x) - mean) ** 2 / values.length
  const scale = Math.sqrt(sum)
  // A constant column keeps its unit; a spread of rounding errors is none.
  return { mean, scale: scale > 1e-14 * Math.abs(mean) ? scale : 1 }
}

/** Quantiles at `count` evenly spaced probabilities, as numpy.percentile interpolates them. */
function quantilesOf(sorted: Float64Array, count: number): number[] {
  const quantiles: number[] = []
  for (let k = 0; k < count; k++) {
    const at = count === 1 ? 0 : (k / (count - 1)) * (sorted.length - 1)
    const i = Math.min(Math.floor(at), sorted.length - 1)
    const [low, high] = [sorted[i]!, sorted[Math.min(i + 1, sorted.length - 1)]!]
    const value = low + (high - low) * (at - i)
    // Rounding must not make them fall.
    quantiles.push(Math.max(value, quantiles[k - 1] ?? Number.NEGATIVE_INFINITY))
  }
  return quantiles
}

/**
 * Fits a transform to the numbers of a column, all finite.
 *
 * @param most quantiles kept, at most
 */
export function fitTransform(kind: NumberTransform, values: Float64Array, most: number): FittedTransform {
  if (kind === 'none') return { kind }
  if (kind === 'standardize') return { kind, ...moments(values, (x) => x) }
  if (kind === 'log') return { kind, ...moments(values, Math.log1p) }
  const sorted = values.slice().sort()
  return { kind, quantiles: quantilesOf(sorted, Math.max(2, Math.min(most, sorted.length))) }
}

/** The first place of a number >= x in an ascending list. */
function lowerBound(list: readonly number[], x: number): number {
  let [from, to] = [0, list.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (list[middle]! < x) from = middle + 1
    else to = middle
  }
  return from
}

/** The place of the last number that equals list[first]. */
function lastEqual(list: readonly number[], first: number): number {
  const x = list[first]!
  if (list[first + 1] !== x) return first
  let [from, to] = [first, list.length]
  while (to - from > 1) {
    const middle = (from + to) >> 1
    if (list[middle]! === x) from = middle
    else to = middle
  }
  return from
}

/** @param within where among the ranks of equal values: 0 the lowest, 1 the highest */
function quantileForward(q: readonly number[], x: number, within: number): number {
  const last = q.length - 1
  const [low, high] = [q[0]!, q[last]!]
  if (low === high) return x - low
  // Beyond what was seen it goes on straight, so that order is kept; policies say whether such numbers come here.
  const slope = (2 * FARTHEST) / (high - low)
  if (x < low) return (x - low) * slope - FARTHEST
  if (x > high) return (x - high) * slope + FARTHEST
  const first = lowerBound(q, x)
  const place =
    q[first] === x
      ? first + within * (lastEqual(q, first) - first)
      : first - 1 + (x - q[first - 1]!) / (q[first]! - q[first - 1]!)
  const p = place / last
  if (p <= 0) return -FARTHEST
  if (p >= 1) return FARTHEST
  return Math.max(-FARTHEST, Math.min(FARTHEST, normalQuantile(p)))
}

function quantileBack(q: readonly number[], z: number): number {
  const last = q.length - 1
  if (z <= -FARTHEST) return q[0]!
  if (z >= FARTHEST) return q[last]!
  const at = normalCdf(z) * last
  const i = Math.min(Math.floor(at), last - 1)
  const [low, high] = [q[i]!, q[i + 1]!]
  return low === high ? low : low + (high - low) * (at - i)
}

/** x as the network sees it; a number that no z belongs to (log of a negative one) gives NaN. */
export function forward(transform: FittedTransform): (x: number) => number {
  switch (transform.kind) {
    case 'none':
      return (x) => x
    case 'standardize':
      return (x) => (x - transform.mean) / transform.scale
    case 'log':
      return (x) => (Math.log1p(x) - transform.mean) / transform.scale
    case 'quantile':
      // A value that many rows have is in the middle of their ranks.
      return (x) => quantileForward(transform.quantiles, x, 0.5)
  }
}

/**
 * x as the network sees it with the rows of one value spread over their ranks by `u`, uniform on 0 to 1: of a quantile transform the
 * column is then standard normal though many rows share a value. `backward` gives that value for all of them.
 */
export function forwardSpread(transform: FittedTransform): (x: number, u: number) => number {
  if (transform.kind === 'quantile') return (x, u) => quantileForward(transform.quantiles, x, u)
  const of = forward(transform)
  return (x) => of(x)
}

/** The x of z. That of a quantile transform stays within the numbers seen in training. */
export function backward(transform: FittedTransform): (z: number) => number {
  switch (transform.kind) {
    case 'none':
      return (z) => z
    case 'standardize':
      return (z) => transform.mean + transform.scale * z
    case 'log':
      return (z) => Math.expm1(transform.mean + transform.scale * z)
    case 'quantile':
      return (z) => quantileBack(transform.quantiles, z)
  }
}
