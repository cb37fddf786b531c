/** Fields that hold one number per column, boxes over the columns, and their checks. */
import type { Z } from './define.js'

/** A box over the columns. */
export interface Region {
  /** Lower border: a number, or one per column. */
  low: number | number[]
  /** Upper border: a number, or one per column. */
  high: number | number[]
}

/** One number for every column, or a list of one number per column. */
export const columnsField = (z: Z) => z.union([z.number(), z.array(z.number()).min(1)])

/** A box over the columns; `low` and `high` are one number or one per column. */
export const regionField = (z: Z) => z.strictObject({ low: columnsField(z), high: columnsField(z) })

type Fail = (path: string, problem: string) => never
type Borders = { low: number | number[]; high: number | number[] }

/** Every low border must lie below its high border. */
export function bordersBelow({ low, high }: Borders, fail: Fail, path = ''): void {
  const lows = [low].flat()
  const highs = [high].flat()
  const at = (key: string) => (path === '' ? key : `${path}.${key}`)
  if (lows.length > 1 && highs.length > 1 && lows.length !== highs.length) {
    fail(at('high'), `has ${highs.length} numbers and low has ${lows.length}`)
  }
  const count = Math.max(lows.length, highs.length)
  for (let i = 0; i < count; i++) {
    const [l, h] = [lows[lows.length === 1 ? 0 : i]!, highs[highs.length === 1 ? 0 : i]!]
    if (!(l < h)) fail(at('high'), `must be above low in every column, got ${l} and ${h}`)
  }
}
