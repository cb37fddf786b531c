/** `langevin report`: one HTML page about a training or sampling run. */
import type { Command } from 'commander'
import { writeAtomic } from '../../io/files.js'
import { reportPage } from '../report-page.js'
import { readResultFile, reportPath } from '../result-file.js'
import { action, makeFolderOf, note, print, printJson } from '../support.js'

interface ReportCommandOptions {
  out?: string
  json?: boolean
}

const EXAMPLES = `
train writes rows.result.json next to rows.safetensors, sample --out draws.npy writes draws.result.json: give either, the
run.json of the training run, or its folder (runs/rows-1). The page needs no network and no JavaScript. --json prints the
findings of diagnose().

Examples:
  npx langevin report run.json
  npx langevin report draws.result.json --out draws.html
  npx langevin report rows.result.json --json`

async function run(given: string, options: ReportCommandOptions): Promise<void> {
  const { path, result } = await readResultFile(given)
  const out = options.out ?? reportPath(path)
  const { text, diagnosis } = await reportPage(path, result, `npx langevin report ${given}`)
  await makeFolderOf(out)
  await writeAtomic(out, [text])
  if (options.json) printJson({ out, findings: diagnosis.findings })
  else print(out)
  note(diagnosis.text)
}

/** `langevin report run.json`: one HTML page of a training or sampling run. */
export default function register(program: Command): void {
  const command = program
    .command('report')
    .description('turn a run into one self-contained HTML page: findings, curves, traces, densities')
    .argument(
      '<result.json, run.json or folder>',
      'what train or sample wrote, or the run.json or the folder of a training run',
    )
    .option('--out <file>', 'where the page goes (default: next to the result)')
    .option('--json', 'print { out, findings } as JSON')
    .addHelpText('after', EXAMPLES)
  action(command, run)
}
