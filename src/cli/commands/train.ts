/** `langevin train`: trains an energy on a table, or as a run.json describes it. */
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { LangevinError } from '../../errors.js'
import { type FoundRun, listRuns, newestCheckpoint, RUNS } from '../../runs/index.js'
import { isData } from '../data.js'
import { type PlanFlags, planned, planOptions, withFlags } from '../plan-options.js'
import { readJson } from '../run-file.js'
import { action, wholeNumber } from '../support.js'
import { type PlannedRun, type TrainRunOptions, trainRun } from '../train-run.js'

interface TrainCommandOptions extends PlanFlags, TrainRunOptions {
  resume?: boolean | string
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
Each run has a folder, runs/rings-1: run.json as it ran, what it ran on, metrics.jsonl, checkpoints, report. See langevin runs.

Examples:
  npx langevin train rows.csv --out rows.safetensors
  npx langevin train machines.csv --ignore state --objective nce --set optimizer.lr=0.002 --out machines.safetensors
  npx langevin train run.json
  npx langevin train run.json --ui
  npx langevin train run.json --resume
  npx langevin train run.json --steps 500 --out quick.safetensors --json`

/** The run, and the rows where they have been read already. */
async function planOf(path: string, options: TrainCommandOptions): Promise<PlannedRun> {
  if (isData(path, options.format)) return await planned(path, options)
  return withFlags(await readJson(path), path, options)
}

/** The newest run that writes the same model and can be continued. */
async function newestOf(out: string, runs: string): Promise<{ run: FoundRun; step: number; path: string }> {
  const all = await listRuns(runs).catch(() => ({ runs: [] }))
  const wanted = resolve(out)
  for (const run of all.runs.filter((each) => resolve(each.record.folder, String(each.run.out)) === wanted)) {
    const checkpoint = await newestCheckpoint(run)
    if (checkpoint !== undefined) return { run, ...checkpoint }
  }
  throw new LangevinError(
    'ERR_LANGEVIN_INVALID_OPTION',
    `--resume: no run in ${runs} that writes ${out} has a checkpoint; start it without --resume, or name the checkpoint`,
    { details: { path: 'resume', folder: runs, out } },
  )
}

async function run(path: string, options: TrainCommandOptions): Promise<void> {
  const { resume, runs } = options
  const plan = await planOf(path, options)
  if (typeof resume === 'string') return await trainRun({ ...plan, from: resume }, options)
  if (resume !== true) return await trainRun(plan, options)
  const { run, step, path: from } = await newestOf(options.out ?? plan.file.out, runs)
  await trainRun({ ...plan, from, continues: { run, step } }, options)
}

/** `langevin train`: one training run, of a table or as a run.json describes it. */
export default function register(program: Command): void {
  const command = program
    .command('train')
    .description('train an energy on a table, or as a run.json describes it')
    .argument('<run.json or rows>', 'a run file (energy, data, objective, optimizer, steps, out), or a file of rows')
    .option('--resume [checkpoint]', 'continue the newest run of this model; or begin a new one from a checkpoint')
    .option('--out <file>', 'where the trained model goes (default: "out" of the file, or the name of the table)')
    .option('--steps <n>', 'length of the run', wholeNumber(1))
    .option('--epochs <n>', 'length of the run in passes over the rows, instead of --steps', wholeNumber(1))
    .option('--seed <n>', 'instead of the seed in the file', wholeNumber(0))
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--ui', 'serve a local page that shows the run live, with buttons to pause, checkpoint and stop it')
    .option('--port <n>', 'port of that page (default: any that is free)', wholeNumber(1))
    .addOption(new Option('--runs <folder>', 'where the folder of the run goes').default(RUNS))
    .option(
      '--json',
      'print { out, result, run, checkpoint, steps, seconds, loss, extras, warnings, findings, energies } as JSON',
    )
  planOptions(command).addHelpText('after', EXAMPLES)
  action(command, run)
}
