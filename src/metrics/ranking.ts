/** How well scores rank anomalies above normal rows. */
import { invokeNow } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import type { RowsLike } from '../tensor/index.js'
import { withDoubles } from './vectors.js'

/**
 * Which class is the positive one. Scores are OOD scores (higher = more out-of-distribution) and labels are 1 for
 * out-of-distribution, whatever is chosen: 'ood' uses them as they are, 'id' reverses both.
 */
export type Positive = 'ood' | 'id'

export interface RankingOptions {
  positive: Positive
}

function call(name: string, scores: RowsLike, labels: RowsLike, options: object, known: string[] = []): number {
  requireOptions(name, options, ['positive', ...known])
  return withDoubles({ scores, labels }, (tensors) => invokeNow<number>(name, { ...options, ...tensors }))
}

/**
 * Area under the ROC curve: the chance that a positive row scores above a negative one, ties counted as half (midranks).
 * The same for both choices of `positive`.
 *
 * @param scores OOD scores [n], higher = more out-of-distribution
 * @param labels [n], 1 = out-of-distribution (anomaly), 0 = in-distribution
 * Errors: ERR_LANGEVIN_SHAPE, ERR_LANGEVIN_NON_FINITE, ERR_LANGEVIN_INVALID_OPTION (one class only).
 */
export function auroc(scores: RowsLike, labels: RowsLike, options: RankingOptions): number {
  return call('metrics.auroc', scores, labels, options)
}

/**
 * Area under the precision-recall curve.
 *
 * rule 'step': sum (R_k - R_{k-1}) P_k, scikit-learn's average precision. rule 'trapezoid': the points joined by straight
 * lines (OpenOOD, GEBM), slightly optimistic. A constant score gives the share of positives under the step rule.
 */
export function aupr(
  scores: RowsLike,
  labels: RowsLike,
  options: RankingOptions & { rule: 'step' | 'trapezoid' },
): number {
  return call('metrics.aupr', scores, labels, options, ['rule'])
}

/**
 * Share of negatives taken for positives at the threshold where `tpr` (default 0.95) of the positives are caught.
 *
 * rule 'first': the first threshold from the highest down with a true-positive rate of at least `tpr` (OpenOOD, with
 * positive 'ood'). rule 'nearest': the one whose rate is nearest to it (Liu et al. 2020, with positive 'id').
 */
export function fprAtTpr(
  scores: RowsLike,
  labels: RowsLike,
  options: RankingOptions & { rule: 'first' | 'nearest'; tpr?: number },
): number {
  return call('metrics.fprAtTpr', scores, labels, options, ['rule', 'tpr'])
}

/** Two detectors on the same rows. */
export interface AurocComparison {
  /** Their areas under the ROC curve, and the first less the second. */
  readonly first: number
  readonly second: number
  readonly difference: number
  /** Of the difference. */
  readonly standardError: number
  readonly z: number
  /** Two-sided, by the normal law: needs some dozens of rows of each class. */
  readonly pValue: number
}

/**
 * Whether one detector ranks better than another, on the same rows: the difference of their areas under the ROC curve with its standard
 * error, which counts that both saw the same rows (DeLong, DeLong and Clarke-Pearson 1988).
 *
 * @param first OOD scores [n] of the one, higher = more out-of-distribution
 * @param second those of the other
 * @param labels [n], 1 = out-of-distribution, 0 = in-distribution; two of each at least
 * Errors: ERR_LANGEVIN_SHAPE, ERR_LANGEVIN_NON_FINITE, ERR_LANGEVIN_INVALID_OPTION.
 */
export function compareAuroc(first: RowsLike, second: RowsLike, labels: RowsLike): AurocComparison {
  return withDoubles({ first, second, labels }, (tensors) => invokeNow('metrics.compareAuroc', tensors))
}
