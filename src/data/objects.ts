/** Data sets from rows that are objects, as services receive them. */
import { LangevinError, shown as shownValue } from '../errors.js'
import { requireOptions } from '../spec/index.js'
import { type NestedArray, tensor, toRows } from '../tensor/index.js'
import { labelOf } from './arrays.js'
import { textColumn } from './categories.js'
import { type Column, Dataset } from './dataset.js'

export interface FromRowsOptions {
  /** The columns and their order. Default: the keys of the first row. */
  columns?: readonly string[]
  /** Keys that are left out, such as an identifier. */
  ignore?: readonly string[]
  /** The class or condition column. Default: 'y' when there are other columns too; null for none. */
  label?: string | null
}

type Row = Readonly<Record<string, unknown>>

function fail(problem: string, details: Record<string, unknown>): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `data.fromRows: ${problem}`, { details })
}

/** Every row has exactly these keys, beside ignored ones. */
function checkKeys(rows: readonly Row[], names: ReadonlySet<string>, ignored: ReadonlySet<string>): void {
  for (const [i, row] of rows.entries()) {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      fail(`row ${i + 1} is not an object of named values`, { row: i + 1 })
    }
    for (const name of names) {
      if (!Object.hasOwn(row, name)) fail(`row ${i + 1} has no '${name}'`, { row: i + 1, column: name })
    }
    const extra = Object.keys(row).find((key) => !names.has(key) && !ignored.has(key))
    if (extra !== undefined) {
      fail(`row ${i + 1} has '${extra}', which is not a column; leave it out with { ignore: ['${extra}'] }`, {
        row: i + 1,
        column: extra,
      })
    }
  }
}

type Kind = 'number' | 'text' | 'boolean' | 'array'

function kindOf(value: unknown): Kind | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? 'number' : undefined
  if (typeof value === 'string') return 'text'
  if (typeof value === 'boolean') return 'boolean'
  return Array.isArray(value) || ArrayBuffer.isView(value) ? 'array' : undefined
}

const shown = (value: unknown) =>
  typeof value === 'string' ? `'${value.slice(0, 64)}'` : shownValue(value).slice(0, 64)

function columnOf(rows: readonly Row[], name: string): Column {
  const cells = rows.map((row) => row[name])
  const kinds = cells.map(kindOf)
  const odd = kinds.findIndex((kind) => kind === undefined || kind !== kinds[0])
  if (odd >= 0) {
    const value = cells[odd]
    const details = { row: odd + 1, column: name }
    const at = `row ${odd + 1}, '${name}'`
    if (value === null || value === undefined) fail(`${at} is missing (${value})`, details)
    if (kinds[odd] === undefined) {
      fail(`${at}: ${shown(value)} is not a finite number, a text, true or false, or an array of numbers`, details)
    }
    fail(`${at} is the ${kinds[odd]} ${shown(value)}, but row 1 has the ${kinds[0]} ${shown(cells[0])}`, details)
  }
  if (kinds[0] === 'text') return textColumn(cells as string[])
  if (kinds[0] === 'boolean') return { values: tensor(cells as boolean[]) }
  if (kinds[0] === 'number') return { values: tensor(Float64Array.from(cells as number[])) }
  const nested = cells.map((cell) => (Array.isArray(cell) ? cell : Array.from(cell as Float64Array)))
  return { values: toRows(nested as NestedArray, `column '${name}'`, 'float64') }
}

/**
 * A data set from rows that are objects, such as the body of a request: `data.fromRows([{ temp: 21.5, rpm: 900 }])`. Numbers
 * become float64, texts categories, arrays of numbers columns of shape [n, d]. Nothing is filled in: a missing or unknown key,
 * null, NaN, and a text among numbers are errors that name row and key.
 *
 * @throws ERR_LANGEVIN_INVALID_OPTION (details: row, column); ERR_LANGEVIN_SHAPE where arrays differ in length
 */
export function fromRows(rows: readonly Readonly<Record<string, unknown>>[], options: FromRowsOptions = {}): Dataset {
  requireOptions('data.fromRows', options, ['columns', 'ignore', 'label'])
  if (!Array.isArray(rows)) fail('takes a list of objects', {})
  if (rows.length === 0) fail('needs at least one row', {})
  const ignored = new Set(options.ignore ?? [])
  const first = rows[0] as unknown
  const keys = options.columns ?? (typeof first === 'object' && first !== null ? Object.keys(first) : [])
  const names = new Set(keys.filter((name) => !ignored.has(name)))
  checkKeys(rows, names, ignored)
  if (names.size === 0) fail('there are no columns', {})
  const columns = new Map<string, Column>()
  for (const name of names) columns.set(name, columnOf(rows, name))
  return new Dataset(columns, { label: labelOf([...names], options.label) })
}
