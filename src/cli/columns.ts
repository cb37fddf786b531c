/** Options of commands that choose the columns of a table. */
import type { Command } from 'commander'
import type { SchemaOptions } from '../data/index.js'
import { readJson } from './run-file.js'
import { names } from './support.js'

export function columnOptions(command: Command): void {
  command
    .option('--columns <names>', 'the columns to look at, comma-separated (default: all)', names)
    .option('--ignore <names>', 'columns to leave out, such as identifiers and texts, comma-separated', names)
}

/** How columns of texts become numbers: found out, or what a file says. */
export function mixedOption(command: Command): void {
  command.option(
    '--schema <file>',
    'take texts, ranks and missing cells too: what columns are, as JSON (as table fit has it), or the word auto to have it found out',
  )
}

/** New rows are scored whatever they hold: the policies where the file says nothing. */
const POLICIES = { missing: ['own-level', 'mean', 'mode'], unseen: 'mode', range: 'keep' } as const

/** What --schema says, and the columns it leaves out; undefined where it was not given. */
export async function mixedColumns(
  schema: string | undefined,
): Promise<{ schema: SchemaOptions; ignore: string[] } | undefined> {
  if (schema === undefined) return undefined
  const { columns = {}, ...rest } = (schema === 'auto' ? {} : await readJson(schema)) as SchemaOptions
  const all = Object.entries(columns)
  return {
    schema: { ...POLICIES, ...rest, columns: Object.fromEntries(all.filter(([, choice]) => choice !== 'ignore')) },
    ignore: all.filter(([, choice]) => choice === 'ignore').map(([name]) => name),
  }
}
