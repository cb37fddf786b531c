/** The field of a spec that takes a number or a schedule. */
import type { z as Zod } from 'zod'
import { FAMILY_MARK, field, NUMBER_MARK, parseSpec, refuse, type SpecValue, type Z } from '../spec/index.js'
import './schedules.js'

/**
 * A number, or a schedule spec. `zero`: whether the value 0 is allowed, as a learning rate may decay to it and a step size
 * may not.
 */
export function scheduleField(
  z: Z,
  options: { zero?: boolean } = {},
): Zod.ZodType<number | SpecValue<'schedule'>, number | SpecValue<'schedule'>> {
  const least = options.zero ? 'at least 0' : 'greater than 0'
  const fits = (value: number) => value > 0 || (value === 0 && options.zero === true)
  return field<number | SpecValue<'schedule'>>(z, { [FAMILY_MARK]: 'schedule', [NUMBER_MARK]: true }, (value) => {
    if (value === undefined) refuse('is required')
    if (typeof value === 'number') return fits(value) ? value : refuse(`must be ${least}, got ${value}`)
    const schedule = parseSpec('schedule', value)
    for (const key of ['value', 'from', 'to']) {
      const number = schedule[key]
      if (typeof number === 'number' && !fits(number)) refuse(`must be ${least}, got ${number}`, key)
    }
    return schedule
  })
}
