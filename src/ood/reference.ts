/** Reference rows of a fitted detector: a sample of normal rows, in the units of its models, which explanations and drift compare with. */
import { invokeNow } from '../runtime/index.js'
import type { Tensor } from '../tensor/index.js'

/** How many rows are kept unless the caller says otherwise. */
export const REFERENCE_ROWS = 1024
/** Wide rows are kept in smaller numbers: a file stays below 16 MB of them. */
const MOST_NUMBERS = 1 << 22

/**
 * At most `count` of some rows, drawn without replacement; a new tensor, undefined for none.
 *
 * @param rows [n, ...] in the units of the models
 */
export function referenceOf(rows: Tensor, count: number, seed: number): Tensor | undefined {
  const [n = 0, ...row] = rows.shape
  const width = row.reduce((product, size) => product * size, 1)
  const kept = Math.min(n, count, Math.max(1, Math.floor(MOST_NUMBERS / Math.max(1, width))))
  if (kept < 1) return undefined
  if (kept === n) return rows.slice(0)
  const [chosen, rest] = invokeNow<[Tensor, Tensor]>('data.split', { n, sizes: [kept, n - kept], seed })
  try {
    return rows.index(chosen)
  } finally {
    chosen.dispose()
    rest.dispose()
  }
}

/** The numbers of rows as float64, and how many a row has. */
export function numbersOf(rows: Tensor): { values: Float64Array; width: number } {
  const width = rows.shape.slice(1).reduce((product, size) => product * size, 1)
  if (rows.dtype === 'float64') return { values: rows.toTypedArray() as Float64Array, width }
  const wide = rows.to('float64')
  try {
    return { values: wide.toTypedArray() as Float64Array, width }
  } finally {
    wide.dispose()
  }
}
