/** Gradient descent in y from several starts. */
import { bordersBelow, defineSpec } from '../spec/index.js'
import { type BoxOptions, boxFields } from './fields.js'

/** Options of `gradientDescent`. */
export interface GradientDescentOptions extends BoxOptions {
  /** Random starts. Default 8. */
  restarts?: number | undefined
  /** Steps. Default 100. */
  steps?: number | undefined
  /** First step size of every start. Default 0.1. */
  stepSize?: number | undefined
}

/**
 * Descent in a continuous y from `restarts` (default 8) uniform starts in the box { low, high }: y' = y - h dE/dy, brought back
 * into the box. Every start has a step size of its own, `stepSize` (default 0.1) at first: a step that lowers the energy is
 * kept and h grows by a fifth, any other is taken back and h halves, so energies never rise. `steps`: default 100. The lowest
 * end is the answer; a local minimum unless one of the starts lay in the right basin.
 *
 * ```js
 * import { energies, Energy, infer, inferences } from 'langevin'
 * const tower = { input: 1, condition: 1, x: { hidden: [16] }, norm: 'squared' }
 * const model = await Energy.create(energies.twoTower(tower), { seed: 1 })
 * const method = inferences.gradientDescent({ low: -2, high: 2 })
 * const { y } = await infer(model, [[0.5]], { method }) // E = |f(x) - y|^2
 * console.log((await model.energy([[0.5]], { y })).toArray()[0] < 0.01) // true
 * ```
 */
export const gradientDescent = defineSpec(
  'inference',
  'gradientDescent',
  (z) => ({
    ...boxFields(z),
    restarts: z.int().positive().default(8),
    steps: z.int().positive().default(100),
    stepSize: z.number().positive().default(0.1),
  }),
  {
    summary: 'Gradient descent in a continuous y with restarts.',
    source: 'LeCun et al. 2006.',
    check: (options, fail) => bordersBelow(options, fail),
  },
).options<GradientDescentOptions>()
