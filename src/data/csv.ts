/** Reads tables of text (CSV, TSV) as data sets. */
import { createReadStream } from 'node:fs'
import { parse } from 'csv-parse'
import { LangevinError } from '../errors.js'
import { formatError, ioError } from '../io/files.js'
import { requireOneOf, requireOptions } from '../spec/index.js'
import { tensor } from '../tensor/index.js'
import { textColumn } from './categories.js'
import { type Column, Dataset } from './dataset.js'

export type ColumnType = 'numeric' | 'categorical' | 'ignore'

export interface CsvOptions {
  /** What columns are; columns not listed are numeric when every cell is a number and categorical when no cell is. */
  columns?: Record<string, ColumnType>
  /**
   * true: the first row names the columns. false: they are called column1, column2, ... A list names them itself. When
   * left out, the first row is a header if none of its cells is a number or occurs again in its own column.
   */
  header?: boolean | readonly string[]
  /** One of ',' ';' tab or any other single character; detected among these three when left out. */
  separator?: string
  /** The column that holds the class: `dataset.labels()` returns it and `toTensor()` leaves it out. */
  label?: string
  /** Cells that mean "missing". Default: empty, NA, N/A, NaN, nan, null, NULL, None, ?. */
  missingMarks?: readonly string[]
  /**
   * What to do about missing cells. 'error' (default) names the first one by row and column; 'drop' leaves such rows out
   * (their number is in `dataset.dropped`); 'category' makes them a category of their own in categorical columns.
   */
  missing?: 'error' | 'drop' | 'category'
}

const MISSING = ['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'NULL', 'None', '?']
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const WHOLE = /^[+-]?\d+$/
const SEPARATORS = [',', ';', '\t']
const SAMPLE_BYTES = 1 << 16

/** A number a float64 holds: whole numbers beyond 2^53 (long identifiers, strings of digits) would lose their last digits. */
function isNumber(cell: string): boolean {
  return NUMBER.test(cell) && (cell.length < 16 || !WHOLE.test(cell) || Number.isSafeInteger(Number(cell)))
}

interface Table {
  rows: string[][]
  /** Line of the file each row begins at, from 1. */
  lines: number[]
}

/** Counts of a separator in a line, outside quotes. */
function count(line: string, separator: string): number {
  let quoted = false
  let found = 0
  for (const character of line) {
    if (character === '"') quoted = !quoted
    else if (character === separator && !quoted) found++
  }
  return found
}

/** The separator that occurs equally often in every line of the sample; of several the most frequent one. */
function detectSeparator(lines: readonly string[], path: string): string {
  const counts = SEPARATORS.map((separator) => lines.map((line) => count(line, separator)))
  const even = SEPARATORS.filter((_, k) => counts[k]!.every((n) => n > 0 && n === counts[k]![0]))
  even.sort((a, b) => count(lines[0]!, b) - count(lines[0]!, a))
  if (even.length > 0) return even[0]!
  const present = SEPARATORS.filter((_, k) => counts[k]!.some((n) => n > 0))
  if (present.length === 0) return ','
  if (present.length === 1) return present[0]!
  throw formatError(path, 0, 'the separator is not clear; give it with { separator }')
}

interface Sample {
  /** Lines to leave out at the top: comments. */
  comments: number
  separator: string
}

/** Looks at the beginning of the file: comment lines and the separator. */
async function inspect(path: string, separator: string | undefined): Promise<Sample> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of createReadStream(path, { end: SAMPLE_BYTES - 1 })) chunks.push(chunk as Buffer)
  } catch (error) {
    throw ioError('read', path, error)
  }
  const bytes = Buffer.concat(chunks)
  if (bytes.length === 0) throw formatError(path, 0, 'the file is empty')
  const zero = bytes.indexOf(0)
  if (zero >= 0) throw formatError(path, zero, 'not a text table: it holds a zero byte')
  const lines = bytes
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n|\r/)
  // The last line of the sample may be cut off.
  if (lines.length > 1) lines.pop()
  let comments = 0
  // adult.test of the UCI census table begins with a '|' line; '#' is the common mark.
  while (comments < lines.length && /^[|#]/.test(lines[comments]!)) comments++
  const body = lines.slice(comments).filter((line) => line.trim() !== '')
  if (body.length === 0) throw formatError(path, bytes.length, 'the file holds no rows')
  return { comments, separator: separator ?? detectSeparator(body.slice(0, 50), path) }
}

async function readTable(path: string, { comments, separator }: Sample): Promise<Table> {
  const table: Table = { rows: [], lines: [] }
  const parser = createReadStream(path).pipe(
    parse({
      delimiter: separator,
      bom: true,
      from_line: comments + 1,
      trim: true,
      skip_empty_lines: true,
      info: true,
      relax_column_count: false,
    }),
  )
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      table.rows.push(record)
      table.lines.push(info.lines)
    }
  } catch (error) {
    const { code, bytes, message } = error as { code?: string; bytes?: number; message: string }
    if (code?.startsWith('CSV_')) throw formatError(path, bytes ?? 0, `not a well-formed table: ${message}`, error)
    throw ioError('read', path, error)
  }
  return table
}

/** Whether the first row names columns: no cell of it is a number, and none occurs again further down its column. */
function looksLikeHeader({ rows }: Table): boolean {
  const first = rows[0]!
  if (first.some((cell) => cell === '' || NUMBER.test(cell))) return false
  return !rows.slice(1).some((row) => row.some((cell, k) => cell === first[k]))
}

function nameColumns(table: Table, header: CsvOptions['header'], path: string): string[] {
  const width = table.rows[0]!.length
  const numbered = Array.from({ length: width }, (_, k) => `column${k + 1}`)
  if (header !== undefined && typeof header !== 'boolean') {
    if (header.length !== width) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `data.csv: header: names ${header.length} columns, ${path} has ${width}`,
      )
    }
    return [...header]
  }
  if (!(header ?? looksLikeHeader(table))) return numbered
  const names = table.rows.shift()!.map((name, k) => (name === '' ? numbered[k]! : name))
  table.lines.shift()
  const twice = names.find((name, k) => names.indexOf(name) !== k)
  if (twice !== undefined)
    throw formatError(path, 0, `two columns are called '${twice}'; name them with { header: [...] }`)
  return names
}

/** Names a cell the way a person finds it: data row (from 1), line of the file, column. */
function cellError(
  path: string,
  table: Table,
  row: number,
  column: string,
  value: string,
  problem: string,
): LangevinError {
  const line = table.lines[row]!
  return new LangevinError(
    'ERR_LANGEVIN_FORMAT',
    `${path}: row ${row + 1} (line ${line}), column '${column}': ${problem}`,
    { details: { path, row: row + 1, line, column, value } },
  )
}

function typeOf(table: Table, k: number, column: string, missing: ReadonlySet<string>, path: string): ColumnType {
  let numeric = -1
  let text = -1
  for (let row = 0; row < table.rows.length && (numeric < 0 || text < 0); row++) {
    const cell = table.rows[row]![k]!
    if (missing.has(cell)) continue
    if (isNumber(cell)) numeric = numeric < 0 ? row : numeric
    else text = text < 0 ? row : text
  }
  if (numeric < 0) return 'categorical'
  if (text < 0) return 'numeric'
  const value = table.rows[text]![k]!
  const comma = /^[+-]?\d+,\d+$/.test(value) ? ' (a decimal comma? use a point)' : ''
  throw cellError(
    path,
    table,
    text,
    column,
    value,
    `'${value}' is not a number, but other cells are${comma}; fix the cell, add it to missingMarks, or declare the column categorical`,
  )
}

function numericColumn(table: Table, k: number, column: string, path: string): Float64Array {
  const values = new Float64Array(table.rows.length)
  for (let row = 0; row < values.length; row++) {
    const cell = table.rows[row]![k]!
    if (!isNumber(cell)) {
      const problem = NUMBER.test(cell)
        ? 'has more digits than a float64 holds'
        : 'is not a number: the column contains text'
      throw cellError(path, table, row, column, cell, `'${cell}' ${problem}`)
    }
    const value = Number(cell)
    if (!Number.isFinite(value)) throw cellError(path, table, row, column, cell, `'${cell}' is too large for a float64`)
    values[row] = value
  }
  return values
}

/** Drops rows with missing cells, or refuses the first one. Returns how many were dropped. */
function settleMissing(
  table: Table,
  names: readonly string[],
  types: readonly ColumnType[],
  missing: ReadonlySet<string>,
  rule: NonNullable<CsvOptions['missing']>,
  path: string,
): number {
  const missingAt = (row: string[]) =>
    row.findIndex(
      (cell, k) => missing.has(cell) && types[k] !== 'ignore' && !(rule === 'category' && types[k] === 'categorical'),
    )
  const keep = table.rows.map((row) => missingAt(row) < 0)
  const first = keep.indexOf(false)
  if (first < 0) return 0
  if (rule !== 'drop') {
    const k = missingAt(table.rows[first]!)
    const value = table.rows[first]![k]!
    const share = keep.filter((kept) => !kept).length
    throw cellError(
      path,
      table,
      first,
      names[k]!,
      value,
      `the cell is missing ('${value}'; ${share} rows have missing cells); fill it, leave the column out with 'ignore', or drop such rows with { missing: 'drop' }`,
    )
  }
  const before = table.rows.length
  table.rows = table.rows.filter((_, row) => keep[row])
  table.lines = table.lines.filter((_, row) => keep[row])
  if (table.rows.length === 0) throw formatError(path, 0, 'every row has a missing cell')
  return before - table.rows.length
}

function checkNames(given: Iterable<string>, names: readonly string[], option: string): void {
  for (const name of given) {
    if (names.includes(name)) continue
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `data.csv: ${option}: there is no column '${name}'; the columns are ${names.join(', ')}`,
      { details: { path: option, name, columns: names } },
    )
  }
}

/**
 * Reads a table of text: separators ',' ';' tab, quotes, CRLF, blanks around cells, a byte-order mark, comment lines at
 * the top. Numeric columns become float64, categorical ones int64 codes into `dataset.categories` (sorted).
 *
 * Nothing is guessed: a missing cell, a cell that is not a number in a numeric column, rows of different lengths and an
 * unclear separator are errors that name row, line and column (rows counted from 1, header not counted).
 * Errors: ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT (details: path, row, line, column, value), ERR_LANGEVIN_INVALID_OPTION.
 */
export async function csv(path: string, options: CsvOptions = {}): Promise<Dataset> {
  requireOptions('data.csv', options, ['columns', 'header', 'separator', 'label', 'missingMarks', 'missing'])
  requireOneOf('data.csv', 'missing', options.missing, ['error', 'drop', 'category'])
  for (const [name, type] of Object.entries(options.columns ?? {})) {
    requireOneOf('data.csv', `columns.${name}`, type, ['numeric', 'categorical', 'ignore'])
  }
  const table = await readTable(path, await inspect(path, options.separator))
  if (table.rows.length === 0) throw formatError(path, 0, 'the file holds no rows')
  const names = nameColumns(table, options.header, path)
  if (table.rows.length === 0) throw formatError(path, 0, 'the file holds a header and no rows')
  const declared = new Map(Object.entries(options.columns ?? {}))
  checkNames(declared.keys(), names, 'columns')
  if (options.label !== undefined) checkNames([options.label], names, 'label')
  const missing = new Set(options.missingMarks ?? MISSING)
  const types = names.map((name, k) => declared.get(name) ?? typeOf(table, k, name, missing, path))
  const dropped = settleMissing(table, names, types, missing, options.missing ?? 'error', path)
  const columns = new Map<string, Column>()
  names.forEach((name, k) => {
    if (types[k] === 'ignore') return
    const values =
      types[k] === 'numeric'
        ? { values: tensor(numericColumn(table, k, name, path), [table.rows.length], 'float64') }
        : textColumn(table.rows.map((row) => row[k]!))
    columns.set(name, values)
  })
  if (columns.size === 0) {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', 'data.csv: columns: every column is ignored')
  }
  return new Dataset(columns, { label: options.label, dropped })
}
