/** `--set key=value`: any field of a run file, by its path. */
import { InvalidArgumentError } from 'commander'

/** One assignment: the keys of the path, and the value. */
export interface Assignment {
  readonly path: readonly string[]
  readonly value: unknown
}

/** Specs that stand in for one that is left out, so that one of its options can be set. */
const DEFAULT_KINDS: Readonly<Record<string, string>> = { optimizer: 'adam' }
const FORBIDDEN = new Set(['__proto__', 'prototype', 'constructor'])

/** Commander's parser of `--set energy.hidden=[32,32]`, which may be given several times. JSON where it is JSON, else text. */
export function assignment(text: string, before: readonly Assignment[] = []): readonly Assignment[] {
  const at = text.indexOf('=')
  const path = text.slice(0, at).split('.')
  if (at < 1 || path.some((key) => key === '' || FORBIDDEN.has(key))) {
    throw new InvalidArgumentError('expected key=value, such as optimizer.lr=0.001 or energy.hidden=[32,32].')
  }
  const given = text.slice(at + 1)
  let value: unknown = given
  try {
    value = JSON.parse(given)
  } catch {
    // A word needs no quotes.
  }
  return [...before, { path, value }]
}

/** A copy of a JSON object with the fields set; objects on the way are made. */
export function withAssignments(file: unknown, assignments: readonly Assignment[]): unknown {
  if (typeof file !== 'object' || file === null) return file
  const copy = structuredClone(file) as Record<string, unknown>
  for (const { path, value } of assignments) {
    let place = copy
    for (const key of path.slice(0, -1)) {
      const inner = place[key]
      if (typeof inner !== 'object' || inner === null) {
        const kind = DEFAULT_KINDS[key]
        place[key] = kind === undefined ? {} : { kind }
      }
      place = place[key] as Record<string, unknown>
    }
    place[path.at(-1)!] = value
  }
  return copy
}
