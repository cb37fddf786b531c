/** The columns of a table of text while it is read: numbers and codes in blocks, and what is missing. */
import { LangevinError } from '../errors.js'
import { formatError } from '../io/files.js'
import { tensor } from '../tensor/index.js'
import { Texts } from './csv-texts.js'
import type { Column } from './dataset.js'
import { lookAlike, losesDigits, type NumberStyle, normalised, severalNumbers } from './number-text.js'

export type ColumnType = 'numeric' | 'categorical' | 'ignore'

/** What is known of a column so far. */
export const UNDECIDED = 0
export const NUMERIC = 1
export const TEXT = 2
export const IGNORED = 3

/** Numbers in a block of rows of all columns, which fit a cache; blocks of wide tables have LEAST_ROWS. */
const BLOCK = 1 << 17
const LEAST_ROWS = 512

interface ColumnState {
  name: string
  readonly declared: ColumnType | undefined
  numbers: Float64Array[]
  codes: Int32Array[]
  /** Code of every text, in the order in which they came. */
  readonly dictionary: Map<string, number>
  readonly missing: { rows: number[]; marks: string[]; line: number }
  /** The first text of a column that was not declared categorical. */
  text: { row: number; line: number; value: string } | undefined
}

export interface TableOptions {
  readonly path: string
  readonly names: readonly string[]
  readonly types: ReadonlyMap<string, ColumnType>
  readonly missingMarks: Iterable<string>
  readonly missing: 'error' | 'drop' | 'category' | 'keep'
  readonly style: NumberStyle
  /** Row 0 is kept free for a first row of which it is not yet known whether it names the columns. */
  readonly reserved: boolean
  /** What to say of an error in the first row. */
  readonly firstRowHint: string | undefined
  /** Rows of the file before these, where it is read in parts. */
  readonly rowsBefore: number
}

export class TableBuilder {
  readonly width: number
  readonly rowsPerBlock: number
  readonly style: NumberStyle
  /** UNDECIDED, NUMERIC, TEXT or IGNORED, by column. */
  readonly states: Uint8Array
  /** The block that is being filled, by column that is NUMERIC. */
  readonly current: Float64Array[]
  /** The row that is being filled. */
  row: number
  /** Marks of missing cells that are numbers, such as -999: every cell is compared with them. */
  readonly numericMarks: boolean
  /** Texts of cells that came before. */
  readonly texts = new Texts()
  readonly #columns: ColumnState[]
  readonly #marks: ReadonlyMap<string, string>
  readonly #options: TableOptions
  /** Whether row 0 is kept free, or names the columns. */
  #reserved: boolean
  #blocks = 0

  constructor(options: TableOptions) {
    const { names, types } = options
    this.#options = options
    this.#reserved = options.reserved
    this.style = options.style
    this.width = names.length
    // A power of two, so that a place in a block is a mask.
    this.rowsPerBlock = Math.max(LEAST_ROWS, 2 ** Math.floor(Math.log2(BLOCK / names.length)))
    this.#columns = names.map((name) => ({
      name,
      declared: types.get(name),
      numbers: [],
      codes: [],
      dictionary: new Map(),
      missing: { rows: [], marks: [], line: 0 },
      text: undefined,
    }))
    this.states = Uint8Array.from(this.#columns, ({ declared }) => {
      if (declared === 'ignore') return IGNORED
      return declared === 'categorical' ? TEXT : declared === 'numeric' ? NUMERIC : UNDECIDED
    })
    this.current = names.map(() => new Float64Array(0))
    this.#marks = new Map([...options.missingMarks].map((mark) => [mark, mark]))
    this.numericMarks = [...this.#marks.keys()].some((mark) => normalised(mark, options.style) !== undefined)
    this.row = options.reserved ? 1 : 0
    this.#grow()
  }

  /** Rows of data so far. */
  get length(): number {
    return this.row - (this.#reserved ? 1 : 0)
  }

  #grow(): void {
    this.#blocks++
    for (let k = 0; k < this.width; k++) this.#allocate(k)
  }

  #allocate(k: number): void {
    const { numbers, codes } = this.#columns[k]!
    if (this.states[k] === NUMERIC) {
      while (numbers.length < this.#blocks) numbers.push(new Float64Array(this.rowsPerBlock))
      this.current[k] = numbers[numbers.length - 1]!
    } else if (this.states[k] === TEXT) {
      while (codes.length < this.#blocks) codes.push(new Int32Array(this.rowsPerBlock))
    }
  }

  #decide(k: number, state: typeof NUMERIC | typeof TEXT): void {
    this.states[k] = state
    this.#allocate(k)
  }

  /** Ends the row; its cells have been given by `number` and `cell`. */
  endRow(): void {
    this.row++
    if ((this.row & (this.rowsPerBlock - 1)) === 0) this.#grow()
  }

  /** A number of a column that is not IGNORED, and whose cells are not compared with marks. */
  number(k: number, value: number): void {
    if (this.states[k] === UNDECIDED) this.#decide(k, NUMERIC)
    if (this.states[k] !== NUMERIC) this.#refuseMixture(k)
    this.#columns[k]!.numbers[Math.floor(this.row / this.rowsPerBlock)]![this.row & (this.rowsPerBlock - 1)] = value
  }

  /** Any cell, as it stands in the file. */
  cell(k: number, text: string, line: number): void {
    const state = this.states[k]
    if (state === IGNORED) return
    const column = this.#columns[k]!
    const known = column.dictionary.get(text)
    if (known !== undefined) {
      this.#code(column, known)
      return
    }
    const mark = this.#marks.get(text)
    if (mark !== undefined) {
      if (column.missing.rows.length === 0) column.missing.line = line
      column.missing.rows.push(this.row)
      column.missing.marks.push(mark)
      return
    }
    const plain = column.declared === 'categorical' ? undefined : normalised(text, this.style)
    if (plain !== undefined && !losesDigits(plain)) {
      const value = Number(plain)
      if (!Number.isFinite(value)) {
        throw this.#error(column, this.row, line, text, `'${text}' is too large for a float64`)
      }
      this.number(k, value)
    } else {
      if (column.declared !== 'categorical') this.#requireText(column, k, text, line)
      this.#newText(column, text)
    }
  }

  /** A whole row. */
  record(cells: readonly string[], line: number): void {
    for (let k = 0; k < Math.min(this.width, cells.length); k++) this.cell(k, cells[k]!, line)
    if (cells.length !== this.width) this.refuseWidth(cells.length, cells[cells.length - 1] === '', line)
    this.endRow()
  }

  #code(column: ColumnState, code: number): void {
    column.codes[Math.floor(this.row / this.rowsPerBlock)]![this.row & (this.rowsPerBlock - 1)] = code
  }

  #text(column: ColumnState, text: string): void {
    const code = column.dictionary.get(text)
    if (code === undefined) this.#newText(column, text)
    else this.#code(column, code)
  }

  #newText(column: ColumnState, text: string): void {
    const code = column.dictionary.size
    column.dictionary.set(text, code)
    this.#code(column, code)
  }

  /** Refuses a text that the column cannot hold, and one that looks like a number. */
  #requireText(column: ColumnState, k: number, text: string, line: number): void {
    if (this.width === 1 && column.declared === undefined && severalNumbers(text)) {
      const problem = `'${text}' is several numbers; say what separates them with { delimiter: ' ' } or another one`
      throw this.#error(column, this.row, line, text, problem)
    }
    const alike = lookAlike(text, this.style)
    if (column.declared === 'numeric') {
      const digits = normalised(text, this.style) !== undefined
      const problem = digits ? 'has more digits than a float64 holds' : 'is not a number: the column contains text'
      throw this.#error(column, this.row, line, text, `'${text}' ${alike ?? problem}`)
    }
    column.text ??= { row: this.row, line, value: text }
    if (this.states[k] === NUMERIC) this.#refuseMixture(k)
    if (alike !== undefined) {
      throw this.#error(column, this.row, line, text, `'${text}' ${alike}, or declare the column categorical`)
    }
    if (this.states[k] === UNDECIDED) this.#decide(k, TEXT)
  }

  #refuseMixture(k: number): never {
    const column = this.#columns[k]!
    const { row, line, value } = column.text!
    const alike = lookAlike(value, this.style)
    const digits = normalised(value, this.style) !== undefined
    const reason = digits ? 'has more digits than a float64 holds' : (alike ?? 'is not a number')
    const remedy = (alike ?? digits) ? 'declare' : 'fix the cell, add it to missingMarks, or declare'
    const problem = `'${value}' ${reason}, but other cells are numbers; ${remedy} the column categorical`
    throw this.#error(column, row, line, value, problem)
  }

  /** Names a cell the way a person finds it: data row (from 1), line of the file, column. */
  #error(column: ColumnState, index: number, line: number, value: string, problem: string): LangevinError {
    const { path, firstRowHint, rowsBefore } = this.#options
    const row = rowsBefore + (this.#reserved ? index : index + 1)
    const hint = row === 1 && firstRowHint !== undefined ? `. ${firstRowHint}` : ''
    return new LangevinError(
      'ERR_LANGEVIN_FORMAT',
      `${path}: row ${row} (line ${line}), column '${column.name}': ${problem}${hint}`,
      { details: { path, row, line, column: column.name, value } },
    )
  }

  refuseWidth(cells: number, endsEmpty: boolean, line: number): never {
    const { path, firstRowHint } = this.#options
    const many = (n: number) => `${n} cell${n === 1 ? '' : 's'}`
    const reasons = [
      cells === this.width + 1 && endsEmpty
        ? 'it ends with a delimiter; remove that, or name an empty last column'
        : '',
      cells === this.width + 1 && !endsEmpty && this.length === 0
        ? 'if it begins with the name of the row, the first row must name that column too'
        : '',
      this.width === 1 || cells === 1
        ? "say what separates cells with { delimiter }, and { decimal: ',' } for decimal commas"
        : '',
      this.length === 1 && firstRowHint !== undefined ? firstRowHint : '',
    ].filter((reason) => reason !== '')
    throw new LangevinError(
      'ERR_LANGEVIN_FORMAT',
      `${path}: line ${line} has ${many(cells)}, the first row has ${this.width}${reasons.map((each) => `; ${each}`).join('')}`,
      { details: { path, line, cells, expected: this.width } },
    )
  }

  /** Whether a cell of the first row occurs again in its own column: such a row does not name the columns. */
  recurs(first: readonly string[]): boolean {
    return this.#columns.some(
      ({ dictionary, missing }, k) => dictionary.has(first[k]!) || missing.marks.includes(first[k]!),
    )
  }

  /** Other names for the columns. */
  rename(names: readonly string[]): void {
    for (const [k, column] of this.#columns.entries()) column.name = names[k]!
  }

  /** Puts the first row, which is data after all, into the place that was kept free for it. */
  fillReserved(first: readonly string[], line: number): void {
    const row = this.row
    this.row = 0
    this.#reserved = false
    for (let k = 0; k < this.width; k++) {
      this.cell(k, first[k]!, line)
      const { missing } = this.#columns[k]!
      if (missing.rows.at(-1) !== 0) continue
      missing.rows.unshift(missing.rows.pop()!)
      missing.marks.unshift(missing.marks.pop()!)
      missing.line = line
    }
    this.row = row
  }

  /** The columns, and how many rows were dropped. */
  finish(): { columns: Map<string, Column>; dropped: number } {
    const from = this.#reserved ? 1 : 0
    // A column without a number or text has only missing cells.
    for (let k = 0; k < this.width; k++) if (this.states[k] === UNDECIDED) this.#decide(k, TEXT)
    const dropped = this.#settleMissing()
    const rows = this.row - from - dropped.size
    if (rows === 0) throw formatError(this.#options.path, 0, 'every row has a missing cell')
    const columns = new Map<string, Column>()
    this.#columns.forEach((column, k) => {
      if (this.states[k] === IGNORED) return
      columns.set(
        column.name,
        this.states[k] === NUMERIC ? this.#numbers(column, from, dropped) : this.#categories(column, from, dropped),
      )
      column.numbers = []
      column.codes = []
    })
    return { columns, dropped: dropped.size }
  }

  /** Numbers of the rows that are left out; refuses the first missing cell where they must not be. */
  #settleMissing(): Set<number> {
    const { missing: rule } = this.#options
    if (rule === 'keep') return new Set()
    const concerned = this.#columns.filter(
      ({ missing }, k) => missing.rows.length > 0 && !(rule === 'category' && this.states[k] === TEXT),
    )
    const rows = new Set<number>()
    for (const { missing } of concerned) for (const row of missing.rows) rows.add(row)
    if (concerned.length === 0 || rule === 'drop') return rows
    const column = concerned.reduce((a, b) => (b.missing.rows[0]! < a.missing.rows[0]! ? b : a))
    const { line, marks } = column.missing
    const mark = marks[0]!
    const many = rows.size === 1 ? '1 row has' : `${rows.size} rows have`
    const trailing = column === this.#columns[this.width - 1] && mark === ''
    const out = `leave it out with { columns: { ${JSON.stringify(column.name)}: 'ignore' } }`
    const problem =
      marks.length === this.length
        ? `the column is empty${trailing ? ' (the lines end with a delimiter)' : ''}; ${out}`
        : `the cell is missing ('${mark}'; ${many} missing cells); fill it, leave the column out with 'ignore', or drop such rows with { missing: 'drop' }`
    throw this.#error(column, column.missing.rows[0]!, line, mark, problem)
  }

  #kept<T extends Float64Array | Int32Array>(
    blocks: readonly T[],
    from: number,
    dropped: ReadonlySet<number>,
    into: T,
  ): T {
    let at = 0
    for (let start = 0, b = 0; start < this.row; start += this.rowsPerBlock, b++) {
      const first = b === 0 ? from : 0
      const end = Math.min(this.rowsPerBlock, this.row - start)
      if (dropped.size === 0) {
        into.set(blocks[b]!.subarray(first, end) as never, at)
        at += end - first
      } else {
        for (let i = first; i < end; i++) if (!dropped.has(start + i)) into[at++] = blocks[b]![i]!
      }
    }
    return into
  }

  #numbers({ numbers, missing }: ColumnState, from: number, dropped: ReadonlySet<number>): Column {
    // Those that are left are kept as missing.
    for (const row of missing.rows)
      numbers[Math.floor(row / this.rowsPerBlock)]![row & (this.rowsPerBlock - 1)] = Number.NaN
    const rows = this.row - from - dropped.size
    return { values: tensor(this.#kept(numbers, from, dropped, new Float64Array(rows)), [rows], 'float64') }
  }

  #categories(column: ColumnState, from: number, dropped: ReadonlySet<number>): Column {
    const { codes, dictionary, missing } = column
    const row = this.row
    for (const [i, at] of missing.rows.entries()) {
      this.row = at
      if (!dropped.has(at)) this.#text(column, missing.marks[i]!)
    }
    this.row = row
    const rows = row - from - dropped.size
    const kept = this.#kept(codes, from, dropped, new Int32Array(rows))
    // Categories that only dropped rows had are no categories.
    const used = new Uint8Array(dictionary.size)
    for (const code of kept) used[code] = 1
    const categories: string[] = []
    for (const [text, code] of dictionary) if (used[code] === 1) categories.push(text)
    // In the order of their UTF-16 units.
    categories.sort()
    const rank = new Int32Array(dictionary.size)
    for (const [place, text] of categories.entries()) rank[dictionary.get(text)!] = place
    return {
      values: tensor(
        kept.map((code) => rank[code]!),
        [rows],
        'int64',
      ),
      categories,
    }
  }
}
