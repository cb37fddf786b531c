/** What of a folder of runs nobody needs any more: older and broken checkpoints, runs that never began. */
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ioError } from '../io/files.js'
import { checkpointsOf, LEFT_BEHIND, namesIn } from './checkpoints.js'
import { examine, type FoundRun, listRuns, trainedElsewhere } from './folder.js'
import { FILES } from './record.js'

export interface GcOptions {
  /** Whole checkpoints that stay of each run, the newest ones; at least 1. Default 1. */
  readonly keep?: number | undefined
  /** Runs that are done lose their last checkpoint too: they have their model, and cannot be made longer then. */
  readonly done?: boolean | undefined
  /** Names of runs; default: all. */
  readonly only?: readonly string[] | undefined
}

/** A file that goes, or a whole folder. */
export interface GcItem {
  readonly run: string
  readonly path: string
  readonly bytes: number
  readonly why: string
}

export interface GcPlan {
  readonly items: readonly GcItem[]
  /** What was left alone, and why. */
  readonly skipped: readonly { readonly run: string; readonly why: string }[]
}

/** A folder that has just been made may become a run in the next moment. */
const YOUNG = 60_000

async function sizeOf(path: string): Promise<number> {
  const there = await lstat(path).catch(() => undefined)
  if (there === undefined) return 0
  if (!there.isDirectory()) return there.size
  const sizes = await Promise.all((await readdir(path)).map((name) => sizeOf(join(path, name))))
  return sizes.reduce((a, b) => a + b, 0)
}

/** Files that an atomic write left behind when its process was killed. */
async function leftBehind(run: FoundRun): Promise<GcItem[]> {
  const names = (await namesIn(run.path)).filter((name) => LEFT_BEHIND.test(name))
  return await Promise.all(
    names.map(async (name) => {
      const path = join(run.path, name)
      return { run: run.id, path, bytes: await sizeOf(path), why: 'left by a write that was cut off' }
    }),
  )
}

async function ofRun(run: FoundRun, { keep = 1, done = false }: GcOptions): Promise<GcItem[]> {
  const { whole, broken } = await checkpointsOf(run.path)
  const hasModel = (await namesIn(run.path)).includes(FILES.model)
  const all = done && run.state === 'done' && hasModel
  const older = whole.slice(all ? 0 : Math.max(1, keep)).map(({ path, bytes, step }, i) => ({
    run: run.id,
    path,
    bytes,
    why: all && i === 0 ? `checkpoint of a run that is done (step ${step})` : `an older checkpoint (step ${step})`,
  }))
  return [
    ...older,
    ...broken.map(({ path, bytes, problem }) => ({ run: run.id, path, bytes, why: `no whole checkpoint: ${problem}` })),
    ...(await leftBehind(run)),
  ]
}

/** Files that a beginning may leave beside an empty metrics.jsonl and an empty folder of checkpoints. */
const BEGINNING = new RegExp(`^(?:${FILES.run}|\\.(?:${FILES.run}|${FILES.record})\\.\\d+\\.[0-9a-f]{8}\\.tmp)$`)

/**
 * Why a folder that is no run has to stay; undefined where it is exactly what RunRecorder.begin leaves when it is cut off. A
 * folder with a record was begun, whatever can be read of it, and one with a run.json alone is its owner's.
 */
async function whyKept(path: string): Promise<string | undefined> {
  const { mtimeMs } = await lstat(path)
  if (Date.now() - mtimeMs < YOUNG) return 'it was made less than a minute ago'
  const names = await namesIn(path)
  const other = names.find((name) => name !== FILES.metrics && name !== FILES.checkpoints && !BEGINNING.test(name))
  if (other !== undefined) return `it holds ${other}`
  const metrics = await lstat(join(path, FILES.metrics)).catch(() => undefined)
  if (!metrics?.isFile()) return `it has no ${FILES.metrics}`
  if (metrics.size > 0) return 'it holds measurements'
  const checkpoints = await lstat(join(path, FILES.checkpoints)).catch(() => undefined)
  if (!checkpoints?.isDirectory()) return `it has no folder ${FILES.checkpoints}`
  return (await readdir(join(path, FILES.checkpoints))).length > 0 ? 'it holds checkpoints' : undefined
}

/** Removes such a folder name by name, so that what comes into it meanwhile stays. */
async function removeBeginning(path: string): Promise<void> {
  await rmdir(join(path, FILES.checkpoints))
  for (const name of await readdir(path)) {
    if (name === FILES.metrics || BEGINNING.test(name)) await unlink(join(path, name))
  }
  await rmdir(path)
}

const busy = (run: FoundRun) => run.state === 'running' || run.state === 'paused' || run.state === 'elsewhere'

/**
 * What `gcRemove` would remove. Folders that are none of langevin's, and runs that are being trained, are left alone; of every
 * run that can be continued the newest whole checkpoint stays.
 */
export async function gcPlan(root: string, options: GcOptions = {}): Promise<GcPlan> {
  const { runs, others } = await listRuns(root)
  const wanted = ({ id }: { id: string }) => options.only === undefined || options.only.includes(id)
  const items: GcItem[] = []
  const skipped: { run: string; why: string }[] = []
  for (const run of runs.filter(wanted)) {
    if (busy(run)) skipped.push({ run: run.id, why: trainedElsewhere(run) ?? 'it is being trained' })
    else items.push(...(await ofRun(run, options)))
  }
  for (const other of others.filter(wanted)) {
    const { id, path, problem } = other
    const kept = other.kind === 'foreign' ? '' : await whyKept(path)
    if (kept === undefined) items.push({ run: id, path, bytes: await sizeOf(path), why: problem })
    else skipped.push({ run: id, why: kept === '' ? problem : `${problem}; ${kept}` })
  }
  return { items, skipped }
}

/**
 * Removes what a plan names. A run that has been continued since the plan was made, and a folder that has since become anything
 * but a beginning that was cut off, are left alone.
 *
 * @returns what was removed
 * @throws (rejects) ERR_LANGEVIN_IO
 */
export async function gcRemove(root: string, { items }: GcPlan): Promise<GcItem[]> {
  const removed: GcItem[] = []
  for (const item of items) {
    const entry = await examine(join(root, item.run))
    if (entry === undefined || (entry.kind === 'run' && (busy(entry) || item.path === entry.path))) continue
    try {
      if (item.path !== entry.path) await unlink(item.path)
      else if ((await whyKept(item.path)) !== undefined) continue
      else await removeBeginning(item.path)
      removed.push(item)
    } catch (error) {
      throw ioError('write', item.path, error)
    }
  }
  return removed
}
