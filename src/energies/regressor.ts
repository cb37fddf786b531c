/** A regression network as an energy of inputs and targets. */
import { checkHead, type HeadOptions, headFields } from '../networks/fields.js'
import { defineSpec } from '../spec/index.js'
import { inputField } from './fields.js'

/** Options of `regressor`. */
export interface RegressorOptions extends HeadOptions {
  /** Columns of the question x; rows are (x, y). */
  input: number
  /** Residual standard deviation at the start. Default 1. */
  sigma?: number | undefined
  /** Columns of y. Default 1. */
  output?: number | undefined
}

/**
 * A network f from the first `input` columns of a row to its last `output` columns (default 1), read as an energy of
 * the joint row (x, y): E = |y - f(x)|^2 / (2 s^2) + output log s, with s^2 = exp(logVariance). `sigma`: s at the start
 * (default 1). logVariance is a buffer: set it with setParameters() after a fit; training leaves it alone.
 * `logits()` gives f(x). exp(-E) is normalisable in y, never in x.
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.regressor({ input: 1, hidden: [16] }), { seed: 1 })
 * const [[f]] = (await model.logits([[2, 0]])).toArray() // f(x) at x = 2
 * // y = f(x): no residual
 * console.log((await model.energy([[2, f]])).toArray()) // [ 0 ]
 * ```
 */
export const regressor = defineSpec(
  'energy',
  'regressor',
  (z) => ({
    input: inputField(z),
    output: z.int().positive().default(1),
    ...headFields(z),
    sigma: z.number().positive().default(1),
  }),
  {
    summary: 'A mean-squared-error network as an energy of the joint row (x, y).',
    check: (options, fail) => checkHead(options, fail),
  },
).options<RegressorOptions>()
