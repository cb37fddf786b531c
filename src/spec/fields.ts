import type { z as Zod } from 'zod'
import { LangevinError } from '../errors.js'
import { parseSpec, type SpecValue, type Z } from './define.js'
import { isHandle } from './plain.js'

/** Marks a field in JSON Schema export: replaced by a reference to the family's schema. */
export const FAMILY_MARK = 'langevinFamily'
/** Marks a field that also takes a plain number. */
export const NUMBER_MARK = 'langevinNumber'

/** Runs `read` as a field; a coded error inside becomes an issue that keeps the inner path. */
function field<T>(z: Z, marks: Record<string, unknown>, read: (value: unknown) => T) {
  return z
    .custom<T>()
    .meta(marks)
    .transform((value, context): T => {
      try {
        return read(value)
      } catch (error) {
        if (!(error instanceof LangevinError)) throw error
        const { path, problem } = error.details as { path?: string; problem?: string }
        context.addIssue({ code: 'custom', message: problem ?? error.message, params: { path } })
        return z.NEVER
      }
    })
}

/** A nested spec: `sampler: specOf('sampler')`. It validates by the kind it names. */
export function specOf(z: Z, family: string): Zod.ZodType<SpecValue, SpecValue> {
  return field(z, { [FAMILY_MARK]: family }, (value) => {
    if (value === undefined) refuse('is required')
    return parseSpec(family, value)
  })
}

function refuse(problem: string, path = ''): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', problem, { details: { problem, path } })
}

/**
 * A number, or a schedule spec (see schedules.ts). `zero`: whether the value 0 is allowed, as a learning rate may decay
 * to it and a step size may not.
 */
export function scheduleField(
  z: Z,
  options: { zero?: boolean } = {},
): Zod.ZodType<number | SpecValue, number | SpecValue> {
  const least = options.zero ? 'at least 0' : 'greater than 0'
  const fits = (value: number) => value > 0 || (value === 0 && options.zero === true)
  return field<number | SpecValue>(z, { [FAMILY_MARK]: 'schedule', [NUMBER_MARK]: true }, (value) => {
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

/** A native handle (Tensor, Energy): passed on as it is, never copied or frozen. `what` names it in errors. */
export function handleField<T extends { dispose(): void }>(z: Z, what: string): Zod.ZodType<T, T> {
  return z.custom<T>((value) => isHandle(value), { message: `expected ${what}` })
}
