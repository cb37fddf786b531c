/**
 * How alike two tables are, column by column and pair by pair: the scores of the Quality Report of SDMetrics (DataCebo), each from 0
 * to 1, by their published definitions (docs.sdv.dev/sdmetrics).
 */
import type { SideColumn } from './sides.js'

/** Bins of equal width that a number is put into beside a category. */
const BINS = 10

export interface ColumnSimilarity {
  readonly column: string
  /** Of numbers KSComplement, of all others TVComplement. */
  readonly metric: 'KSComplement' | 'TVComplement'
  /** null where one of the tables has no cell that is not missing. */
  readonly score: number | null
}

export interface PairSimilarity {
  readonly columns: readonly [string, string]
  /** Of two numbers CorrelationSimilarity, of all others ContingencySimilarity. */
  readonly metric: 'CorrelationSimilarity' | 'ContingencySimilarity'
  /** null where a column of numbers is constant. */
  readonly score: number | null
  /** Correlations of two numbers. */
  readonly real?: number
  readonly synthetic?: number
}

export interface Similarity {
  readonly columns: readonly ColumnSimilarity[]
  readonly pairs: readonly PairSimilarity[]
  /** Mean score of the columns, of the pairs, and the mean of both; null where there is none. */
  readonly shapes: number | null
  readonly trends: number | null
  readonly overall: number | null
}

const present = (values: Float64Array) => values.filter((x) => !Number.isNaN(x))

/** 1 - sup |F - G| of the empirical distribution functions: the complement of the Kolmogorov-Smirnov statistic. Missing cells are left out. */
function ksComplement(real: Float64Array, synthetic: Float64Array): number | null {
  const [a, b] = [present(real).sort(), present(synthetic).sort()]
  if (a.length === 0 || b.length === 0) return null
  let [i, j, most] = [0, 0, 0]
  while (i < a.length && j < b.length) {
    const x = Math.min(a[i]!, b[j]!)
    while (i < a.length && a[i] === x) i++
    while (j < b.length && b[j] === x) j++
    most = Math.max(most, Math.abs(i / a.length - j / b.length))
  }
  return 1 - most
}

/** Shares of codes 0 to width - 1; a code beyond is left out. */
function shares(codes: Int32Array, width: number): Float64Array | undefined {
  const counts = new Float64Array(width)
  let sum = 0
  for (const code of codes) {
    if (code >= width) continue
    counts[code]!++
    sum++
  }
  return sum === 0 ? undefined : counts.map((count) => count / sum)
}

/** 1 minus half the sum of differences: the complement of the total variation distance. */
const complement = (p: Float64Array, q: Float64Array) =>
  1 - p.reduce((sum, each, k) => sum + Math.abs(each - q[k]!), 0) / 2

function columnSimilarity({ name, kind, numbers, codes, levels }: SideColumn): ColumnSimilarity {
  if (kind === 'number') return { column: name, metric: 'KSComplement', score: ksComplement(numbers[0]!, numbers[1]!) }
  const [p, q] = codes.slice(0, 2).map((list) => shares(list, levels.length))
  return { column: name, metric: 'TVComplement', score: p && q ? complement(p, q) : null }
}

/** Pearson's correlation over the rows in which both cells are there; undefined where one of them does not vary. */
function correlation(x: Float64Array, y: Float64Array): number | undefined {
  let [n, mx, my, xx, yy, xy] = [0, 0, 0, 0, 0, 0]
  for (let i = 0; i < x.length; i++) {
    if (Number.isNaN(x[i]!) || Number.isNaN(y[i]!)) continue
    n++
    const [dx, dy] = [x[i]! - mx, y[i]! - my]
    mx += dx / n
    my += dy / n
    xx += dx * (x[i]! - mx)
    yy += dy * (y[i]! - my)
    xy += dx * (y[i]! - my)
  }
  return xx > 0 && yy > 0 ? Math.max(-1, Math.min(1, xy / Math.sqrt(xx * yy))) : undefined
}

interface Coded {
  readonly codes: readonly Int32Array[]
  /** Places, that of missing cells among them. */
  readonly width: number
}

/** A column of numbers in bins of equal width between the least and the largest real number, open at both ends. */
function binned(numbers: readonly Float64Array[]): Coded {
  const real = present(numbers[0]!)
  const low = real.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const high = real.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  // As NumPy has it: a single value gets bins from half below to half above.
  const [from, to] = low < high ? [low, high] : [low - 0.5, high + 0.5]
  const edges = Float64Array.from({ length: BINS - 1 }, (_, k) => from + ((k + 1) * (to - from)) / BINS)
  const place = (x: number) => {
    if (Number.isNaN(x)) return BINS
    let bin = 0
    while (bin < edges.length && x >= edges[bin]!) bin++
    return bin
  }
  return { codes: numbers.map((list) => Int32Array.from(list, place)), width: BINS + 1 }
}

/** Shares of the pairs of codes that occur. */
function pairShares(x: Int32Array, y: Int32Array, width: number): Map<number, number> {
  const found = new Map<number, number>()
  for (let i = 0; i < x.length; i++) {
    const key = x[i]! * width + y[i]!
    found.set(key, (found.get(key) ?? 0) + 1 / x.length)
  }
  return found
}

/** 1 minus the total variation distance of the two normalised contingency tables; a missing cell is a level. */
function contingency(a: Coded, b: Coded): number {
  const [p, q] = [0, 1].map((side) => pairShares(a.codes[side]!, b.codes[side]!, b.width)) as [
    Map<number, number>,
    Map<number, number>,
  ]
  const keys = new Set([...p.keys(), ...q.keys()])
  let sum = 0
  for (const key of keys) sum += Math.abs((p.get(key) ?? 0) - (q.get(key) ?? 0))
  return 1 - sum / 2
}

const codedOf = (column: SideColumn): Coded =>
  column.kind === 'number' ? binned(column.numbers) : { codes: column.codes, width: column.levels.length + 1 }

function pairSimilarity(a: SideColumn, b: SideColumn, coded: ReadonlyMap<SideColumn, Coded>): PairSimilarity {
  const columns = [a.name, b.name] as const
  if (a.kind !== 'number' || b.kind !== 'number')
    return { columns, metric: 'ContingencySimilarity', score: contingency(coded.get(a)!, coded.get(b)!) }
  const [real, synthetic] = [0, 1].map((side) => correlation(a.numbers[side]!, b.numbers[side]!))
  if (real === undefined || synthetic === undefined) return { columns, metric: 'CorrelationSimilarity', score: null }
  return { columns, metric: 'CorrelationSimilarity', score: 1 - Math.abs(real - synthetic) / 2, real, synthetic }
}

/** Mean of the numbers there are. */
function mean(values: readonly (number | null)[]): number | null {
  const some = values.filter((value) => value !== null)
  return some.length === 0 ? null : some.reduce((sum, value) => sum + value / some.length, 0)
}

/**
 * How alike the first two tables of each column are: the real one and the synthetic one.
 *
 * - KSComplement of a column of numbers: 1 - sup |F_real - F_synthetic|; TVComplement of any other: 1 - sum |p_real - p_synthetic| / 2.
 *   Missing cells are left out of both.
 * - CorrelationSimilarity of two columns of numbers: 1 - |r_real - r_synthetic| / 2 with Pearson's r over the rows that have both cells.
 *   ContingencySimilarity of any other two: 1 - sum |P_real - P_synthetic| / 2 over the pairs of levels. Beside a category, a number is in
 *   one of 10 bins of equal width between the least and the largest real number, the outer two open; a missing cell is a level of its own.
 */
export function similarityOf(sides: readonly SideColumn[]): Similarity {
  const columns = sides.map(columnSimilarity)
  const coded = new Map(sides.map((side) => [side, codedOf(side)]))
  const pairs = sides.flatMap((a, i) => sides.slice(i + 1).map((b) => pairSimilarity(a, b, coded)))
  const [shapes, trends] = [columns, pairs].map((list) => mean(list.map(({ score }) => score))) as [
    number | null,
    number | null,
  ]
  return { columns, pairs, shapes, trends, overall: mean([shapes, trends]) }
}
