/** A test whether rows come from an energy, without log Z. */
import type { Energy } from '../energy.js'
import { invoke } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { type RowsLike, Tensor } from '../tensor/index.js'
import type { Estimator } from './distances.js'

export interface KernelSteinOptions {
  /** c of the kernel: a number, or 'median' (default), the median distance of the rows. */
  scale?: number | 'median'
  /** Exponent of the kernel, between -1 and 0 (default -0.5). */
  beta?: number
  /** Of the statistic (default 'unbiased'); the p-value is the same for both. */
  estimator?: Estimator
  /** Draws of the wild bootstrap (default 1,000); the p-value is never below 1 / (draws + 1). */
  bootstrap?: number
  /**
   * Probability that the bootstrap's sign changes from row to row: 0.5 (default) for independent rows, less for consecutive
   * states of a chain, about 0.1 / its autocorrelation time. Without it a correlated sample is rejected too often.
   */
  flip?: number
  seed?: number | bigint
  /** Threads of the pool; the result does not depend on it. */
  threads?: number
  signal?: AbortSignal
}

/**
 * Goodness of fit without log Z: the squared kernel Stein discrepancy between rows and the law exp(-E) / Z, and a test that
 * the rows come from it. statistic = mean over pairs of the Stein kernel (see objectives.steinDiscrepancy) of
 * k(x, y) = (1 + |x - y|^2 / scale^2)^beta; its expectation is 0 if and only if the laws are equal. pValue: share of wild
 * bootstrap draws that reach it; small = the rows do not come from the model.
 *
 * Of a model with `inputs` distances (and `scale`) are in standardised units.
 *
 * Only the score is compared: weights of modes that lie far apart are nearly invisible to it.
 *
 * @param model an energy over continuous rows @param x rows [n, d]; time grows as n^2 (d + bootstrap)
 * @returns { statistic, pValue, scale } with the scale that was used
 * @throws (rejects) ERR_LANGEVIN_SHAPE (fewer than 2 rows), _NON_FINITE, _INVALID_OPTION
 *
 * Sources: Liu, Lee and Jordan 2016; Chwialkowski, Strathmann and Gretton 2016; kernel: Gorham and Mackey 2017.
 */
export async function kernelSteinDiscrepancy(
  model: Energy,
  x: RowsLike,
  options: KernelSteinOptions = {},
): Promise<{ statistic: number; pValue: number; scale: number }> {
  const { signal, ...rest } = requireOptions('metrics.kernelSteinDiscrepancy', options, [
    'scale',
    'beta',
    'estimator',
    'bootstrap',
    'flip',
    'seed',
    'threads',
    'signal',
  ])
  const rows = model.toRows(x, 'x', x instanceof Tensor ? undefined : 'float64')
  try {
    return await invoke('metrics.kernelSteinDiscrepancy', { ...rest, x: rows, energy: model.native() }, { signal })
  } finally {
    if (rows !== x) rows.dispose()
  }
}
