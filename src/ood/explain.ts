/**
 * Why a row scores as it does, column by column, one definition for all detectors:
 *
 *   c_j(x) = S(x) - mean over reference rows r of S(x with column j taken from r).
 *
 * Positive: the row scores higher than it would with a usual value there. Where S is a sum of one term per column, c_j is that
 * column's term minus its mean over the reference rows. In general the c_j do not add up to anything: a column that is odd only
 * beside another shows up in both.
 */
import type { Inputs } from '../data/inputs.js'
import { LangevinError } from '../errors.js'
import { type Tensor, tensor } from '../tensor/index.js'
import type { Fit, JobOptions } from './parts.js'
import { numbersOf } from './reference.js'
import { scoresOfRows } from './scoring.js'

/** Reference rows asked for each column, unless the caller says otherwise: the mean is off by 1/16 of their spread. */
export const EXPLAINED_WITH = 256
/** Numbers in one job, at most: rows are asked in several where there are more. */
const JOB_NUMBERS = 1 << 22

/** A column, and where its numbers are in a row. */
export interface ColumnPlace {
  readonly name: string
  readonly first: number
  readonly width: number
}

export function columnPlaces(inputs: Inputs | undefined, width: number): ColumnPlace[] {
  if (inputs === undefined) {
    return Array.from({ length: width }, (_, k) => ({ name: `column${k + 1}`, first: k, width: 1 }))
  }
  let first = 0
  return inputs.columns.map((name, k) => {
    const place = { name, first, width: inputs.widths?.[k] ?? 1 }
    first += place.width
    return place
  })
}

export interface RowExplanation {
  score: number
  /** One entry per column, largest contribution first. `value`: the row's own, in the units of the data. */
  contributions: { column: string; value: number | number[]; contribution: number }[]
}

/** What a row has in a column: a column of several numbers may be given as one array, or as name1, name2, ... */
export function valueIn(
  row: readonly number[] | Readonly<Record<string, unknown>>,
  { name, first, width }: ColumnPlace,
): number | number[] {
  if (Array.isArray(row)) return width === 1 ? row[first] : row.slice(first, first + width)
  const named = row as Readonly<Record<string, number | number[]>>
  if (Object.hasOwn(named, name)) return named[name]!
  return Array.from({ length: width }, (_, k) => named[`${name}${k + 1}`] as number)
}

/** One row in `references.length * columns` versions: of every column, the version of every reference row. */
function versions(
  row: Float64Array,
  references: Float64Array,
  count: number,
  places: readonly ColumnPlace[],
): Float64Array {
  const width = row.length
  const out = new Float64Array(places.length * count * width)
  let at = 0
  for (const { first, width: wide } of places) {
    for (let r = 0; r < count; r++) {
      out.set(row, at)
      out.set(references.subarray(r * width + first, r * width + first + wide), at + first)
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
 * Contributions of every column to the scores of rows, float64 [n * columns], row by row.
 *
 * @param rows in the units of the models; @param reference as `referenceOf` gives them, in the same units
 */
export async function contributionsOf(
  fit: Fit,
  rows: Tensor,
  reference: Tensor,
  { count, ...options }: JobOptions & { count: number },
): Promise<{ scores: Float64Array; contributions: Float64Array; places: ColumnPlace[] }> {
  const { values, width } = numbersOf(rows)
  const asked = reference.slice(0, Math.min(count, reference.shape[0]!))
  const { values: references, width: referenceWidth } = numbersOf(asked)
  asked.dispose()
  if (referenceWidth !== width) {
    throw new LangevinError('ERR_LANGEVIN_SHAPE', `x must have ${referenceWidth} numbers in a row, got ${width}`, {
      details: { expectedColumns: referenceWidth },
    })
  }
  const n = values.length / width
  const r = references.length / width
  const shape = rows.shape.slice(1)
  const places = columnPlaces(fit.inputs?.inputs, width)
  const scores = n === 0 ? new Float64Array(0) : await scored(fit, values, [n, ...shape], options)
  const contributions = new Float64Array(n * places.length)
  const step = Math.max(1, Math.floor(JOB_NUMBERS / (r * width)))
  for (let i = 0; i < n; i++) {
    const row = values.subarray(i * width, (i + 1) * width)
    for (let k = 0; k < places.length; k += step) {
      const part = places.slice(k, k + step)
      const changed = versions(row, references, r, part)
      const found = await scored(fit, changed, [part.length * r, ...shape], options)
      for (let j = 0; j < part.length; j++) {
        let sum = 0
        for (let s = 0; s < r; s++) sum += found[j * r + s]!
        contributions[i * places.length + k + j] = scores[i]! - sum / r
      }
    }
  }
  return { scores, contributions, places }
}
