/** Langevin dynamics with momentum. */
import { defineSpec, type SpecValue } from '../spec/index.js'
import { checkBox, commonFields, type MoveOptions, temperatureField } from './fields.js'

/** Options of `underdampedLangevin`. */
export interface UnderdampedLangevinOptions extends MoveOptions {
  /** The law is exp(-E / temperature): a number or a schedule. Default 1. */
  temperature?: number | SpecValue<'schedule'> | undefined
  /** Inverse time in which a velocity is forgotten. Default 1. */
  friction?: number | undefined
}

/**
 * Langevin dynamics with momentum and unit mass, split as BAOAB: kick, drift, friction and noise, drift, kick.
 * On E = P x^2 / 2 the positions have variance T / P exactly for every h with h^2 P < 4 (velocities T (1 - h^2 P / 4)).
 *
 * `stepSize` is the time step h, of the order of the square root of what `langevin` takes. `friction` (default 1): inverse time in
 * which a velocity is forgotten. Others as `langevin`; the box turns (reflect) or stops (clamp) the velocity.
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [0], precision: 1 }))
 * const sampler = samplers.underdampedLangevin({ steps: 300, stepSize: 0.5 })
 * const draws = await sample(model, { sampler, chains: 1000, seed: 1, burnIn: 100, keep: 'moments' }).done
 * console.log(draws.moments.variance.toArray()[0].toFixed(1)) // 1.0
 * ```
 */
export const underdampedLangevin = defineSpec(
  'sampler',
  'underdampedLangevin',
  (z) => ({
    ...commonFields(z),
    temperature: temperatureField(z),
    friction: z.number().positive().default(1),
  }),
  {
    summary: 'Langevin dynamics with momentum, BAOAB splitting.',
    source: 'Leimkuhler and Matthews 2013.',
    check: (options, fail) => checkBox(options, fail),
  },
).options<UnderdampedLangevinOptions>()
