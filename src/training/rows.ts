/** The rows that train() and evaluateObjective() take, as the core takes them. */
import { Dataset } from '../data/dataset.js'
import type { InputRows } from '../data/input-rows.js'
import { RowSource } from '../data/rows.js'
import type { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import { requireOptions } from '../spec/index.js'
import { type RowsLike, type Tensor, toRows } from '../tensor/index.js'

/** What training reads: a Dataset, rows, rows that stay as they are stored (data.rows), or rows with their y. */
export type TrainingRows = Dataset | RowSource | RowsLike | LabelledRows

/** Rows with their y. */
export interface LabelledRows {
  x: RowSource | RowsLike
  y?: RowsLike
  /** A second data set without y, for objectives that have a use for it (jointEnergy). */
  unlabelled?: RowSource | RowsLike
}

function isPair(source: TrainingRows): source is LabelledRows {
  return typeof source === 'object' && source !== null && 'x' in source
}

type Columns = { y?: string | readonly string[] | undefined; columns?: readonly string[] | undefined }

/** x and y as the core takes them, and the tensors that were made here. */
export function rowsOf(
  owner: string,
  source: TrainingRows,
  { y, columns }: Columns,
  energy: Energy,
): { rows: { x: object; y?: Tensor; unlabelled?: object }; made: Tensor[] } {
  if (source instanceof Dataset) {
    return energy.conversion ? byName(source, y, columns, energy.conversion) : fromDataset(source, y, columns)
  }
  if (y !== undefined || columns !== undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `${owner}(): ${y === undefined ? 'columns' : 'y'} names columns of a Dataset; give rows as { x, y }`,
    )
  }
  const pair: LabelledRows = isPair(source)
    ? requireOptions(`${owner}: rows`, source, ['x', 'y', 'unlabelled'])
    : { x: source }
  const made: Tensor[] = []
  const take = (value: RowsLike, rows: Tensor) => {
    if (rows !== value) made.push(rows)
    return rows
  }
  const stored = pair.x instanceof RowSource || pair.unlabelled instanceof RowSource
  if (stored && energy.conversion?.transforms) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      `${owner}(): rows of data.rows() stay as they are stored, and this energy standardises its inputs; give a Dataset or a tensor, or make the energy without inputs and use { scale, shift } of data.rows()`,
    )
  }
  const rowsIn = (value: RowSource | RowsLike) =>
    value instanceof RowSource ? value.toArguments() : take(value, energy.toRows(value))
  const rows = {
    x: rowsIn(pair.x),
    ...(pair.y !== undefined && { y: take(pair.y, toRows(pair.y, 'y')) }),
    ...(pair.unlabelled !== undefined && { unlabelled: rowsIn(pair.unlabelled) }),
  }
  return { rows, made }
}

/** Columns of a data set as the energy's inputs name them. */
function byName(source: Dataset, y: Columns['y'], columns: Columns['columns'], conversion: InputRows) {
  const { inputs } = conversion
  for (const [key, given, own] of [
    ['columns', columns, inputs.columns],
    ['y', y === undefined ? undefined : [y].flat(), inputs.y ?? []],
  ] as const) {
    if (given === undefined || (given.length === own.length && given.every((name) => own.includes(name)))) continue
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `train(): ${key}: the energy's inputs name ${own.join(', ') || 'none'}, and here are ${given.join(', ')}; leave the option out, or make the energy with other inputs`,
      { details: { path: key } },
    )
  }
  const chosen = [...inputs.columns, ...(inputs.y ?? [])]
  // What the caller leaves out by naming columns is left out; without names nothing may be left over.
  const x = conversion.rows(
    columns === undefined ? source : source.drop(source.columns.filter((name) => !chosen.includes(name))),
  )
  const labels = conversion.condition(source)
  return labels === undefined ? { rows: { x }, made: [x] } : { rows: { x, y: labels }, made: [x, labels] }
}

function fromDataset(source: Dataset, y: Columns['y'], columns: Columns['columns']) {
  const names = y === undefined ? (source.label === undefined ? [] : [source.label]) : [y].flat()
  const x = source.toTensor(columns ?? source.columns.filter((name) => !names.includes(name)))
  if (names.length === 0) return { rows: { x }, made: [x] }
  const single = names.length === 1 ? source.withLabel(names[0]).labels() : undefined
  const labels = single ?? source.toTensor(names)
  return { rows: { x, y: labels }, made: [x, labels] }
}
