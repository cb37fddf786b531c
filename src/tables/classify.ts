/** The levels of one column given the rest of the row: p(level | rest) is a softmax of minus the energies. */
import { codedWidth, type LevelsColumn, levelsOf } from '../columns/index.js'
import { textColumn } from '../data/categories.js'
import { type Column, Dataset } from '../data/dataset.js'
import { LangevinError } from '../errors.js'
import { auroc, ece, nll } from '../metrics/index.js'
import { requireOptions } from '../spec/index.js'
import { tensor } from '../tensor/index.js'
import { requireModel, requireTable } from './arguments.js'
import type { TableModel } from './model.js'
import { alternatives, replacedEnergies } from './score.js'

export interface Classified {
  /** The levels of the column, in the order of the probabilities. */
  levels: readonly (string | number)[]
  /** [rows][levels] */
  probabilities: Float64Array[]
  /** The place of each row's own level; -1 where the cell is missing or no such column is there. */
  truth: Int32Array
}

/** @throws ERR_LANGEVIN_INVALID_OPTION where it is no column with levels */
export function labelColumn(model: TableModel, name: string): LevelsColumn {
  const column = model.schema.columns.find((each) => each.name === name)
  if (column !== undefined && column.kind !== 'numeric') return column
  const possible = model.schema.columns.filter(({ kind }) => kind !== 'numeric').map((each) => each.name)
  throw new LangevinError(
    'ERR_LANGEVIN_INVALID_OPTION',
    `'${name}' ${column === undefined ? 'is no column of the model' : 'is a column of numbers'}; columns with levels: ${possible.join(', ') || 'none'}`,
    { details: { column: name } },
  )
}

/** The table with a column of one level in place of its label, and what the label was. */
function withoutLabel(model: TableModel, table: Dataset, label: LevelsColumn): { table: Dataset; truth: Int32Array } {
  const { name, levels } = label
  const filler: Column =
    typeof levels[0] === 'number'
      ? { values: tensor(new Float64Array(table.length).fill(levels[0])) }
      : textColumn(Array<string>(table.length).fill(levels[0] as string))
  const truth = new Int32Array(table.length).fill(-1)
  if (table.columns.includes(name)) {
    const texts = Object.hasOwn(table.categories, name) ? table.categories[name]! : undefined
    const marks = new Set(model.schema.missingMarks)
    const values = table.column(name).toTypedArray()
    for (let i = 0; i < truth.length; i++) {
      const value = texts?.[Number(values[i])] ?? Number(values[i])
      if (typeof value === 'string' ? !marks.has(value) : !Number.isNaN(value)) truth[i] = levels.indexOf(value)
    }
  }
  const columns = table.columns
    .filter((each) => each !== name)
    .map((each): [string, Column] => [each, { values: table.column(each), categories: table.categories[each] }])
  return { table: new Dataset(new Map([...columns, [name, filler]])), truth }
}

/**
 * Probabilities of the levels of a column, exact under the model; cells of the column itself are not looked at, and it may be missing.
 * A level of its own for missing cells is left out: the column has a value.
 *
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION
 */
export async function classifyTable(
  model: TableModel,
  table: Dataset,
  name: string,
  options: { firstRow?: number; threads?: number; signal?: AbortSignal } = {},
): Promise<Classified> {
  const known = ['firstRow', 'threads', 'signal'] as const
  const { firstRow = 1, threads, signal } = requireOptions('tables.classify', options, known)
  requireModel('tables.classify', model)
  requireTable('tables.classify', table)
  const label = labelColumn(model, name)
  const given = withoutLabel(model, table, label)
  const { rows } = model.coder.encode(given.table, 'rows', firstRow, 'float32')
  using x = rows
  const flat = x.toTypedArray() as Float32Array
  const { columns } = model.schema
  const first = columns.slice(0, columns.indexOf(label)).reduce((sum, column) => sum + codedWidth(column), 0)
  if (levelsOf(label) > 64) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      `'${name}' has ${levelsOf(label)} levels; at most 64 are classified`,
    )
  }
  const values = alternatives(label).slice(0, label.levels.length)
  const how = { ...(threads !== undefined && { threads }), ...(signal && { signal }) }
  const energies = await replacedEnergies(model, flat, first, values, how)
  const probabilities = Array.from({ length: table.length }, (_, i) => {
    const least = energies.reduce((low, each) => Math.min(low, each[i]!), Number.POSITIVE_INFINITY)
    const weights = Float64Array.from(energies, (each) => Math.exp(least - each[i]!))
    const sum = weights.reduce((a, b) => a + b, 0)
    return weights.map((weight) => weight / sum)
  })
  return { levels: label.levels, probabilities, truth: given.truth }
}

/** How well probabilities of classes agree with the classes that occurred. */
export interface ClassQuality {
  readonly accuracy: number
  /** Mean over the classes of the area under the ROC curve of each against the others; left out where one class alone occurs. */
  readonly auroc?: number
  /** Mean over the classes that occur of 2 TP / (2 TP + FP + FN). */
  readonly f1: number
  /** Expected calibration error, 15 bins. */
  readonly ece: number
  /** Mean of -log p of the class that occurred, nats. */
  readonly nll: number
}

const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value / list.length, 0)
const placeOfMost = (p: Float64Array) => p.indexOf(p.reduce((a, b) => Math.max(a, b), 0))

/**
 * @param probabilities [rows][classes]
 * @param truth the place of each row's class
 */
export function accuracyOf(probabilities: readonly Float64Array[], truth: readonly number[]): ClassQuality {
  const width = probabilities[0]!.length
  const found = probabilities.map(placeOfMost)
  const places = [...new Set(truth)].sort((a, b) => a - b)
  const aurocs = places.map((k) => {
    using scores = tensor(Float64Array.from(probabilities, (p) => p[k]!))
    using labels = tensor(Float64Array.from(truth, (each) => Number(each === k)))
    return places.length < 2 ? Number.NaN : auroc(scores, labels, { positive: 'ood' })
  })
  const f1s = places.map((k) => {
    const both = found.filter((each, i) => each === k && truth[i] === k).length
    const either = found.filter((each) => each === k).length + truth.filter((each) => each === k).length
    return (2 * both) / either
  })
  using flat = tensor(Float64Array.from(probabilities.flatMap((p) => [...p])), [probabilities.length, width])
  using labels = tensor(Float64Array.from(truth))
  return {
    accuracy: found.filter((each, i) => each === truth[i]).length / truth.length,
    ...(places.length > 1 && { auroc: mean(aurocs) }),
    f1: mean(f1s),
    ece: ece(flat, labels),
    nll: nll(flat, labels),
  }
}
