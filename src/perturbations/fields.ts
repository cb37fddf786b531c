/** Fields shared by perturbations. */
import { columnsField, type Z } from '../spec/index.js'

type Fail = (path: string, problem: string) => never

/** Standard deviation of Gaussian noise: a number, or one per column. */
export const sdField = columnsField

export function checkSd(sd: number | number[] | undefined, fail: Fail): void {
  if (sd !== undefined && [sd].flat().some((s) => !(s > 0))) fail('sd', 'must be greater than 0')
}

/** The time of a walk between neighbouring levels. */
export interface WalkOptions {
  /** The time. Give either `t` or `tBase`. */
  t?: number | undefined
  /** The time as a multiple of the square of a column's levels: t = tBase K^2. */
  tBase?: number | undefined
}

export const walkFields = (z: Z) => ({
  t: z.number().positive().optional(),
  tBase: z.number().positive().optional(),
})

export function checkWalk({ t, tBase }: { t?: number | undefined; tBase?: number | undefined }, fail: Fail): void {
  if ((t === undefined) === (tBase === undefined)) {
    fail('t', "give either t, a time, or tBase, which is multiplied by the square of a column's levels")
  }
}
