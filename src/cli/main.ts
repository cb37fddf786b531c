#!/usr/bin/env node
/** The `langevin` command: registers the subcommands and sets the exit code. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import registerAnomaly from './commands/anomaly.js'
import registerBuild, { registerSetup } from './commands/build.js'
import registerCompare from './commands/compare.js'
import registerDoctor from './commands/doctor.js'
import registerGraph from './commands/graph.js'
import registerInit from './commands/init.js'
import registerReport from './commands/report.js'
import registerRuns from './commands/runs.js'
import registerSample from './commands/sample.js'
import registerSchema from './commands/schema.js'
import registerScore from './commands/score.js'
import registerServe from './commands/serve.js'
import registerSpandrel from './commands/spandrel.js'
import registerTable from './commands/table.js'
import registerTrain from './commands/train.js'
import registerUi from './commands/ui.js'
import { setQuiet } from './support.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

export function program(): Command {
  const root = new Command('langevin')
    .description('Energy-based models on LibTorch. Data goes to stdout, everything else to stderr.')
    .version(version)
    .showHelpAfterError('(add --help for the options and examples)')
    .showSuggestionAfterError(true)
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.')
  const commands = [
    registerSpandrel,
    registerAnomaly,
    registerCompare,
    registerGraph,
    registerTable,
    registerInit,
    registerTrain,
    registerRuns,
    registerUi,
    registerSample,
    registerReport,
    registerScore,
    registerServe,
    registerSchema,
    registerDoctor,
    registerSetup,
    registerBuild,
  ]
  for (const register of commands) register(root)
  settle(root)
  return root
}

/** What all commands have, nested ones too: errors are thrown to `main` and point to the help; `-q`. */
function settle(command: Command): void {
  command.exitOverride().showHelpAfterError('(add --help for the options and examples)')
  for (const each of command.commands) settle(each)
  if (command.commands.length > 0) return
  command
    .option('-q, --quiet', 'no progress and no notes on stderr, only warnings and errors')
    .hook('preAction', (_, acting) => setQuiet(acting.opts().quiet === true))
}

async function main(): Promise<void> {
  try {
    await program().parseAsync()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Commander has printed its message; help and version are successes, everything else is wrong usage.
    process.exitCode = error.exitCode === 0 ? 0 : 2
  }
}

// A closed pipe (`langevin ... | head`) is the reader's decision, not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

await main()
