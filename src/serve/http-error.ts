/** Errors as HTTP answers: a status, and a body { "error": string } that every client of the protocol can read. */
import { LangevinError, messageOf } from '../errors.js'

/** A refusal with a status of its own. */
export class HttpError extends Error {
  override name = 'HttpError'
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
  }
}

/** What a client can do nothing about; every other code is about the request. */
const OURS: Readonly<Record<string, number>> = {
  ERR_LANGEVIN_QUEUE_FULL: 503,
  ERR_LANGEVIN_DISPOSED: 503,
  ERR_LANGEVIN_OUT_OF_MEMORY: 503,
  ERR_LANGEVIN_ABORTED: 503,
  ERR_LANGEVIN_BUSY: 503,
  ERR_LANGEVIN_IO: 500,
  ERR_LANGEVIN_INTERNAL: 500,
  ERR_LANGEVIN_DEVICE: 500,
  ERR_LANGEVIN_NATIVE_LOAD: 500,
}

export interface HttpAnswer {
  status: number
  headers: Record<string, string>
  body: { error: string }
}

/** The answer to whatever was thrown; what is inside the server stays out of it. */
export function answerOf(error: unknown): HttpAnswer {
  if (error instanceof HttpError)
    return { status: error.status, headers: { ...error.headers }, body: { error: error.message } }
  if (LangevinError.is(error)) {
    const status = OURS[error.code] ?? 400
    const body = { error: status === 500 ? `${error.code}: internal error` : `${error.code}: ${error.message}` }
    return { status, headers: status === 503 ? { 'retry-after': '1' } : {}, body }
  }
  const status = (error as { statusCode?: unknown })?.statusCode
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return { status, headers: {}, body: { error: messageOf(error) } }
  }
  return { status: 500, headers: {}, body: { error: 'internal error' } }
}
