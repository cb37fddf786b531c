/** A training run of the command line: data, energy, the folder that records it, files at the end. */
import { access, constants, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Dataset } from '../data/dataset.js'
import { diagnose } from '../diagnose/index.js'
import type { Energy } from '../energy.js'
import { messageOf } from '../errors.js'
import { ioError, writeAtomic } from '../io/files.js'
import {
  alone,
  checkpointPattern,
  createRunFolder,
  FILES,
  type FoundRun,
  RUNS,
  RunRecorder,
  requireEnded,
} from '../runs/index.js'
import type { CheckpointEvent } from '../runtime/index.js'
import { type TrainResult, type TrainRun, train } from '../training/index.js'
import type { UiServer } from '../ui/index.js'
import { type DataSource, openData } from './data.js'
import { leavePage, serveTraining } from './page.js'
import { reportPage } from './report-page.js'
import { readResultFile, resultPath, writeTrainResult } from './result-file.js'
import type { RunFile } from './run-file.js'
import { dataEnergies, type EnergySpread, energyOf, fitBase } from './run-model.js'
import { Interrupted, interruption, makeFolderOf, note, ProgressBar, print, printJson, warn } from './support.js'

/** What `train` and `runs resume` change of a run file, and how they report. */
export interface TrainRunOptions {
  out?: string
  steps?: number
  epochs?: number
  seed?: number
  threads?: number
  json?: boolean
  runs: string
  /** Serve the page that watches it. */
  ui?: boolean
  port?: number
}

/** A run that is to be made. */
export interface PlannedRun {
  file: RunFile
  /** The rows, where they have been read already. */
  rows?: Dataset | undefined
  /** A checkpoint it starts from. */
  from?: string | undefined
  /** The run that it continues, in its folder. */
  continues?: { run: FoundRun; step: number } | undefined
}

/** The folder of a file is made, and must be writable, before the work begins. */
async function requireWritablePlace(path: string): Promise<void> {
  await makeFolderOf(path)
  try {
    await access(dirname(path), constants.W_OK)
    const there = await stat(path).catch(() => undefined)
    if (there?.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' })
  } catch (error) {
    throw ioError('write', path, error)
  }
}

/** Follows a run on the progress bar and in its folder. */
async function follow(
  run: TrainRun<TrainResult>,
  recorder: RunRecorder,
  onCheckpoint: (event: CheckpointEvent) => void,
): Promise<void> {
  const bar = new ProgressBar()
  try {
    for await (const event of run) {
      recorder.event(event)
      if (event.type === 'checkpoint') onCheckpoint(event)
      if (event.type === 'warning') {
        bar.end()
        warn(`at step ${event.step}: ${event.message}; ${event.remedy}`)
      }
      if (event.type !== 'progress') continue
      const { step, steps, loss, stepsPerSecond } = event
      bar.update(
        step / steps,
        `step ${step} of ${steps}, loss ${loss?.toPrecision(4) ?? '-'}, ${stepsPerSecond.toFixed(0)} steps/s`,
      )
    }
  } finally {
    bar.end()
  }
}

/** The run file with what the command changes. */
function changedFile(file: RunFile, { out, seed, steps, epochs, threads }: TrainRunOptions): RunFile {
  const length = steps === undefined && epochs === undefined ? {} : { steps, epochs }
  return {
    ...file,
    ...length,
    ...(out !== undefined && { out }),
    ...(seed !== undefined && { seed }),
    ...(threads !== undefined && { threads }),
  }
}

/** The options of train() that a run file holds, with its checkpoints in the folder of the run. */
function trainingOf(file: RunFile, folder: string, from: string | undefined) {
  const { energy: _e, data: _d, out: _o, dtype: _t, device: _v, kind: _k, standardize: _s, ignore: _i, ...rest } = file
  const { path = checkpointPattern(folder), every } = rest.checkpoint ?? {}
  return {
    ...rest,
    checkpoint: { path, ...(every !== undefined && { every }) },
    ...(from !== undefined && { resume: from }),
  }
}

/** What continues a run. */
const resumeCommand = (folder: string, runs: string) =>
  `npx langevin runs resume ${basename(folder)}${runs === RUNS ? '' : ` --runs ${runs}`}`

/** What a run ended with, in the folder of the run and where the run file says. */
async function writeResults(model: Energy, file: RunFile, result: TrainResult, folder: string) {
  const { out } = file
  const [kept, record] = [join(folder, FILES.model), join(folder, FILES.result)]
  await model.save(out)
  await writeTrainResult(resultPath(out), out, file, result)
  await model.save(kept)
  await writeTrainResult(record, kept, file, result)
  const { path, result: read } = await readResultFile(record)
  const { text } = await reportPage(path, read, `npx langevin report ${folder}`)
  await writeAtomic(join(folder, FILES.report), [text])
}

type Told = { file: RunFile; result: TrainResult; recorder: RunRecorder; json: boolean | undefined }

/** Says how a run ended: JSON or the path of the model on stdout, the rest on stderr. */
function tell(
  { file, result, recorder, json }: Told,
  checkpoint: string | undefined,
  energies: EnergySpread | undefined,
): void {
  const { steps, seconds, history, extras, warnings } = result
  const { out } = file
  const loss = history.at(-1)?.loss
  const { findings, text } = diagnose(result)
  const record = resultPath(out)
  const more = { run: recorder.path, checkpoint, steps, seconds, loss, extras, warnings, findings, energies }
  if (json) printJson({ out, result: record, ...more })
  else print(out)
  note(`${steps} steps in ${seconds.toFixed(1)} s, loss ${loss?.toPrecision(4)}`)
  if (energies !== undefined) {
    const { median, q95, q99 } = energies
    const digits = [median, q95, q99].map((e) => e.toPrecision(4))
    note(`energies of the training rows: median ${digits[0]}, 95 % below ${digits[1]}, 99 % below ${digits[2]}`)
  }
  // Warnings were noted when they came.
  if (findings.some(({ code }) => !warnings.some((warning) => warning.code === code))) note(text)
  note(`The run is in ${recorder.path}, with its report ${join(recorder.path, FILES.report)}`)
}

async function rowsFor({ file, rows }: PlannedRun): Promise<Dataset> {
  const ignore = file.ignore ?? []
  return (
    rows?.drop(ignore.filter((name) => rows.columns.includes(name))) ??
    (await openData(file.data as DataSource, ignore))
  )
}

/** The folder of a run: that of the one it continues, or a new one, which is removed when the run cannot begin. */
async function beginIn(
  { continues }: PlannedRun,
  file: RunFile,
  facts: { rows: number; parameters: number },
  runs: string,
): Promise<RunRecorder> {
  const { out, seed = 0, steps } = file
  const common = { ...facts, run: file, seed, steps, warn }
  if (continues === undefined) {
    const { path } = await createRunFolder(runs, basename(out).replace(/\.safetensors$/, ''))
    try {
      return await RunRecorder.begin(path, common)
    } catch (error) {
      await rm(path, { recursive: true, force: true })
      throw error
    }
  }
  const { run, step } = continues
  return await alone(run.path, async () =>
    RunRecorder.begin(run.path, { ...common, resumed: { record: await requireEnded(run), run: run.run, step } }),
  )
}

/**
 * Trains, with the run in a folder of its own.
 *
 * @throws (rejects) whatever reading, training or writing throws; the folder says so too
 */
export async function trainRun(planned: PlannedRun, options: TrainRunOptions): Promise<void> {
  const file = changedFile(planned.file, options)
  await requireWritablePlace(file.out)
  if (file.checkpoint?.path !== undefined) await requireWritablePlace(file.checkpoint.path)
  await requireWritablePlace(join(options.runs, 'run'))
  const rows = await rowsFor(planned)
  using model = await energyOf(file, rows, file.seed ?? 0)
  const { signal, release } = interruption()
  const standardized = model.inputs?.transform === undefined ? '' : ', columns standardised'
  note(`${model.parameterCount} parameters, ${rows.length} rows${standardized}`)
  try {
    await fitBase(model, rows, file, signal)
    const facts = { rows: rows.length, parameters: model.parameterCount }
    const recorder = await beginIn(planned, file, facts, options.runs)
    await recorded(recorder, planned, { ...options, file, model, rows, signal })
  } finally {
    release()
  }
}

interface Work extends Pick<TrainRunOptions, 'json' | 'runs' | 'ui' | 'port'> {
  file: RunFile
  model: Energy
  rows: Dataset
  signal: AbortSignal
}

/** Says in the folder that the run has ended. What the caller throws is the first error, not one of a full disk here. */
async function recordFailure(recorder: RunRecorder, error: unknown): Promise<void> {
  await recorder.failed(error, error instanceof Interrupted).catch((cause: unknown) => {
    warn(`the end of the run could not be written to ${recorder.path}: ${messageOf(cause)}`)
  })
}

/** The job, or no folder. */
async function begun(recorder: RunRecorder, { from, continues }: PlannedRun, work: Work) {
  const { file, model, rows, signal } = work
  try {
    return train(model, rows, { ...trainingOf(file, recorder.path, from), signal } as Parameters<typeof train>[2])
  } catch (error) {
    // Options that cannot be: there was no run.
    if (continues === undefined) await rm(recorder.path, { recursive: true })
    else await recordFailure(recorder, error)
    throw error
  }
}

/** The training itself, and its end in the folder. */
async function recorded(recorder: RunRecorder, planned: PlannedRun, work: Work): Promise<void> {
  const { file, model, rows, signal, runs } = work
  const job = await begun(recorder, planned, work)
  let saved: CheckpointEvent | undefined
  let page: UiServer | undefined
  try {
    page = work.ui ? await serveTraining(runs, { job, recorder, file, rows }, work.port) : undefined
    await follow(job, recorder, (event) => {
      saved = event
    })
    const result = await job.done
    await writeResults(model, file, result, recorder.path)
    const energies = await dataEnergies(model, rows, file, signal)
    await recorder.done(result)
    tell({ file, result, recorder, json: work.json }, saved?.path, energies)
  } catch (error) {
    // What failed may be beside the job; the energy is given back when the job has ended.
    job.abort()
    await job.done.catch(() => undefined)
    await recordFailure(recorder, error)
    // The page stays for a while; the error itself ends the command after it.
    if (page !== undefined && !(error instanceof Interrupted)) note(`the run has failed: ${messageOf(error)}`)
    if (saved !== undefined) {
      const command = resumeCommand(recorder.path, runs)
      note(`step ${saved.step} is saved in ${saved.path}; continue with: ${command}`)
    }
    throw error
  } finally {
    if (page !== undefined) await leavePage(page, signal)
  }
}
