/** Energies of rows of a table, and which of their columns are to blame. */
import { codedWidth, forward, levelsOf, type NumericColumn, type TableColumn } from '../columns/index.js'
import { normalQuantile } from '../columns/normal.js'
import type { Dataset } from '../data/dataset.js'
import type { Replaced } from '../data/table-coder.js'
import { requireOptions } from '../spec/index.js'
import { tensor } from '../tensor/index.js'
import { requireModel, requireTable } from './arguments.js'
import type { TableModel } from './model.js'

/** Values a number is replaced by, and levels a category is, at most. */
const VALUES = 16
const MOST_LEVELS = 64
/** Rows that are evaluated at a time with a column replaced. */
const AT_ONCE = 1 << 15

export interface ScoreOptions {
  /** Also what each column adds. */
  contributions?: boolean
  /** Number of the first row, for messages. */
  firstRow?: number
  threads?: number
  signal?: AbortSignal
}

export interface Scores {
  energies: Float32Array
  /** By column of the schema: the energy of each row minus its mean over the values the column might have. */
  contributions?: ReadonlyMap<string, Float32Array>
  replaced: Readonly<Record<string, Replaced>>
}

type How = { threads?: number; signal?: AbortSignal }

/** Energies of encoded rows laid flat. */
async function energiesOf({ energy, coder }: TableModel, rows: Float32Array, how: How): Promise<Float32Array> {
  using x = tensor(rows, [rows.length / coder.width, coder.width])
  using energies = await energy.energy(x, how)
  return Float32Array.from(energies.toTypedArray() as Float32Array)
}

/** Evenly spaced quantiles: of the standard normal law, which a quantile transform makes of its column; else of the range in training. */
function numbersOf({ transform, low, high }: NumericColumn): Float32Array[] {
  const [from, to] = [low, high].map(forward(transform)) as [number, number]
  const quantile = transform.kind === 'quantile' ? normalQuantile : (p: number) => from + p * (to - from)
  return Array.from({ length: VALUES }, (_, k) => Float32Array.of(quantile((k + 0.5) / VALUES)))
}

/**
 * The values a column is replaced by, as numbers of an encoded row: every level (64 of them, evenly spaced, where there are more);
 * of a numeric column 16 evenly spaced quantiles, of its law where it has a quantile transform, else between the least and the
 * largest number in training.
 */
export function alternatives(column: TableColumn): Float32Array[] {
  if (column.kind === 'numeric') return numbersOf(column)
  const levels = levelsOf(column)
  const count = Math.min(levels, MOST_LEVELS)
  const places = Array.from({ length: count }, (_, k) => Math.floor((k * levels) / count))
  return places.map((place) => {
    if (column.kind !== 'categorical') return Float32Array.of(place)
    const oneHot = new Float32Array(levels)
    oneHot[place] = 1
    return oneHot
  })
}

/** Energies of every row with a column replaced by each of some values: [values][rows]. */
export async function replacedEnergies(
  model: TableModel,
  rows: Float32Array,
  first: number,
  values: readonly Float32Array[],
  how: How,
): Promise<Float32Array[]> {
  const { width } = model.coder
  const count = rows.length / width
  const found = values.map(() => new Float32Array(count))
  const many = Math.max(1, Math.floor(AT_ONCE / values.length))
  for (let start = 0; start < count; start += many) {
    const n = Math.min(many, count - start)
    const part = rows.subarray(start * width, (start + n) * width)
    const all = new Float32Array(values.length * part.length)
    for (const [k, value] of values.entries()) {
      const at = k * part.length
      all.set(part, at)
      for (let i = 0; i < n; i++) all.set(value, at + i * width + first)
    }
    const energies = await energiesOf(model, all, how)
    for (const [k, each] of found.entries()) each.set(energies.subarray(k * n, (k + 1) * n), start)
  }
  return found
}

async function contributionsOf(model: TableModel, rows: Float32Array, energies: Float32Array, how: How) {
  const found = new Map<string, Float32Array>()
  let first = 0
  for (const column of model.schema.columns) {
    const others = await replacedEnergies(model, rows, first, alternatives(column), how)
    found.set(
      column.name,
      energies.map((energy, i) => energy - others.reduce((sum, each) => sum + each[i]! / others.length, 0)),
    )
    first += codedWidth(column)
  }
  return found
}

/**
 * Scores rows of a table.
 *
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION naming column and row of a cell that does not fit
 */
export async function scoreTable(model: TableModel, table: Dataset, options: ScoreOptions = {}): Promise<Scores> {
  const known = ['contributions', 'firstRow', 'threads', 'signal'] as const
  const { contributions = false, firstRow = 1, threads, signal } = requireOptions('tables.score', options, known)
  requireModel('tables.score', model)
  requireTable('tables.score', table)
  const how = { ...(threads !== undefined && { threads }), ...(signal && { signal }) }
  const { rows, replaced } = model.coder.encode(table, 'rows', firstRow, 'float32')
  using x = rows
  using found = await model.energy.energy(x, how)
  const energies = Float32Array.from(found.toTypedArray() as Float32Array)
  if (!contributions) return { energies, replaced }
  const flat = x.toTypedArray() as Float32Array
  return { energies, replaced, contributions: await contributionsOf(model, flat, energies, how) }
}
