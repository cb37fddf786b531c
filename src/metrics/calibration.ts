/** How well predicted probabilities agree with the classes that occur. */
import { invokeNow } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import type { RowsLike } from '../tensor/index.js'
import { withDoubles } from './vectors.js'

export interface CalibrationOptions {
  /** What the rows are. 'logits': the softmax (for [n] the logistic function) is taken in the core. Default 'probabilities'. */
  from?: 'probabilities' | 'logits'
}

/** How rows are put into bins. */
export interface BinOptions extends CalibrationOptions {
  /** How many. Default 15. */
  bins?: number
  /** 'width': bins of equal width. 'mass': of about as many rows each, with edges at quantiles. Default 'width'. */
  binning?: 'width' | 'mass'
}

/**
 * One bin of confidence. Of equal width: [low, high), the last one holds 1.0 too. Of equal mass: (low, high], the first one holds
 * `low` too. The rates of an empty bin are 0.
 */
export interface ReliabilityBin {
  low: number
  high: number
  count: number
  accuracy: number
  confidence: number
}

const BINNED = new Set(['metrics.ece', 'metrics.mce', 'metrics.classwiseEce', 'metrics.reliability'])

function call<T>(name: string, probabilities: RowsLike, labels: RowsLike, options: object): T {
  requireOptions(name, options, BINNED.has(name) ? ['from', 'bins', 'binning'] : ['from'])
  return withDoubles({ probabilities, labels }, (tensors) => invokeNow<T>(name, { ...options, ...tensors }))
}

/**
 * Expected calibration error: sum over bins of the largest probability of (n_b / n) |accuracy_b - confidence_b|
 * (Naeini et al. 2015; Guo et al. 2017). Bins of equal width (default; 1.0 belongs to the last one), 15 of them, or of equal mass,
 * whose edges are quantiles with straight lines between (Nixon et al. 2019; rows that tie stay together).
 *
 * @param probabilities [n, k], or [n] = P(class 1) of two classes
 * @param labels class numbers [n]
 * Errors: ERR_LANGEVIN_INVALID_OPTION naming the row that is not a distribution, ERR_LANGEVIN_SHAPE,
 * ERR_LANGEVIN_NON_FINITE.
 */
export function ece(probabilities: RowsLike, labels: RowsLike, options: BinOptions = {}): number {
  return call('metrics.ece', probabilities, labels, options)
}

/** Maximum calibration error: the largest |accuracy_b - confidence_b| of the bins that are not empty (Naeini et al. 2015). */
export function mce(probabilities: RowsLike, labels: RowsLike, options: BinOptions = {}): number {
  return call('metrics.mce', probabilities, labels, options)
}

/**
 * Classwise calibration error: the mean over classes k of sum_b (n_b / n) |share of class k in bin b - mean p_k in bin b|, with bins of p_k
 * over all rows (Kull et al. 2019; Nixon et al. 2019 call it static calibration error). It sees classes that `ece`, which looks at the
 * largest probability alone, does not.
 */
export function classwiseEce(probabilities: RowsLike, labels: RowsLike, options: BinOptions = {}): number {
  return call('metrics.classwiseEce', probabilities, labels, options)
}

/** The bins behind `ece` and `mce`, for a reliability diagram. */
export function reliability(probabilities: RowsLike, labels: RowsLike, options: BinOptions = {}): ReliabilityBin[] {
  return call('metrics.reliability', probabilities, labels, options)
}

/**
 * Brier score: the mean over rows of sum_k (p_k - [y = k])^2, 0 to 2 (Brier 1950). For [n] = P(class 1): the mean of
 * (p - y)^2, 0 to 1.
 */
export function brier(probabilities: RowsLike, labels: RowsLike, options: CalibrationOptions = {}): number {
  return call('metrics.brier', probabilities, labels, options)
}

/** Mean over rows of -log p_y, in nats. Infinity when a true class has probability 0. */
export function nll(probabilities: RowsLike, labels: RowsLike, options: CalibrationOptions = {}): number {
  return call('metrics.nll', probabilities, labels, options)
}
