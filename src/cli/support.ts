/** What commands share: output, option parsers, Ctrl-C, the progress bar and the way errors are printed. */
import { dirname } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { LangevinError } from '../errors.js'
import { makeFolder } from '../io/files.js'

/** Data goes to stdout, everything else to stderr. */
export function print(data: string): void {
  process.stdout.write(data.endsWith('\n') ? data : `${data}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

let quiet = false

/** `-q`: nothing on stderr but warnings and errors. */
export function setQuiet(value: boolean): void {
  quiet = value
}

export function note(text: string): void {
  if (!quiet) process.stderr.write(`${text}\n`)
}

/** Something may be wrong; also said with `-q`. */
export function warn(text: string): void {
  process.stderr.write(`warning: ${text}\n`)
}

export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`expected a whole number of at least ${least}.`)
    }
    return value
  }
}

/** Any number. */
export function finite(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number.')
  return value
}

/** Names, comma-separated. */
export const names = (text: string): string[] => text.split(',').map((word) => word.trim())

/** `64,64`: whole numbers, comma-separated. */
export const wholeNumbers =
  (least: number) =>
  (text: string): number[] =>
    text.split(',').map((part) => wholeNumber(least)(part.trim()))

/** One of several words. */
export function oneOf<T extends string>(...known: readonly T[]): (text: string) => T {
  return (text) => {
    if (!known.includes(text as T)) throw new InvalidArgumentError(`expected ${known.join(', ')}.`)
    return text as T
  }
}

/** Makes the folder a file goes to, with those above it. @throws ERR_LANGEVIN_IO */
export const makeFolderOf = (path: string): Promise<void> => makeFolder(dirname(path))

/** `5` means seeds 0 to 4, `41,42` means these two. */
export function seedList(text: string): number[] {
  if (text.includes(',')) {
    const seeds = text.split(',').map((part) => wholeNumber(0)(part.trim()))
    if (new Set(seeds).size !== seeds.length) throw new InvalidArgumentError('duplicate seed.')
    return seeds
  }
  return Array.from({ length: wholeNumber(1)(text) }, (_, i) => i)
}

/** An option whose default is said in words: a list of ten names is no help. */
export function listOption<T>(flags: string, text: string, parse: (given: string) => T, all: T, words: string): Option {
  return new Option(flags, text).argParser(parse).default(all, words)
}

export const seedsOption = (seeds: number[]): Option =>
  listOption(
    '--seeds <count or list>',
    'a number of seeds, or the seeds themselves (41,42)',
    seedList,
    seeds,
    String(seeds.length),
  )

/** A comma-separated choice among known words. */
export function choices<T extends string>(known: readonly T[]): (text: string) => T[] {
  return (text) => {
    const words = text.split(',').map((w) => w.trim())
    for (const w of words) {
      if (!known.includes(w as T)) throw new InvalidArgumentError(`'${w}' is not one of ${known.join(', ')}.`)
    }
    return [...new Set(words)] as T[]
  }
}

/** SIGINT or SIGTERM once aborts the signal (checkpoint and stop), a second one exits at once. `told`: false says nothing on stderr. */
export function interruption(told: string | false = 'stopping; progress is saved'): {
  signal: AbortSignal
  interrupted: () => boolean
  release: () => void
} {
  const controller = new AbortController()
  let count = 0
  const stop = () => {
    count += 1
    if (count > 1) process.exit(130)
    if (told !== false) note(`\n${told} (press Ctrl-C again to exit at once)`)
    controller.abort(new Interrupted())
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  const release = () => {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
  return { signal: controller.signal, interrupted: () => count > 0, release }
}

export class Interrupted extends Error {
  override name = 'Interrupted'
  constructor() {
    super('interrupted')
  }
}

/** One line on stderr that redraws itself on a terminal and prints sparingly elsewhere. */
export class ProgressBar {
  #started = performance.now()
  /** Where this run began: a resumed one does not begin at 0. */
  #first: number | undefined
  #lastPrint = Number.NEGATIVE_INFINITY
  readonly #terminal = process.stderr.isTTY === true

  /** @param done share of the whole work, 0 to 1 */
  update(done: number, text: string): void {
    const now = performance.now()
    if (this.#first === undefined) [this.#first, this.#started] = [done, now]
    if (quiet) return
    if (now - this.#lastPrint < (this.#terminal ? 100 : 15_000) && done < 1) return
    this.#lastPrint = now
    const elapsed = (now - this.#started) / 1000
    const own = done - this.#first
    const left = own > 0.01 * (1 - this.#first) ? formatSeconds((elapsed * (1 - done)) / own) : '…'
    const filled = Math.round(done * 24)
    const bar = `${'█'.repeat(filled)}${'░'.repeat(24 - filled)}`
    const line = `${bar} ${(done * 100).toFixed(0).padStart(3)} %  ${left} left  ${text}`
    if (this.#terminal) process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 120) - 1)}`)
    else note(line)
  }

  end(): void {
    if (this.#terminal && !quiet) process.stderr.write('\r\x1b[K')
  }
}

export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return '…'
  const whole = Math.round(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
}

/** Runs a command's work: prints coded errors in words and sets the exit code. */
export function action<A extends unknown[]>(command: Command, work: (...args: A) => Promise<void>): void {
  command.action(async (...args: unknown[]) => {
    try {
      await work(...(args as A))
    } catch (error) {
      process.exitCode = report(error)
    }
  })
}

/** Writes the error to stderr and returns the exit code: 130 interrupted, 1 failed. */
export function report(error: unknown): number {
  const say = (text: string) => process.stderr.write(`${text}\n`)
  if (error instanceof Interrupted) {
    say('interrupted')
    return 130
  }
  if (error instanceof LangevinError) {
    say(`${error.code}: ${error.message}`)
  } else {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  return 1
}
