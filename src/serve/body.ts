/** Bodies of requests: JSON, and JSON with raw tensors behind it. */
import { messageOf } from '../errors.js'
import { HttpError } from './http-error.js'

export const HEADER_LENGTH = 'inference-header-content-length'
const NOTHING = new Uint8Array(0)

export interface Body {
  json: unknown
  /** What follows the JSON. */
  binary: Uint8Array
}

function json(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new HttpError(400, 'the body is not UTF-8')
  }
  if (text.trim() === '') throw new HttpError(400, 'the body is empty; send JSON')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new HttpError(400, `the body is not JSON: ${messageOf(error).slice(0, 200)}`)
  }
}

/** @throws HttpError 400 */
export function splitBody(bytes: Uint8Array | undefined, headerLength: string | string[] | undefined): Body {
  const body = bytes ?? NOTHING
  if (headerLength === undefined) return { json: json(body), binary: NOTHING }
  const length = Number(headerLength)
  if (typeof headerLength !== 'string' || !/^\d+$/.test(headerLength) || length > body.length) {
    throw new HttpError(
      400,
      `${HEADER_LENGTH} is '${String(headerLength).slice(0, 32)}', not a length within the ${body.length} bytes of the body`,
    )
  }
  return { json: json(body.subarray(0, length)), binary: body.subarray(length) }
}
