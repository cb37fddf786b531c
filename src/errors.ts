/** The errors of the package and their codes. */

/** Every code a LangevinError can carry; docs/errors.md says for each what it means and what to do. */
export const ERROR_CODES = [
  'ERR_LANGEVIN_INVALID_OPTION',
  'ERR_LANGEVIN_SHAPE',
  'ERR_LANGEVIN_DTYPE',
  'ERR_LANGEVIN_NON_FINITE',
  'ERR_LANGEVIN_DISPOSED',
  'ERR_LANGEVIN_BUSY',
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

/** A stable error code. */
export type ErrorCode = (typeof ERROR_CODES)[number]

/**
 * Every error of langevin: a stable `code`, a message that says what, where and what to do, numbers a program may want in
 * `details`, and the `cause`.
 */
export class LangevinError extends Error {
  readonly code: string
  readonly details: Record<string, unknown>

  /**
   * @param code one of ERROR_CODES
   * @param message what happened, where, what to do
   * @param options details: values a program may want (default empty); cause: the error underneath
   */
  constructor(
    code: ErrorCode | (string & {}),
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'LangevinError'
    this.code = code
    this.details = options.details ?? {}
  }
}
