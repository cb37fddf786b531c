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

const minus = (text: string) => text.replace(/^-/, '−').replace('e-', 'e−').replace('e+', 'e')

/** A number of a table: three significant digits, small ones in powers of ten. */
export function shortNumber(v: number | null | undefined): string {
  if (v === null || v === undefined) return '–'
  if (v === 0) return '0'
  const size = Math.abs(v)
  if (size < 5e-4 || size >= 1e5) return minus(v.toExponential(1))
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4
  return minus(v.toFixed(digits))
}

/** `0.3280 ± 0.0041`, `(6.2 ± 6.6)e−11`: one exponent, as many decimals as two digits of the standard deviation need. */
export function shortSummary(s: Summary | undefined): string {
  if (s === undefined) return '–'
  if (s.sd === null || !(s.sd > 0) || !Number.isFinite(s.mean)) return shortNumber(s.mean)
  const size = Math.max(Math.abs(s.mean), s.sd)
  const exponent = size < 5e-4 || size >= 1e5 ? Math.floor(Math.log10(size)) : 0
  const [mean, sd] = [s.mean / 10 ** exponent, s.sd / 10 ** exponent]
  // Beyond four decimals a spread is nothing a table must show.
  const decimals = Math.min(Math.max(1 - Math.floor(Math.log10(sd)), 0), 4)
  const text = `${minus(mean.toFixed(decimals))} ± ${sd.toFixed(decimals)}`
  return exponent === 0 ? text : `(${text})e${minus(String(exponent))}`
}
