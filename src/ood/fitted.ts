/** A fitted detector: what is left of the training rows, the energies it asks, columns and scale, and its calibration. */
import { inspect } from 'node:util'
import type { Inputs } from '../data/inputs.js'
import { LangevinError } from '../errors.js'
import { ASYNC_DISPOSE, DISPOSE } from '../native/dispose.js'
import { UNCLONEABLE } from '../native/uncloneable.js'
import { invoke } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { type Tensor, tensor } from '../tensor/index.js'
import { Calibration } from './calibration.js'
import { writeDetector } from './file.js'
import { disposeFit, type Fit, type JobOptions } from './parts.js'
import { Made, type OodRows } from './rows.js'

/** Scores of rows by what was fitted. */
export async function scoresOf({ core, state, inputs }: Fit, x: OodRows, options: JobOptions): Promise<Tensor> {
  const { signal, ...rest } = requireOptions('ood.scores', options, ['threads', 'signal'])
  const made = new Made()
  try {
    return await invoke<Tensor>(
      'ood.scores',
      { ...rest, detector: core, state, x: made.read(x, 'x', inputs) },
      { signal },
    )
  } finally {
    made.dispose()
  }
}

/**
 * A detector fitted by `ood.fit` or read by `ood.load`. It never changes but for `calibrate`: it has energies of its own, so
 * a model that trains on does not move its scores. HIGHER scores = more out-of-distribution.
 *
 * After `dispose()` every use throws ERR_LANGEVIN_DISPOSED.
 */
export class FittedDetector {
  /** @internal */
  protected readonly inNativeMemory = UNCLONEABLE
  readonly #fit: Fit
  #calibration: Calibration | undefined
  #disposed = false

  /** @internal Use `ood.fit` or `ood.load`. */
  constructor(fit: Fit, calibration?: Calibration) {
    this.#fit = fit
    this.#calibration = calibration
  }

  /** 'mahalanobis', 'energyLadder', ... */
  get kind(): string {
    return this.#fit.detector.kind
  }
  /**
   * What the columns of a row are: names, order, mean and scale, as plain JSON; undefined where rows are taken as they are. See
   * docs/inputs.md.
   */
  get inputs(): Inputs | undefined {
    return this.#fit.inputs?.inputs
  }
  /** How many held-out rows thresholds and p-values are read from; 0 before `calibrate`. */
  get heldOut(): number {
    return this.#calibration?.scores.length ?? 0
  }
  get disposed(): boolean {
    return this.#disposed
  }

  /** @internal What was fitted. */
  live(): Fit {
    if (this.#disposed) {
      throw new LangevinError(
        'ERR_LANGEVIN_DISPOSED',
        `this fitted ${this.kind} detector has been disposed; use it before dispose(), or let \`using\` end later`,
      )
    }
    return this.#fit
  }

  /** @internal */
  get calibration(): Calibration | undefined {
    return this.#calibration
  }

  /**
   * OOD scores of rows: float64 [n], HIGHER = more out-of-distribution. A data set gives its columns by name, in any order.
   *
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (missing or unknown columns), _SHAPE, _NON_FINITE (row), _DISPOSED
   */
  async scores(x: OodRows, options: JobOptions = {}): Promise<Tensor> {
    return scoresOf(this.live(), x, options)
  }

  /**
   * Scores normal rows that were NOT trained on, for `threshold`, `quantile` and `pValue`. Training rows would make
   * thresholds too low: they score less than new normal rows do.
   */
  async calibrate(heldOut: OodRows, options: JobOptions = {}): Promise<void> {
    const scores = await this.scores(heldOut, options)
    try {
      if (scores.size === 0) throw new LangevinError('ERR_LANGEVIN_SHAPE', 'ood: heldOut: there are no rows')
      const sorted = await invoke<Tensor>('ood.calibrate', { scores }, { signal: options.signal })
      this.#calibration = new Calibration(sorted.toTypedArray() as Float64Array)
      sorted.dispose()
    } finally {
      scores.dispose()
    }
  }

  #calibrated(): Calibration {
    this.live()
    if (this.#calibration !== undefined) return this.#calibration
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      'ood: this detector has seen no held-out rows: give ood.fit { heldOut }, or call calibrate(rows), with normal rows that were not trained on',
    )
  }

  /**
   * The score above which a row is flagged so that at most the share `fpr` of normal rows is: `score > threshold({ fpr })`
   * exactly where `pValue(score) <= fpr`. It is the k-th highest of the n held-out scores, with k the largest whole number
   * for which k / (n + 1) <= fpr.
   *
   * @throws ERR_LANGEVIN_INVALID_OPTION where there are too few held-out rows for this rate (it needs 1 / fpr - 1), or none
   */
  threshold(options: { fpr: number }): number {
    const calibration = this.#calibrated()
    return calibration.threshold(requireOptions('ood.threshold', options, ['fpr']).fpr)
  }

  /** The share of held-out normal rows that score at most this, 0 to 1. */
  quantile(score: number): number {
    return this.#calibrated().quantile(score)
  }

  /**
   * The conformal p-value (c + 1) / (n + 1) of a score, c of the n held-out normal rows scoring at least as high: for a new
   * normal row, P(pValue <= a) <= a whatever the law of the scores (Bates et al. 2023, Testing for outliers with conformal
   * p-values). Small = an outlier.
   */
  pValue(score: number): number {
    return this.#calibrated().pValue(score)
  }

  /**
   * Writes one safetensors file: the kind and its options, columns and scale, what was fitted, the weights of the energies
   * and the held-out scores. `ood.load` gives the same scores, bit by bit. The file appears whole or not at all.
   *
   * @throws (rejects) ERR_LANGEVIN_IO
   */
  async save(path: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const calibration = this.#calibration && tensor(this.#calibration.scores, undefined, 'float64')
    try {
      await writeDetector(path, this.live(), calibration, options)
    } finally {
      calibration?.dispose()
    }
  }

  /** A fitted detector is not JSON: @throws ERR_LANGEVIN_UNSUPPORTED */
  toJSON(): never {
    throw new LangevinError('ERR_LANGEVIN_UNSUPPORTED', 'a fitted detector is not JSON; write it with save(path)')
  }

  /** Frees its tensors and its energies. Idempotent. */
  dispose(): void {
    if (!this.#disposed) disposeFit(this.#fit)
    this.#disposed = true
  }
  [DISPOSE](): void {
    this.dispose()
  }
  async [ASYNC_DISPOSE](): Promise<void> {
    this.dispose()
  }

  [inspect.custom](): string {
    const columns = this.inputs === undefined ? '' : `, ${this.inputs.columns.length} columns`
    return `FittedDetector ${this.kind}${columns}, ${this.heldOut} held-out rows${this.#disposed ? ' (disposed)' : ''}`
  }
}
