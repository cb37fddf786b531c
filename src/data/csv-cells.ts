/** Cells of a table of text: plain lines by bytes, lines with quotation marks through csv-parse. */
import { parse } from 'csv-parse/sync'
import { LangevinError } from '../errors.js'
import type { Piece } from './csv-source.js'
import { IGNORED, NUMERIC, type TableBuilder } from './csv-table.js'
import { scanDecimal, scanned } from './decimal.js'

const [TAB, LF, CR, SPACE] = [9, 10, 13, 32]

/** Whether lines without quotation marks can be read by bytes: the delimiter is one byte that no number holds. */
export function isPlain(delimiter: string): boolean {
  return delimiter.length === 1 && delimiter.charCodeAt(0) < 128 && !/[\dA-Za-z+\-.]/.test(delimiter)
}

interface Given {
  record: string[]
  info: { lines: number; bytes: number }
}

/** What csv-parse found wrong, in the words of this package. */
function malformed(error: unknown, path: string, piece: Piece, line: number): LangevinError {
  const { code, lines = 1, bytes = 0 } = error as { code?: string; lines?: number; bytes?: number }
  const at = line + lines - 1
  const problem =
    code === 'CSV_QUOTE_NOT_CLOSED'
      ? `a quotation mark in line ${line} or below is not closed before the end of the file`
      : code === 'INVALID_OPENING_QUOTE'
        ? `line ${at}: a quotation mark inside a cell that does not begin with one; put the cell in quotes and write "" for the mark`
        : `line ${at}: text behind a closing quotation mark; write "" for a mark inside quotes`
  const offset = piece.offset + bytes
  return new LangevinError('ERR_LANGEVIN_FORMAT', `${path}: not a well-formed table: ${problem} (at byte ${offset})`, {
    details: { path, offset, line: at },
    cause: error,
  })
}

function records(piece: Piece, path: string, delimiter: string, line: number, to = 0): Given[] {
  try {
    return parse(piece.bytes.subarray(piece.from, piece.to), {
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      info: true,
      ...(to > 0 && { to }),
    }) as unknown as Given[]
  } catch (error) {
    throw malformed(error, path, piece, line)
  }
}

/** Line ends in bytes[from, to). */
function lineEnds(bytes: Buffer, from: number, to: number): number {
  let n = 0
  for (let i = from; i < to; i++) if (bytes[i] === LF || (bytes[i] === CR && bytes[i + 1] !== LF)) n++
  return n
}

export interface First {
  cells: string[]
  line: number
  /** What follows the first record. */
  rest: Piece
  restLine: number
}

/** The first record of a piece; undefined where it holds blank lines only. */
export function firstRecord(piece: Piece, path: string, delimiter: string, line: number): First | undefined {
  const [first] = records(piece, path, delimiter, line, 1)
  if (first === undefined) return undefined
  const from = Math.min(piece.to, piece.from + first.info.bytes)
  return {
    cells: first.record,
    line: line + first.info.lines - 1,
    rest: { ...piece, from, offset: piece.offset + from - piece.from },
    restLine: line + lineEnds(piece.bytes, piece.from, from),
  }
}

/** Reads a piece through csv-parse. Returns the line behind it. */
export function readQuoted(piece: Piece, path: string, delimiter: string, table: TableBuilder, line: number): number {
  for (const { record, info } of records(piece, path, delimiter, line)) table.record(record, line + info.lines - 1)
  return line + lineEnds(piece.bytes, piece.from, piece.to)
}

/** Where the cell that begins at `at` ends: at a delimiter or a line end. */
function endOfCell(bytes: Buffer, at: number, delimiter: number): number {
  let i = at
  for (let c = bytes[i]!; c !== delimiter && c !== LF && c !== CR; c = bytes[++i]!);
  return i
}

/**
 * Reads a piece without quotation marks by bytes. Cells that are plain numbers never become texts. Returns the line behind it.
 */
export function readPlain(piece: Piece, delimiter: number, table: TableBuilder, firstLine: number): number {
  const { bytes, to } = piece
  const { states, width, current, numericMarks } = table
  const mask = table.rowsPerBlock - 1
  const decimal = table.style.decimal.charCodeAt(0)
  // Blanks around cells are no part of them, unless they separate cells.
  const tab = delimiter === TAB ? SPACE : TAB
  const space = delimiter === SPACE ? TAB : SPACE
  let line = firstLine
  let at = piece.from
  let k = 0
  while (at < to) {
    const begin = at
    let c = bytes[at]!
    while (c === space || c === tab) c = bytes[++at]!
    const inside = k < width
    let end = inside && !numericMarks ? scanDecimal(bytes, at, decimal) : -1
    if (end >= 0) {
      c = bytes[end]!
      while (c === space || c === tab) c = bytes[++end]!
      if (c === delimiter || c === LF || c === CR) {
        const state = states[k]!
        if (state === NUMERIC) current[k]![table.row & mask] = scanned[0]!
        else if (state !== IGNORED) numberOrText(table, k, bytes, begin, end, line)
      } else end = -1
    }
    if (end < 0) {
      end = endOfCell(bytes, begin, delimiter)
      c = bytes[end]!
      const text = bytes.toString('utf8', begin, end).trim()
      // A line of blanks is no row.
      const blank = k === 0 && c !== delimiter && text === ''
      if (blank) k = -1
      else if (inside) table.cell(k, text, line)
    }
    k++
    if (c === delimiter) {
      at = end + 1
      continue
    }
    if (k > 0) {
      if (k !== width) table.refuseWidth(k, endsEmpty(bytes, begin, end), line)
      table.endRow()
      k = 0
    }
    line++
    at = end + (c === CR && bytes[end + 1] === LF ? 2 : 1)
  }
  return line
}

const endsEmpty = (bytes: Buffer, begin: number, end: number) => bytes.toString('utf8', begin, end).trim() === ''

/** A number of a column that is not known to hold numbers. */
function numberOrText(table: TableBuilder, k: number, bytes: Buffer, begin: number, end: number, line: number): void {
  table.cell(k, bytes.toString('utf8', begin, end).trim(), line)
}
