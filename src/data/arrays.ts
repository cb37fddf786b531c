/** Data sets from arrays in memory. */
import { LangevinError } from '../errors.js'
import { requireOptions } from '../spec/index.js'
import { type RowsLike, toRows } from '../tensor/index.js'
import { type Column, Dataset } from './dataset.js'

export interface FromArraysOptions {
  /** The class or condition column. Default: 'y' when there are other columns too; null for none. */
  label?: string | null
}

/** 'y' is the label when there are other columns; a name or null overrides that. */
export function labelOf(names: readonly string[], given: string | null | undefined): string | undefined {
  if (given !== undefined) return given ?? undefined
  return names.length > 1 && names.includes('y') ? 'y' : undefined
}

/**
 * A data set from arrays: `data.fromArrays({ x: { data, shape }, y: [0, 1, 1] })`. Each value is a Tensor, nested arrays,
 * a typed array or `{ data, shape }`; its first axis runs over the rows. Nested arrays become float32 (as `tensor()` does).
 * Errors: ERR_LANGEVIN_SHAPE when rows disagree, ERR_LANGEVIN_INVALID_OPTION.
 */
export function fromArrays(arrays: Record<string, RowsLike>, options: FromArraysOptions = {}): Dataset {
  if (typeof arrays !== 'object' || arrays === null || Array.isArray(arrays)) {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', 'data.fromArrays takes an object of named columns')
  }
  requireOptions('data.fromArrays', options, ['label'])
  const names = Object.keys(arrays)
  const columns: Record<string, Column> = {}
  for (const name of names) columns[name] = { values: toRows(arrays[name]!, `column '${name}'`) }
  return new Dataset(columns, { label: labelOf(names, options.label) })
}
