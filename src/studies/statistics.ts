/** Summaries of a handful of seeds. */

export interface Summary {
  n: number
  mean: number
  /** Sample standard deviation (divisor n - 1); null for a single value. */
  sd: number | null
}

/** Mean and standard deviation; undefined without values. */
export function summarise(values: readonly number[]): Summary | undefined {
  const n = values.length
  if (n === 0) return undefined
  const mean = values.reduce((sum, v) => sum + v, 0) / n
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0)
  return { n, mean, sd: n > 1 ? Math.sqrt(squares / (n - 1)) : null }
}

/** Differences a - b of the seeds both have, in the order of a. */
export function pairedDifferences(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): number[] {
  return [...a].flatMap(([seed, value]) => (b.has(seed) ? [value - b.get(seed)!] : []))
}

/** A number of a table: three significant digits, small ones in powers of ten. */
export function shortNumber(v: number | null | undefined): string {
  if (v === null || v === undefined) return '–'
  if (v === 0) return '0'
  const size = Math.abs(v)
  if (size < 5e-4 || size >= 1e5) return v.toExponential(1).replace('e-', 'e−').replace(/^-/, '−')
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4
  return v.toFixed(digits).replace(/^-/, '−')
}

/** `0.328 ± 0.004` */
export function shortSummary(s: Summary | undefined): string {
  if (s === undefined) return '–'
  return s.sd === null ? shortNumber(s.mean) : `${shortNumber(s.mean)} ± ${shortNumber(s.sd)}`
}
