/** AbortSignals: any number of calls on one, and signals that are none. */
import { LangevinError } from '../errors.js'

/** What waits for a signal, and its listener. */
interface Waiting {
  readonly calls: Set<() => void>
  readonly listener: () => void
}

/** One listener per signal serves all calls on it: of the eleventh Node would warn as of a leak. */
const waiting = new WeakMap<AbortSignal, Waiting>()

function listen(signal: AbortSignal): Waiting {
  const calls = new Set<() => void>()
  const listener = () => {
    waiting.delete(signal)
    for (const call of [...calls]) call()
  }
  const entry = { calls, listener }
  waiting.set(signal, entry)
  signal.addEventListener('abort', listener, { once: true })
  return entry
}

const NOTHING = () => undefined

/** What aborts a call. */
export interface Stopper {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}

/**
 * What aborts calls inside the package: a service makes two for every request, and an AbortController with its EventTarget costs more
 * than all else that JavaScript does for a request's scores. Its signal goes to `whenAborted`, `isAborted` and `throwIfAborted`, never to a user.
 */
export class Canceller implements Stopper {
  aborted = false
  reason: unknown
  #calls: (() => void)[] = []

  /** As the options of calls take it. */
  get signal(): AbortSignal {
    return this as unknown as AbortSignal
  }
  abort(reason: unknown = new DOMException('This operation was aborted', 'AbortError')): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    for (const call of this.#calls.splice(0)) call()
  }
  /** As `whenAborted`. */
  tie(then: () => void): () => void {
    this.#calls.push(then)
    return () => {
      const place = this.#calls.indexOf(then)
      if (place >= 0) this.#calls.splice(place, 1)
    }
  }
}

/** Calls `then` once when the signal aborts; the returned function unties it. */
export function whenAborted(signal: AbortSignal | undefined, then: () => void): () => void {
  if (signal === undefined) return NOTHING
  if ((signal as unknown) instanceof Canceller) return (signal as unknown as Canceller).tie(then)
  const { calls, listener } = waiting.get(signal) ?? listen(signal)
  calls.add(then)
  return () => {
    calls.delete(then)
    if (calls.size > 0) return
    signal.removeEventListener('abort', listener)
    if (waiting.get(signal)?.calls === calls) waiting.delete(signal)
  }
}

/** Whether a signal has aborted. @throws ERR_LANGEVIN_INVALID_OPTION for something that is no AbortSignal */
export function isAborted(signal: AbortSignal | undefined): boolean {
  if (signal === undefined) return false
  if ((signal as unknown) instanceof Canceller) return signal.aborted
  // By what it can do, not by its class: every realm has an AbortSignal of its own.
  if (typeof signal?.aborted !== 'boolean' || typeof signal.addEventListener !== 'function') {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `signal: expected an AbortSignal (the signal of an AbortController), got ${signal === null ? 'null' : typeof signal}`,
      { details: { path: 'signal' } },
    )
  }
  return signal.aborted
}

/** Throws the signal's reason when it has aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (isAborted(signal)) throw signal?.reason
}
