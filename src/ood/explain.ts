/**
 * Why a row scores as it does, column by column, one definition for all detectors:
 *
 *   c_j(x) = S(x) - mean over reference rows r of S(x with column j taken from r).
 *
 * Positive: the row scores higher than it would with a usual value there. Where S is a sum of one term per column, c_j is that
 * column's term minus its mean over the reference rows. In general the c_j do not add up to anything: a column that is odd only
 * beside another shows up in both.
 */
import type { InputRows } from '../data/input-rows.js'
import { LangevinError } from '../errors.js'
import { type Tensor, tensor } from '../tensor/index.js'
import type { Fit, JobOptions } from './parts.js'
import { numbersOf } from './reference.js'
import { scoresOfRows } from './scoring.js'

/** Reference rows asked for each column, unless the caller says otherwise: the mean is off by 1/16 of their spread. */
export const EXPLAINED_WITH = 256
/** Numbers in one job, at most: rows are asked in several where there are more. */
const JOB_NUMBERS = 1 << 22

/** A name for every number of a row: that of its column, name1, name2, ... where that holds several. */
export const numberNames = (inputs: InputRows | undefined, width: number): readonly string[] =>
  inputs?.names ?? Array.from({ length: width }, (_, k) => `column${k + 1}`)

export interface RowExplanation {
  score: number
  /** One entry per number of the row, largest contribution first. `value`: the row's own, in the units of the data. */
  contributions: { column: string; value: number; contribution: number }[]
}

/** The numbers of a row in the order of the model: a column of several may be one array, or name1, name2, ... */
export function valuesIn(
  row: readonly number[] | Readonly<Record<string, unknown>>,
  inputs: InputRows | undefined,
): readonly number[] {
  if (Array.isArray(row)) return row
  const named = row as Readonly<Record<string, number>>
  const names = inputs?.names ?? []
  if (names.every((name) => Object.hasOwn(named, name))) return names.map((name) => named[name]!)
  return (inputs?.inputs.columns ?? []).flatMap((name) => named[name]!)
}

/** One row in `count * width` versions: of every place from `first` on, the version of every reference row. */
function versions(row: Float64Array, references: Float64Array, first: number, last: number): Float64Array {
  const width = row.length
  const count = references.length / width
  const out = new Float64Array((last - first) * count * width)
  let at = 0
  for (let k = first; k < last; k++) {
    for (let r = 0; r < count; r++) {
      out.set(row, at)
      out[at + k] = references[r * width + k]!
      at += width
    }
  }
  return out
}

async function scored(fit: Fit, values: Float64Array, shape: number[], options: JobOptions): Promise<Float64Array> {
  using x = tensor(values, shape, 'float64')
  using scores = await scoresOfRows(fit, x, options)
  return scores.toTypedArray() as Float64Array
}

/**
 * Contributions of every number to the scores of rows, float64 [n * width], row by row.
 *
 * @param rows in the units of the models
 * @param reference as `referenceOf` gives them, in the same units
 */
export async function contributionsOf(
  fit: Fit,
  rows: Tensor,
  reference: Tensor,
  { count, ...options }: JobOptions & { count: number },
): Promise<{ scores: Float64Array; contributions: Float64Array; names: readonly string[] }> {
  const { values, width } = numbersOf(rows)
  using asked = reference.slice(0, Math.min(count, reference.shape[0]!))
  const { values: references, width: referenceWidth } = numbersOf(asked)
  if (referenceWidth !== width) {
    throw new LangevinError('ERR_LANGEVIN_SHAPE', `x must have ${referenceWidth} numbers in a row, got ${width}`, {
      details: { expectedColumns: referenceWidth },
    })
  }
  const [n, r] = [values.length / width, references.length / width]
  const shape = rows.shape.slice(1)
  const scores = n === 0 ? new Float64Array(0) : await scored(fit, values, [n, ...shape], options)
  const contributions = new Float64Array(n * width)
  const step = Math.max(1, Math.floor(JOB_NUMBERS / (r * width)))
  for (let i = 0; i < n; i++) {
    const row = values.subarray(i * width, (i + 1) * width)
    for (let k = 0; k < width; k += step) {
      const last = Math.min(width, k + step)
      const found = await scored(fit, versions(row, references, k, last), [(last - k) * r, ...shape], options)
      for (let j = k; j < last; j++) {
        const sum = found.subarray((j - k) * r, (j - k + 1) * r).reduce((total, score) => total + score, 0)
        contributions[i * width + j] = scores[i]! - sum / r
      }
    }
  }
  return { scores, contributions, names: numberNames(fit.inputs, width) }
}
