/** Rows in the forms a scorer takes, laid flat in the numbers of its energy. */
import type { CompiledInputs } from '../compiled/format.js'
import { numbered } from '../data/column-names.js'
import { LangevinError, shown } from '../errors.js'
import type { Numbers } from './engine.js'

/** Numbers laid flat, row by row. */
type NumberArray =
  | Numbers
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array

/**
 * Rows of a scorer: lists of numbers, objects of named columns, a typed array with row after row, or one with its shape. Numbers
 * are taken in float64 and rounded to the numbers of the energy.
 */
export type ScorerRows =
  | readonly (readonly number[])[]
  | readonly Readonly<Record<string, unknown>>[]
  | NumberArray
  | { readonly data: NumberArray; readonly shape: readonly number[] }

function invalid(problem: string, details: Record<string, unknown> = {}): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `scorer: ${problem}`, { details })
}

function misshapen(problem: string, details: Record<string, unknown> = {}): never {
  throw new LangevinError('ERR_LANGEVIN_SHAPE', `scorer: ${problem}`, { details })
}

const isNumbers = (value: unknown): value is NumberArray =>
  ArrayBuffer.isView(value) && !(value instanceof DataView) && typeof (value as Float64Array)[0] !== 'bigint'

/** The columns of a row: by name, or by a name for each of their numbers (x1, x2 of x). */
export interface Columns {
  readonly names: readonly string[]
  readonly places: readonly {
    readonly name: string
    readonly first: number
    readonly width: number
    readonly each: readonly string[]
  }[]
  /** Every name that a row may have. */
  readonly known: ReadonlySet<string>
}

export function columnsOf({ columns, widths }: CompiledInputs): Columns {
  let first = 0
  const places = columns.map((name, k) => {
    const width = widths?.[k] ?? 1
    first += width
    return { name, first: first - width, width, each: numbered(name, width) }
  })
  const names = places.flatMap(({ each }) => each)
  return { names, places, known: new Set([...columns, ...names]) }
}

type Place = Columns['places'][number]

const listed = (names: readonly string[]) =>
  names.length <= 12 ? names.join(', ') : `${names.slice(0, 12).join(', ')}, ... ${names.length} in all`

function cell(value: unknown, row: number, column: string): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return Number(value)
  const found = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value
  return invalid(`row ${row + 1}, '${column}' is ${found}, not a number`, { row: row + 1, column })
}

/** One column of a row: a number, a list of them, or numbers under names of their own. */
function fill(
  into: Float64Array,
  at: number,
  row: Readonly<Record<string, unknown>>,
  i: number,
  place: Place,
): boolean {
  const { name, width, each } = place
  const value = Object.hasOwn(row, name) ? row[name] : undefined
  if (width > 1 && (Array.isArray(value) || isNumbers(value))) {
    if (value.length !== width)
      invalid(`row ${i + 1}, '${name}' must be a list of ${width} numbers`, { row: i + 1, column: name })
    for (let k = 0; k < width; k++) into[at + k] = cell(value[k], i, name)
    return true
  }
  if (!each.every((key) => Object.hasOwn(row, key))) return false
  for (const [k, key] of each.entries()) into[at + k] = cell(row[key], i, key)
  return true
}

function fromObjects(rows: readonly unknown[], width: number, columns: Columns | undefined): Float64Array {
  if (columns === undefined) {
    invalid('rows as objects need named columns, and the model was exported without `inputs`; give lists of numbers')
  }
  const { names, places, known } = columns
  const flat = new Float64Array(rows.length * width)
  for (const [i, row] of rows.entries()) {
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      invalid(`row ${i + 1} is not an object of named values`, { row: i + 1 })
    const given = row as Readonly<Record<string, unknown>>
    const extra = Object.keys(given).find((name) => !known.has(name))
    if (extra !== undefined)
      invalid(`row ${i + 1} has '${extra}', and the columns are ${listed(names)}`, { row: i + 1, column: extra })
    for (const place of places) {
      if (fill(flat, i * width + place.first, given, i, place)) continue
      const column = place.each.find((key) => !Object.hasOwn(given, key))
      invalid(`row ${i + 1} has no '${column}'; the columns are ${listed(names)}`, { row: i + 1, column })
    }
  }
  return flat
}

function fromLists(rows: readonly unknown[], width: number): Float64Array {
  const flat = new Float64Array(rows.length * width)
  let at = 0
  for (const [i, row] of rows.entries()) {
    if (!Array.isArray(row) && !isNumbers(row)) invalid(`row ${i + 1} is not a list of numbers`, { row: i + 1 })
    if (row.length !== width)
      misshapen(`row ${i + 1} has ${row.length} numbers, the model takes ${width}`, { row: i + 1, width })
    for (let k = 0; k < width; k++) {
      const value: unknown = row[k]
      if (typeof value !== 'number')
        invalid(`row ${i + 1}, number ${k + 1} is ${typeof value}`, { row: i + 1, column: k })
      flat[at++] = value
    }
  }
  return flat
}

/** Rows of any form as numbers laid flat, `width` to a row, in the units they are in; a typed array is not copied. */
export function flatRows(rows: ScorerRows, width: number, columns: Columns | undefined): NumberArray {
  if (isNumbers(rows)) {
    if (rows.length % width !== 0) misshapen(`${rows.length} numbers are no rows of ${width}`, { width })
    return rows
  }
  if (Array.isArray(rows)) {
    const first: unknown = rows[0]
    const named = typeof first === 'object' && first !== null && !Array.isArray(first) && !ArrayBuffer.isView(first)
    return named ? fromObjects(rows, width, columns) : fromLists(rows, width)
  }
  const { data, shape } = (rows ?? {}) as { data?: unknown; shape?: unknown }
  if (!isNumbers(data) || !Array.isArray(shape))
    invalid('rows are lists of numbers, objects of named columns, a typed array, or { data, shape }')
  const [count = 0, ...axes] = shape as number[]
  if (axes.reduce((n, size) => n * size, 1) !== width || count * width !== data.length)
    misshapen(`data of ${data.length} numbers and shape [${shape.join(', ')}] are no rows [n, ${width}]`, {
      width,
      shape,
    })
  return data
}

/** @throws ERR_LANGEVIN_NON_FINITE naming row and column */
export function requireFinite(values: Numbers, width: number, what: string): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue
    const [row, column] = [Math.floor(i / width), i % width]
    const place = width === 1 ? `row ${row}` : `row ${row}, column ${column}`
    throw new LangevinError('ERR_LANGEVIN_NON_FINITE', `scorer: ${what} is ${values[i]} in ${place}`, {
      details: { what, row, column },
    })
  }
}

/** A condition y as class numbers. */
export function labelsOf(y: unknown, rows: number): BigInt64Array {
  // A copy: another thread must not change in shared memory what has been checked.
  if (y instanceof BigInt64Array) return y.slice()
  if (!Array.isArray(y) && !isNumbers(y)) invalid('y: give a list of class numbers, one for each row')
  if (y.length !== rows) misshapen(`y has ${y.length} classes and there are ${rows} rows`)
  const labels = new BigInt64Array(rows)
  for (let i = 0; i < rows; i++) {
    if (!Number.isSafeInteger(y[i])) invalid(`y of row ${i + 1} is ${shown(y[i])}, not a class number`, { row: i + 1 })
    labels[i] = BigInt(y[i] as number)
  }
  return labels
}
