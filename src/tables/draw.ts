/** Draws rows of a table, whole or with some columns given. */
import type { LevelsColumn, Schema } from '../columns/index.js'
import { FARTHEST } from '../columns/transforms.js'
import { type Column, Dataset } from '../data/dataset.js'
import { cellsOf } from '../data/table-cells.js'
import { type SampleDiagnostics, type SampleOptions, sample } from '../sample.js'
import { samplers } from '../samplers/index.js'
import { invalid, requireOptions, type SpecValue } from '../spec/index.js'
import { Tensor, tensor } from '../tensor/index.js'
import { requireModel, requireTable } from './arguments.js'
import type { TableModel } from './model.js'

export interface DrawOptions {
  /** Rounds of the sampler: each moves the numbers, then every column with levels. Default 200. */
  rounds?: number
  /** Fixes the draws. Default 0. */
  seed?: number
  /** Default: `LANGEVIN_THREADS`, or all cores. */
  threads?: number
  /** Stops the chains. */
  signal?: AbortSignal
  /** Called with the share that is done, and the round. */
  onProgress?: (done: number, round: number) => void
}

const hasNumbers = ({ columns }: Schema) => columns.some(({ kind }) => kind === 'numeric')
/** Whether all numbers of a row come from quantile transforms, and so lie between two bounds. */
const areQuantiles = ({ columns }: Schema) =>
  columns.every((column) => column.kind !== 'numeric' || column.transform.kind === 'quantile')
const hasLevels = ({ columns }: Schema) => columns.some(({ kind }) => kind !== 'numeric')

/**
 * Hamiltonian steps on the numbers, whose size every chain finds in the first half of the rounds, and a Gibbs sweep over the columns
 * with levels, in turn. Numbers of quantile transforms stay within the bounds that those have.
 *
 * @param clamp numbers of columns that keep their values
 * @param warmup rounds in which step sizes are found. Default: half of them
 */
export function tableSampler(
  schema: Schema,
  rounds: number,
  clamp: readonly number[] = [],
  warmup: number = Math.floor(rounds / 2),
): SpecValue<'sampler'> {
  const box = areQuantiles(schema) ? { box: { low: -FARTHEST, high: FARTHEST, mode: 'reflect' as const } } : {}
  const numbers = samplers.hmc({ steps: 1, stepSize: 0.1, leapfrogSteps: 5, warmup, ...box })
  const levels = samplers.gibbs({ steps: 1 })
  return samplers.blockwise({
    steps: rounds,
    kernels: [
      ...(hasNumbers(schema) ? [{ on: 'real', sampler: numbers }] : []),
      ...(hasLevels(schema) ? [{ on: 'discrete', sampler: levels }] : []),
    ],
    ...(clamp.length > 0 && { clamp: [...clamp] }),
  })
}

async function draw(
  model: TableModel,
  given: Partial<SampleOptions>,
  clamp: readonly number[],
  options: DrawOptions,
  warmup?: number,
) {
  const { rounds = 200, seed = 0, threads, signal, onProgress } = options
  const run = sample(model.energy, {
    sampler: tableSampler(model.schema, rounds, clamp, warmup),
    seed,
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
    ...given,
  } as SampleOptions)
  for await (const event of run) {
    if (event.type === 'progress') onProgress?.(event.step / event.steps, Math.round(event.step))
  }
  return await run.done
}

/** Rounds between two rows of a chain: about what it takes to forget the first. */
const APART = 20
/** Rows that a chain gives, at most, and chains, at least: fewer say little of whether they have mixed. */
const ROWS_OF_A_CHAIN = 8
const LEAST_CHAINS = 64
const OPTIONS = ['rounds', 'seed', 'threads', 'signal', 'onProgress'] as const

/**
 * Rows of the model, in the form of the table. Chains run for `rounds` and give a row; where many rows are asked for each then gives up to
 * seven more, 20 rounds apart. The diagnostics are those of the first part.
 */
export async function drawTable(
  model: TableModel,
  rows: number,
  options: DrawOptions = {},
): Promise<{ table: Dataset; diagnostics: SampleDiagnostics }> {
  const { rounds = 200, onProgress, signal } = requireOptions('tables.sample', options, OPTIONS)
  requireModel('tables.sample', model)
  if (!Number.isSafeInteger(rows) || rows < 1)
    invalid('tables.sample', 'rows', `must be a whole number of at least 1, got ${rows}`)
  const times = Math.max(1, Math.min(ROWS_OF_A_CHAIN, Math.floor(rows / LEAST_CHAINS)))
  const all = rounds + (times - 1) * APART
  const told = (before: number) => (_: number, round: number) => onProgress?.((before + round) / all, before + round)
  const how = { ...options, ...(signal && { signal }) }
  const first = await draw(model, { chains: Math.ceil(rows / times) }, [], { ...how, onProgress: told(0) })
  const { diagnostics } = first
  const parts = [first.samples]
  let { state } = first
  for (let k = 1; k < times; k++) {
    const more = { ...how, rounds: APART, onProgress: told(rounds + (k - 1) * APART) }
    const next = await draw(model, { resume: state, diagnostics: false }, [], more, Math.floor(rounds / 2))
    parts.push(next.samples)
    state = next.state
  }
  // The last rows first: what is left out is of the first part.
  using joined = Tensor.concat(parts.reverse())
  for (const part of parts) part.dispose()
  using x = joined.slice(0, rows)
  return { table: model.coder.decode(x), diagnostics }
}

/** Whether a missing cell of the column is a value of its own, not a gap. */
const hasOwn = (column: Schema['columns'][number]) =>
  column.kind !== 'numeric' && (column as LevelsColumn).ownLevel === true

/** The same cells missing in some rows: the places of their columns, and the rows. */
interface Gaps {
  readonly places: readonly number[]
  readonly rows: number[]
}

/** Which cells of a table are to be drawn, rows with the same ones together. */
function gapsOf(schema: Schema, table: Dataset): { gaps: Gaps[]; filled: Record<string, number> } {
  const marks = new Set(schema.missingMarks)
  const missing = new Map<number, number[]>()
  const filled: [string, number][] = []
  for (const [k, column] of schema.columns.entries()) {
    const cells = cellsOf(table, column.name, marks)
    if (hasOwn(column) || cells.missingCount === 0) continue
    for (let i = 0; i < cells.length; i++) {
      if (!cells.missing(i)) continue
      const places = missing.get(i)
      if (places) places.push(k)
      else missing.set(i, [k])
    }
    filled.push([column.name, cells.missingCount])
  }
  const alike = new Map<string, Gaps>()
  for (const [row, places] of [...missing].sort(([a], [b]) => a - b)) {
    const key = places.join()
    const gap = alike.get(key)
    if (gap) gap.rows.push(row)
    else alike.set(key, { places, rows: [row] })
  }
  return { gaps: [...alike.values()], filled: Object.fromEntries(filled) }
}

/** The table with the cells of some rows taken from others. */
function withCells(table: Dataset, schema: Schema, parts: readonly (Gaps & { drawn: Dataset })[]) {
  const columns = table.columns.map((name): [string, Column] => {
    const place = schema.columns.findIndex((column) => column.name === name)
    const own = parts.filter(({ places }) => places.includes(place))
    if (own.length === 0) return [name, { values: table.column(name), categories: table.categories[name] }]
    const drawn = own[0]!.drawn
    if (!Object.hasOwn(drawn.categories, name)) {
      const values = Float64Array.from(table.column(name).toTypedArray() as Iterable<number | bigint>, Number)
      // A column whose cells are all missing is read as text.
      if (Object.hasOwn(table.categories, name)) values.fill(Number.NaN)
      for (const { rows, drawn } of own) {
        const cells = drawn.column(name).toTypedArray()
        for (const [i, row] of rows.entries()) values[row] = Number(cells[i])
      }
      return [name, { values: tensor(values) }]
    }
    const texts = new Map((table.categories[name] ?? []).map((text, k) => [text, k]))
    const codes = BigInt64Array.from(table.column(name).toTypedArray() as Iterable<number | bigint>, (code) =>
      texts.size === 0 ? 0n : BigInt(code),
    )
    for (const { rows, drawn } of own) {
      const cells = drawn.column(name).toTypedArray()
      for (const [i, row] of rows.entries()) {
        const text = drawn.categories[name]![Number(cells[i])]!
        if (!texts.has(text)) texts.set(text, texts.size)
        codes[row] = BigInt(texts.get(text)!)
      }
    }
    return [name, { values: tensor(codes, [codes.length], 'int64'), categories: [...texts.keys()] }]
  })
  return new Dataset(new Map(columns))
}

/**
 * Fills the missing cells of a table: each is drawn from its law given the other cells of its row, which stay. In columns where
 * missing is a level of its own such cells stay missing.
 *
 * @returns the table, and how many cells of each column were filled
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION naming column and row of a cell that does not fit
 */
export async function completeTable(
  model: TableModel,
  table: Dataset,
  options: DrawOptions = {},
): Promise<{ table: Dataset; filled: Readonly<Record<string, number>> }> {
  requireOptions('tables.complete', options, OPTIONS)
  requireModel('tables.complete', model)
  requireTable('tables.complete', table)
  const { schema } = model
  const { gaps, filled } = gapsOf(schema, table)
  // Gaps begin at the mean or the most frequent level, and are drawn from there.
  const { rows } = model.with({ missing: ['own-level', 'mean', 'mode'] }).coder.encode(table, 'rows')
  using x = rows
  const all = x.toTypedArray() as Float64Array
  const parts: (Gaps & { drawn: Dataset })[] = []
  for (const [k, gap] of gaps.entries()) {
    using init = selected(all, x.shape[1]!, gap.rows)
    const clamp = schema.columns.flatMap((_, place) => (gap.places.includes(place) ? [] : [place]))
    const { signal, onProgress } = options
    const more = { ...options, seed: (options.seed ?? 0) + k, ...(signal && { signal }) }
    if (onProgress) more.onProgress = (done, round) => onProgress((k + done) / gaps.length, round)
    const { samples } = await draw(model, { init }, clamp, more)
    using drawn = samples
    parts.push({ ...gap, drawn: model.coder.decode(drawn) })
  }
  return { table: withCells(table, schema, parts), filled }
}

/** Some rows of a matrix. */
function selected(all: Float64Array, width: number, rows: readonly number[]): Tensor {
  const out = new Float64Array(rows.length * width)
  for (const [i, row] of rows.entries()) out.set(all.subarray(row * width, (row + 1) * width), i * width)
  return tensor(out, [rows.length, width])
}
