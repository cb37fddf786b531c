/** Langevin chains in y. */
import { scheduleField } from '../schedules/index.js'
import { bordersBelow, defineSpec, type SpecValue } from '../spec/index.js'
import { type BoxOptions, boxFields } from './fields.js'

/** Options of `langevin`. */
export interface LangevinOptions extends BoxOptions {
  /** Chains per row. Default 32. */
  chains?: number | undefined
  /** Steps. Default 100. */
  steps?: number | undefined
  /** Step size h, a number or a schedule. */
  stepSize?: number | SpecValue<'schedule'> | undefined
  /** Temperature, a number or a schedule. */
  temperature?: number | SpecValue<'schedule'> | undefined
  /** Longest drift of a column in one step. */
  clip?: number | undefined
}

/**
 * Langevin chains in a continuous y at a fixed x: y' = y - (h/2) dE/dy + sqrt(h T) xi, brought back into the box { low,
 * high }; `chains` (default 32) per row from uniform starts, `steps` (default 100). `stepSize` h (default 0.01) and
 * `temperature` T (default 1) may be schedules that fall over the steps. `clip`: longest drift of a column in one step.
 * The lowest state that any chain visited is the answer.
 *
 * ```js
 * import { energies, Energy, infer, inferences } from 'langevin'
 * const tower = { input: 1, condition: 1, x: { hidden: [16] }, norm: 'squared' }
 * const model = await Energy.create(energies.twoTower(tower), { seed: 1 })
 * const method = inferences.langevin({ low: -2, high: 2, steps: 500, temperature: 0.01 })
 * const { y } = await infer(model, [[0.5]], { method }) // E = |f(x) - y|^2
 * console.log((await model.energy([[0.5]], { y })).toArray()[0] < 0.01) // true
 * ```
 */
export const langevin = defineSpec(
  'inference',
  'langevin',
  (z) => ({
    ...boxFields(z),
    chains: z.int().positive().default(32),
    steps: z.int().positive().default(100),
    stepSize: scheduleField(z).default(0.01),
    temperature: scheduleField(z, { zero: true }).default(1),
    clip: z.number().positive().optional(),
  }),
  {
    summary: 'Langevin chains in y; the lowest state visited is the answer.',
    source: 'Florence et al. 2021, the Langevin sampler of implicit behavioural cloning.',
    check: (options, fail) => bordersBelow(options, fail),
  },
).options<LangevinOptions>()
