/** Whether new rows still look like those a detector was fitted to: every column, and the scores. */
import { kolmogorovSmirnov, populationStability } from '../metrics/two-sample.js'

/** New numbers against reference numbers; both samples are finite, and the p-values know it. */
export interface Drift {
  /** How many reference numbers there are. */
  reference: number
  /** sup |F - F_reference|, and the two-sample Kolmogorov-Smirnov p-value. */
  ks: number
  ksPValue: number
  /** Population stability index over at most 10 bins, and its chi-squared p-value. */
  psi: number
  psiPValue: number
}

export interface DriftReport {
  /** How many new rows were compared. */
  rows: number
  /** Scores against those of the held-out rows; undefined where the detector has seen none. */
  score?: Drift
  /** Each number of a row against the reference rows; empty where the detector keeps none. */
  columns: (Drift & { column: string })[]
  /**
   * The smallest Kolmogorov-Smirnov p-value times how many were computed (Bonferroni), at most 1: below a, drift is claimed
   * where there is none with a chance of at most a.
   */
  pValue: number
}

export function driftOf(reference: ArrayLike<number>, values: ArrayLike<number>): Drift {
  const ks = kolmogorovSmirnov(reference, values)
  const psi = populationStability(reference, values)
  return {
    reference: reference.length,
    ks: ks.statistic,
    ksPValue: ks.pValue,
    psi: psi.statistic,
    psiPValue: psi.pValue,
  }
}

// What was rounded to float32 on one of the two ways is compared as such.
const column = (values: Float64Array, width: number, k: number) =>
  Float32Array.from({ length: values.length / width }, (_, i) => values[i * width + k]!)

/** Drift of every number of a row; `names` has one for each. */
export function columnDrifts(
  reference: Float64Array,
  values: Float64Array,
  names: readonly string[],
): DriftReport['columns'] {
  const width = names.length
  return names.map((name, k) => ({
    column: name,
    ...driftOf(column(reference, width, k), column(values, width, k)),
  }))
}

export function reportOf(rows: number, score: Drift | undefined, columns: DriftReport['columns']): DriftReport {
  const all = [...(score === undefined ? [] : [score]), ...columns]
  const least = Math.min(...all.map(({ ksPValue }) => ksPValue))
  return { rows, ...(score && { score }), columns, pValue: Math.min(1, least * all.length) }
}
