/** What the commands that ask a model of a table share. */
import type { Command } from 'commander'
import { TableModel } from '../tables/index.js'
import { interruption, wholeNumber } from './support.js'
import { policiesOf, type TableOptions } from './table-data.js'

export interface UseOptions extends TableOptions {
  out?: string
  threads?: number
  json?: boolean
}

export const MODEL = ['<model.safetensors>', 'what table fit wrote'] as const
export const DATA = ['<rows>', 'a table of text (.csv, .tsv); - for stdin'] as const

export const threadsOf = ({ threads }: UseOptions) => (threads === undefined ? {} : { threads })
/** A cell of what is written. */
export const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Opens a model under the policies that are asked for, and closes it. */
export async function withModel(
  path: string,
  options: UseOptions,
  work: (model: TableModel, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const loaded = await TableModel.load(path)
  const { signal, release } = interruption(false)
  try {
    await work(loaded.with(policiesOf(options)), signal)
  } finally {
    release()
    loaded.dispose()
  }
}

export function shared(command: Command): Command {
  return command
    .option('--out <file>', 'write there instead of printing')
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
}
