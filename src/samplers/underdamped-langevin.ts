/** Langevin dynamics with momentum. */
import { defineSpec } from '../spec/index.js'
import { checkBox, commonFields, temperatureField } from './fields.js'

/**
 * Langevin dynamics with momentum and unit mass, split as BAOAB: kick, drift, friction and noise, drift, kick.
 * On E = P x^2 / 2 the positions have variance T / P exactly for every h with h^2 P < 4 (velocities T (1 - h^2 P / 4)).
 *
 * `stepSize` is the time step h, of the order of the square root of what `langevin` takes. `friction` (default 1): inverse time in
 * which a velocity is forgotten. Others as `langevin`; the box turns (reflect) or stops (clamp) the velocity.
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
)
