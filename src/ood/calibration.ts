/** Thresholds, quantiles and p-values, read from the scores of normal rows that were not trained on. */
import { LangevinError } from '../errors.js'

function invalid(problem: string, details: Record<string, unknown> = {}): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `ood: ${problem}`, { details })
}

function requireScore(score: number): void {
  if (typeof score !== 'number' || Number.isNaN(score)) {
    invalid(`a score is a number, got ${typeof score === 'number' ? 'NaN' : typeof score}`)
  }
}

/** How many of the ascending numbers are below a value, or not above it. */
function rank(sorted: Float64Array, value: number, side: 'below' | 'notAbove'): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < value || (side === 'notAbove' && sorted[middle] === value)) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * The scores of n held-out normal rows, ascending. With c of them at least as high as a score, its p-value is
 * (c + 1) / (n + 1), the conformal one: if the row is exchangeable with the held-out rows, P(p <= a) <= a for every a.
 */
export class Calibration {
  constructor(readonly scores: Float64Array) {}

  pValue(score: number): number {
    requireScore(score)
    const n = this.scores.length
    return (n - rank(this.scores, score, 'below') + 1) / (n + 1)
  }

  /** Share of the held-out rows that score at most this. */
  quantile(score: number): number {
    requireScore(score)
    return rank(this.scores, score, 'notAbove') / this.scores.length
  }

  /** The k-th highest held-out score, k the largest whole number with k / (n + 1) <= fpr: above it, p <= fpr. */
  threshold(fpr: number): number {
    if (typeof fpr !== 'number' || !(fpr > 0 && fpr < 1)) {
      invalid(`threshold: fpr: must lie between 0 and 1 (0.01 flags one normal row in a hundred), got ${String(fpr)}`)
    }
    const n = this.scores.length
    let k = Math.min(n, Math.floor(fpr * (n + 1)) + 1)
    while (k / (n + 1) > fpr) k--
    if (k < 1) {
      const least = Math.ceil(1 / fpr - 1)
      invalid(
        `threshold: fpr: ${n} held-out rows tell no rate below ${(1 / (n + 1)).toPrecision(2)}; ${fpr} needs at least ${least} of them`,
        { fpr, heldOut: n, least },
      )
    }
    return this.scores[n - k]!
  }
}
