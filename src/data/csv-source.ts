/** The bytes of a table of text: read once from front to back, checked, and cut where records end. */
import { isUtf8 } from 'node:buffer'
import { open } from 'node:fs/promises'
import { LangevinError } from '../errors.js'
import { formatError, ioError } from '../io/files.js'

/** Whole records of a file. The byte at `to - 1` ends a line. */
export interface Piece {
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
  /** Byte of the file at `from`. */
  readonly offset: number
  /** It holds a quotation mark: a line end may be part of a cell. */
  readonly quoted: boolean
}

const SAMPLE = 1 << 16
const CHUNK = 1 << 20
/** Records with quotation marks go through another parser; the lines between them need not. */
const QUOTED = 1 << 14
const [LF, CR, QUOTE] = [10, 13, 34]

/** Formats that people give for a table, by their first bytes. */
const FOREIGN: readonly (readonly [number[], string])[] = [
  [[0xff, 0xfe], 'UTF-16, not UTF-8; save it as UTF-8, for instance: iconv -f UTF-16 -t UTF-8 old.csv > new.csv'],
  [[0xfe, 0xff], 'UTF-16, not UTF-8; save it as UTF-8, for instance: iconv -f UTF-16 -t UTF-8 old.csv > new.csv'],
  [[0x1f, 0x8b], 'compressed with gzip; unpack it first: gunzip'],
  [[0x50, 0x4b, 3, 4], 'an Excel workbook or a zip archive, not a text table; save the sheet as CSV'],
  [[0x50, 0x41, 0x52, 0x31], 'a Parquet file, not a text table; read it with data.parquet'],
]

function notUtf8(path: string, bytes: Buffer, from: number, to: number, offset: number): LangevinError {
  let i = from
  while (i < to) {
    const lead = bytes[i]!
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    if (lead >= 0x80 && !isUtf8(bytes.subarray(i, Math.min(i + length, to)))) break
    i += length
  }
  const at = offset + i - from
  return new LangevinError(
    'ERR_LANGEVIN_FORMAT',
    `${path}: not UTF-8 (byte ${at}); save it as UTF-8, for instance: iconv -f WINDOWS-1252 -t UTF-8 old.csv > new.csv`,
    { details: { path, offset: at } },
  )
}

/** Behind the last line end at or before `at`; a CR at `at` itself may be half of a CR LF. */
function afterLineEnd(bytes: Buffer, at: number): number {
  return Math.max(bytes.lastIndexOf(LF, at), at > 0 ? bytes.lastIndexOf(CR, at - 1) : -1) + 1
}

/** Behind the record in which `from` lies and those after it, QUOTED bytes or more; -1 where it does not end before `end`. */
function afterQuoted(bytes: Buffer, from: number, end: number): number {
  let open = false
  let last = -1
  for (let i = from; i < end; i++) {
    const c = bytes[i]!
    if (c === QUOTE) open = !open
    else if (!open && (c === LF || (c === CR && i + 1 < end && bytes[i + 1] !== LF))) {
      last = i + 1
      if (last - from >= QUOTED) break
    }
  }
  return last
}

/** The pieces of bytes[0, end) that are whole records. */
function* cut(bytes: Buffer, end: number, ended: boolean): Generator<{ from: number; to: number; quoted: boolean }> {
  const filled = bytes.subarray(0, end)
  let from = 0
  while (from < end) {
    const whole = ended ? end : afterLineEnd(filled, end - 1)
    const quote = filled.indexOf(QUOTE, from)
    if (quote < 0 || quote >= whole) {
      if (whole > from) yield { from, to: whole, quoted: false }
      return
    }
    const before = Math.max(from, afterLineEnd(filled, quote))
    if (before > from) yield { from, to: before, quoted: false }
    from = before
    const to = afterQuoted(filled, from, end)
    if (to < 0 && !ended) return
    yield { from, to: to < 0 ? end : to, quoted: true }
    from = to < 0 ? end : to
  }
}

/** What a table is read from, from front to back: an open file, or what stands for one in a test. */
export interface Bytes {
  read(buffer: Uint8Array, offset: number, length: number, position: null): Promise<{ bytesRead: number }>
  close(): Promise<void>
}

/** A file of text that is read once (so it may be a pipe). */
export class TextSource {
  readonly path: string
  readonly #handle: Bytes
  #buffer = Buffer.allocUnsafe(SAMPLE + 1)
  #filled = 0
  #offset = 0
  #ended = false

  private constructor(path: string, handle: Bytes) {
    this.path = path
    this.#handle = handle
  }

  /** Opens the file, reads its beginning and refuses what is no text. A byte-order mark is skipped. */
  static async open(path: string, opened?: Bytes): Promise<TextSource> {
    let handle = opened
    try {
      handle ??= await open(path, 'r')
      const source = new TextSource(path, handle)
      while (source.#filled < SAMPLE && !source.#ended) await source.#read(SAMPLE - source.#filled)
      return source
    } catch (error) {
      await handle?.close()
      throw ioError('read', path, error)
    }
  }

  /** The first 64 kB. */
  get sample(): Buffer {
    return this.#buffer.subarray(0, this.#filled)
  }

  /** Leaves out the first bytes of what has been read. */
  skip(bytes: number): void {
    this.#buffer.copyWithin(0, bytes, this.#filled)
    this.#filled -= bytes
    this.#offset += bytes
  }

  async #read(wanted: number): Promise<void> {
    // One byte more: the last line gets an end.
    if (this.#buffer.length < this.#filled + wanted + 1) {
      const larger = Buffer.allocUnsafe(this.#filled + wanted + 1)
      this.#buffer.copy(larger, 0, 0, this.#filled)
      this.#buffer = larger
    }
    const { bytesRead } = await this.#handle.read(this.#buffer, this.#filled, wanted, null)
    const fresh = this.#buffer.subarray(this.#filled, this.#filled + bytesRead)
    if (this.#offset + this.#filled === 0) this.#refuse(fresh)
    const zero = fresh.indexOf(0)
    if (zero >= 0) {
      const at = this.#offset + this.#filled + zero
      throw formatError(this.path, at, 'not a text table in UTF-8: it holds a zero byte (UTF-16? save it as UTF-8)')
    }
    this.#filled += bytesRead
    this.#ended = bytesRead === 0
  }

  #refuse(first: Buffer): void {
    if (first.length === 0) throw formatError(this.path, 0, 'the file is empty')
    for (const [magic, problem] of FOREIGN) {
      if (magic.every((byte, i) => first[i] === byte)) throw formatError(this.path, 0, `the file is ${problem}`)
    }
  }

  /** The records that are left, about `size` bytes at a time. */
  async *pieces(size = CHUNK): AsyncGenerator<Piece> {
    for (;;) {
      if (this.#ended && this.#filled > 0 && this.#buffer[this.#filled - 1] !== LF) this.#buffer[this.#filled++] = LF
      let done = 0
      for (const { from, to, quoted } of cut(this.#buffer, this.#filled, this.#ended)) {
        const offset = this.#offset + from
        if (!isUtf8(this.#buffer.subarray(from, to))) throw notUtf8(this.path, this.#buffer, from, to, offset)
        yield { bytes: this.#buffer, from, to, offset, quoted }
        done = to
      }
      this.skip(done)
      if (this.#ended) return
      try {
        // A record that does not end is read in ever larger steps.
        await this.#read(Math.max(size, this.#filled))
      } catch (error) {
        throw ioError('read', this.path, error)
      }
    }
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}
