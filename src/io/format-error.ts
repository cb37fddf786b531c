/** The error of a file that is not what it should be, and what shapes a file may give its arrays. */
import { LangevinError } from '../errors.js'

/**
 * ERR_LANGEVIN_FORMAT naming the file, and the byte at which it stops making sense where one says something: undefined for what
 * the file means, and 0, the whole file, stays out of the text.
 */
export function formatError(path: string, offset: number | undefined, problem: string, cause?: unknown): LangevinError {
  const place = offset === undefined || offset === 0 ? '' : ` (at byte ${offset})`
  return new LangevinError('ERR_LANGEVIN_FORMAT', `${path}: ${problem}${place}`, {
    details: { path, ...(offset !== undefined && { offset }) },
    cause,
  })
}

/** Axes of an array that is read: what NumPy and LibTorch allow. */
const MOST_AXES = 64

/**
 * What is wrong with the shape that a file gives an array, beside its number of bytes; undefined for a sound one. Sizes beside
 * a 0 stand for no byte of the file, so that they could be any; LibTorch computes strides of them all the same.
 */
export function oddShape(shape: readonly number[]): string | undefined {
  if (shape.length > MOST_AXES) return `has ${shape.length} axes; at most ${MOST_AXES} are read`
  const numbers = shape.reduce((n, size) => n * Math.max(1, size), 1)
  return numbers <= Number.MAX_SAFE_INTEGER ? undefined : `has an impossible shape (${shape.join(', ')})`
}
