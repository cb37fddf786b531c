/** Writes a run into its folder while it goes on, and takes the orders of who watches it. */
import { unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { diagnose } from '../diagnose/index.js'
import { LangevinError, messageOf } from '../errors.js'
import { writeAtomic } from '../io/files.js'
import type { Run, RunEvent } from '../runtime/index.js'
import type { TrainResult } from '../training/index.js'
import { checkpointsOf } from './checkpoints.js'
import { examine, type FoundRun, trainedElsewhere } from './folder.js'
import { type MetricsLine, MetricsWriter } from './metrics.js'
import { thisProcess } from './process.js'
import { environment, FILES, type RunRecord, writeRecord } from './record.js'

/** Checkpoints that stay in the folder while a run goes on. */
const KEPT = 3
/** A line of progress at most so often, in milliseconds; and at least, however long the run. */
const SHORTEST = 50
const LONGEST = 5000
/** Between them, one per so great a part of the time so far: a long run has some ten thousand lines in three hours, then one per five seconds. */
const LINES = 2000

export interface RunFacts {
  /** run.json with its defaults, as it runs. */
  readonly run: object
  readonly seed: number
  readonly rows: number
  readonly parameters: number
  readonly steps?: number | undefined
  /** What it continues, and after how many steps. */
  readonly resumed?: { readonly record: RunRecord; readonly run: object; readonly step: number } | undefined
  /** Told of what goes wrong with the folder while the run goes on. */
  readonly warn: (text: string) => void
}

type Ending = Pick<RunRecord, 'state'> & Partial<RunRecord>

/** Follows one run. */
export class RunRecorder {
  readonly path: string
  readonly #record: Omit<RunRecord, 'format' | 'kind'>
  readonly #metrics: MetricsWriter
  readonly #began = performance.now()
  #due = 0
  /** The newest progress; a run that ends between two lines still has its last one. */
  #last: (MetricsLine & { type: 'progress' }) | undefined
  #unwritten = false
  #step: number
  #resumed: RunFacts['resumed']
  /** Older checkpoints have gone: a run that is done has nothing left to do in its folder. */
  #pruned: Promise<void> = Promise.resolve()

  private constructor(path: string, record: Omit<RunRecord, 'format' | 'kind'>, metrics: MetricsWriter, step: number) {
    this.path = path
    this.#record = record
    this.#metrics = metrics
    this.#step = step
  }

  /** The name of the run. */
  get id(): string {
    return basename(this.path)
  }

  /** Writes run.json and record.json, and begins or continues metrics.jsonl. @throws (rejects) ERR_LANGEVIN_IO */
  static async begin(path: string, facts: RunFacts): Promise<RunRecorder> {
    const { run, seed, rows, parameters, resumed, steps, warn } = facts
    const now = new Date().toISOString()
    const record = {
      state: 'running' as const,
      started: resumed?.record.started ?? now,
      seed,
      folder: process.cwd(),
      environment: environment(),
      process: thisProcess(),
      rows,
      parameters,
      resumed: [...(resumed?.record.resumed ?? []), ...(resumed ? [{ time: now, step: resumed.step }] : [])],
    }
    // First what shows that the folder can be written; a run.json that is continued stays as it was until then.
    const metrics = await MetricsWriter.open(join(path, FILES.metrics), (error) =>
      warn(`${error.message}; the run goes on, what it measures meanwhile is not kept`),
    )
    await writeAtomic(join(path, FILES.run), [`${JSON.stringify(run, null, 2)}\n`])
    await writeRecord(path, record)
    const recorder = new RunRecorder(path, record, metrics, resumed?.step ?? 0)
    recorder.#resumed = resumed
    recorder.#line({ type: resumed ? 'resume' : 'start', ...(steps !== undefined && { steps }) })
    return recorder
  }

  #line(fields: { type: MetricsLine['type'] } & Record<string, unknown>): void {
    this.#metrics.write({ time: new Date().toISOString(), step: this.#step, ...fields } as MetricsLine)
  }

  /** Takes an event of the run. */
  event(event: RunEvent): void {
    if (event.type === 'progress') this.#progress(event)
    if (event.type === 'checkpoint') {
      const { step, path } = event
      this.#step = step
      if (path === undefined) return
      this.#line({ type: 'checkpoint', path })
      this.#prune(path)
    }
    if (event.type === 'warning') this.#line({ ...event })
  }

  #progress(event: RunEvent & { type: 'progress' }): void {
    this.#step = event.step
    const { secondsLeft: _, ...fields } = event
    const line = { time: new Date().toISOString(), ...fields } as MetricsLine & { type: 'progress' }
    this.#last = line
    const now = performance.now()
    this.#unwritten = now < this.#due && event.step < event.steps
    if (this.#unwritten) return
    this.#due = now + Math.min(LONGEST, Math.max(SHORTEST, (now - this.#began) / LINES))
    this.#metrics.write(line)
  }

  /** Older checkpoints of this folder go. What cannot be removed stays: runs gc finds it. */
  #prune(newest: string): void {
    if (resolve(dirname(newest)) !== resolve(this.path, FILES.checkpoints)) return
    const prune = async () => {
      const { whole } = await checkpointsOf(this.path)
      await Promise.all(whole.slice(KEPT).map(({ path }) => unlink(path).catch(() => undefined)))
    }
    this.#pruned = this.#pruned.then(prune).catch(() => undefined)
  }

  /** Holds the run, and says so in the folder. */
  pause(run: Run<TrainResult>): void {
    if (run.state !== 'running' && run.state !== 'queued') return
    run.pause()
    this.#line({ type: 'pause' })
  }

  resume(run: Run<TrainResult>): void {
    if (run.state !== 'paused') return
    run.resume()
    this.#line({ type: 'continue' })
  }

  /** The run has its result, and its files are written. */
  async done(result: TrainResult): Promise<void> {
    const { findings, notChecked } = diagnose(result)
    const { steps: step, seconds, history } = result
    await this.#end({ state: 'done', step, seconds, loss: history.at(-1)?.loss ?? Number.NaN, findings, notChecked })
  }

  /**
   * The run, or what comes after it, has failed or was aborted. One that could not be continued (other rows, other options)
   * is what it was before.
   */
  async failed(error: unknown, aborted: boolean): Promise<void> {
    if (this.#resumed && this.#last === undefined) {
      const { record, run } = this.#resumed
      this.#line({ type: 'end', state: record.state, error: { message: messageOf(error) } })
      await this.#metrics.close()
      await writeAtomic(join(this.path, FILES.run), [`${JSON.stringify(run, null, 2)}\n`])
      return await writeRecord(this.path, record)
    }
    const coded = error instanceof LangevinError
    const findings = coded && !aborted ? diagnose(error).findings : undefined
    const { step = this.#step, loss, seconds } = this.#last ?? {}
    await this.#end({
      state: aborted ? 'aborted' : 'failed',
      step: Math.max(step, this.#step),
      ...(loss !== undefined && { loss }),
      ...(seconds !== undefined && { seconds }),
      ...(findings && { findings }),
      error: { ...(coded && { code: error.code }), message: messageOf(error) },
    })
  }

  async #end(ending: Ending): Promise<void> {
    if (this.#unwritten && this.#last) this.#metrics.write(this.#last)
    this.#step = ending.step ?? this.#step
    this.#line({ type: 'end', state: ending.state, ...(ending.error && { error: ending.error }) })
    await Promise.all([this.#metrics.close(), this.#pruned])
    await writeRecord(this.path, { ...this.#record, ...ending, ended: new Date().toISOString() })
  }
}

/** What a run continues from, as its folder is now. @throws (rejects) ERR_LANGEVIN_BUSY while a process trains it */
export async function requireEnded({ id, path }: Pick<FoundRun, 'id' | 'path'>): Promise<RunRecord> {
  const now = await examine(path)
  if (now?.kind !== 'run') {
    throw new LangevinError('ERR_LANGEVIN_FORMAT', `${path}: ${now?.problem ?? 'it is gone'}`, { details: { path } })
  }
  const { state, record } = now
  if (state === 'running' || state === 'paused' || state === 'elsewhere') {
    const { pid, host } = record.process
    const here = `it is being trained by process ${pid} on ${host}; stop it there first (Ctrl-C: it writes a checkpoint)`
    throw new LangevinError('ERR_LANGEVIN_BUSY', `${id}: ${trainedElsewhere(now) ?? here}`, {
      details: { run: id, path, pid, host },
    })
  }
  return record
}
