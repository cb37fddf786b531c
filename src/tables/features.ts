/** Rows of a table as what judges are given: the label apart, all other columns as numbers. */
import type { LevelsColumn, Schema, TableColumn } from '../columns/index.js'
import type { Dataset } from '../data/dataset.js'
import { cellsOf } from '../data/table-cells.js'
import { LangevinError } from '../errors.js'

export interface Features {
  /** Of every column but the label: its name, and how many levels it has; 0 of numbers. */
  readonly columns: readonly { readonly name: string; readonly levels: number }[]
  readonly rows: number
  /** [rows][columns]: numbers, and places of levels; NaN where a cell is missing or of no known level. */
  readonly x: Float64Array
  /** Places of the label's levels, or its numbers. */
  readonly y: Float64Array
  /** The levels of the label; undefined where it is a column of numbers. */
  readonly classes: readonly (string | number)[] | undefined
}

/** The column that judges learn. @throws ERR_LANGEVIN_INVALID_OPTION */
export function targetColumn(schema: Schema, label: string): TableColumn {
  const column = schema.columns.find(({ name }) => name === label)
  if (column !== undefined && schema.columns.length > 1) return column
  throw new LangevinError(
    'ERR_LANGEVIN_INVALID_OPTION',
    column === undefined
      ? `label: there is no column '${label}'; the columns are ${schema.columns.map(({ name }) => name).join(', ')}`
      : `label: '${label}' is the only column, so that nothing is left to tell it from`,
    { details: { column: label } },
  )
}

function numbersOf(table: Dataset, column: TableColumn, marks: ReadonlySet<string>): Float64Array {
  const cells = cellsOf(table, column.name, marks)
  if (column.kind === 'numeric') return cells.numbers ?? new Float64Array(cells.length).fill(Number.NaN)
  const places = new Map((column as LevelsColumn).levels.map((level, k) => [String(level), k]))
  return Float64Array.from({ length: cells.length }, (_, i) =>
    cells.missing(i) ? Number.NaN : (places.get(String(cells.value(i))) ?? Number.NaN),
  )
}

/** The rows of a table whose label is known. */
export function featuresOf(schema: Schema, table: Dataset, label: string): Features {
  const target = targetColumn(schema, label)
  const marks = new Set(schema.missingMarks)
  const others = schema.columns.filter((column) => column !== target)
  const all = numbersOf(table, target, marks)
  const known = Int32Array.from(all.keys()).filter((row) => !Number.isNaN(all[row]!))
  const x = new Float64Array(known.length * others.length)
  for (const [k, column] of others.entries()) {
    const values = numbersOf(table, column, marks)
    for (const [i, row] of known.entries()) x[i * others.length + k] = values[row]!
  }
  return {
    columns: others.map((column) => ({
      name: column.name,
      levels: column.kind === 'numeric' ? 0 : column.levels.length,
    })),
    rows: known.length,
    x,
    y: Float64Array.from(known, (row) => all[row]!),
    classes: target.kind === 'numeric' ? undefined : target.levels,
  }
}

/** Some of the rows. */
export function someOf(features: Features, rows: Int32Array): Features {
  const width = features.columns.length
  const x = new Float64Array(rows.length * width)
  for (const [i, row] of rows.entries()) x.set(features.x.subarray(row * width, (row + 1) * width), i * width)
  return { ...features, rows: rows.length, x, y: Float64Array.from(rows, (row) => features.y[row]!) }
}

/** The rows of several parts of one table. */
export function joinedFeatures(parts: readonly Features[]): Features {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  const x = new Float64Array(rows * parts[0]!.columns.length)
  const y = new Float64Array(rows)
  let first = 0
  for (const part of parts) {
    x.set(part.x, first * part.columns.length)
    y.set(part.y, first)
    first += part.rows
  }
  return { ...parts[0]!, rows, x, y }
}
