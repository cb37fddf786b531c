/** What the columns of a run's data are: which of them are x, and whether they are standardised. */
import type { Dataset } from '../data/dataset.js'
import { type Inputs, inputs } from '../data/inputs.js'
import type { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import { type DataSource, isTable } from './data.js'
import type { RunFile } from './run-file.js'
import { warn } from './support.js'

/** Fewer rows than this may count up by chance. */
const COUNTED_ROWS = 20
/** Spreads of columns that differ by more make steps and noise of one size meaningless. */
const UNEQUAL_SPREAD = 10

/** A column 1, 2, 3, ... is the number of the row, and nothing to learn from. */
function counts(dataset: Dataset, name: string): boolean {
  const column = dataset.column(name)
  if (column.shape.length !== 1 || dataset.length < COUNTED_ROWS) return false
  const values = Array.from(column.toTypedArray(), Number)
  return values.every((value, i) => value === values[0]! + i)
}

type Choice = Pick<RunFile, 'data' | 'columns' | 'y' | 'standardize'>

/** Whether the columns of this run are standardised, and which; files of named columns are by default. */
const standardizing = ({ data, standardize }: Choice): boolean | readonly string[] =>
  standardize ?? ('path' in data && isTable((data as { path: string }).path, (data as { format?: string }).format))

/** Columns the energy holds as discrete states stay as they are, unless they were asked for by name. */
function realColumns(model: Energy, names: readonly string[]): readonly string[] {
  const { states } = model.explain()
  if (typeof states === 'string') return states === 'real' ? names : []
  const kinds = states.flatMap(({ kind, columns }) => Array<string>(columns).fill(kind))
  return names.filter((_, k) => kinds[k] === 'real')
}

/**
 * The inputs of a run's energy. undefined for drawn points, whose columns have no names.
 *
 * @throws ERR_LANGEVIN_INVALID_OPTION naming a column that is text, missing, or counts the rows
 */
export function inputsOf(dataset: Dataset, run: Choice, model: Energy): Inputs | undefined {
  const { data, columns, y } = run
  const chosen = standardizing(run)
  if (!('path' in (data as DataSource)) && chosen === false) return undefined
  const options = { ...(columns !== undefined && { columns }), ...(y !== undefined && { y }) }
  const names = inputs(dataset, { ...options, standardize: false })
  if (columns === undefined) refuseCounters(dataset, names.columns)
  const transformed = chosen === true ? realColumns(model, names.columns) : chosen
  const made = inputs(dataset, { ...options, standardize: transformed })
  if (made.transform === undefined) warnOfUnits(dataset, names)
  return made
}

/** A column that counts the rows is no measurement: @throws ERR_LANGEVIN_INVALID_OPTION naming it */
export function refuseCounters(dataset: Dataset, names: readonly string[]): void {
  if (names.length < 2) return
  const counter = names.find((name) => counts(dataset, name))
  if (counter === undefined) return
  throw new LangevinError(
    'ERR_LANGEVIN_INVALID_OPTION',
    `column '${counter}' counts the rows; leave it out with --ignore ${counter} ("ignore" in run.json), or name it in --columns to keep it`,
    { details: { column: counter } },
  )
}

function warnOfUnits(dataset: Dataset, { columns }: Inputs): void {
  const { sd } = dataset.standardize({ columns })
  const spreads = columns.map((name) => ({ name, sd: Math.max(...sd[name]!) }))
  spreads.sort((a, b) => a.sd - b.sd)
  const [least, most] = [spreads[0]!, spreads.at(-1)!]
  if (most.sd <= UNEQUAL_SPREAD * least.sd) return
  warn(
    `columns have unequal scales (sd ${least.sd.toPrecision(2)} of ${least.name}, ${most.sd.toPrecision(2)} of ${most.name}); "standardize": true brings them to one`,
  )
}
