/** `langevin compare`: training objectives compared on toy data with known density. */
import { join } from 'node:path'
import type { Command } from 'commander'
import { writeAtomic } from '../../io/files.js'
import { prepareFolder } from '../../report/folder.js'
import {
  type CompareResult,
  compareJson,
  comparePage,
  plans,
  runComparison,
  SOURCE_NAMES,
  type SourceName,
  STEPS,
  textTable,
} from '../../studies/compare/index.js'
import {
  action,
  choices,
  interruption,
  listOption,
  note,
  ProgressBar,
  print,
  printJson,
  seedsOption,
  wholeNumber,
} from '../support.js'

const TASKS = ['toys'] as const

interface CompareCommandOptions {
  task: (typeof TASKS)[number][]
  data: SourceName[]
  objectives?: string[]
  seeds: number[]
  steps: number
  threads?: number
  out?: string
  json?: boolean
}

async function write(folder: string, result: CompareResult): Promise<void> {
  const command = `npx langevin ${process.argv.slice(2).join(' ')}`
  const files: [string, string][] = [
    ['compare.html', comparePage(result, command)],
    ['compare.json', `${JSON.stringify(compareJson(result), null, 1)}\n`],
  ]
  for (const [name, text] of files) {
    await writeAtomic(join(folder, name), [text])
    note(`wrote ${join(folder, name)}`)
  }
}

async function run(options: CompareCommandOptions): Promise<void> {
  const { out, objectives = Object.keys(plans()), seeds, steps, threads, data } = options
  if (out !== undefined) await prepareFolder(out)
  const bar = new ProgressBar()
  const { signal, interrupted, release } = interruption()
  let result: CompareResult
  try {
    result = await runComparison({
      sources: data,
      objectives,
      seeds,
      steps,
      threads,
      signal,
      onProgress: ({ done, source, objective, seed, row }) => {
        const text = `${source}, ${objective}, seed ${seed}`
        const tv = row?.totalVariation
        bar.update(done, row === undefined ? text : `${text}: ${tv === undefined ? 'diverged' : `TV ${tv.toFixed(3)}`}`)
      },
    })
  } finally {
    bar.end()
    release()
  }
  if (out !== undefined) await write(out, result)
  if (options.json) printJson(compareJson(result))
  else if (result.rows.length > 0) print(textTable(result))
  if (!options.json && out === undefined) note('For pictures and all tables as one HTML page: --out <folder>')
  if (interrupted()) {
    note(`interrupted: ${result.rows.length} finished runs were kept`)
    process.exitCode = 130
  }
}

/** `langevin compare`: every objective on every toy distribution with equal budgets. */
export default function register(program: Command): void {
  const known = Object.keys(plans())
  const examples = `
Objectives: ${known.join(', ')}
Data: ${SOURCE_NAMES.join(', ')}

Examples:
  npx langevin compare --out report
  npx langevin compare --data rings,unequalModes --objectives nce,pcd,score-matching --seeds 1 --steps 500
  npx langevin compare --data moons --json > compare.json`
  const command = program
    .command('compare')
    .description('compare training objectives on toy data with known density')
    .addOption(
      listOption(
        '--task <name>',
        'what to compare on: toys, distributions in the plane',
        choices(TASKS),
        [...TASKS],
        'toys',
      ),
    )
    .addOption(
      listOption('--data <names>', 'distributions, comma-separated', choices(SOURCE_NAMES), [...SOURCE_NAMES], 'all'),
    )
    .option('--objectives <names>', 'objectives, comma-separated (default: all)', choices(known))
    .addOption(seedsOption([0, 1, 2]))
    .option('--steps <n>', 'optimiser steps of every run', wholeNumber(1), STEPS)
    .option('--threads <n>', 'threads a run may use (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--out <folder>', 'write compare.html and compare.json there')
    .option('--json', 'print { rows, overall, entropy, ... } as JSON')
    .addHelpText('after', examples)
  action(command, run)
}
