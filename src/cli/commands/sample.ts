/** `langevin sample`: draws samples from a trained energy. */
import { extname } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { diagnose } from '../../diagnose/index.js'
import { Energy } from '../../energy.js'
import { LangevinError } from '../../errors.js'
import { writeAtomic } from '../../io/files.js'
import { writeNpy } from '../../io/npy.js'
import { type SampleResult, sample } from '../../sample.js'
import { definitionOf, hint, kindsOf, type SpecValue } from '../../spec/index.js'
import type { Tensor } from '../../tensor/index.js'
import { resultPath, writeSampleResult } from '../result-file.js'
import { readJson } from '../run-file.js'
import {
  action,
  interruption,
  makeFolderOf,
  note,
  oneOf,
  ProgressBar,
  print,
  printJson,
  wholeNumber,
} from '../support.js'

interface SampleCommandOptions {
  sampler: string
  steps: number
  stepSize?: number
  chains: number
  init: 'normal' | 'uniform'
  y?: number
  seed: number
  threads?: number
  out?: string
  json?: boolean
}

const EXAMPLES = `
The sampler is a kind (with --steps and --step-size), a spec as JSON, or a file that holds one.

Rows come in the units of the data; of a model with standardised columns, step sizes are in standard deviations.

Examples:
  npx langevin sample rows.safetensors --chains 2000 --out draws.npy
  npx langevin sample rows.safetensors --sampler hmc --steps 200 --step-size 0.1 --json
  npx langevin sample rows.safetensors --sampler '{"kind":"mala","steps":500,"stepSize":0.05}' > draws.csv`

const STEP_SIZE = 0.01

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number greater than 0.')
  return value
}

/** The sampler a user typed: a kind, JSON, or a JSON file. */
async function samplerOf({ sampler, steps, stepSize }: SampleCommandOptions): Promise<SpecValue> {
  if (kindsOf('sampler').includes(sampler)) {
    const takes = Object.hasOwn(definitionOf('sampler', sampler)!.schema().shape, 'stepSize')
    const size = stepSize ?? (takes ? STEP_SIZE : undefined)
    return { kind: sampler, steps, ...(size !== undefined && { stepSize: size }) }
  }
  if (sampler.endsWith('.json')) return (await readJson(sampler)) as SpecValue
  try {
    return JSON.parse(sampler) as SpecValue
  } catch (cause) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `--sampler: unknown sampler '${sampler.slice(0, 80)}'${hint(sampler, kindsOf('sampler'))}; or give a spec as JSON or a .json file`,
      { cause },
    )
  }
}

/** Rows under the names of the model's columns, or x1, x2, ... */
function csvText(samples: Tensor, names: readonly string[] | undefined): string {
  const [count = 0] = samples.shape
  using flat = samples.reshape([count, samples.size / Math.max(1, count)])
  const rows = flat.toArray() as number[][]
  const head = names ?? (rows[0] ?? []).map((_, i) => `x${i + 1}`)
  const quoted = head.map((name) => (/[",\n\r]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name))
  return `${[quoted.join(','), ...rows.map((row) => row.join(','))].join('\n')}\n`
}

async function write(path: string, samples: Tensor, names: readonly string[] | undefined): Promise<void> {
  if (extname(path) === '.npy') return writeNpy(path, samples)
  await writeAtomic(path, [csvText(samples, names)])
}

async function follow(run: ReturnType<typeof sample>): Promise<SampleResult> {
  const bar = new ProgressBar()
  try {
    for await (const event of run) {
      if (event.type === 'progress')
        bar.update(event.step / event.steps, `step ${Math.round(event.step)} of ${event.steps}`)
    }
  } finally {
    bar.end()
  }
  return run.done
}

async function run(path: string, options: SampleCommandOptions): Promise<void> {
  const { chains, init, y, seed, threads, out } = options
  if (out !== undefined && !['.npy', '.csv'].includes(extname(out))) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `--out ${out}: the name must end in .npy or .csv (a picture is part of the report: langevin report)`,
    )
  }
  const sampler = await samplerOf(options)
  using model = await Energy.load(path)
  const names = model.conversion?.names
  const { signal, release } = interruption()
  try {
    const job = sample(model, { sampler, chains, init, y, seed, threads, signal } as Parameters<typeof sample>[1])
    const result = await follow(job)
    const { samples, diagnostics, seconds } = result
    if (out !== undefined) {
      await makeFolderOf(out)
      await write(out, samples, names)
      await writeSampleResult(resultPath(out), path, seed, result)
    }
    if (options.json) {
      printJson({
        ...(out === undefined ? { samples: samples.toArray() } : { out, result: resultPath(out) }),
        diagnostics,
        seconds,
      })
    } else if (out === undefined) print(csvText(samples, names))
    else print(out)
    const { rhat, ess, acceptance } = diagnostics
    note(
      `R-hat ${rhat?.toFixed(3) ?? '–'}, bulk ESS ${ess.bulk?.toFixed(0) ?? '–'}, acceptance ${acceptance?.toFixed(2) ?? '–'}`,
    )
    const { findings, text } = diagnose(result)
    if (findings.length > 0) note(text)
    if (out !== undefined) note(`Open the report: npx langevin report ${resultPath(out)}`)
  } finally {
    release()
  }
}

/** `langevin sample model.safetensors`: draws from exp(-E). */
export default function register(program: Command): void {
  const command = program
    .command('sample')
    .description('draw samples from a trained energy')
    .argument('<model.safetensors>', 'what train or Energy.save wrote')
    .option('--sampler <kind, JSON or file>', 'how chains move', 'mala')
    .option('--steps <n>', 'steps of every chain', wholeNumber(1), 1000)
    .option('--step-size <h>', `step size (default ${STEP_SIZE}, of samplers that have one)`, positive)
    .option('--chains <n>', 'chains, each giving one row', wholeNumber(1), 1000)
    .option('--init <law>', 'normal or uniform', oneOf('normal', 'uniform'), 'normal')
    .option('--y <class>', 'condition of E(x, y)', wholeNumber(0))
    .option('--seed <n>', 'seed', wholeNumber(0), 0)
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--out <file>', 'write .npy or .csv instead of printing rows')
    .option('--json', 'print { samples, diagnostics, seconds } as JSON')
    .addHelpText('after', EXAMPLES)
  action(command, run)
}
