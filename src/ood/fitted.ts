/** A fitted detector: what is left of the training rows, the energies it asks, columns and scale, and its calibration. */
import { inspect } from 'node:util'
import { writeScorer } from '../compiled/write.js'
import type { Inputs } from '../data/inputs.js'
import { LangevinError } from '../errors.js'
import { ASYNC_DISPOSE, DISPOSE } from '../native/dispose.js'
import { UNCLONEABLE } from '../native/uncloneable.js'
import { invoke } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { type Tensor, tensor } from '../tensor/index.js'
import { Calibration } from './calibration.js'
import { columnDrifts, type Drift, type DriftReport, driftOf, reportOf } from './drift.js'
import { contributionsOf, EXPLAINED_WITH, numberNames, type RowExplanation, valuesIn } from './explain.js'
import { scorerParts } from './export.js'
import { writeDetector } from './file.js'
import { disposeFit, type Fit, type FittedParts, type JobOptions } from './parts.js'
import { numbersOf } from './reference.js'
import { Made, type OodRows, oneRow } from './rows.js'
import { scoresOf, scoresOfRows } from './scoring.js'

/** What came of rows: index k of every list belongs to row k. */
export interface Decisions {
  /** true: taken for normal, score <= threshold. */
  accept: boolean[]
  scores: Float64Array
  /** Conformal p-values of the held-out rows. */
  pValues: Float64Array
  threshold: number
  fpr: number
}

export interface ExplainOptions extends JobOptions {
  /** How many reference rows each column is compared with. Default 256, or as many as the detector keeps. */
  references?: number
}

/**
 * A detector fitted by `ood.fit` or read by `ood.load`. It never changes but by `calibrate`: it has energies of its own, so
 * a model that trains on does not move its scores. HIGHER scores = more out-of-distribution.
 *
 * After `dispose()` every use throws ERR_LANGEVIN_DISPOSED.
 */
export class FittedDetector {
  /** @internal */
  protected readonly inNativeMemory = UNCLONEABLE
  readonly #fit: Fit
  readonly #reference: Tensor | undefined
  #calibration: Calibration | undefined
  #fpr: number | undefined
  #disposed = false

  /** @internal Use `ood.fit` or `ood.load`. Takes over the fit and the reference rows. */
  constructor(fit: Fit, { calibration, reference, fpr }: FittedParts = {}) {
    this.#fit = fit
    this.#calibration = calibration
    this.#reference = reference
    this.#fpr = fpr
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
  /** How many normal rows it keeps, for `explain`, `contributions` and `drift`. */
  get references(): number {
    return this.#reference?.shape[0] ?? 0
  }
  /** The false-alarm rate it was made for: the default of `decide`; undefined where none was given. */
  get fpr(): number | undefined {
    return this.#fpr
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
   *
   * @param options.fpr the false-alarm rate `decide` uses from now on unless it is told another
   * @throws (rejects) what `scores` does; ERR_LANGEVIN_INVALID_OPTION where there are too few rows for this rate
   */
  async calibrate(heldOut: OodRows, options: JobOptions & { fpr?: number } = {}): Promise<void> {
    const { fpr, ...job } = options
    const scores = await this.scores(heldOut, job)
    try {
      if (scores.size === 0) throw new LangevinError('ERR_LANGEVIN_SHAPE', 'ood: heldOut: there are no rows')
      const sorted = await invoke<Tensor>('ood.calibrate', { scores }, { signal: options.signal })
      const calibration = new Calibration(sorted.toTypedArray() as Float64Array)
      sorted.dispose()
      if (fpr !== undefined) {
        calibration.threshold(fpr)
        this.#fpr = fpr
      }
      this.#calibration = calibration
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
   * Takes rows for normal or not: `accept[k]` where score k is at most `threshold({ fpr })`, which is where its p-value is
   * above `fpr`. Of new normal rows at most the share `fpr` is refused, on average over held-out rows and new ones.
   *
   * @param options.fpr the false-alarm rate. Default: the one the detector was made for
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (no rate, no or too few held-out rows), and what `scores` does
   */
  async decide(x: OodRows, options: JobOptions & { fpr?: number } = {}): Promise<Decisions> {
    const { fpr, ...job } = requireOptions('ood.decide', options, ['fpr', 'threads', 'signal'])
    const limit = this.limit(fpr)
    using scores = await this.scores(x, job)
    return this.decisions(scores.toTypedArray() as Float64Array, limit)
  }

  /** @internal The rate that decides, the detector's own where none is given, and its threshold. */
  limit(fpr = this.#fpr): { fpr: number; threshold: number } {
    if (fpr === undefined) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        'ood.decide: fpr: give the share of normal rows that may be refused, such as 0.01, here or to ood.fit',
      )
    }
    return { fpr, threshold: this.threshold({ fpr }) }
  }

  /** @internal */
  decisions(scores: Float64Array, limit: { fpr: number; threshold: number }): Decisions {
    const calibration = this.#calibrated()
    const accept = Array.from(scores, (score) => score <= limit.threshold)
    return { accept, scores, pValues: scores.map((score) => calibration.pValue(score)), ...limit }
  }

  #references(what: string): Tensor {
    this.live()
    if (this.#reference !== undefined) return this.#reference
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `ood.${what}: this detector keeps no reference rows: fit it with { reference: 1024 } and training or held-out rows`,
    )
  }

  /**
   * What every number of a row adds to its score: float64, the shape of x. Contribution j of a row is its score minus the mean score
   * over reference rows of the row with number j taken from each of them: width * references evaluations for each row.
   *
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION where the detector keeps no reference rows, and what `scores` does
   */
  async contributions(x: OodRows, options: ExplainOptions = {}): Promise<Tensor> {
    const { contributions, names } = await this.#contributions('contributions', x, options)
    return tensor(contributions, [contributions.length / names.length, names.length], 'float64')
  }

  async #contributions(what: string, x: OodRows, options: ExplainOptions) {
    const { references: count = EXPLAINED_WITH, ...job } = requireOptions(`ood.${what}`, options, [
      'references',
      'threads',
      'signal',
    ])
    if (!(Number.isInteger(count) && count >= 1)) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `ood.${what}: references: a whole number of at least 1, got ${count}`,
      )
    }
    const reference = this.#references(what)
    const made = new Made()
    try {
      const rows = made.read(x, 'x', this.live().inputs)
      return await contributionsOf(this.live(), rows, reference, { count, ...job })
    } finally {
      made.dispose()
    }
  }

  /**
   * Why one row scores as it does: its numbers by their contributions (see `contributions`), largest first.
   *
   * @param row its numbers in order, or an object of named values
   */
  async explain(
    row: readonly number[] | Readonly<Record<string, unknown>>,
    options: ExplainOptions = {},
  ): Promise<RowExplanation> {
    const given = oneRow(row)
    try {
      const { scores, contributions, names } = await this.#contributions('explain', given.rows, options)
      const values = valuesIn(row, this.live().inputs)
      const list = names.map((column, k) => ({ column, value: values[k]!, contribution: contributions[k]! }))
      return { score: scores[0]!, contributions: list.sort((a, b) => b.contribution - a.contribution) }
    } finally {
      given.dispose()
    }
  }

  /**
   * Whether rows still look like those the detector was fitted to: every number of a row against the reference rows, the scores
   * against those of the held-out rows, by the two-sample Kolmogorov-Smirnov test and the population stability index.
   *
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION where the detector has neither, ERR_LANGEVIN_SHAPE for no rows, and what
   *   `scores` does
   */
  async drift(x: OodRows, options: JobOptions = {}): Promise<DriftReport> {
    const fit = this.live()
    const job = requireOptions('ood.drift', options, ['threads', 'signal'])
    if (this.#calibration === undefined) this.#references('drift')
    const made = new Made()
    try {
      const rows = made.read(x, 'x', fit.inputs)
      const { values, width } = numbersOf(rows)
      if (values.length === 0) throw new LangevinError('ERR_LANGEVIN_SHAPE', 'ood.drift: x: there are no rows')
      using scores = await scoresOfRows(fit, rows, job)
      const score = this.scoreDrift(scores.toTypedArray() as Float64Array)
      const reference = this.#reference && numbersOf(this.#reference).values
      const columns = reference === undefined ? [] : columnDrifts(reference, values, numberNames(fit.inputs, width))
      return reportOf(values.length / width, score, columns)
    } finally {
      made.dispose()
    }
  }

  /** @internal Scores against those of the held-out rows. */
  scoreDrift(scores: Float64Array): Drift | undefined {
    return this.#calibration && driftOf(this.#calibration.scores, scores)
  }

  /**
   * Writes one safetensors file: the kind and its options, columns and scale, what was fitted, the weights of the energies,
   * the held-out scores, the reference rows and the false-alarm rate. `ood.load` gives the same scores, bit by bit. The file
   * appears whole or not at all.
   *
   * @throws (rejects) ERR_LANGEVIN_IO
   */
  async save(path: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const fit = this.live()
    const heldOut = this.#calibration && tensor(this.#calibration.scores, undefined, 'float64')
    try {
      await writeDetector(path, fit, { heldOut, reference: this.#reference, fpr: this.#fpr }, options)
    } finally {
      heldOut?.dispose()
    }
  }

  /**
   * Writes what scoring needs for `langevin/scorer`, which does it without LibTorch and gives the same bits: compiled energies
   * with their weights, columns and scale, held-out scores and the false-alarm rate. Detectors of energies alone have such a
   * form: `energy`, `likelihood`, `averagedEnergy`, `energyLadder`. The file appears whole or not at all. See docs/guides/scorer.md.
   *
   * @throws (rejects) ERR_LANGEVIN_UNSUPPORTED (another kind; an energy that the fused kernels do not cover), ERR_LANGEVIN_IO
   */
  async exportScorer(path: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = requireOptions('exportScorer', options, ['signal'])
    await writeScorer(path, scorerParts(this.live(), this.#calibration, this.#fpr), { signal })
  }

  /** A fitted detector is not JSON: @throws ERR_LANGEVIN_UNSUPPORTED */
  toJSON(): never {
    throw new LangevinError('ERR_LANGEVIN_UNSUPPORTED', 'a fitted detector is not JSON; write it with save(path)')
  }

  /** Frees its tensors and its energies. Idempotent. */
  dispose(): void {
    if (!this.#disposed) disposeFit(this.#fit)
    this.#reference?.dispose()
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
