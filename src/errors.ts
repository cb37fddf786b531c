/** The errors of the package and their codes. */

/** What every LangevinError has, whichever copy of the package or realm made it. */
const BRAND: unique symbol = Symbol.for('langevin.error') as never

/** Every code a LangevinError can carry; docs/errors.md says for each what it means and what to do. */
export const ERROR_CODES = [
  'ERR_LANGEVIN_INVALID_OPTION',
  'ERR_LANGEVIN_SHAPE',
  'ERR_LANGEVIN_DTYPE',
  'ERR_LANGEVIN_NON_FINITE',
  'ERR_LANGEVIN_DISPOSED',
  'ERR_LANGEVIN_BUSY',
  'ERR_LANGEVIN_QUEUE_FULL',
  'ERR_LANGEVIN_NATIVE_LOAD',
  'ERR_LANGEVIN_DEVICE',
  'ERR_LANGEVIN_OUT_OF_MEMORY',
  'ERR_LANGEVIN_FORMAT',
  'ERR_LANGEVIN_IO',
  'ERR_LANGEVIN_DIVERGED',
  'ERR_LANGEVIN_UNSUPPORTED',
  'ERR_LANGEVIN_INTERNAL',
  'ERR_LANGEVIN_ABORTED',
] as const

/** A stable error code: what a program tells errors apart by. */
export type ErrorCode = (typeof ERROR_CODES)[number]

/**
 * Every error of langevin: a stable `code`, a message that says what, where and what to do, numbers a program may want in
 * `details`, and the `cause`.
 */
export class LangevinError extends Error {
  readonly code: ErrorCode
  readonly details: Record<string, unknown>

  /**
   * @param code one of ERROR_CODES
   * @param message what happened, where, what to do
   * @param options details: values a program may want (default empty); cause: the error underneath
   */
  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'LangevinError'
    this.code = code
    this.details = options.details ?? {}
  }

  /** @internal */
  get [BRAND](): true {
    return true
  }

  /**
   * Whether a value is an error of langevin: also one of another copy of the package, or of another realm (Jest gives every
   * test file its own, node:vm every context).
   */
  static is(value: unknown): value is LangevinError {
    return typeof value === 'object' && value !== null && BRAND in value
  }

  /** `error instanceof LangevinError` asks `is`. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass asks about itself
    return this === LangevinError ? LangevinError.is(value) : Function.prototype[Symbol.hasInstance].call(this, value)
  }
}

/** The text of whatever was thrown: an Error of any realm, or something else. */
export function messageOf(error: unknown): string {
  // By what it is, not by its class: every realm has an Error of its own.
  if (Object.prototype.toString.call(error) !== '[object Error]') return String(error)
  const { message, name } = error as Error
  return message || name
}

/** A value as a message shows it. JSON can hold objects whose `toString` is a number: of those String() throws. */
export function shown(value: unknown): string {
  try {
    return String(value)
  } catch {
    return 'an object'
  }
}

/** What an abort without a reason of its own rejects with: an error named AbortError, as `signal.reason` is. */
export function abortError(message: string): Error {
  // A bare context of node:vm has no DOMException.
  if (typeof DOMException === 'function') return new DOMException(message, 'AbortError')
  return Object.assign(new Error(message), { name: 'AbortError', code: 20 })
}
