/** `langevin schema`: prints the JSON Schema of specs. */
import type { Command } from 'commander'
import { familyNames, kindsOf, specSchema } from '../../spec/index.js'
import { action, print, printJson } from '../support.js'
import '../run-file.js'

const EXAMPLES = `
Examples:
  npx langevin schema
  npx langevin schema objective
  npx langevin schema run > run.schema.json`

async function run(family: string | undefined, options: { json?: boolean }): Promise<void> {
  if (family !== undefined) return printJson(specSchema(family))
  if (options.json) return printJson(Object.fromEntries(familyNames().map((name) => [name, kindsOf(name)])))
  print(
    familyNames()
      .map((name) => `${name}: ${kindsOf(name).join(', ')}`)
      .join('\n'),
  )
}

/** `langevin schema [family]`: JSON Schema of the specs. */
export default function register(program: Command): void {
  const command = program
    .command('schema')
    .description('print the JSON Schema of a family of specs; without one, the families and their kinds')
    .argument('[family]', 'energy, sampler, objective, optimizer, noise, schedule, run, ...')
    .option('--json', 'families and kinds as JSON (a schema is JSON anyway)')
    .addHelpText('after', EXAMPLES)
  action(command, run)
}
