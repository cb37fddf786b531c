/** Every error of langevin: a stable `code` (docs/errors.md), numbers a program may want in `details`, and the `cause`. */
export class LangevinError extends Error {
  readonly code: string
  readonly details: Record<string, unknown>

  constructor(code: string, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'LangevinError'
    this.code = code
    this.details = options.details ?? {}
  }
}
