/** How well predicted probabilities agree with the classes that occur. */
import { invokeNow } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import type { RowsLike } from '../tensor/index.js'
import { withDoubles } from './vectors.js'

export interface CalibrationOptions {
  /** What the rows are. 'logits': the softmax (for [n] the logistic function) is taken in the core. Default 'probabilities'. */
  from?: 'probabilities' | 'logits'
}

/** One bin of confidence [low, high); the last one holds 1.0 too. The rates of an empty bin are 0. */
export interface ReliabilityBin {
  low: number
  high: number
  count: number
  accuracy: number
  confidence: number
}

function call<T>(name: string, probabilities: RowsLike, labels: RowsLike, options: object): T {
  requireOptions(name, options, /ece|reliability/.test(name) ? ['from', 'bins'] : ['from'])
  return withDoubles({ probabilities, labels }, (tensors) => invokeNow<T>(name, { ...options, ...tensors }))
}

/**
 * Expected calibration error: sum over bins of the largest probability of (n_b / n) |accuracy_b - confidence_b|
 * (Naeini et al. 2015; Guo et al. 2017). Bins of equal width, default 15; 1.0 belongs to the last one.
 *
 * @param probabilities [n, k], or [n] = P(class 1) of two classes
 * @param labels class numbers [n]
 * Errors: ERR_LANGEVIN_INVALID_OPTION naming the row that is not a distribution, ERR_LANGEVIN_SHAPE,
 * ERR_LANGEVIN_NON_FINITE.
 */
export function ece(
  probabilities: RowsLike,
  labels: RowsLike,
  options: CalibrationOptions & { bins?: number } = {},
): number {
  return call('metrics.ece', probabilities, labels, options)
}

/** The bins behind `ece`, for a reliability diagram. */
export function reliability(
  probabilities: RowsLike,
  labels: RowsLike,
  options: CalibrationOptions & { bins?: number } = {},
): ReliabilityBin[] {
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
