/** Checks of options that are not specs. */
import { shown } from '../errors.js'
import { invalid } from './plain.js'
import { hint } from './suggest.js'

/**
 * Options of a function that are not a spec: an object with known keys only.
 * Throws ERR_LANGEVIN_INVALID_OPTION naming the nearest known key.
 */
export function requireOptions<T extends object>(owner: string, options: T, known: readonly string[]): T {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    invalid(owner, '', `expected an object of options, got ${options === null ? 'null' : typeof options}`)
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) invalid(owner, key, `is not an option${hint(key, known)}`)
  }
  return options
}

/** One of several allowed texts, or undefined. */
export function requireOneOf<T extends string>(
  owner: string,
  key: string,
  value: T | undefined,
  allowed: readonly T[],
): void {
  if (value !== undefined && !allowed.includes(value)) {
    invalid(owner, key, `'${shown(value).slice(0, 64)}' is not one of ${allowed.join(', ')}`)
  }
}
