/** Options of a scorer, what it tells of its native calls, and its limits. */
import { LangevinError } from '../errors.js'

export interface ScorerOptions {
  /** Rows that waiting calls together give to one native call, at most. Default 1: every call has a native call of its own. */
  maxBatch?: number
  /** How long a call waits for others to share with, in milliseconds. Default 0: those of the same turn of the event loop. */
  maxDelayMs?: number
  /** How many calls may wait; more are refused with ERR_LANGEVIN_QUEUE_FULL. Default 1024. */
  maxQueue?: number
  /** Threads of a native call; the result does not depend on it. */
  threads?: number
  /** Ends the scorer: calls that wait or run reject with its reason, later ones too. */
  signal?: AbortSignal
  /** Called after every native call. What it throws becomes a warning of the process; the calls are answered all the same. */
  onMetrics?: (metrics: ScorerMetrics) => void
}

/** What one native call was. Times in milliseconds; `started` as `performance.timeOrigin + performance.now()`. */
export interface ScorerMetrics {
  calls: number
  rows: number
  /** The longest wait of its calls before it started. */
  waitMs: number
  runMs: number
  started: number
  /** Calls that waited on when it started. */
  waiting: number
  /** What it failed with, if it did. */
  error?: unknown
  /** The `context` of each call. */
  contexts: readonly unknown[]
}

export interface ScorerCallOptions {
  /** A call that waits leaves the queue; one that runs stops. It rejects with `signal.reason`. */
  signal?: AbortSignal | undefined
  /** Given back in `ScorerMetrics.contexts`. */
  context?: unknown
}

export type Limits = Required<Pick<ScorerOptions, 'maxBatch' | 'maxDelayMs' | 'maxQueue'>>

/** @throws ERR_LANGEVIN_INVALID_OPTION for a value that is no whole number of at least 1 */
export function requireCount(where: string, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (Number.isSafeInteger(value) && (value as number) >= 1) continue
    const text = `${where}: ${name}: a whole number of at least 1, got ${String(value)}`
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', text)
  }
}

/** @throws ERR_LANGEVIN_INVALID_OPTION */
export function checkedLimits(options: ScorerOptions): Limits {
  const { maxBatch = 1, maxDelayMs = 0, maxQueue = 1024 } = options
  requireCount('createScorer', { maxBatch, maxQueue })
  if (!(Number.isFinite(maxDelayMs) && maxDelayMs >= 0)) {
    const text = `createScorer: maxDelayMs: milliseconds of at least 0, got ${String(maxDelayMs)}`
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', text)
  }
  return { maxBatch, maxDelayMs, maxQueue }
}
