/** Rows as detectors take them, and what a fitted detector does to them first: columns by name, and their scale. */
import { Dataset } from '../data/dataset.js'
import { InputRows } from '../data/input-rows.js'
import { checkInputs, inputs, type Standardize } from '../data/inputs.js'
import { fromRows } from '../data/objects.js'
import { invokeNow } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { type RowsLike, type Tensor, toRows } from '../tensor/index.js'

/**
 * Rows, a data set (its columns without the label), or, where out-of-distribution rows are meant, a box to draw from.
 */
export type OodRows = RowsLike | Dataset
/** As many uniform rows as there are in-distribution ones: one number for every column, or one entry per column. */
export interface Box {
  low: number | readonly number[]
  high: number | readonly number[]
  /** Default 0. */
  seed?: number | bigint
}

export function isBox(value: OodRows | Box): value is Box {
  return typeof value === 'object' && value !== null && !(value instanceof Dataset) && 'low' in value && 'high' in value
}

/** One row as rows: its numbers in order, or named values. */
export function oneRow(row: readonly number[] | Readonly<Record<string, unknown>>): {
  rows: OodRows
  dispose(): void
} {
  if (!Array.isArray(row)) {
    const rows = fromRows([row as Readonly<Record<string, unknown>>], { label: null })
    return { rows, dispose: () => rows.dispose() }
  }
  return { rows: [[...row]], dispose: () => undefined }
}

/** Tensors made on the way are freed together. */
export class Made {
  readonly #made: Tensor[] = []

  keep(tensor: Tensor): Tensor {
    this.#made.push(tensor)
    return tensor
  }

  /** Rows as they are. */
  rows(value: OodRows, what: string): Tensor {
    if (value instanceof Dataset) return this.keep(value.toTensor())
    const rows = toRows(value, what)
    return rows === value ? rows : this.keep(rows)
  }

  /** Rows as a fitted detector takes them: columns of a data set by name, and their scale. */
  read(value: OodRows, what: string, inputs: InputRows | undefined): Tensor {
    if (inputs === undefined) return this.rows(value, what)
    const given = value instanceof Dataset ? value : this.rows(value, what)
    const rows = inputs.rows(given, what)
    return rows === given ? rows : this.keep(rows)
  }

  box(box: Box, like: Tensor, what: string): Tensor {
    const { low, high, seed = 0 } = requireOptions(what, box, ['low', 'high', 'seed'])
    const width = like.shape.slice(1).reduce((n, size) => n * size, 1)
    const side = (value: number | readonly number[]) =>
      typeof value === 'number' ? Array(width).fill(value) : [...value]
    return this.keep(invokeNow<Tensor>('data.uniform', { rows: like.shape[0], low: side(low), high: side(high), seed }))
  }

  dispose(): void {
    for (const tensor of this.#made) tensor.dispose()
  }
}

/** Mean and standard deviation of the columns of training rows; a constant column keeps its unit. */
function standardization(rows: Tensor): Standardize {
  const result = invokeNow<Record<'tensor' | 'mean' | 'sd', Tensor>>('data.standardize', { tensor: rows, name: 'rows' })
  const [mean, scale] = [result.mean.toArray() as number[], result.sd.toArray() as number[]]
  for (const each of Object.values(result)) each.dispose()
  return { kind: 'standardize', mean, scale }
}

/**
 * What the columns of training rows are: names, where they have some, and their scale, where it is asked for.
 *
 * @param train the rows that are trained on, of `given` those that are not held out
 */
export function inputsOf(given: OodRows, train: Tensor, standardize: boolean): InputRows | undefined {
  const named = given instanceof Dataset
  if (!named && !standardize) return undefined
  const width = train.shape.slice(1).reduce((n, size) => n * size, 1)
  const columns = named ? inputs(given, { standardize: false }) : { columns: numbered(width) }
  return new InputRows(checkInputs({ ...columns, ...(standardize && { transform: standardization(train) }) }))
}

/** Columns without names are called as data.csv calls them. */
const numbered = (width: number) => Array.from({ length: width }, (_, k) => `column${k + 1}`)
