/** `langevin train`: trains the energy that a run.json describes. */
import { access, constants, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Command } from 'commander'
import { Energy } from '../../energy.js'
import { ioError } from '../../io/files.js'
import type { Run } from '../../runtime/index.js'
import { type TrainResult, train } from '../../training/index.js'
import { openData } from '../data.js'
import { resultPath, writeTrainResult } from '../result-file.js'
import { type RunFile, readRunFile } from '../run-file.js'
import { action, interruption, note, ProgressBar, print, printJson, wholeNumber } from '../support.js'

interface TrainCommandOptions {
  resume?: boolean | string
  out?: string
  steps?: number
  seed?: number
  threads?: number
  json?: boolean
}

const EXAMPLES = `
run.json holds specs as the library's factories return them, and the options of train():
  { "energy": { "kind": "mlp", "input": 2, "hidden": [64, 64] },
    "data": { "toy": "rings", "n": 20000 },
    "objective": { "kind": "denoisingScoreMatching", "sigma": 0.2 },
    "optimizer": { "kind": "adam", "lr": 0.001 }, "steps": 2000, "out": "rings.safetensors" }
data is { "path": "rows.csv" } (also .npz .npy .parquet .safetensors), { "toy": name, "n": rows } or
{ "shape": name, "n": rows }. langevin schema run prints the whole schema. Ctrl-C writes a checkpoint and stops.

Examples:
  npx langevin train run.json
  npx langevin train run.json --resume
  npx langevin train run.json --steps 500 --out quick.safetensors --json`

const checkpointOf = (out: string) => out.replace(/(\.safetensors)?$/, '.checkpoint.safetensors')

/** The folder of a file must be there and writable before the work begins. */
async function requireWritablePlace(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK)
    const there = await stat(path).catch(() => undefined)
    if (there?.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' })
  } catch (error) {
    throw ioError('write', path, error)
  }
}

/** Follows a run on the progress bar and reports each checkpoint that was written. */
async function follow(run: Run<TrainResult>, onCheckpoint: (step: number) => void): Promise<void> {
  const bar = new ProgressBar()
  try {
    for await (const event of run) {
      if (event.type === 'checkpoint') onCheckpoint(event.step)
      if (event.type === 'warning') {
        bar.end()
        note(`warning at step ${event.step}: ${event.message}; ${event.remedy}`)
      }
      if (event.type !== 'progress') continue
      const { step, steps, loss, stepsPerSecond } = event
      bar.update(
        step / steps,
        `step ${step} of ${steps}, loss ${loss.toPrecision(4)}, ${stepsPerSecond.toFixed(0)} steps/s`,
      )
    }
  } finally {
    bar.end()
  }
}

function withFlags(file: RunFile, options: TrainCommandOptions) {
  const { energy, data, out: planned, dtype, device, kind: _, ...rest } = file
  const { out = planned, seed, steps, threads, resume } = options
  const checkpoint = rest.checkpoint ?? { path: checkpointOf(out) }
  const from = resume === true ? checkpoint.path : resume === false ? undefined : resume
  const length = steps === undefined ? {} : { steps, epochs: undefined }
  const changed = {
    ...rest,
    ...length,
    checkpoint,
    ...(seed !== undefined && { seed }),
    ...(threads !== undefined && { threads }),
    ...(from !== undefined && { resume: from }),
  }
  return { energy, data, out, dtype, device, training: changed }
}

async function run(path: string, options: TrainCommandOptions): Promise<void> {
  const file = await readRunFile(path)
  const { energy, data, out, dtype, device, training } = withFlags(file, options)
  await requireWritablePlace(out)
  await requireWritablePlace(training.checkpoint.path)
  const rows = await openData(data)
  using model = await Energy.create(energy, { seed: training.seed ?? 0, dtype, device })
  const { signal, interrupted, release } = interruption()
  note(`${model.parameterCount} parameters, ${rows.length} rows`)
  let saved: number | undefined
  try {
    const job = train(model, rows, { ...training, signal } as Parameters<typeof train>[2])
    await follow(job, (step) => {
      saved = step
    })
    const result = await job.done
    const { steps, seconds, history, extras, warnings } = result
    await model.save(out)
    const record = resultPath(out)
    await writeTrainResult(record, out, { ...file, ...training, out } as RunFile, result)
    const loss = history.at(-1)?.loss
    const { path: checkpoint } = training.checkpoint
    if (options.json) printJson({ out, result: record, checkpoint, steps, seconds, loss, extras, warnings })
    else print(out)
    note(`${steps} steps in ${seconds.toFixed(1)} s, loss ${loss?.toPrecision(4)}`)
    note(`Open the report: npx langevin report ${record}`)
  } catch (error) {
    if (interrupted() && saved !== undefined) {
      note(`step ${saved} is saved in ${training.checkpoint.path}; continue with: npx langevin train ${path} --resume`)
    }
    throw error
  } finally {
    release()
  }
}

/** `langevin train run.json`: one training run described by specs. */
export default function register(program: Command): void {
  const command = program
    .command('train')
    .description('train the energy that a run.json describes')
    .argument('<run.json>', 'energy, data, objective, optimizer, steps, out')
    .option('--resume [checkpoint]', "continue from a checkpoint (default: the run's own)")
    .option('--out <file>', 'where the trained model goes, instead of "out" of the file')
    .option('--steps <n>', 'instead of the length in the file', wholeNumber(1))
    .option('--seed <n>', 'instead of the seed in the file', wholeNumber(0))
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--json', 'print { out, result, steps, seconds, loss, extras, warnings } as JSON')
    .addHelpText('after', EXAMPLES)
  action(command, run)
}
