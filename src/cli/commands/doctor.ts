/** `langevin doctor`: checks the installation. */
import type { Command } from 'commander'
import { doctor, renderReport } from '../../doctor/index.js'
import { action, print, printJson } from '../support.js'

/** `langevin doctor`: checks the installation and says how to fix what is missing. Exit 1 when a check fails. */
export default function register(program: Command): void {
  const command = program
    .command('doctor')
    .description('check Node, tools, LibTorch, CUDA, processor, threads and the addon; say how to fix what is missing')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExamples:\n  npx langevin doctor\n  npx langevin doctor --json | jq .libtorch')
  action(command, async (options: { json?: boolean }) => {
    const report = await doctor()
    if (options.json) printJson(report)
    else print(renderReport(report))
    if (!report.ok) process.exitCode = 1
  })
}
