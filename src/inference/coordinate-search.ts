/** Coordinate descent over grid values of y. */
import { defineSpec } from '../spec/index.js'
import { checkAnswers, type Grid, gridField } from './fields.js'

/** Options of `coordinateSearch`. */
export interface CoordinateSearchOptions {
  /** Values that a column may take: a grid { low, high, points }. */
  answers: Grid
  /** Random starts. Default 4. */
  restarts?: number | undefined
  /** Sweeps over the columns at most. Default 20. */
  sweeps?: number | undefined
}

/**
 * One column of y after the other takes the best of its values on the grid `answers` { low, high, points }, the others held,
 * until a sweep over the columns changes nothing or `sweeps` (default 20) are done; from `restarts` (default 4) random
 * starts. For y of many columns, where a full grid is out of reach. With `points` the number of values a column may take it
 * also serves discrete y, e.g. { low: 0, high: 1, points: 2 } for bits.
 *
 * ```js
 * import { energies, Energy, infer, inferences } from 'langevin'
 * const tower = { input: 1, condition: 1, x: { hidden: [16] }, norm: 'squared' }
 * const model = await Energy.create(energies.twoTower(tower), { seed: 1 })
 * const method = inferences.coordinateSearch({ answers: { low: -2, high: 2, points: 401 } })
 * const { y } = await infer(model, [[0.5]], { method }) // E = |f(x) - y|^2
 * console.log((await model.energy([[0.5]], { y })).toArray()[0] < 0.01) // true
 * ```
 */
export const coordinateSearch = defineSpec(
  'inference',
  'coordinateSearch',
  (z) => ({
    answers: gridField(z),
    restarts: z.int().positive().default(4),
    sweeps: z.int().positive().default(20),
  }),
  {
    summary: 'Coordinate descent over the grid values of each column of y.',
    source: 'Iterated conditional modes: Besag 1986.',
    check: ({ answers }, fail) => checkAnswers(answers, fail),
  },
).options<CoordinateSearchOptions>()
