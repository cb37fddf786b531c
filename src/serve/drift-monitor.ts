/** Watches the scores a service gives: those of the last rows against those of the held-out rows. */
import { LangevinError } from '../errors.js'
import type { Drift, FittedDetector } from '../ood/index.js'
import { requireOptions } from '../spec/index.js'
import { requireCount } from './scorer-options.js'

export interface DriftOptions {
  /** How many of the last rows are compared. Default 1000. */
  window?: number
  /** A report after every so many rows, once the window is full. Default: the window, so that no row counts in two reports. */
  every?: number
  /** Reports with a Kolmogorov-Smirnov p-value of at most this are `drifted`. When nothing drifts these are, on average over held-out samples, at most about this share of the reports. Default 0.001. */
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

  /** @throws ERR_LANGEVIN_INVALID_OPTION */
  constructor(detector: FittedDetector, options: DriftOptions) {
    const {
      window = DRIFT_DEFAULTS.window,
      every = window,
      alpha = DRIFT_DEFAULTS.alpha,
    } = requireOptions('serve: drift', options, ['window', 'every', 'alpha'])
    requireCount('serve: drift', { window, every })
    if (!(alpha > 0 && alpha < 1)) {
      const text = `serve: drift: alpha: a number between 0 and 1, got ${String(alpha)}`
      throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', text)
    }
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
