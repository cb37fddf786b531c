/** Finished runs of the study in a file, one a line, so that a rerun goes on where the last one stopped. */
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LangevinError } from '../../errors.js'
import { formatError, ioError, writeAtomic } from '../../io/files.js'
import type { RunRecord, StudySettings } from './types.js'

export const RUNS_FILE = 'graph-runs.jsonl'
const VERSION = 1

/** What a run is of. */
export const keyOf = ({ graph, kind, split, seed }: Pick<RunRecord, 'graph' | 'kind' | 'split' | 'seed'>): string =>
  `${graph}/${kind}/${split}/${seed}`

function differences(there: Record<string, unknown>, asked: Record<string, unknown>): string[] {
  return Object.keys({ ...there, ...asked })
    .filter((name) => JSON.stringify(there[name]) !== JSON.stringify(asked[name]))
    .map((name) => `${name} ${JSON.stringify(there[name])} there, ${JSON.stringify(asked[name])} here`)
}

function parsed(path: string, line: string, number: number): Record<string, unknown> {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw formatError(path, undefined, `line ${number} is not JSON; move the file away to begin anew`, cause)
  }
}

export class RunStore {
  readonly #path: string | undefined
  readonly #records: Map<string, RunRecord>

  private constructor(path: string | undefined, records: Map<string, RunRecord>) {
    this.#path = path
    this.#records = records
  }

  /**
   * Opens the runs in a folder, or begins them. A last line that was cut off while it was written is dropped.
   *
   * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION where the runs there have other settings, _FORMAT, _IO
   */
  static async open(folder: string | undefined, settings: StudySettings): Promise<RunStore> {
    if (folder === undefined) return new RunStore(undefined, new Map())
    const path = join(folder, RUNS_FILE)
    const head = { version: VERSION, settings }
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw ioError('read', path, error)
      await writeAtomic(path, [`${JSON.stringify(head)}\n`])
      return new RunStore(path, new Map())
    }
    const whole = text.endsWith('\n') ? text : text.slice(0, text.lastIndexOf('\n') + 1)
    const [first, ...lines] = whole.split('\n').filter((line) => line !== '')
    if (first === undefined) throw formatError(path, 0, 'the file has no settings; move it away to begin anew')
    const there = parsed(path, first, 1) as { version?: number; settings?: Record<string, unknown> }
    if (there.version !== VERSION)
      throw formatError(path, 0, `runs of version ${there.version}, this langevin writes version ${VERSION}`)
    const other = differences(there.settings ?? {}, { ...settings })
    if (other.length > 0) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `${path}: its runs have other settings (${other.join('; ')}); ask for the same, or give another folder`,
        { details: { path } },
      )
    }
    if (whole !== text) await writeAtomic(path, [whole])
    const records = lines.map((line, k) => parsed(path, line, k + 2) as unknown as RunRecord)
    return new RunStore(path, new Map(records.map((record) => [keyOf(record), record])))
  }

  find(run: Pick<RunRecord, 'graph' | 'kind' | 'split' | 'seed'>): RunRecord | undefined {
    return this.#records.get(keyOf(run))
  }

  /** Keeps a finished run, in the file too. @throws (rejects) ERR_LANGEVIN_IO */
  async add(record: RunRecord): Promise<void> {
    this.#records.set(keyOf(record), record)
    if (this.#path === undefined) return
    try {
      await appendFile(this.#path, `${JSON.stringify(record)}\n`)
    } catch (error) {
      throw ioError('write', this.#path, error)
    }
  }
}
