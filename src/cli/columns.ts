/** Options of commands that choose the columns of a table. */
import type { Command } from 'commander'

/** `a, b` -> ['a', 'b'] */
export const words = (text: string) => text.split(',').map((word) => word.trim())

export function columnOptions(command: Command): void {
  command
    .option('--columns <names>', 'the columns to look at, comma-separated (default: all numeric ones)', words)
    .option('--ignore <names>', 'columns to leave out, such as identifiers and texts, comma-separated', words)
}
