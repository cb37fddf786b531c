/** Watches the scores a service gives: those of the last rows against those of the held-out rows. */
import type { Drift, FittedDetector } from '../ood/index.js'

export interface DriftOptions {
  /** How many of the last rows are compared. Default 1000. */
  window?: number
  /** A report after every so many rows, once the window is full. Default: the window, so that no row counts in two reports. */
  every?: number
  /** Reports with a Kolmogorov-Smirnov p-value of at most this are `drifted`: so many of the reports when nothing drifts. Default 0.001. */
  alpha?: number
}

/** One look at the last scores. */
export interface DriftEvent extends Drift {
  model: string
  version: string
  /** Rows compared. */
  rows: number
  /** ksPValue <= alpha. */
  drifted: boolean
}

export const DRIFT_DEFAULTS = { window: 1000, alpha: 0.001 } as const

/** The last scores of one model in a ring. */
export class DriftMonitor {
  readonly #detector: FittedDetector
  readonly #ring: Float64Array
  readonly #every: number
  readonly #alpha: number
  #seen = 0
  #since = 0

  constructor(
    detector: FittedDetector,
    { window = DRIFT_DEFAULTS.window, every = window, alpha = DRIFT_DEFAULTS.alpha }: DriftOptions,
  ) {
    this.#detector = detector
    this.#ring = new Float64Array(window)
    this.#every = every
    this.#alpha = alpha
  }

  /** Adds scores; the report that became due, if one did. */
  add(scores: Float64Array): Omit<DriftEvent, 'model' | 'version'> | undefined {
    const size = this.#ring.length
    for (const score of scores) this.#ring[this.#seen++ % size] = score
    this.#since += scores.length
    if (this.#seen < size || this.#since < this.#every) return undefined
    this.#since = 0
    const drift = this.#detector.scoreDrift(this.#ring)
    return drift && { ...drift, rows: size, drifted: drift.ksPValue <= this.#alpha }
  }
}
