/** A Gaussian energy, fixed or learned. */
import { defineSpec } from '../spec/index.js'
import { checkSymmetric, symmetricField } from './fields.js'

/** Options of `gaussian`. */
export interface GaussianOptions {
  /** The mean, one number per column. */
  mean: number[]
  /** P: a number (times the identity), one per column (the diagonal), or a symmetric matrix. */
  precision: number | number[] | number[][]
  /** Whether mean and precision are learned. Default false. */
  learnable?: boolean | undefined
}

/**
 * E(x) = (x - m)' P (x - m) / 2, without the constant. `precision` P: a number (times the identity), d numbers (the
 * diagonal) or a symmetric matrix. `learnable` (default false) makes "mean" and "precision" parameters.
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [1, 0], precision: [1, 4] }))
 * console.log((await model.energy([[1, 0], [2, 1]])).toArray()) // [ 0, 2.5 ]
 * console.log((await model.score([[2, 1]])).toArray()) // [ [ -1, -4 ] ]
 * ```
 */
export const gaussian = defineSpec(
  'energy',
  'gaussian',
  (z) => ({
    mean: z.array(z.number()).min(1),
    precision: symmetricField(z),
    learnable: z.boolean().default(false),
  }),
  {
    summary: "(x - m)' P (x - m) / 2.",
    check: (options, fail) => checkSymmetric(options.precision, options.mean.length, 'precision', fail),
  },
).options<GaussianOptions>()
