/** What a training run gives. */
import type { TrainWarning } from '../runtime/index.js'
import type { Tensor } from '../tensor/index.js'
import type { ValidationResult } from './validation.js'

/** One point of a run's history: means over the steps since the point before. */
export interface HistoryPoint {
  /** Steps done. */
  readonly step: number
  readonly loss: number
  readonly gradientNorm: number
  readonly parameterNorm: number
  readonly lr: number
  /** mean E(negatives) - mean E(data), where the objective has negatives. */
  readonly gap?: number
  readonly [monitor: string]: number | undefined
}

/** What is looked at once, when a run has ended, on the weights the model then has; null: not asked. diagnose() reads it. */
export interface TrainChecks {
  /**
   * E along rays that start at rows of the data (single columns up and down, corners, random directions), at `distances` in half
   * widths of the box of the data. Null where exp(-E) is not meant as a density over all of space: discrete columns, a box of
   * the sampler, objectives of answers and labels.
   */
  readonly tails: {
    readonly distances: readonly number[]
    readonly rays: number
    /** Rays along which E falls between the last two distances; and those along which it rises by less than log r. */
    readonly falling: number
    readonly flat: number
    /** E at the rows where the rays start. */
    readonly data: { readonly mean: number; readonly low: number; readonly high: number }
    /** The ray along which E ends lowest, and the column that moves along it where that is a single one. */
    readonly worst: {
      readonly energies: readonly number[]
      readonly column: number | null
      /** Of the column, where the model has inputs. */
      readonly name?: string
      readonly up: boolean
    }
    /** The lowest E of all but the rows themselves. */
    readonly lowest: { readonly energy: number; readonly distance: number }
  } | null
  /**
   * The chains of the last step against rows of the data: their energy distance less its mean over permutations, as a share of
   * the largest it can be (0: one law, 1: far apart), with the p-value of the permutation test; and how often the nearest other
   * row tells whether a row is of the chains or of the data (0.5: one law). Null where the objective has no chains, or starts
   * them at the rows of the step.
   */
  readonly negatives: {
    readonly rows: number
    readonly distance: number
    readonly pValue: number
    readonly accuracy: number
  } | null
}

/** A divergence that the run went on from (`divergence: { recover }`). */
export interface Recovery {
  /** The step that diverged, counted from 1, and the number of steps the state had that the run went back to. */
  readonly step: number
  readonly restored: number
  /** Of the learning rate from there on. */
  readonly lrFactor: number
  /** Which number was beyond its limits, and what was seen. */
  readonly monitor: string
  readonly message: string
}

export interface TrainResult {
  /** At most about 1,000 points. */
  readonly history: readonly HistoryPoint[]
  /** Steps done, those before a resume included. */
  readonly steps: number
  /** Seconds this run took. */
  readonly seconds: number
  /** With `ema`: the weights as the optimiser left them, by name. The model holds the averaged ones. */
  readonly rawParameters?: Readonly<Record<string, Tensor>>
  /** Learned numbers of the objective: { logZ } of noiseContrastive. */
  readonly extras: Readonly<Record<string, number>>
  /** Weights of networks the objective trained along with the model, by name: { helper } of fDivergence. */
  readonly networks: Readonly<Record<string, Readonly<Record<string, Tensor>>>>
  /** What the objective counted: { buffer: { draws, restarts, age, uses, saturation } } of PCD. */
  readonly statistics: Readonly<Record<string, unknown>>
  /** In the order they came, at most one per monitor; those of the run it resumed first. */
  readonly warnings: readonly TrainWarning[]
  readonly checks: TrainChecks
  /** In order, those of the run it resumed first; empty without `divergence: { recover }`. */
  readonly recoveries: readonly Recovery[]
  /** With `validation`. */
  readonly validation?: ValidationResult
}
