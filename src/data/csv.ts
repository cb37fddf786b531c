/** Reads tables of text (CSV, TSV) as data sets. */
import { setImmediate } from 'node:timers/promises'
import { MISSING_MARKS } from '../columns/index.js'
import { LangevinError } from '../errors.js'
import { formatError } from '../io/files.js'
import { requireOneOf, requireOptions } from '../spec/index.js'
import { type First, firstRecord, isPlain, isRegular, readPlain, readQuoted } from './csv-cells.js'
import { inspect, type Layout } from './csv-layout.js'
import { type Bytes, TextSource } from './csv-source.js'
import { type ColumnType, TableBuilder } from './csv-table.js'
import { Dataset } from './dataset.js'
import { lookAlike, type NumberStyle, normalised, severalNumbers } from './number-text.js'

export type { ColumnType } from './csv-table.js'

export interface CsvOptions {
  /** What columns are; columns not listed are numeric when every cell is a number and categorical when no cell is. */
  columns?: Record<string, ColumnType>
  /**
   * true: the first row names the columns (or a line of as many cells above it that begins with '#'). false: they are called
   * column1, column2, ... A list names them itself. When left out, the first row is a header if none of its cells is a number
   * or occurs again in its own column.
   */
  header?: boolean | readonly string[]
  /** What separates cells: ',' ';' tab or any other single character; detected among these three when left out. */
  delimiter?: string
  /** The decimal mark: '.' (default) or ','. */
  decimal?: '.' | ','
  /** What separates thousands, such as the comma of 1,000. Default: nothing. */
  thousands?: string
  /** The column that holds the class: `dataset.labels()` returns it and `toTensor()` leaves it out. */
  label?: string
  /** Cells that mean "missing". Default: empty, NA, N/A, NaN, nan, null, NULL, None, ?. */
  missingMarks?: readonly string[]
  /**
   * What to do about missing cells. 'error' (default) names the first one by row and column; 'drop' leaves such rows out
   * (their number is in `dataset.dropped`); 'category' makes them a category of their own in categorical columns; 'keep' does
   * that too, and makes those of numeric columns NaN: what `data.schema` has policies for.
   */
  missing?: 'error' | 'drop' | 'category' | 'keep'
}

const KNOWN = ['columns', 'header', 'delimiter', 'decimal', 'thousands', 'label', 'missingMarks', 'missing']

/** For tests: what is read in place of a file, how many bytes at a time, and whether lines are read by bytes where they can. */
export interface Reading {
  from?: Bytes
  size?: number
  plain?: boolean
  /** Is told how the table is written. */
  seen?: (form: TableForm) => void
  /** What columns are, asked once their names are known; in place of `columns`. */
  typesOf?: (names: readonly string[]) => Record<string, ColumnType>
}

/** How a table of text is written. */
export interface TableForm {
  delimiter: string
  /** Whether the first row names the columns; undefined: that depends on all rows. */
  header: boolean | undefined
}

function invalid(path: string, problem: string, details: Record<string, unknown> = {}): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `data.csv: ${path}: ${problem}`, {
    details: { path, ...details },
  })
}

function checkOptions(options: CsvOptions): NumberStyle {
  requireOptions('data.csv', options, KNOWN)
  requireOneOf('data.csv', 'missing', options.missing, ['error', 'drop', 'category', 'keep'])
  requireOneOf('data.csv', 'decimal', options.decimal, ['.', ','])
  for (const [name, type] of Object.entries(options.columns ?? {})) {
    requireOneOf('data.csv', `columns.${name}`, type, ['numeric', 'categorical', 'ignore'])
  }
  const { delimiter, decimal = '.', thousands } = options
  for (const [name, value] of Object.entries({ delimiter, thousands })) {
    if (value === undefined) continue
    if (typeof value !== 'string' || [...value].length !== 1 || /["\r\n\d]/.test(value)) {
      invalid(name, 'must be one character, and no quotation mark, digit or line end')
    }
  }
  if (thousands === decimal) invalid('thousands', `'${thousands}' is the decimal mark already`)
  return { decimal, thousands }
}

function checkNames(given: Iterable<string>, names: readonly string[], option: string): void {
  for (const name of given) {
    if (names.includes(name)) continue
    invalid(option, `there is no column '${name}'; the columns are ${names.join(', ')}`, { name, columns: names })
  }
}

interface Heading {
  names: readonly string[]
  /** true: the first row names the columns; false: it is data; undefined: that is known when all rows have been read. */
  named: boolean | undefined
}

const numbered = (width: number) => Array.from({ length: width }, (_, k) => `column${k + 1}`)

/** Names of the columns from the cells of a line; a cell without a name is called by its number. */
function namesIn(cells: readonly string[], path: string): string[] {
  const names = cells.map((name, k) => (name === '' ? `column${k + 1}` : name))
  const twice = names.find((name, k) => names.indexOf(name) !== k)
  if (twice !== undefined)
    throw formatError(path, 0, `two columns are called '${twice}'; name them with { header: [...] }`)
  return names
}

const looksNumeric = (cell: string, style: NumberStyle) =>
  normalised(cell, style) !== undefined || lookAlike(cell, style) !== undefined

function headingOf(path: string, first: First, layout: Layout, options: CsvOptions, style: NumberStyle): Heading {
  const { header, columns = {}, label } = options
  const { cells } = first
  const width = cells.length
  if (header !== undefined && typeof header !== 'boolean') {
    if (header.length !== width) invalid('header', `names ${header.length} columns, ${path} has ${width}`)
    return { names: [...header], named: false }
  }
  const numeric = cells.some((cell) => looksNumeric(cell, style)) || (width === 1 && severalNumbers(cells[0]!))
  const comment = layout.comments.find((each) => width > 1 && each.cells.length === width)
  if (comment !== undefined && numeric && header === undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_FORMAT',
      `${path}: line ${comment.line} begins with '#' and has ${width} cells as the rows have: if it names the columns, give { header: true }, if it is a comment, { header: false } (on the command line: --header yes or no)`,
      { details: { path, line: comment.line } },
    )
  }
  if (comment !== undefined && numeric && header === true) return { names: namesIn(comment.cells, path), named: false }
  if (header !== undefined) return { names: header ? namesIn(cells, path) : numbered(width), named: header }
  const unnamed = { names: numbered(width), named: false }
  // Names that the caller knows say what the first row is, an empty cell by the name its column would get.
  const known = [...Object.keys(columns), ...(label === undefined ? [] : [label])]
  const names = cells.map((name, k) => (name === '' ? `column${k + 1}` : name))
  const sure = known.length > 0 && known.every((name) => names.includes(name))
  if (sure && cells.every((cell, k) => cell !== '' || known.includes(names[k]!)))
    return { names: namesIn(cells, path), named: true }
  if (cells.includes('')) return unnamed
  if (numeric || (known.length > 0 && known.every((name) => unnamed.names.includes(name)))) return unnamed
  return { names: namesIn(cells, path), named: undefined }
}

/** What to say when the first row was taken for data and does not fit the others. */
function firstRowHint({ cells }: First, options: CsvOptions, style: NumberStyle): string | undefined {
  if (options.header !== undefined || cells.every((cell) => normalised(cell, style) !== undefined)) return undefined
  const width = cells.length
  const hint = 'If the first row names the columns, give { header: true } (on the command line: --header yes)'
  const ignoring = (k: number) =>
    `{ header: true, columns: { column${k}: 'ignore' } } (on the command line: --header yes --ignore column${k})`
  if (width > 1 && cells[0] === '')
    return `${hint}; its first cell is empty, as where pandas writes its index: to leave that column out give ${ignoring(1)}, or write the file with index=False`
  if (width > 1 && cells[width - 1] === '')
    return `${hint}; its last cell is empty, as where lines end with a delimiter: to leave that column out give ${ignoring(width)}`
  return hint
}

/** The rows of a table, `most` of them or somewhat more at a time: numbers and codes, and how many rows were dropped. */
async function* tables(source: TextSource, options: CsvOptions, style: NumberStyle, reading: Reading, most: number) {
  const { path } = source
  const layout = inspect(source, options.delimiter, style)
  const { delimiter } = layout
  // A delimiter that is the decimal mark too stands in quotes where it is the latter.
  const plain = reading.plain !== false && isPlain(delimiter) && delimiter !== style.decimal
  const code = delimiter.charCodeAt(0)
  let begun: Begun | undefined
  let table: TableBuilder | undefined
  let line = layout.line
  let rowsBefore = 0
  for await (const whole of source.pieces(reading.size)) {
    let piece = whole
    if (begun === undefined) {
      const first = firstRecord(piece, path, delimiter, line)
      if (first === undefined) continue
      begun = { first, heading: headingOf(path, first, layout, options, style) }
      reading.seen?.({ delimiter, header: begun.heading.named })
      piece = first.rest
      line = first.restLine
    }
    table ??= builderOf(path, begun, options, style, { rowsBefore, typesOf: reading.typesOf })
    const regular = plain && (!piece.quoted || isRegular(piece, code))
    line = regular ? readPlain(piece, code, table, line) : readQuoted(piece, path, delimiter, table, line)
    // Pieces with quotation marks are small: others get their turn between them.
    if (piece.quoted) await setImmediate()
    if (table.length < most) continue
    if (rowsBefore === 0) settleHeading(table, begun)
    rowsBefore += table.length
    yield table.finish()
    table = undefined
  }
  if (begun === undefined) throw formatError(path, 0, 'the file holds no rows')
  if (rowsBefore === 0 && table !== undefined) settleHeading(table, begun)
  if (rowsBefore + (table?.length ?? 0) === 0) throw formatError(path, 0, 'the file holds a header and no rows')
  if (table !== undefined && table.length > 0) yield table.finish()
}

interface Begun {
  first: First
  heading: Heading
}

/** Whether the first row names the columns, where all rows had to be seen for that. */
function settleHeading(table: TableBuilder, { first, heading }: Begun): void {
  if (heading.named !== undefined || !table.recurs(first.cells)) return
  heading.names = numbered(first.cells.length)
  table.rename(heading.names)
  table.fillReserved(first.cells, first.line)
}

function builderOf(
  path: string,
  { first, heading }: Begun,
  options: CsvOptions,
  style: NumberStyle,
  { rowsBefore, typesOf }: { rowsBefore: number; typesOf: Reading['typesOf'] },
) {
  const { names, named } = heading
  const types = new Map(Object.entries(typesOf?.(names) ?? options.columns ?? {}))
  checkNames(types.keys(), names, 'columns')
  if (options.label !== undefined) checkNames([options.label], names, 'label')
  if (names.every((name) => types.get(name) === 'ignore')) invalid('columns', 'every column is ignored')
  const table = new TableBuilder({
    path,
    names,
    types,
    missingMarks: options.missingMarks ?? MISSING_MARKS,
    missing: options.missing ?? 'error',
    style,
    reserved: named !== false && rowsBefore === 0,
    firstRowHint: named === false ? firstRowHint(first, options, style) : undefined,
    rowsBefore,
  })
  if (named === false && rowsBefore === 0) table.record(first.cells, first.line)
  return table
}

/** `data.csv`, with how the file is read. */
export async function readCsv(path: string, options: CsvOptions, reading: Reading = {}): Promise<Dataset> {
  const style = checkOptions(options)
  const source = await TextSource.open(path, reading.from)
  try {
    for await (const { columns, dropped } of tables(source, options, style, reading, Number.POSITIVE_INFINITY))
      return new Dataset(columns, { label: options.label, dropped })
    throw formatError(path, 0, 'the file holds no rows')
  } finally {
    await source.close()
  }
}

/**
 * `data.csv` in parts of `most` rows or somewhat more, so that a file may be larger than memory. Types of columns that are not
 * said are found for every part by itself; with missing 'error', 'drop' and 'category' too.
 */
export async function* csvParts(
  path: string,
  options: CsvOptions,
  most: number,
  reading: Reading = {},
): AsyncGenerator<Dataset> {
  const style = checkOptions(options)
  const source = await TextSource.open(path, reading.from)
  try {
    for await (const { columns, dropped } of tables(source, options, style, reading, most))
      yield new Dataset(columns, { label: options.label, dropped })
  } finally {
    await source.close()
  }
}

/**
 * Reads a table of text in UTF-8: delimiters ',' ';' tab, quotes, CRLF, blanks around cells, a byte-order mark, blank and
 * comment lines at the top. Numeric columns become float64, categorical ones int64 codes into `dataset.categories` (sorted).
 *
 * Nothing is guessed: a missing cell, a cell that is not a number in a numeric column, texts that look like numbers ("1,5",
 * "45 %", "$5"), rows of different lengths and an unclear delimiter are errors that name row, line and column (rows counted
 * from 1, header not counted) and say which option reads them.
 * Errors: ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT (details: path, row, line, column, value), ERR_LANGEVIN_INVALID_OPTION.
 */
export async function csv(path: string, options: CsvOptions = {}): Promise<Dataset> {
  return await readCsv(path, options)
}
