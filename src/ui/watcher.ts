/** The runs of a folder as they change: the list, and the measurements of those somebody looks at. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finding, trainingSoFar } from '../diagnose/index.js'
import {
  examine,
  FILES,
  type FoundRun,
  listRuns,
  type MetricsLine,
  MetricsReader,
  type OtherFolder,
  Series,
} from '../runs/index.js'
import type { HistoryPoint, TrainWarning } from '../training/index.js'

const FINDINGS_AGE = 2000
/** Milliseconds for which the measurements of a run are kept that no page shows. */
const KEPT = 60_000

/** A run somebody looks at. */
export class Followed {
  readonly id: string
  /** When a page last showed it. */
  wanted = performance.now()
  #series = new Series()
  #warnings: TrainWarning[] = []
  readonly #reader: MetricsReader
  #looked: { at: number; findings: Finding[] } = { at: Number.NEGATIVE_INFINITY, findings: [] }

  constructor(run: FoundRun) {
    this.id = run.id
    this.#reader = new MetricsReader(join(run.path, FILES.metrics))
  }

  get series(): Series {
    return this.#series
  }

  /** Takes what has been written since; at most 1 MiB at a time, so that nobody waits for a long run. */
  async read(): Promise<void> {
    const { lines, anew } = await this.#reader.read()
    if (anew) [this.#series, this.#warnings] = [new Series(), []]
    for (const line of lines) this.#take(line)
  }

  #take(line: MetricsLine): void {
    this.#series.add(line)
    if (line.type === 'resume') this.#warnings = this.#warnings.filter(({ step }) => step <= line.step)
    if (line.type !== 'warning') return
    const warning = line as unknown as TrainWarning
    if (!this.#warnings.some(({ monitor }) => monitor === warning.monitor)) this.#warnings.push(warning)
  }

  /** What can be said before the end; looked at anew every two seconds. */
  findings(): Finding[] {
    const now = performance.now()
    if (now - this.#looked.at < FINDINGS_AGE) return this.#looked.findings
    this.#looked = { at: now, findings: trainingSoFar(this.#series.points() as HistoryPoint[], this.#warnings) }
    return this.#looked.findings
  }
}

/** Looks at a folder of runs when it is told to. */
export class Watcher {
  readonly root: string
  #runs: FoundRun[] = []
  #others: OtherFolder[] = []
  /** Runs that have ended, or whose process has, with the time of their record: they are not read again until it changes. */
  readonly #ended = new Map<string, { changed: number; run: FoundRun }>()
  readonly #followed = new Map<string, Followed>()

  constructor(root: string) {
    this.root = root
  }

  get runs(): readonly FoundRun[] {
    return this.#runs
  }

  get others(): readonly OtherFolder[] {
    return this.#others
  }

  run(id: string): FoundRun | undefined {
    return this.#runs.find((run) => run.id === id)
  }

  /** @throws (rejects) ERR_LANGEVIN_IO where the folder is gone */
  async list(): Promise<void> {
    const { runs, others } = await listRuns(this.root, (path) => this.#examined(path))
    this.#runs = runs
    this.#others = others
  }

  async #examined(path: string): Promise<FoundRun | OtherFolder | undefined> {
    const changed = await stat(join(path, FILES.record)).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    )
    const known = this.#ended.get(path)
    if (known !== undefined && known.changed === changed) return known.run
    this.#ended.delete(path)
    const found = await examine(path)
    const over = found?.kind === 'run' && ['done', 'failed', 'aborted', 'interrupted'].includes(found.state)
    if (over && changed !== undefined) this.#ended.set(path, { changed, run: found })
    return found
  }

  /** The run with its measurements so far; from then on `read` keeps it up to date. */
  follow(id: string): Followed | undefined {
    const run = this.run(id)
    if (run === undefined) return undefined
    const followed = this.#followed.get(id) ?? new Followed(run)
    this.#followed.set(id, followed)
    return followed
  }

  /** Reads on in the runs that are wanted, and forgets those that nobody has wanted for a while: a page may come back. */
  async read(wanted: ReadonlySet<string>): Promise<void> {
    const now = performance.now()
    for (const [id, followed] of this.#followed) if (now - followed.wanted > KEPT) this.#followed.delete(id)
    for (const id of wanted) {
      const followed = this.follow(id)
      if (followed === undefined) continue
      followed.wanted = now
      await followed.read()
    }
  }
}
