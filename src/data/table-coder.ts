/** Rows of a table as the numbers a network sees, and drawn rows as a table again, by the schema of a model. */
import {
  backward,
  checkSchema,
  codedWidth,
  forward,
  forwardSpread,
  type LevelsColumn,
  type NumericColumn,
  type Schema,
} from '../columns/index.js'
import { LangevinError } from '../errors.js'
import { invokeNow } from '../runtime/index.js'
import { type RowsLike, type Tensor, tensor, toRows } from '../tensor/index.js'
import { textColumn } from './categories.js'
import { type Column, Dataset } from './dataset.js'
import { type Cells, cellsOf } from './table-cells.js'

/** Cells of a column that were replaced by a policy. */
export interface Replaced {
  missing: number
  unseen: number
  range: number
}

/** Encoded rows, and what was replaced in the columns where something was. */
export interface Encoded {
  /** [n, width] */
  rows: Tensor
  replaced: Readonly<Record<string, Replaced>>
}

interface Place<C> {
  readonly column: C
  /** First number of the row, and how many. */
  readonly first: number
  readonly width: number
  /** Of a numeric column: x as the network sees it. */
  readonly through: Through | undefined
}

type Write = (row: number, value: number) => void

/** What an error says of a cell. */
class Where {
  constructor(
    readonly what: string,
    readonly firstRow: number,
  ) {}

  fail(name: string, index: number, problem: string, value?: string | number): never {
    const row = this.firstRow + index
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `${this.what}: column '${name}', row ${row}: ${problem}`, {
      details: { column: name, row, ...(value !== undefined && { value }) },
    })
  }
}

const listed = (levels: readonly (string | number)[]) =>
  levels.slice(0, 6).join(', ') + (levels.length > 6 ? `, ... ${levels.length} in all` : '')

type Through = (x: number) => number

/** Numbers a column may have that are remembered with their z: most columns have few. */
const MOST_KNOWN = 1 << 14

/** The same function, for values that come again and again. */
function remembered(of: Through): Through {
  const known = new Map<number, number>()
  return (x) => {
    const found = known.get(x)
    if (found !== undefined) return found
    const z = of(x)
    if (known.size < MOST_KNOWN) known.set(x, z)
    return z
  }
}

function encodeNumbers(
  column: NumericColumn,
  through: (x: number, row: number) => number,
  cells: Cells,
  write: Write,
  where: Where,
): Replaced {
  const { name, low, high, mean, missing, range } = column
  const replaced = { missing: 0, unseen: 0, range: 0 }
  if (cells.numbers === undefined) {
    const row = Math.max(cells.firstText, 0)
    if (cells.firstText >= 0)
      where.fail(name, row, `'${cells.value(row)}' is a text, and the model has numbers there`, cells.value(row))
  }
  for (let i = 0; i < cells.length; i++) {
    let x = cells.numbers === undefined ? Number.NaN : cells.numbers[i]!
    if (Number.isNaN(x)) {
      if (missing === 'error')
        where.fail(name, i, "the cell is missing; missing: 'mean' takes the mean (--missing mean)")
      replaced.missing++
      x = mean
    } else if (x < low || x > high) {
      const remedy = "range: 'clamp' takes the nearest number seen, 'keep' the number as it is (--range)"
      if (range === 'error')
        where.fail(name, i, `${x} is outside of ${low} to ${high}, the numbers in training; ${remedy}`, x)
      replaced.range++
      if (range === 'clamp') x = x < low ? low : high
    }
    const z = through(x, i)
    if (!Number.isFinite(z)) where.fail(name, i, `${x} has no logarithm of 1 + x`, x)
    write(i, z)
  }
  return replaced
}

function encodeLevels(column: LevelsColumn, cells: Cells, write: Write, where: Where): Replaced {
  const { name, levels, mode, missing, unseen } = column
  const replaced = { missing: 0, unseen: 0, range: 0 }
  const places = new Map(levels.map((level, k) => [level, k]))
  const own = levels.length
  const numbers = typeof levels[0] === 'number'
  const sameType = numbers === (cells.numbers !== undefined)
  if (!sameType && cells.missingCount < cells.length) {
    const row = Array.from({ length: cells.length }, (_, i) => i).find((i) => !cells.missing(i))!
    const value = cells.value(row)
    const problem = numbers
      ? `'${value}' is a text, and the levels of the model are numbers: ${listed(levels)}`
      : `${value} is a number, and the levels of the model are texts: ${listed(levels)}; read the column as text, data.csv(path, { columns: { ${JSON.stringify(name)}: 'categorical' } })`
    where.fail(name, row, problem, value)
  }
  // Texts are looked up once each.
  const byCode = cells.texts.map((text) => places.get(text))
  for (let i = 0; i < cells.length; i++) {
    if (cells.missing(i)) {
      const remedy = column.ownLevel ? "'mode' or 'own-level'" : "'mode'"
      if (missing === 'error')
        where.fail(name, i, `the cell is missing; missing: ${remedy} says what to take (--missing)`)
      replaced.missing++
      write(i, missing === 'mode' ? mode : own)
      continue
    }
    const place = cells.numbers === undefined ? byCode[cells.codes[i]!] : places.get(cells.numbers[i]! + 0)
    if (place !== undefined) {
      write(i, place)
      continue
    }
    if (unseen === 'error') {
      const value = cells.value(i)
      const shown = typeof value === 'string' ? `'${value.slice(0, 64)}'` : value
      const remedy = column.ownLevel ? "'mode' or 'own-level'" : "'mode'"
      where.fail(
        name,
        i,
        `${shown} is not a level the model knows (${listed(levels)}); unseen: ${remedy} says what to take (--unseen)`,
        value,
      )
    }
    replaced.unseen++
    write(i, unseen === 'mode' ? mode : own)
  }
  return replaced
}

/** x rounded to digits behind the point. */
function rounded(x: number, decimals: number | undefined): number {
  return decimals === undefined ? x : Number(x.toFixed(decimals)) + 0
}

/**
 * Encodes rows of a table as a model with this schema sees them: numbers transformed, levels as their places or one-hot.
 *
 * @returns `rows` [n, width] float64, and by column how many cells a policy replaced
 * @throws ERR_LANGEVIN_INVALID_OPTION naming a column that is missing, or column and row of a cell that does not fit
 */
export const encode = (table: Dataset, schema: Schema): Encoded => new TableCoder(checkSchema(schema)).encode(table)

/**
 * Encoded rows, such as drawn ones, as a table: the inverse of `data.encode`. Of a quantile transform the numbers stay within those
 * seen in training; numbers are rounded to the digits the table had; a level of its own becomes a missing cell.
 *
 * @param rows [n, width]
 * @throws ERR_LANGEVIN_SHAPE
 */
export function decode(rows: RowsLike, schema: Schema): Dataset {
  const given = toRows(rows, 'rows', 'float64')
  try {
    return new TableCoder(checkSchema(schema)).decode(given)
  } finally {
    if (given !== rows) given.dispose()
  }
}

/** x as the network sees it, the rows of one value spread over their ranks; `place` tells columns apart. */
function spreading({ transform }: NumericColumn, rows: number, place: number, seed: number) {
  const of = forwardSpread(transform)
  using drawn = invokeNow<Tensor>('random', { kind: 'uniform', rows, columns: 1, seed, step: place })
  const u = drawn.toTypedArray() as Float32Array
  return (x: number, row: number) => of(x, u[row]!)
}

/** The schema of a model at work. */
export class TableCoder {
  readonly schema: Schema
  /** Numbers of an encoded row. */
  readonly width: number
  readonly #places: readonly Place<Schema['columns'][number]>[]
  readonly #marks: ReadonlySet<string>

  constructor(schema: Schema) {
    this.schema = schema
    let first = 0
    this.#places = schema.columns.map((column) => {
      const width = codedWidth(column)
      first += width
      const through = column.kind === 'numeric' ? remembered(forward(column.transform)) : undefined
      return { column, first: first - width, width, through }
    })
    this.width = first
    this.#marks = new Set(schema.missingMarks)
  }

  /** A name for every number of a row. */
  get names(): readonly string[] {
    return this.#places.flatMap(({ column, width }) => {
      if (column.kind !== 'categorical') return [column.name]
      return Array.from({ length: width }, (_, k) => `${column.name}=${column.levels[k] ?? '(no known level)'}`)
    })
  }

  /**
   * Rows of a table, whose columns are found by name.
   *
   * @param firstRow the number of the first of them, for messages
   * @param dtype of the rows; what is computed is float64
   * @param spread spreads rows that share a number over their ranks, by random numbers of this seed: what is trained on
   * @throws ERR_LANGEVIN_INVALID_OPTION naming column and row of a cell that does not fit and has no policy
   */
  encode(table: Dataset, what = 'x', firstRow = 1, dtype: 'float32' | 'float64' = 'float64', spread?: number): Encoded {
    const { width } = this
    const out = new (dtype === 'float32' ? Float32Array : Float64Array)(table.length * width)
    const where = new Where(what, firstRow)
    const replaced: [string, Replaced][] = []
    for (const { column, first, through } of this.#places) {
      const cells = cellsOf(table, column.name, this.#marks)
      const write: Write =
        column.kind === 'categorical'
          ? (row, place) => {
              out[row * width + first + place] = 1
            }
          : (row, value) => {
              out[row * width + first] = value
            }
      const counts =
        column.kind === 'numeric'
          ? encodeNumbers(
              column,
              spread === undefined ? through! : spreading(column, table.length, first, spread),
              cells,
              write,
              where,
            )
          : encodeLevels(column, cells, write, where)
      if (counts.missing + counts.unseen + counts.range > 0) replaced.push([column.name, counts])
    }
    return { rows: tensor(out, [table.length, width]), replaced: Object.fromEntries(replaced) }
  }

  /** Encoded rows [n, width] as a table in the order of the schema: numbers as they were, levels as their values. */
  decode(rows: Tensor): Dataset {
    if (rows.shape.length !== 2 || rows.shape[1] !== this.width) {
      throw new LangevinError(
        'ERR_LANGEVIN_SHAPE',
        `rows must have shape [n, ${this.width}], the encoded columns ${this.schema.columns.map(({ name }) => name).join(', ')}; got [${rows.shape.join(', ')}]`,
        { details: { shape: rows.shape } },
      )
    }
    const count = rows.shape[0]!
    using wide = rows.to('float64')
    const values = wide.toTypedArray() as Float64Array
    const columns = new Map<string, Column>()
    for (const place of this.#places) {
      const { column } = place
      if (column.kind === 'numeric') {
        const back = backward(column.transform)
        const numbers = Float64Array.from({ length: count }, (_, i) =>
          rounded(back(values[i * this.width + place.first]!), column.decimals),
        )
        columns.set(column.name, { values: tensor(numbers) })
      } else columns.set(column.name, this.#levels(column, place, values, count))
    }
    return new Dataset(columns)
  }

  #levels(column: LevelsColumn, { first, width }: Place<unknown>, values: Float64Array, count: number): Column {
    const { levels, kind } = column
    const placeIn = (row: number) => {
      const at = row * this.width + first
      if (kind !== 'categorical') return Math.max(0, Math.min(levels.length - 1, Math.round(values[at]!)))
      let best = 0
      for (let k = 1; k < width; k++) if (values[at + k]! > values[at + best]!) best = k
      return best
    }
    if (typeof levels[0] === 'number') {
      const numbers = Float64Array.from({ length: count }, (_, i) => (levels[placeIn(i)] as number) ?? Number.NaN)
      return { values: tensor(numbers) }
    }
    const none = this.schema.missingMarks[0] ?? ''
    return textColumn(Array.from({ length: count }, (_, i) => (levels[placeIn(i)] as string) ?? none))
  }
}
