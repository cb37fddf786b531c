/** Data sets from arrays and objects in memory. */
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

function invalid(problem: string, details: Record<string, unknown> = {}): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `data.fromArrays: ${problem}`, { details })
}

type Entry = readonly [string, RowsLike]

/** Name and array of every column, whichever of the two forms they were given in. */
function entriesOf(arrays: Record<string, RowsLike> | Iterable<Entry>): Entry[] {
  if (typeof arrays !== 'object' || arrays === null) invalid('takes an object of named columns')
  if (!(Symbol.iterator in arrays)) return Object.entries(arrays)
  const entries = [...(arrays as Iterable<Entry>)]
  const pair = (entry: unknown) => Array.isArray(entry) && entry.length === 2 && typeof entry[0] === 'string'
  if (!entries.every(pair)) {
    invalid('takes an object of named columns, or a list of [name, array]; rows as objects go into data.fromRows')
  }
  const names = new Set<string>()
  for (const [name] of entries) {
    if (names.has(name)) invalid(`two columns are called '${name}'`, { column: name })
    names.add(name)
  }
  return entries
}

/**
 * A data set from arrays: `data.fromArrays({ x: { data, shape }, y: [0, 1, 1] })`. Each value is a Tensor, nested arrays,
 * a typed array or `{ data, shape }`; its first axis runs over the rows. Numbers in nested arrays become float64.
 *
 * JavaScript moves the keys of an object that look like whole numbers ('2024') to the front. A list of pairs, or a Map, keeps
 * its order: `data.fromArrays([['name', a], ['2024', b], ['1999', c]])`.
 * Errors: ERR_LANGEVIN_SHAPE when rows disagree, ERR_LANGEVIN_INVALID_OPTION.
 */
export function fromArrays(
  arrays: Record<string, RowsLike> | Iterable<readonly [string, RowsLike]>,
  options: FromArraysOptions = {},
): Dataset {
  const entries = entriesOf(arrays)
  requireOptions('data.fromArrays', options, ['label'])
  const columns = new Map<string, Column>()
  for (const [name, values] of entries) columns.set(name, { values: toRows(values, `column '${name}'`) })
  return new Dataset(columns, { label: labelOf([...columns.keys()], options.label) })
}
