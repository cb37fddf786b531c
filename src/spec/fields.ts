/** Fields of specs that are more than a plain value: nested specs, native handles, ladders. */
import type { z as Zod } from 'zod'
import { LangevinError } from '../errors.js'
import { parseSpec, type SpecValue, type Z } from './define.js'

/** Marks a field in JSON Schema export: replaced by a reference to the family's schema. */
export const FAMILY_MARK = 'langevinFamily'
/** Marks a field that also takes a plain number. */
export const NUMBER_MARK = 'langevinNumber'

/** Runs `read` as a field; a coded error inside becomes an issue that keeps the inner path. */
export function field<T>(z: Z, marks: Record<string, unknown>, read: (value: unknown) => T) {
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
export function specOf<const F extends string>(z: Z, family: F): Zod.ZodType<SpecValue<F>, SpecValue<F>> {
  return field(z, { [FAMILY_MARK]: family }, (value) => {
    if (value === undefined) refuse('is required')
    return parseSpec(family, value)
  })
}

/** Reports a problem inside a field, with its path below the field. */
export function refuse(problem: string, path = ''): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', problem, { details: { problem, path } })
}

/** Levels as a list, or `levels` of them from `from` to `to`, spaced geometrically. */
export type Ladder = number[] | { from: number; to: number; levels: number }

/** Levels as a list, or `levels` of them from `from` to `to`, spaced geometrically. */
export const ladderField = (z: Z) =>
  z.union([
    z.array(z.number().positive()).min(1),
    z.strictObject({ from: z.number().positive(), to: z.number().positive(), levels: z.int().min(2) }),
  ])

export function checkLadder(
  path: string,
  ladder: Ladder | undefined,
  way: 'rise' | 'fall',
  fail: (path: string, problem: string) => never,
): void {
  if (ladder === undefined) return
  const levels = 'levels' in ladder ? [ladder.from, ladder.to] : ladder
  const wrong = levels.findIndex((v, i) => i > 0 && (way === 'rise' ? v <= levels[i - 1]! : v >= levels[i - 1]!))
  if (wrong > 0) fail(path, `levels must ${way}, got ${levels[wrong - 1]} before ${levels[wrong]}`)
}
