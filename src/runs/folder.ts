/** The folder of runs: a folder per run, made, found by name and listed. */
import { existsSync } from 'node:fs'
import { lstat, mkdir, open, readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { LangevinError } from '../errors.js'
import { ioError, makeFolder, readWhole } from '../io/files.js'
import { hint } from '../spec/index.js'
import { type Checkpoint, checkpointsOf, namesIn, wholeCheckpoint } from './checkpoints.js'
import { type MetricsLine, metricsLines } from './metrics.js'
import { lives } from './process.js'
import { FILES, type RunRecord, readRecord } from './record.js'

/** Where runs go unless someone says otherwise. */
export const RUNS = 'runs'

/**
 * 'interrupted': its process ended without a word (it was killed, or the machine stopped). 'elsewhere': another machine says it
 * trains it, which cannot be seen from here.
 */
export type RunState = 'running' | 'paused' | 'done' | 'failed' | 'aborted' | 'interrupted' | 'elsewhere'

/** A run as its folder shows it. */
export interface FoundRun {
  readonly kind: 'run'
  readonly id: string
  readonly path: string
  readonly record: RunRecord
  /** run.json, as it ran with its defaults. */
  readonly run: Readonly<Record<string, unknown>>
  readonly state: RunState
  /** Steps done, as far as is known, and all of them. */
  readonly step: number
  readonly steps: number | undefined
  readonly loss: number | undefined
  readonly seconds: number | undefined
  readonly stepsPerSecond: number | undefined
}

/** A folder that is no run: 'half' was begun as one, 'foreign' holds nothing of langevin's. */
export interface OtherFolder {
  readonly kind: 'half' | 'foreign'
  readonly id: string
  readonly path: string
  readonly problem: string
}

/**
 * Makes the folder of a new run: `<name>-<number>`, with the next free number.
 *
 * @throws (rejects) ERR_LANGEVIN_IO
 */
export async function createRunFolder(root: string, name: string): Promise<{ id: string; path: string }> {
  await makeFolder(root)
  const stem = name.replaceAll(/[^\w.-]+/g, '-').replace(/^[.-]+/, '') || 'run'
  const taken = (await namesIn(root)).flatMap((other) =>
    other.startsWith(`${stem}-`) && /^\d+$/.test(other.slice(stem.length + 1))
      ? [Number(other.slice(stem.length + 1))]
      : [],
  )
  for (let number = taken.reduce((a, b) => Math.max(a, b), 0) + 1; ; number++) {
    const path = join(root, `${stem}-${number}`)
    try {
      await mkdir(path)
      await mkdir(join(path, FILES.checkpoints))
      return { id: basename(path), path }
    } catch (error) {
      // Another process has just taken the number.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw ioError('write', path, error)
    }
  }
}

const TAIL = 1 << 16

/** The last whole lines of metrics.jsonl, the newest first. */
async function lastLines(path: string): Promise<MetricsLine[]> {
  const handle = await open(path, 'r').catch(() => undefined)
  if (handle === undefined) return []
  try {
    const { size } = await handle.stat()
    const from = Math.max(0, size - TAIL)
    const buffer = Buffer.alloc(size - from)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from)
    return buffer
      .subarray(0, bytesRead)
      .toString('utf8')
      .split('\n')
      .reverse()
      .flatMap((text) => {
        try {
          return [JSON.parse(text) as MetricsLine]
        } catch {
          return []
        }
      })
  } finally {
    await handle.close()
  }
}

const TURNS: ReadonlySet<string> = new Set(['pause', 'continue', 'start', 'resume'])

function stateOf(record: RunRecord, lines: readonly MetricsLine[]): RunState {
  if (record.state !== 'running') return record.state
  const alive = lives(record.process)
  if (alive === undefined) return 'elsewhere'
  if (!alive) return 'interrupted'
  // Not progress: what was under way when the run was paused is still measured after it.
  const last = lines.find(({ type }) => TURNS.has(type))
  return last?.type === 'pause' ? 'paused' : 'running'
}

async function runJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse((await readWhole(join(path, FILES.run))).toString('utf8')) as Record<string, unknown>
}

/** The run of a folder. @throws (rejects) LangevinError, SyntaxError, where the folder holds no whole run */
async function found(path: string): Promise<FoundRun> {
  const record = await readRecord(path)
  const run = await runJson(path)
  const lines = await lastLines(join(path, FILES.metrics))
  const last = lines.find((line) => line.type === 'progress')
  const at = lines.find(({ step }) => typeof step === 'number')
  const stopped = record.state !== 'running'
  return {
    kind: 'run',
    id: basename(path),
    path,
    record,
    run,
    state: stateOf(record, lines),
    step: (stopped ? record.step : at?.step) ?? 0,
    steps: last?.type === 'progress' ? last.steps : (run.steps as number | undefined),
    loss: (stopped ? record.loss : undefined) ?? (last?.type === 'progress' ? last.loss : undefined),
    seconds: (stopped ? record.seconds : undefined) ?? (last?.type === 'progress' ? last.seconds : undefined),
    stepsPerSecond: last?.type === 'progress' ? last.stepsPerSecond : undefined,
  }
}

/** What a folder is, whatever it holds. A link is foreign: what it points to is somebody else's. */
export async function examine(path: string): Promise<FoundRun | OtherFolder | undefined> {
  const id = basename(path)
  const there = await lstat(path).catch(() => undefined)
  if (there === undefined || (!there.isDirectory() && !there.isSymbolicLink())) return undefined
  if (there.isSymbolicLink()) return { kind: 'foreign', id, path, problem: 'a link' }
  const names = await namesIn(path)
  const ours = [FILES.run, FILES.record, FILES.metrics].some((name) => names.includes(name))
  if (!ours) return { kind: 'foreign', id, path, problem: `no ${FILES.record}: not a run of langevin` }
  try {
    return await found(path)
  } catch (error) {
    return { kind: 'half', id, path, problem: `not a whole run: ${(error as Error).message}` }
  }
}

/** What to do with a run that another machine says it trains; undefined for any other. */
export function trainedElsewhere({ path, state, record }: FoundRun): string | undefined {
  if (state !== 'elsewhere') return undefined
  const { pid, host } = record.process
  return (
    `process ${pid} on ${host} says it trains it, which cannot be seen from here; if that machine or container is gone, begin a ` +
    `new run from its checkpoint: npx langevin train ${join(path, FILES.run)} --resume <checkpoint>`
  )
}

/** Folders that are looked at together: a process may have few files open. */
const AT_ONCE = 16

/**
 * Everything in the folder of runs, the newest run first, then what is no run. Files are not listed. `look`: what says what a
 * folder is.
 *
 * @throws (rejects) ERR_LANGEVIN_IO where there is no such folder
 */
export async function listRuns(
  root: string,
  look: typeof examine = examine,
): Promise<{ runs: FoundRun[]; others: OtherFolder[] }> {
  let names: string[]
  try {
    names = await readdir(root)
  } catch (error) {
    throw ioError('read', root, error)
  }
  const all: (FoundRun | OtherFolder | undefined)[] = []
  names.sort()
  for (let i = 0; i < names.length; i += AT_ONCE) {
    all.push(...(await Promise.all(names.slice(i, i + AT_ONCE).map((name) => look(join(root, name))))))
  }
  const runs = all.flatMap((each) => (each?.kind === 'run' ? [each] : []))
  runs.sort((a, b) => (a.record.started < b.record.started ? 1 : -1))
  return { runs, others: all.flatMap((each) => (each === undefined || each.kind === 'run' ? [] : [each])) }
}

/**
 * A run by its name in the folder of runs, or by the path of its folder.
 *
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION with the nearest name, ERR_LANGEVIN_FORMAT for a folder that is no run
 */
export async function findRun(root: string, name: string): Promise<FoundRun> {
  const inRoot = /[/\\]/.test(name) || name === '.' || name === '..' ? undefined : join(root, name)
  const path = inRoot !== undefined && existsSync(inRoot) ? inRoot : resolve(name)
  const entry = await examine(path)
  if (entry?.kind === 'run') return entry
  if (entry !== undefined) {
    throw new LangevinError('ERR_LANGEVIN_FORMAT', `${entry.path}: ${entry.problem}`, { details: { path: entry.path } })
  }
  const known = (await listRuns(root).catch(() => ({ runs: [] }))).runs.map(({ id }) => id)
  throw new LangevinError(
    'ERR_LANGEVIN_INVALID_OPTION',
    `there is no run '${name}' in ${root}${hint(name, known)}; langevin runs list shows those that are there`,
    { details: { run: name, folder: root } },
  )
}

/**
 * What a run continues from: its newest whole checkpoint, in its folder or where its metrics.jsonl says one was written. A file
 * whose step is another than the line says has since been written by another run.
 */
export async function newestCheckpoint({ path, record }: FoundRun): Promise<Checkpoint | undefined> {
  const [newest] = (await checkpointsOf(path)).whole
  if (newest !== undefined) return newest
  const written = new Map<number, string>()
  for await (const line of metricsLines(join(path, FILES.metrics))) {
    // A run that continues takes the later steps anew.
    if (line.type === 'resume') for (const step of written.keys()) if (step > line.step) written.delete(step)
    if (line.type === 'checkpoint') written.set(line.step, resolve(record.folder, line.path))
  }
  for (const [step, file] of [...written].sort(([a], [b]) => b - a)) {
    const whole = await wholeCheckpoint(file)
    if (whole?.step === step) return whole
  }
  return undefined
}
