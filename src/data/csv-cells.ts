/** Cells of a table of text: plain lines by bytes, lines with quotation marks through csv-parse. */
import { parse } from 'csv-parse/sync'
import { LangevinError } from '../errors.js'
import type { Piece } from './csv-source.js'
import { IGNORED, NUMERIC, type TableBuilder } from './csv-table.js'
import type { Texts } from './csv-texts.js'
import { scanDecimal, scanned } from './decimal.js'

const [TAB, LF, CR, SPACE, QUOTE] = [9, 10, 13, 32, 34]

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

/**
 * Whether the quotation marks of a piece are where `readPlain` knows them: cells begin and end with one and hold no line end. Others,
 * and what is not well formed, are csv-parse's.
 */
export function isRegular({ bytes, from, to }: Piece, delimiter: number): boolean {
  let at = from
  while (at < to) {
    let c = bytes[at]!
    while ((c === SPACE || c === TAB) && c !== delimiter) c = bytes[++at]!
    if (c === QUOTE) {
      at = endOfQuoted(bytes, at, to)
      if (at < 0) return false
      c = bytes[at]!
      while ((c === SPACE || c === TAB) && c !== delimiter) c = bytes[++at]!
    } else {
      while (c !== delimiter && c !== LF && c !== CR && c !== QUOTE) c = bytes[++at]!
    }
    if (c !== delimiter && c !== LF && c !== CR) return false
    at++
  }
  return true
}

/** Behind the mark that closes the one at `at`; -1 where a line end or the end of the piece comes first. */
function endOfQuoted(bytes: Buffer, at: number, to: number): number {
  for (let i = at + 1; i < to; i++) {
    const c = bytes[i]!
    if (c === LF || c === CR) return -1
    if (c !== QUOTE) continue
    if (bytes[i + 1] !== QUOTE) return i + 1
    i++
  }
  return -1
}

/** The text behind the mark at `at - 1`, up to the one that closes it. */
function quotedText(texts: Texts, bytes: Buffer, at: number, behind: number): string {
  const text = texts.of(bytes, at, behind - 1)
  return text.includes('"') ? text.replaceAll('""', '"') : text
}

/** Where the cell that begins at `at` ends: at a delimiter or a line end. */
function endOfCell(bytes: Buffer, at: number, delimiter: number): number {
  let i = at
  for (let c = bytes[i]!; c !== delimiter && c !== LF && c !== CR; c = bytes[++i]!);
  return i
}

/**
 * Reads a piece by bytes whose quotation marks, if any, are regular. Cells that are plain numbers never become texts, and texts
 * that came before are not made again. Returns the line behind it.
 */
export function readPlain(piece: Piece, delimiter: number, table: TableBuilder, firstLine: number): number {
  const { bytes, to } = piece
  const { states, width, current, numericMarks, texts } = table
  const mask = table.rowsPerBlock - 1
  const decimal = table.style.decimal.charCodeAt(0)
  // Blanks around cells are no part of them, unless they separate cells.
  const tab = delimiter === TAB ? SPACE : TAB
  const space = delimiter === SPACE ? TAB : SPACE
  let line = firstLine
  let at = piece.from
  let k = 0
  let empty = false
  while (at < to) {
    let c = bytes[at]!
    while (c === space || c === tab) c = bytes[++at]!
    const quoted = c === QUOTE
    if (quoted) at++
    const inside = k < width
    let end = inside && !numericMarks ? scanDecimal(bytes, at, decimal) : -1
    if (end >= 0 && (!quoted || bytes[end] === QUOTE)) {
      const close = end
      c = bytes[quoted ? ++end : end]!
      while (c === space || c === tab) c = bytes[++end]!
      if (c === delimiter || c === LF || c === CR) {
        const state = states[k]!
        empty = false
        if (state === NUMERIC) current[k]![table.row & mask] = scanned[0]!
        // The text itself where it is not known that the column holds numbers.
        else if (state !== IGNORED) table.cell(k, bytes.toString('latin1', at, close), line)
      } else end = -1
    } else end = -1
    if (end < 0) {
      const behind = quoted ? endOfQuoted(bytes, at - 1, to) : at
      end = endOfCell(bytes, behind, delimiter)
      const text = quoted ? quotedText(texts, bytes, at, behind) : texts.of(bytes, at, end).trim()
      c = bytes[end]!
      empty = text === ''
      // A line of blanks is no row.
      const blank = k === 0 && c !== delimiter && empty && !quoted
      if (blank) k = -1
      else if (inside) table.cell(k, text, line)
    }
    k++
    if (c === delimiter) {
      at = end + 1
      continue
    }
    if (k > 0) {
      if (k !== width) table.refuseWidth(k, empty, line)
      table.endRow()
      k = 0
    }
    line++
    at = end + (c === CR && bytes[end + 1] === LF ? 2 : 1)
  }
  return line
}
