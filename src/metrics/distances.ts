/** Distances between two samples or two distributions. */
import { invoke, invokeNow } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import type { RowsLike } from '../tensor/index.js'
import { withDoubles } from './vectors.js'

/** 'biased' keeps the pairs of a row with itself and is never negative; 'unbiased' leaves them out and may be negative. */
export type Estimator = 'biased' | 'unbiased'

interface JobOptions {
  /** Threads of the pool; the result does not depend on it. */
  threads?: number
  signal?: AbortSignal
}

async function call<T>(name: string, known: string[], x: RowsLike, y: RowsLike, given: JobOptions): Promise<T> {
  const { signal, ...options } = requireOptions(name, given, ['threads', 'signal', ...known])
  return withDoubles({ x, y }, (tensors) => invoke<T>(name, { ...options, ...tensors }, { signal }))
}

/**
 * Total variation sum |p - q| / 2 between two distributions over the same cells, each normalised to sum 1: 0 to 1.
 * Errors: ERR_LANGEVIN_SHAPE, ERR_LANGEVIN_INVALID_OPTION (negative or no mass), ERR_LANGEVIN_NON_FINITE.
 */
export function totalVariation(p: RowsLike, q: RowsLike): number {
  return withDoubles({ p, q }, (tensors) => invokeNow<number>('metrics.totalVariation', tensors))
}

/**
 * Energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| with the Euclidean norm (Szekely and Rizzo 2013, not its root).
 *
 * @param x rows [n, d] @param y rows [m, d]; time grows as (n + m)^2 d
 */
export function energyDistance(
  x: RowsLike,
  y: RowsLike,
  options: JobOptions & { estimator?: Estimator } = {},
): Promise<number> {
  return call('metrics.energyDistance', ['estimator'], x, y, options)
}

/**
 * Squared maximum mean discrepancy with k(a, b) = exp(-|a - b|^2 / (2 s^2)) (Gretton et al. 2012).
 *
 * bandwidth s: a number, or 'median' (default), the median distance of the pooled rows (of 4,000 evenly spaced ones when
 * there are more). Returns the bandwidth too.
 */
export function mmd(
  x: RowsLike,
  y: RowsLike,
  options: JobOptions & { estimator?: Estimator; bandwidth?: number | 'median' } = {},
): Promise<{ squared: number; bandwidth: number }> {
  return call('metrics.mmd', ['estimator', 'bandwidth'], x, y, options)
}

/**
 * Sliced Wasserstein distance: (mean over random directions of W_p^p of the projections)^(1/p) (Rabin et al. 2012,
 * Bonneel et al. 2015). Exact along each direction, also for samples of different sizes.
 * Defaults: order p = 2, 128 projections, seed 0.
 */
export function slicedWasserstein(
  x: RowsLike,
  y: RowsLike,
  options: JobOptions & { order?: number; projections?: number; seed?: number | bigint } = {},
): Promise<number> {
  return call('metrics.slicedWasserstein', ['order', 'projections', 'seed'], x, y, options)
}
