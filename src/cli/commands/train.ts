/** `langevin train`: trains an energy on a table, or as a run.json describes it. */
import { access, constants, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Command } from 'commander'
import type { Dataset } from '../../data/dataset.js'
import { gaussianFit } from '../../data/gaussian-fit.js'
import { diagnose } from '../../diagnose/index.js'
import { Energy } from '../../energy.js'
import { ioError } from '../../io/files.js'
import type { Run } from '../../runtime/index.js'
import { type TrainResult, train } from '../../training/index.js'
import { type DataSource, isData, openData } from '../data.js'
import { inputsOf } from '../inputs.js'
import { type PlanFlags, planned, planOptions, withFlags } from '../plan-options.js'
import { resultPath, writeTrainResult } from '../result-file.js'
import { type RunFile, readJson } from '../run-file.js'
import {
  action,
  interruption,
  makeFolderOf,
  note,
  ProgressBar,
  print,
  printJson,
  warn,
  wholeNumber,
} from '../support.js'

interface TrainCommandOptions extends PlanFlags {
  resume?: boolean | string
  out?: string
  steps?: number
  epochs?: number
  seed?: number
  threads?: number
  json?: boolean
}

const EXAMPLES = `
A table needs no run file: columns are standardised and matched by name from then on, and the energy is an MLP on a Gaussian
base (gaussianBase), so that rows far from the data have high energies. langevin init writes the same as a run.json to change:
  { "energy": { "kind": "mlp", "input": 2, "hidden": [64, 64], "gaussianBase": 2 },
    "data": { "toy": "rings", "n": 20000 },
    "objective": { "kind": "denoisingScoreMatching", "sigma": 0.2 },
    "optimizer": { "kind": "adam", "lr": 0.001 }, "steps": 2000, "out": "rings.safetensors" }
data is { "path": "rows.csv" } (also .tsv .npz .npy .parquet .safetensors), { "toy": name, "n": rows } or
{ "shape": name, "n": rows }. "standardize": false takes columns as they are; "gaussianBase": "full" is fitted to the rows.
langevin schema run prints the whole schema. Ctrl-C writes a checkpoint and stops.

Examples:
  npx langevin train rows.csv --out rows.safetensors
  npx langevin train machines.csv --ignore state --objective nce --set optimizer.lr=0.002 --out machines.safetensors
  npx langevin train run.json
  npx langevin train run.json --resume
  npx langevin train run.json --steps 500 --out quick.safetensors --json`

const checkpointOf = (out: string) => out.replace(/(\.safetensors)?$/, '.checkpoint.safetensors')

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

/** Follows a run on the progress bar and reports each checkpoint that was written. */
async function follow(run: Run<TrainResult>, onCheckpoint: (step: number) => void): Promise<void> {
  const bar = new ProgressBar()
  try {
    for await (const event of run) {
      if (event.type === 'checkpoint') onCheckpoint(event.step)
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

function withLength(file: RunFile, options: TrainCommandOptions) {
  const { energy, data, out: planned, dtype, device, kind: _, standardize: _s, ignore: _i, ...rest } = file
  const { out = planned, seed, steps, epochs, threads, resume } = options
  const checkpoint = rest.checkpoint ?? { path: checkpointOf(out) }
  const from = resume === true ? checkpoint.path : resume === false ? undefined : resume
  const length = steps === undefined && epochs === undefined ? {} : { steps, epochs }
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

/** The run, and the rows where they have been read already. */
async function runOf(path: string, options: TrainCommandOptions): Promise<{ file: RunFile; rows?: Dataset }> {
  if (isData(path, options.format)) return await planned(path, options)
  return withFlags(await readJson(path), path, options)
}

/** A base that covers the rows: their mean and covariance, in the units of the network. */
async function fitBase(model: Energy, rows: Dataset, { columns, y, objective }: RunFile, signal: AbortSignal) {
  if ((model.spec as { gaussianBase?: unknown }).gaussianBase !== 'full') return
  // Denoising score matching sees the rows blurred by sigma; otherwise a ridge keeps dependent columns harmless.
  const { sigma = 0.1 } = objective as { sigma?: unknown }
  const ridge = typeof sigma === 'number' ? sigma ** 2 : 0.01
  const others = new Set([y ?? rows.label ?? []].flat())
  using x = model.conversion
    ? model.toRows(columns === undefined ? rows : rows.drop(rows.columns.filter((name) => !columns.includes(name))))
    : rows.toTensor(columns ?? rows.columns.filter((name) => !others.has(name)))
  const { mean, covariance, precision } = await gaussianFit(x, { ridge, signal })
  await model.setParameters({ 'base.mean': mean, 'base.precision': precision })
  for (const each of [mean, covariance, precision]) each.dispose()
}

/** The energy of the run with its inputs; they need to know which columns the energy holds as states. */
async function energyOf(file: RunFile, rows: Dataset, seed: number): Promise<Energy> {
  const { energy, dtype, device } = file
  const bare = await Energy.create(energy, { seed, dtype, device })
  try {
    const inputs = inputsOf(rows, file, bare)
    if (inputs === undefined) return bare
    const model = await Energy.create(energy, { seed, dtype, device, inputs })
    bare.dispose()
    return model
  } catch (error) {
    bare.dispose()
    throw error
  }
}

/** What energies of rows like the training rows are, for the choice of a threshold. */
function spreadOf(sorted: Float64Array) {
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
  return { median: at(0.5), q95: at(0.95), q99: at(0.99), highest: sorted.at(-1)! }
}

/** The energies of the training rows; undefined for E(x, y), and where rows are too many to score in passing. */
async function dataEnergies(model: Energy, rows: Dataset, { columns }: RunFile, signal: AbortSignal) {
  if (model.conversion === undefined || model.inputs?.y !== undefined) return undefined
  const some = rows.length > 10_000 ? rows.batch(0, 10_000) : rows
  const chosen = columns === undefined ? some : some.drop(some.columns.filter((name) => !columns.includes(name)))
  using energies = await model.energy(chosen, { signal })
  return spreadOf(Float64Array.from(energies.toTypedArray() as Float32Array).sort())
}

async function run(path: string, options: TrainCommandOptions): Promise<void> {
  const { file, rows: read } = await runOf(path, options)
  const { data, out, training } = withLength(file, options)
  await requireWritablePlace(out)
  await requireWritablePlace(training.checkpoint.path)
  const ignore = file.ignore ?? []
  const rows =
    read?.drop(ignore.filter((name) => read.columns.includes(name))) ?? (await openData(data as DataSource, ignore))
  using model = await energyOf(file, rows, training.seed ?? 0)
  const { signal, interrupted, release } = interruption()
  const standardized = model.inputs?.transform === undefined ? '' : ', columns standardised'
  note(`${model.parameterCount} parameters, ${rows.length} rows${standardized}`)
  let saved: number | undefined
  try {
    await fitBase(model, rows, file, signal)
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
    const energies = await dataEnergies(model, rows, file, signal)
    const { findings, text } = diagnose(result)
    const told = { out, result: record, checkpoint, steps, seconds, loss, extras, warnings, findings, energies }
    if (options.json) printJson(told)
    else print(out)
    note(`${steps} steps in ${seconds.toFixed(1)} s, loss ${loss?.toPrecision(4)}`)
    if (energies !== undefined) {
      const { median, q95, q99 } = energies
      const digits = [median, q95, q99].map((e) => e.toPrecision(4))
      note(`energies of the training rows: median ${digits[0]}, 95 % below ${digits[1]}, 99 % below ${digits[2]}`)
    }
    // Warnings were noted when they came.
    if (findings.some(({ code }) => !warnings.some((warning) => warning.code === code))) note(text)
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

/** `langevin train`: one training run, of a table or as a run.json describes it. */
export default function register(program: Command): void {
  const command = program
    .command('train')
    .description('train an energy on a table, or as a run.json describes it')
    .argument('<run.json or rows>', 'a run file (energy, data, objective, optimizer, steps, out), or a file of rows')
    .option('--resume [checkpoint]', "continue from a checkpoint (default: the run's own)")
    .option('--out <file>', 'where the trained model goes (default: "out" of the file, or the name of the table)')
    .option('--steps <n>', 'length of the run', wholeNumber(1))
    .option('--epochs <n>', 'length of the run in passes over the rows, instead of --steps', wholeNumber(1))
    .option('--seed <n>', 'instead of the seed in the file', wholeNumber(0))
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--json', 'print { out, result, steps, seconds, loss, extras, warnings, findings, energies } as JSON')
  planOptions(command).addHelpText('after', EXAMPLES)
  action(command, run)
}
