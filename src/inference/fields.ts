/** Fields shared by inference methods and by the objective that trains for them. */

import { bordersBelow, columnsField, type Region, type Z } from '../spec/index.js'

/** The box of a continuous y. */
export interface BoxOptions {
  /** Lower border: a number, or one per column of y. */
  low: number | number[]
  /** Upper border: a number, or one per column of y. */
  high: number | number[]
}

/** A grid over a box that holds both borders. */
export interface Grid extends Region {
  /** Points of each axis: a number, or one per column of y. */
  points: number | number[]
}

/** A grid { low, high, points }, or a list { values }. */
export interface Answers {
  /** Lower border: a number, or one per column of y. */
  low?: number | number[] | undefined
  /** Upper border: a number, or one per column of y. */
  high?: number | number[] | undefined
  /** Points of each axis of the grid. */
  points?: number | number[] | undefined
  /** The answers themselves: rows, or numbers where y has one column. */
  values?: (number | number[])[] | undefined
}

/** The same, or { low, high, samples }. */
export interface Candidates extends Answers {
  /** Uniform draws for every row, fresh at every step. */
  samples?: number | undefined
}

/** Points per axis of a grid that includes both borders: one number, or one per column. */
const pointsField = (z: Z) => z.union([z.int().min(2), z.array(z.int().min(2)).min(1)])

/** The box of a continuous y: numbers, or one per column. */
export const boxFields = (z: Z) => ({ low: columnsField(z), high: columnsField(z) })

/** A grid over a box. */
export const gridField = (z: Z) => z.strictObject({ ...boxFields(z), points: pointsField(z) })

/** A grid { low, high, points } or a list { values } of rows, or of numbers where y has one column; see checkAnswers. */
const setFields = (z: Z) => ({
  low: columnsField(z).optional(),
  high: columnsField(z).optional(),
  points: pointsField(z).optional(),
  values: z
    .array(z.union([z.number(), z.array(z.number()).min(1)]))
    .min(1)
    .optional(),
})
export const setField = (z: Z) => z.strictObject(setFields(z))

/** The same, or { low, high, samples }: uniform draws. */
export const candidatesField = (z: Z) => z.strictObject({ ...setFields(z), samples: z.int().positive().optional() })

type Fail = (path: string, problem: string) => never
type Border = number | number[] | undefined
type Given = { low?: Border; high?: Border; points?: unknown; values?: unknown; samples?: unknown }

/** Checks that the answers are given in exactly one form. `samples`: whether draws are allowed here. */
export function checkAnswers(
  answers: Given | undefined,
  fail: Fail,
  { path = 'answers', samples = false }: { path?: string; samples?: boolean } = {},
): void {
  if (answers === undefined) return
  const { low, high, values } = answers
  const counts = samples ? (['points', 'samples'] as const) : (['points'] as const)
  const grid = ['low', 'high', ...counts] as const
  if (values !== undefined) {
    const other = grid.find((key) => answers[key] !== undefined)
    if (other !== undefined) fail(`${path}.${other}`, 'a list of values needs no box: give one or the other')
    return
  }
  if (low === undefined || high === undefined || counts.filter((key) => answers[key] !== undefined).length !== 1) {
    fail(path, `give { low, high, ${counts.join(' or ')} } or { values }`)
  }
  bordersBelow({ low, high }, fail, path)
}
