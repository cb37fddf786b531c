/** Options of commands that choose the columns of a table. */
import type { Command } from 'commander'
import { names } from './support.js'

export function columnOptions(command: Command): void {
  command
    .option('--columns <names>', 'the columns to look at, comma-separated (default: all)', names)
    .option('--ignore <names>', 'columns to leave out, such as identifiers and texts, comma-separated', names)
}
