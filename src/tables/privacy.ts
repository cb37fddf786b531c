/** How near synthetic rows lie to real ones: distances to the closest record, and copies, beside the same of held-out real rows. */
import { setImmediate } from 'node:timers/promises'
import { LangevinError } from '../errors.js'
import { invokeNow } from '../runtime/index.js'
import type { Tensor } from '../tensor/index.js'
import type { SideColumn } from './sides.js'

/** Distances to the closest of the real rows. */
export interface Closest {
  /** Rows whose distances were taken, drawn at random where there are more. */
  readonly rows: number
  readonly mean: number
  /** Quantiles at 0.05 and 0.5. */
  readonly low: number
  readonly median: number
  /** Share of ALL rows of the table that are a real row, cell by cell. */
  readonly copied: number
}

export interface Privacy {
  readonly synthetic: Closest
  /** Real rows that were not trained on: how near rows of the same law lie by chance. */
  readonly heldOut?: Closest
  /**
   * Share of synthetic rows nearer to the real rows than to the held-out ones, as many real rows as held-out ones and ties counted as
   * half: 0.5 where nothing was memorised.
   */
  readonly nearerToReal?: number
}

export interface PrivacyOptions {
  /** Fixes which rows are looked at. Default 0. */
  seed?: number
  signal?: AbortSignal | undefined
}

/** Synthetic and held-out rows that are looked at, at most. */
const QUERIES = 2000
/** Rows between two looks at whether to stop, and turns for others. */
const AT_ONCE = 16

/** `count` of n row numbers without replacement, in ascending order. */
function drawn(n: number, count: number, seed: number): Int32Array {
  if (count >= n) return Int32Array.from({ length: n }, (_, i) => i)
  const [rows] = invokeNow<Tensor[]>('data.split', { n, sizes: [count], seed })
  using chosen = rows!
  return Int32Array.from(chosen.toTypedArray() as Iterable<number | bigint>, Number).sort()
}

/** Rows of one table, laid out for distances. */
interface Rows {
  readonly count: number
  /** [rows][columns of numbers], over the range of the real numbers; NaN where missing. */
  readonly numbers: Float64Array
  /** [rows][columns of levels] */
  readonly codes: Int32Array
}

function rowsOf(sides: readonly SideColumn[], table: number, count: number): Rows {
  const wide = sides.filter(({ kind }) => kind === 'number')
  const levels = sides.filter(({ kind }) => kind === 'category')
  const numbers = new Float64Array(count * wide.length)
  for (const [k, { numbers: all }] of wide.entries()) {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const x of all[0]!) {
      if (x < low) low = x
      if (x > high) high = x
    }
    const range = high > low ? high - low : 1
    for (let i = 0; i < count; i++) numbers[i * wide.length + k] = all[table]![i]! / range
  }
  const codes = new Int32Array(count * levels.length)
  for (const [k, { codes: all }] of levels.entries())
    for (let i = 0; i < count; i++) codes[i * levels.length + k] = all[table]![i]!
  return { count, numbers, codes }
}

/** |a - b| of two scaled numbers, at most 1; 0 where both are missing and 1 where one is. */
function apart(a: number, b: number): number {
  const d = Math.abs(a - b)
  if (d <= 1) return d
  return Number.isNaN(a) && Number.isNaN(b) ? 0 : 1
}

/** Mean over the columns of the distances of two rows, for each asked row to the nearest of some others. */
async function nearest(
  from: Rows,
  asked: Int32Array,
  to: Rows,
  among: Int32Array,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const [wide, levels] = [from.numbers.length / from.count, from.codes.length / from.count]
  const found = new Float64Array(asked.length)
  for (const [i, row] of asked.entries()) {
    if (i % AT_ONCE === 0) {
      await setImmediate()
      signal?.throwIfAborted()
    }
    let best = Number.POSITIVE_INFINITY
    for (const other of among) {
      let sum = 0
      for (let k = 0; k < levels; k++) if (from.codes[row * levels + k] !== to.codes[other * levels + k]) sum++
      for (let k = 0; k < wide && sum < best; k++)
        sum += apart(from.numbers[row * wide + k]!, to.numbers[other * wide + k]!)
      if (sum < best) best = sum
    }
    found[i] = best / (wide + levels)
  }
  return found
}

/** The cells of a row as one text. */
function keyOf({ numbers, codes, count }: Rows, row: number): string {
  const [wide, levels] = [numbers.length / count, codes.length / count]
  return `${codes.subarray(row * levels, (row + 1) * levels).join()}|${numbers.subarray(row * wide, (row + 1) * wide).join()}`
}

async function closestOf(
  of: Rows,
  asked: Int32Array,
  real: Rows,
  known: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<Closest> {
  const all = Int32Array.from({ length: real.count }, (_, i) => i)
  const distances = await nearest(of, asked, real, all, signal)
  const sorted = Float64Array.from(distances).sort()
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
  let copied = 0
  for (let i = 0; i < of.count; i++) if (known.has(keyOf(of, i))) copied++
  return {
    rows: asked.length,
    mean: distances.reduce((sum, d) => sum + d / distances.length, 0),
    low: at(0.05),
    median: at(0.5),
    copied: copied / of.count,
  }
}

async function nearerShare(of: Rows, real: Rows, heldOut: Rows, { seed = 0, signal }: PrivacyOptions): Promise<number> {
  const asked = drawn(of.count, QUERIES, seed)
  const size = Math.min(real.count, heldOut.count)
  const toReal = await nearest(of, asked, real, drawn(real.count, size, seed), signal)
  const toOthers = await nearest(of, asked, heldOut, drawn(heldOut.count, size, seed), signal)
  return toReal.reduce((sum, d, i) => sum + (d < toOthers[i]! ? 1 : d === toOthers[i]! ? 0.5 : 0), 0) / asked.length
}

/**
 * Distances of synthetic rows to the closest real row, and of held-out rows as a control.
 *
 * The distance of two rows is Gower's (1971): the mean over the columns of |a - b| / (largest - least real number), at most 1, of numbers,
 * and of 0 for the same level and 1 for another; a missing cell is a level of its own, at distance 1 from every number.
 *
 * @param rows of the real, the synthetic and, where there is one, the held-out table
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION without a column
 */
export async function privacyOf(
  sides: readonly SideColumn[],
  rows: readonly number[],
  options: PrivacyOptions = {},
): Promise<Privacy> {
  if (sides.length === 0) throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', 'privacy: there is no column')
  const { seed = 0, signal } = options
  const [real, synthetic, heldOut] = rows.map((count, table) => rowsOf(sides, table, count))
  const known = new Set(Array.from({ length: real!.count }, (_, i) => keyOf(real!, i)))
  const closest = (of: Rows) => closestOf(of, drawn(of.count, QUERIES, seed), real!, known, signal)
  const own = await closest(synthetic!)
  if (heldOut === undefined) return { synthetic: own }
  return {
    synthetic: own,
    heldOut: await closest(heldOut),
    nearerToReal: await nearerShare(synthetic!, real!, heldOut, options),
  }
}
