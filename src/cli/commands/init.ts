/** `langevin init`: writes a run.json for a table. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { LangevinError } from '../../errors.js'
import { writeAtomic } from '../../io/files.js'
import { type PlanFlags, planned, planOptions } from '../plan-options.js'
import { action, makeFolderOf, note, print } from '../support.js'

interface InitCommandOptions extends PlanFlags {
  out: string
  force?: boolean
}

const EXAMPLES = `
The file holds a setting that suits tables: columns standardised, an MLP on a Gaussian base, denoising score matching. Change what
you like (langevin schema run says what there is) and run it with langevin train.

Examples:
  npx langevin init rows.csv
  npx langevin init machines.csv --ignore state --objective nce --out nce.json
  npx langevin init rows.csv --set energy.hidden=[128,128] --set steps=5000 --out wide.json`

async function run(path: string, options: InitCommandOptions): Promise<void> {
  const { out, force } = options
  if (existsSync(out) && force !== true) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `${out} is there already; choose another name with --out, or overwrite it with --force`,
      { details: { path: out } },
    )
  }
  const { json } = await planned(path, options)
  await makeFolderOf(out)
  await writeAtomic(out, [`${JSON.stringify(json, null, 2)}\n`])
  print(out)
  note(`Train it: npx langevin train ${out}`)
}

/** `langevin init rows.csv`: a run.json to begin with. */
export default function register(program: Command): void {
  const command = program
    .command('init')
    .description('write a run.json for a table, to change and to train')
    .argument('<rows>', 'a file of rows: .csv, .tsv, .npz, .npy, .parquet or .safetensors')
    .option('--out <file>', 'where the run file goes', 'run.json')
    .option('--force', 'overwrite it')
  planOptions(command).addHelpText('after', EXAMPLES)
  action(command, run)
}
