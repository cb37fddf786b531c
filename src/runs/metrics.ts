/** metrics.jsonl: one JSON object per line, appended while a run goes on; readers leave out a half last line. */
import { type FileHandle, open } from 'node:fs/promises'
import type { LangevinError } from '../errors.js'
import { ioError } from '../io/files.js'

/** A line of metrics.jsonl. */
export type MetricsLine = { readonly time: string; readonly step: number } & (
  | { readonly type: 'start' | 'resume'; readonly steps?: number }
  | {
      readonly type: 'progress'
      readonly steps: number
      readonly seconds: number
      readonly stepsPerSecond: number
      readonly loss?: number
      readonly [monitor: string]: unknown
    }
  | { readonly type: 'checkpoint'; readonly path: string }
  | { readonly type: 'warning'; readonly code: string; readonly [field: string]: unknown }
  | { readonly type: 'pause' | 'continue' }
  | {
      readonly type: 'end'
      readonly state: string
      readonly error?: { readonly code?: string; readonly message: string }
    }
)

/** Lines that wait for a slow disk take at most so many characters; of progress later ones are then left out. */
const MOST_WAITING = 1 << 20

/**
 * Appends lines to a file, one after the other and without making anybody wait. A disk that fails stops no training: the first
 * error is told once, by `onError`, and later lines are still tried.
 */
export class MetricsWriter {
  readonly #path: string
  readonly #handle: FileHandle
  readonly #onError: (error: LangevinError) => void
  #waiting = ''
  #writing: Promise<void> | undefined
  #told = false
  /** The file ends within a line: a process was killed, or the disk was full. */
  #torn: boolean

  private constructor(path: string, handle: FileHandle, torn: boolean, onError: (error: LangevinError) => void) {
    this.#path = path
    this.#handle = handle
    this.#torn = torn
    this.#onError = onError
  }

  /** @throws (rejects) ERR_LANGEVIN_IO */
  static async open(path: string, onError: (error: LangevinError) => void): Promise<MetricsWriter> {
    try {
      const handle = await open(path, 'a+')
      const { size } = await handle.stat()
      const last = Buffer.alloc(1, '\n')
      if (size > 0) await handle.read(last, 0, 1, size - 1)
      return new MetricsWriter(path, handle, last[0] !== 0x0a, onError)
    } catch (error) {
      throw ioError('write', path, error)
    }
  }

  write(line: MetricsLine): void {
    if (line.type === 'progress' && this.#waiting.length > MOST_WAITING) return
    this.#waiting += `${JSON.stringify(line)}\n`
    this.#writing ??= this.#flush()
  }

  async #flush(): Promise<void> {
    while (this.#waiting !== '') {
      const text = `${this.#torn ? '\n' : ''}${this.#waiting}`
      this.#waiting = ''
      try {
        await this.#handle.appendFile(text)
        this.#torn = false
      } catch (error) {
        this.#torn = true
        if (!this.#told) this.#onError(ioError('write', this.#path, error))
        this.#told = true
      }
    }
    // In the same turn as the last look: a line that is written after it begins a flush of its own.
    this.#writing = undefined
  }

  /** Waits for what has not been written yet. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing
    await this.#handle.close()
  }
}

const CHUNK = 1 << 20

/** Reads what has been appended to a file since the last look. A file that was made anew is read from its start. */
export class MetricsReader {
  readonly #path: string
  #offset = 0
  #file: number | undefined
  #half: Buffer = Buffer.alloc(0)

  constructor(path: string) {
    this.#path = path
  }

  /**
   * The next whole lines, at most about 1 MiB of them at a time; lines that are no JSON object are left out.
   *
   * @returns the lines; `more`: there is more to read now; `anew`: what was read before is void
   */
  async read(): Promise<{ lines: MetricsLine[]; more: boolean; anew: boolean }> {
    let handle: FileHandle
    try {
      handle = await open(this.#path, 'r')
    } catch {
      // Not there yet, or gone: nothing to read.
      return { lines: [], more: false, anew: false }
    }
    try {
      const { size, ino } = await handle.stat()
      const anew = this.#file !== undefined && (size < this.#offset || ino !== this.#file)
      if (anew) [this.#offset, this.#half] = [0, Buffer.alloc(0)]
      this.#file = ino
      const buffer = Buffer.alloc(Math.min(CHUNK, size - this.#offset))
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.#offset)
      this.#offset += bytesRead
      return { lines: this.#split(buffer.subarray(0, bytesRead)), more: this.#offset < size, anew }
    } finally {
      await handle.close()
    }
  }

  #split(bytes: Buffer): MetricsLine[] {
    const all = Buffer.concat([this.#half, bytes])
    const end = all.lastIndexOf(0x0a) + 1
    // A line longer than that is none of ours.
    this.#half = all.length - end > CHUNK ? Buffer.alloc(0) : Buffer.from(all.subarray(end))
    return all.subarray(0, end).toString('utf8').split('\n').flatMap(parsed)
  }
}

/** A line as an object; none where a write was cut off. */
function parsed(text: string): MetricsLine[] {
  try {
    const line = JSON.parse(text) as MetricsLine
    return typeof line === 'object' && line !== null && typeof line.type === 'string' ? [line] : []
  } catch {
    return []
  }
}

/** All lines of a file. */
export async function* metricsLines(path: string): AsyncGenerator<MetricsLine> {
  const reader = new MetricsReader(path)
  for (let more = true; more; ) {
    const read = await reader.read()
    yield* read.lines
    more = read.more
  }
}
