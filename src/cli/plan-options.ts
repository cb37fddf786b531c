/** The options that `init` and `train` share: what is learned from which columns. */
import type { Command } from 'commander'
import type { Dataset } from '../data/dataset.js'
import { readOptions, readRows, type TextStyle } from './data.js'
import { OBJECTIVE_NAMES, objectiveOf, planRun } from './plan.js'
import { parseRunFile, type RunFile } from './run-file.js'
import { type Assignment, assignment, withAssignments } from './set.js'
import { names, wholeNumbers } from './support.js'

export interface PlanFlags extends TextStyle {
  objective?: string
  hidden?: number[]
  columns?: string[]
  ignore?: string[]
  y?: string
  standardize: boolean
  format?: string
  set?: readonly Assignment[]
}

/** Adds the options to a command. */
export function planOptions(command: Command): Command {
  return readOptions(command)
    .option('--objective <name or JSON>', `what training minimises: ${OBJECTIVE_NAMES.join(', ')}, any kind, or JSON`)
    .option('--hidden <widths>', 'widths of the hidden layers, such as 64,64', wholeNumbers(1))
    .option('--columns <names>', 'columns that are x, comma-separated (default: all but y)', names)
    .option('--ignore <names>', 'columns to leave out, comma-separated', names)
    .option('--y <name>', 'column of the condition or class y')
    .option('--no-standardize', 'take the columns as they are, instead of bringing each to mean 0 and sd 1')
    .option('--set <key=value>', 'any field of the run, such as optimizer.lr=0.001 (repeatable)', assignment)
}

/** What the flags say about a run file, as its fields. */
function fieldsOf({ columns, ignore, y, standardize, objective, hidden }: PlanFlags): Assignment[] {
  const fields: [string, unknown][] = [
    ['columns', columns],
    ['ignore', ignore],
    ['y', y],
    ['standardize', standardize ? undefined : false],
    ['objective', objective === undefined ? undefined : objectiveOf(objective)],
    ['energy.hidden', hidden],
  ]
  return fields.flatMap(([key, value]) => (value === undefined ? [] : [{ path: key.split('.'), value }]))
}

/** A run file with the flags applied, `--set` last. */
export function withFlags(json: unknown, path: string, flags: PlanFlags): { json: unknown; file: RunFile } {
  const changed = withAssignments(json, [...fieldsOf(flags), ...(flags.set ?? [])])
  return { json: changed, file: parseRunFile(changed, path) }
}

/** The run for a table without a run file, and the rows that were read for it. */
export async function planned(
  path: string,
  flags: PlanFlags,
): Promise<{ json: unknown; file: RunFile; rows: Dataset }> {
  const { format, ignore, objective, hidden, columns, y, header, decimal, thousands, delimiter } = flags
  const style = { header, decimal, thousands, delimiter }
  const rows = await readRows(path, { format, ignore, ...style })
  const { set, standardize } = flags
  const plan = planRun(path, rows, { ...style, format, ignore, objective, hidden, columns, y })
  return { ...withFlags(plan, path, { standardize, ...(set !== undefined && { set }) }), rows }
}
