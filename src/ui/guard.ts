/** Who may talk to the page's server: the token in the path, the Host it was asked by, headers of every answer. */
import { Buffer } from 'node:buffer'
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** 256 bits that stand in the page's address. */
export const newToken = () => randomBytes(32).toString('base64url')

/** Whether two texts are the same, in a time that says nothing of where they differ. */
export function sameText(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(Buffer.from(text, 'utf8')).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}

/**
 * Nothing from elsewhere, no inline script or style, no eval, no frame; scripts cannot turn text into HTML. The address holds the
 * token: it is told to nobody and kept by no cache.
 */
export const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
}

/** Why a request is refused. */
export interface Refusal {
  status: 401 | 403 | 405 | 415
  text: string
}

/**
 * A page of the outside that lets its own name point to 127.0.0.1 (DNS rebinding) comes with that name as Host; other pages come
 * with their Origin.
 */
export function refusal(request: IncomingMessage, port: number, token: string): Refusal | undefined {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`]
  const { host, origin, 'sec-fetch-site': site } = request.headers
  if (host === undefined || !hosts.includes(host)) {
    return { status: 403, text: `This page answers to ${hosts.join(' and ')} alone.` }
  }
  if (origin !== undefined && !hosts.some((name) => origin === `http://${name}`)) {
    return { status: 403, text: 'Requests of other pages are refused.' }
  }
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    return { status: 403, text: 'Requests of other pages are refused.' }
  }
  const given = /^\/([^/?]*)/.exec(request.url ?? '')?.[1] ?? ''
  if (given === '')
    return { status: 401, text: 'The address of this page ends with a token: take the whole one that was printed.' }
  if (!sameText(given, token)) return { status: 403, text: 'The token in the address is not that of this page.' }
  return undefined
}

/** Orders are JSON: a form of another page cannot send that. */
export function refusedOrder(request: IncomingMessage): Refusal | undefined {
  if (request.method !== 'POST') return { status: 405, text: 'Orders are sent by POST.' }
  const type = request.headers['content-type'] ?? ''
  return /^application\/json\b/.test(type) ? undefined : { status: 415, text: 'Orders are JSON.' }
}
