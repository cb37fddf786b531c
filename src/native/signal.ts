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

/** Calls `then` once when the signal aborts; the returned function unties it. */
export function whenAborted(signal: AbortSignal | undefined, then: () => void): () => void {
  if (signal === undefined) return () => undefined
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
