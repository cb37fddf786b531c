/** Plain JSON: copies, freezing, and the errors that name a path in it. */
import { LangevinError } from '../errors.js'
import { arrayKind } from '../tensor/index.js'

/** Deeper nesting than this is a mistake or an attack on the stack, not a spec. */
const MAX_DEPTH = 64

/** An invalid option, named by its path ("sampler.stepSize"). */
export function invalid(owner: string, path: string, problem: string, details: Record<string, unknown> = {}): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `${owner}: ${path === '' ? 'options' : path}: ${problem}`, {
    details: { owner, path, problem, ...details },
  })
}

/** Appends a key or an index to a path as the user would write it. */
export function join(path: string, key: PropertyKey): string {
  if (typeof key === 'number') return `${path}[${key}]`
  const name = String(key)
  const shown = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name.slice(0, 64))
  return path === '' ? shown : `${path}.${shown}`
}

/** Native handles (Tensor, Energy) are allowed in specs of a family that takes them; they are passed on as they are. */
export function isHandle(value: unknown): value is { dispose(): void } {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return (
    prototype !== null && prototype !== Object.prototype && 'dispose' in value && typeof value.dispose === 'function'
  )
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  // Objects of another realm (vm, worker) have an Object.prototype of their own, whose prototype is null.
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

/**
 * A deep copy made of plain JSON values (and handles). Typed arrays of numbers become lists, undefined members vanish.
 * Functions, symbols, bigints, NaN, infinities, class instances and endless nesting are refused with their path.
 */
export function toPlain(value: unknown, owner: string, path = '', depth = 0): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return value
    case 'number':
      if (!Number.isFinite(value)) invalid(owner, path, `must be finite, got ${value}`)
      return value + 0 // -0 becomes 0, as JSON text would make it
    case 'object':
      break
    default:
      invalid(owner, path, `a spec is plain JSON and cannot hold a ${typeof value}`)
  }
  if (value === null || isHandle(value)) return value
  if (depth >= MAX_DEPTH)
    invalid(owner, path, `nested more than ${MAX_DEPTH} levels deep (or a value that contains itself)`)
  if (Array.isArray(value) || arrayKind(value) !== undefined) {
    // An index loop: Array.from would skip nothing, but map() skips holes, and a hole must be refused.
    const list: unknown[] = []
    for (const item of value as Iterable<unknown>) {
      if (item === undefined) invalid(owner, join(path, list.length), 'is missing')
      list.push(toPlain(item, owner, join(path, list.length), depth + 1))
    }
    return list
  }
  if (!isPlain(value)) {
    invalid(owner, path, `a spec is plain JSON and cannot hold a ${value.constructor?.name ?? 'class instance'}`)
  }
  const copy: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') invalid(owner, join(path, key), 'is not an option')
    if (member !== undefined) copy[key] = toPlain(member, owner, join(path, key), depth + 1)
  }
  return copy
}

/**
 * What a check of zod's gives; undefined where it throws: it compares the `length` of whatever has one, and JSON can hold
 * { "length": { "valueOf": 1, "toString": 1 } }, of which no number can be made.
 */
export function safely<T>(check: () => T): T | undefined {
  try {
    return check()
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** Freezes a plain value through and through; handles stay as they are. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || isHandle(value) || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) freeze(member)
  return Object.freeze(value)
}
