/** An exported energy or detector at work, whatever evaluates its programs. */
import type { CompiledDetector } from '../compiled/format.js'
import { Scale } from '../data/scale.js'
import { LangevinError, shown } from '../errors.js'
import { DISPOSE } from '../native/dispose.js'
import { Calibration } from '../ood/calibration.js'
import { DETECTOR_BLOCK, detectorScores } from './detector.js'
import type { Engine, Numbers } from './engine.js'
import type { ScorerFile } from './read.js'
import { type Columns, columnsOf, flatRows, labelsOf, requireFinite, type ScorerRows } from './rows.js'

/** What a scorer file holds. */
export interface ScorerInfo {
  readonly family: 'energy' | 'detector'
  /** 'mlp', 'rbm', ... of an energy; 'energy', 'averagedEnergy', ... of a detector. */
  readonly kind: string
  readonly dtype: 'float32' | 'float64'
  /** Numbers of a row. */
  readonly inputWidth: number
  /** Names of the columns, in the order of a row; undefined where the model has no `inputs`. */
  readonly columns: readonly string[] | undefined
  /** What y is: nothing, a class, or a row of numbers. */
  readonly condition: 'none' | 'class' | 'optional class' | 'rows'
  /** Energies that one score is made of. */
  readonly models: number
  /** Held-out rows that thresholds and p-values are read from. */
  readonly heldOut: number
  /** The false-alarm rate the detector was made for. */
  readonly fpr: number | undefined
  /** 'default', 'avx2', 'avx512' or 'avx512_bf16' (LANGEVIN_ISA forces a lower one); 'wasm' in WebAssembly. */
  readonly instructionSet: string
  /** The langevin that wrote the file. */
  readonly langevin: string
}

export interface ScorerOptions {
  /** Threads the rows are spread over, from 1 (default) to those the processor has. Results do not depend on it. */
  threads?: number
}

export interface EnergyScorerOptions extends ScorerOptions {
  /** The condition y of E(x, y): class numbers, or rows of numbers. */
  y?: readonly number[] | readonly (readonly number[])[] | Numbers | BigInt64Array
}

/** What came of rows: index k of every list belongs to row k. */
export interface ScorerDecisions {
  /** true: taken for normal, score <= threshold. */
  accept: boolean[]
  scores: Float64Array
  /** Conformal p-values of the held-out rows. */
  pValues: Float64Array
  threshold: number
  fpr: number
}

function refuse(code: 'ERR_LANGEVIN_INVALID_OPTION' | 'ERR_LANGEVIN_UNSUPPORTED', problem: string): never {
  throw new LangevinError(code, `scorer: ${problem}`)
}

/**
 * An exported energy or detector. Every call answers at once, on the thread that asks. After `dispose()` each is
 * ERR_LANGEVIN_DISPOSED.
 */
export class Scorer {
  readonly info: ScorerInfo
  readonly #file: ScorerFile
  readonly #engines: readonly Engine[]
  readonly #columns: Columns | undefined
  readonly #scale: Scale | undefined
  readonly #calibration: Calibration | undefined

  /** @internal Use `loadScorer`. */
  constructor(file: ScorerFile, engines: readonly Engine[], instructionSet: string) {
    this.#engines = engines
    // The numbers are in the engines now.
    this.#file = { ...file, models: [] }
    const { inputs, detector, heldOut } = file
    const { kind, program } = file.models[0]!
    const { inputWidth, conditionWidth, classes, optionalCondition } = program
    this.#columns = inputs && columnsOf(inputs)
    this.#scale = inputs?.transform && new Scale(inputs.transform.mean, inputs.transform.scale)
    this.#calibration = heldOut && new Calibration(heldOut)
    const condition =
      classes > 0 ? (optionalCondition ? 'optional class' : 'class') : conditionWidth > 0 ? 'rows' : 'none'
    this.#conditionWidth = conditionWidth
    this.info = Object.freeze({
      family: detector ? 'detector' : 'energy',
      kind: detector?.kind ?? kind,
      dtype: program.wide ? 'float64' : 'float32',
      inputWidth,
      columns: inputs?.columns,
      condition,
      models: this.#engines.length,
      heldOut: heldOut?.length ?? 0,
      fpr: detector?.fpr,
      instructionSet,
      langevin: file.langevin,
    } as const)
  }
  readonly #conditionWidth: number

  /**
   * E of every row: the bits of `energy()` of the whole package on the same instruction set. LOW energy = probable.
   *
   * @returns one number for each row, in the numbers of the energy
   * @throws ERR_LANGEVIN_SHAPE, _INVALID_OPTION (columns, y), _NON_FINITE (naming the row), _DISPOSED; _UNSUPPORTED for a detector
   */
  energy(rows: ScorerRows, options: EnergyScorerOptions = {}): Numbers {
    const { x, y, threads } = this.#asked('energy', rows, options)
    const out = this.#array(x.length / this.info.inputWidth)
    this.#engines[0]!.energy(x, out, y, threads)
    requireFinite(out, 1, 'the energy')
    this.#scale?.energies(out)
    return out
  }

  /**
   * The score grad_x log p(x) = -grad_x E(x) of every row: the bits of `score()` of the whole package.
   *
   * @returns the numbers of every row, row after row
   * @throws as `energy`
   */
  score(rows: ScorerRows, options: EnergyScorerOptions = {}): Numbers {
    const { x, y, threads } = this.#asked('score', rows, options)
    const out = this.#array(x.length)
    this.#engines[0]!.score(x, out, y, threads)
    requireFinite(out, this.info.inputWidth, 'the score')
    this.#scale?.derivatives(out)
    return out
  }

  /**
   * OOD scores of a detector, HIGHER = more out-of-distribution: the bits of `scores()` of the fitted detector.
   *
   * @throws ERR_LANGEVIN_SHAPE, _INVALID_OPTION (columns), _NON_FINITE, _DISPOSED; _UNSUPPORTED for an energy
   */
  scores(rows: ScorerRows, options: ScorerOptions = {}): Float64Array {
    const detector = this.#detector('scores')
    const threads = this.#threads(options)
    const x = this.#rows(rows)
    const count = x.length / this.info.inputWidth
    return detectorScores(
      detector,
      this.#engines.map((engine) => {
        const out = this.#array(count)
        for (let first = 0; first < count; first += DETECTOR_BLOCK) {
          const last = Math.min(count, first + DETECTOR_BLOCK)
          const block = x.subarray(first * this.info.inputWidth, last * this.info.inputWidth)
          engine.energy(block, out.subarray(first, last), undefined, threads)
        }
        requireFinite(out, 1, 'the energy')
        return out
      }),
    )
  }

  /**
   * Takes rows for normal or not, as `decide` of the fitted detector.
   *
   * @param options.fpr the share of normal rows that may be refused. Default: the one the detector was made for
   * @throws ERR_LANGEVIN_INVALID_OPTION (no rate, no or too few held-out rows), and what `scores` does
   */
  decide(rows: ScorerRows, options: ScorerOptions & { fpr?: number } = {}): ScorerDecisions {
    const { fpr = this.info.fpr, ...job } = options
    if (fpr === undefined)
      refuse(
        'ERR_LANGEVIN_INVALID_OPTION',
        'decide: fpr: give the share of normal rows that may be refused, such as 0.01',
      )
    const threshold = this.threshold({ fpr })
    const scores = this.scores(rows, job)
    return {
      accept: Array.from(scores, (score) => score <= threshold),
      scores,
      pValues: scores.map((score) => this.pValue(score)),
      threshold,
      fpr,
    }
  }

  /** The score above which a row is flagged so that at most the share `fpr` of normal rows is. */
  threshold({ fpr }: { fpr: number }): number {
    return this.#calibrated('threshold').threshold(fpr)
  }
  /** The share of held-out normal rows that score at most this, 0 to 1. */
  percentile(score: number): number {
    return this.#calibrated('percentile').quantile(score)
  }
  /** The conformal p-value (c + 1) / (n + 1) of a score, c of the n held-out normal rows scoring at least as high. */
  pValue(score: number): number {
    return this.#calibrated('pValue').pValue(score)
  }

  #detector(what: string): CompiledDetector {
    const { detector } = this.#file
    return (
      detector ??
      refuse('ERR_LANGEVIN_UNSUPPORTED', `${what}() is of detectors; this file holds an energy: use energy()`)
    )
  }

  #calibrated(what: string): Calibration {
    this.#detector(what)
    return (
      this.#calibration ??
      refuse(
        'ERR_LANGEVIN_INVALID_OPTION',
        `${what}: the detector has seen no held-out rows; call calibrate(rows) before exportScorer`,
      )
    )
  }

  #threads({ threads = 1 }: ScorerOptions): number {
    if (!(Number.isInteger(threads) && threads >= 1 && threads <= 1024))
      refuse('ERR_LANGEVIN_INVALID_OPTION', `threads: a whole number from 1 to 1024, got ${shown(threads)}`)
    return threads
  }

  #array(length: number): Numbers {
    return this.info.dtype === 'float64' ? new Float64Array(length) : new Float32Array(length)
  }

  /** Rows in the units and numbers of the energy. */
  #rows(rows: ScorerRows): Numbers {
    const { inputWidth, dtype } = this.info
    const flat = flatRows(rows, inputWidth, this.#columns)
    const plain = (dtype === 'float64' ? flat instanceof Float64Array : flat instanceof Float32Array) as boolean
    let x: Numbers
    if (this.#scale?.transforms) {
      const raw = flat instanceof Float32Array || flat instanceof Float64Array ? flat : Float64Array.from(flat)
      x = this.#scale.rows(raw, this.#array(flat.length))
    } else if (plain) x = flat as Numbers
    else {
      x = this.#array(flat.length)
      x.set(flat)
    }
    requireFinite(x, inputWidth, 'x')
    return x
  }

  #asked(what: 'energy' | 'score', rows: ScorerRows, options: EnergyScorerOptions) {
    if (this.#file.detector !== undefined)
      refuse('ERR_LANGEVIN_UNSUPPORTED', `${what}() is of energies; this file holds a detector: use scores()`)
    const threads = this.#threads(options)
    const x = this.#rows(rows)
    return { x, y: this.#condition(options.y, x.length / this.info.inputWidth), threads }
  }

  #condition(y: EnergyScorerOptions['y'], rows: number): Numbers | BigInt64Array | undefined {
    const { condition } = this.info
    if (condition === 'none') {
      if (y !== undefined) refuse('ERR_LANGEVIN_INVALID_OPTION', 'y was given, but this energy has no condition y')
      return undefined
    }
    if (y === undefined) return undefined
    if (condition !== 'rows') return labelsOf(y, rows)
    const flat = flatRows(y as ScorerRows, this.#conditionWidth, undefined)
    const values = this.#array(flat.length)
    values.set(flat)
    requireFinite(values, this.#conditionWidth, 'y')
    return values
  }

  /** Frees the weights. Idempotent. */
  dispose(): void {
    for (const engine of this.#engines) engine.dispose()
  }
  [DISPOSE](): void {
    this.dispose()
  }
}
