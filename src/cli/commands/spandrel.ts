/** `langevin spandrel`: runs the spandrel study. */
import type { Command } from 'commander'
import { SHAPES, type SpandrelShape } from '../../data/spandrel.js'
import { prepareFolder } from '../../report/folder.js'
import { spandrelJson, writeReport } from '../../studies/report.js'
import {
  MODELS,
  runSpandrelStudy,
  type SpandrelModel,
  type SpandrelResult,
  textTable,
} from '../../studies/spandrel/index.js'
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

interface SpandrelCommandOptions {
  shape: SpandrelShape[]
  models: SpandrelModel[]
  seeds: number[]
  steps?: number
  threads?: number
  out?: string
  json?: boolean
}

const EXAMPLES = `
Shapes: ${SHAPES.join(', ')}
Models: ${MODELS.join(', ')}

Examples:
  npx langevin spandrel --out report
  npx langevin spandrel --shape step,twist --models mlp,mdn,ebm-nce --seeds 5
  npx langevin spandrel --shape step --models mlp,ebm-nce --seeds 41,42 --steps 500 --json > spandrel.json`

function fourDigits(v: number): string {
  return v.toPrecision(3)
}

async function run(options: SpandrelCommandOptions): Promise<void> {
  if (options.out !== undefined) await prepareFolder(options.out)
  const bar = new ProgressBar()
  const { signal, interrupted, release } = interruption()
  let result: SpandrelResult
  try {
    result = await runSpandrelStudy({
      shapes: options.shape,
      models: options.models,
      seeds: options.seeds,
      steps: options.steps,
      threads: options.threads,
      signal,
      onProgress: ({ done, shape, model, seed, row }) => {
        const text = model === 'truth' ? `${shape}: true density` : `${shape}, ${model}, seed ${seed}`
        bar.update(done, row ? `${text}: spandrel mass ${fourDigits(row.spandrelMass)}` : text)
      },
    })
  } finally {
    bar.end()
    release()
  }
  if (options.out !== undefined) {
    const command = `npx langevin ${process.argv.slice(2).join(' ')}`
    const paths = await writeReport(options.out, 'spandrel', { spandrel: result }, command)
    for (const path of paths) note(`wrote ${path}`)
  }
  if (options.json) printJson(spandrelJson(result))
  else if (result.rows.length > 0) print(textTable(result))
  if (!options.json && options.out === undefined) note('For pictures and all tables as one HTML page: --out <folder>')
  if (interrupted()) {
    note(`interrupted: ${result.rows.length} finished runs were kept`)
    process.exitCode = 130
  }
}

/** `langevin spandrel`: energies against an MLP and an MDN of equal size on data with gaps and corners. */
export default function register(program: Command): void {
  const command = program
    .command('spandrel')
    .description('the spandrel study: energies against an MLP and an MDN of equal size on data with gaps and corners')
    .addOption(listOption('--shape <names>', 'shapes, comma-separated', choices(SHAPES), [...SHAPES], 'all four'))
    .addOption(listOption('--models <names>', 'models, comma-separated', choices(MODELS), [...MODELS], 'all eight'))
    .addOption(seedsOption([0, 1, 2]))
    .option('--steps <n>', "optimiser steps of every model, instead of each model's own", wholeNumber(1))
    .option('--threads <n>', 'threads a run may use (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--out <folder>', 'write spandrel.html and spandrel.json there')
    .option('--json', 'print { rows, truth, ... } as JSON')
    .addHelpText('after', EXAMPLES)
  action(command, run)
}
