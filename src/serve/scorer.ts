/** A queue in front of a fitted detector: calls that wait share native calls, and no more wait than it was told. */
import { LangevinError, messageOf } from '../errors.js'
import { ASYNC_DISPOSE } from '../native/dispose.js'
import { Canceller, isAborted, type Stopper, throwIfAborted, whenAborted } from '../native/signal.js'
import type { Decisions, FittedDetector } from '../ood/index.js'
import type { JobOptions } from '../ood/parts.js'
import { Made, type OodRows } from '../ood/rows.js'
import { flatRows, scoreArray, scoresOfFlat } from '../ood/scoring.js'
import { requireOptions } from '../spec/index.js'
import { Tensor } from '../tensor/index.js'
import { giveBack, lendCopy } from './lent.js'
import {
  checkedLimits,
  type Limits,
  type ScorerCallOptions,
  type ScorerMetrics,
  type ScorerOptions,
} from './scorer-options.js'
import { canShare } from './share.js'

export type { ScorerCallOptions, ScorerMetrics, ScorerOptions }

/** What a native call of its own computes; it gives the options on to what it calls. */
type Work<T> = (job: JobOptions) => Promise<T>

interface Call {
  /** Rows in the units of the models, where the call may share; the call disposes them when it ends. */
  readonly rows: Tensor | undefined
  readonly count: number
  readonly work: Work<unknown>
  readonly stopper: () => Stopper
  readonly since: number
  readonly context: unknown
  resolve(value: unknown): void
  reject(reason: unknown): void
  /** Called once, however the call ended. */
  readonly release: () => void
  ended: boolean
  /** The native call it is in. */
  stop: (() => void) | undefined
}

/** Native calls at a time where each serves one call: the next is there when one ends. */
const IN_FLIGHT = 2
const NOTHING = () => undefined
const internal = (): Stopper => new Canceller()
/** Work that is a user's own may give the signal on to whatever takes one. */
const standard = (): Stopper => new AbortController()

/**
 * Scores rows of many callers with one fitted detector. Made by `createScorer`; it does not own the detector, which is disposed
 * after `close()`. A row's score does not depend on what shares its native call: detectors of which that does not hold bit by
 * bit are never shared (`shares`).
 */
export class Scorer {
  readonly detector: FittedDetector
  /** Whether calls share native calls: `maxBatch` above 1, and a detector whose rows do not touch each other's bits. */
  readonly shares: boolean
  readonly #options: ScorerOptions
  readonly #limits: Limits
  readonly #waiting: Call[] = []
  readonly #running = new Set<Call>()
  #inFlight = 0
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined
  #closed: { reason: unknown } | undefined
  readonly #idle: (() => void)[] = []
  readonly #untie: () => void

  /** @internal Use `createScorer`. */
  constructor(detector: FittedDetector, options: ScorerOptions) {
    this.detector = detector
    this.#options = options
    this.#limits = checkedLimits(options)
    this.shares = this.#limits.maxBatch > 1 && canShare(detector.live())
    const { signal } = options
    if (isAborted(signal)) this.#closed = { reason: signal!.reason }
    this.#untie = whenAborted(signal, () => this.#abort(signal!.reason))
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#waiting.length
  }
  /** Calls in native calls. */
  get running(): number {
    return this.#running.size
  }
  get closed(): boolean {
    return this.#closed !== undefined
  }

  /**
   * Scores of rows, as `detector.scores(rows)` gives them, bit by bit.
   *
   * @param kept (internal) the caller does not change the rows before the promise settles: they need no copy while they wait
   * @throws (rejects) ERR_LANGEVIN_QUEUE_FULL (details: waiting, maxQueue), ERR_LANGEVIN_DISPOSED after `close()`,
   *   `signal.reason`, and what `detector.scores` does
   */
  async score(rows: OodRows, options: ScorerCallOptions = {}, kept = false): Promise<Float64Array> {
    this.#admit(options)
    const fit = this.detector.live()
    const flat = this.shares ? undefined : flatRows(fit, rows)
    if (flat !== undefined) {
      const own = kept ? undefined : lendCopy(flat.numbers)
      const asked = own === undefined ? flat : { ...flat, numbers: own }
      const release = () => own && giveBack(own)
      return this.#enqueue((job) => scoresOfFlat(fit, asked, job), options, flat.count, { release, stopper: internal })
    }
    const made = new Made()
    try {
      const read = made.read(rows, 'x', fit.inputs)
      const work = (job: JobOptions) => scoreArray(fit, read, job)
      const shared = this.shares && read.shape.length > 1 ? read : undefined
      const more = { rows: shared, release: () => made.dispose(), stopper: internal }
      return await this.#enqueue(work, options, read.shape[0] ?? 0, more)
    } catch (error) {
      made.dispose()
      throw error
    }
  }

  /**
   * @internal Refuses what `score` would refuse at once: asked before a body is read, so that a server that cannot keep up does
   * not spend its time on requests it will turn away.
   */
  requireRoom(options: ScorerCallOptions = {}): void {
    this.#admit(options)
  }

  /** As `detector.decide`, through the queue. @throws (rejects) what `score` and `detector.decide` do */
  async decide(rows: OodRows, options: ScorerCallOptions & { fpr?: number } = {}): Promise<Decisions> {
    const { fpr, ...call } = options
    const limit = this.detector.limit(fpr)
    return this.detector.decisions(await this.score(rows, call), limit)
  }

  /**
   * Anything else that asks the device, in turn with the scores and within the same bounds.
   *
   * @param work gets `{ signal, threads }`, options of every job
   * @param count how many rows it counts for in the metrics
   */
  async run<T>(work: Work<T>, count: number, options: ScorerCallOptions = {}): Promise<T> {
    this.#admit(options)
    return this.#enqueue(work, options, count)
  }

  /**
   * @internal The rest of a request whose first call has been answered: it is not refused for a full queue, which would throw
   * away what has been computed, and goes before calls that have not begun.
   */
  async follow<T>(work: Work<T>, count: number, options: ScorerCallOptions = {}): Promise<T> {
    this.#open(options)
    return this.#enqueue(work, options, count, { first: true })
  }

  /** Takes no more calls, and waits for those it has, which wait for no others any more. */
  async close(): Promise<void> {
    this.#closed ??= {
      reason: new LangevinError('ERR_LANGEVIN_DISPOSED', 'this scorer has been closed; make another with createScorer'),
    }
    this.#untie()
    this.#pump()
    if (this.#waiting.length + this.#running.size === 0 && this.#inFlight === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }
  async [ASYNC_DISPOSE](): Promise<void> {
    await this.close()
  }

  #open({ signal }: ScorerCallOptions): void {
    throwIfAborted(signal)
    if (this.#closed) throw this.#closed.reason
  }

  #admit(options: ScorerCallOptions): void {
    this.#open(options)
    const { maxQueue } = this.#limits
    if (this.#waiting.length < maxQueue) return
    throw new LangevinError(
      'ERR_LANGEVIN_QUEUE_FULL',
      `${this.#waiting.length} calls wait already, and maxQueue is ${maxQueue}; try again later`,
      { details: { waiting: this.#waiting.length, maxQueue } },
    )
  }

  #enqueue<T>(
    work: Work<T>,
    { signal, context }: ScorerCallOptions,
    count: number,
    {
      rows,
      release = NOTHING,
      stopper = standard,
      first = false,
    }: { rows?: Tensor | undefined; release?: () => void; stopper?: () => Stopper; first?: boolean } = {},
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let untie: () => void = NOTHING
      const end = (settle: () => void) => {
        if (call.ended) return
        call.ended = true
        untie()
        release()
        settle()
      }
      const call: Call = {
        rows,
        count,
        work,
        stopper,
        context,
        since: performance.now(),
        resolve: (value) => end(() => resolve(value as T)),
        reject: (reason) => end(() => reject(reason)),
        release,
        ended: false,
        stop: undefined,
      }
      untie = whenAborted(signal, () => this.#leave(call, signal!.reason))
      if (first) this.#waiting.unshift(call)
      else this.#waiting.push(call)
      this.#schedule()
    })
  }

  /** A call whose caller has gone. */
  #leave(call: Call, reason: unknown): void {
    const place = this.#waiting.indexOf(call)
    if (place >= 0) this.#waiting.splice(place, 1)
    const { stop } = call
    call.reject(reason)
    stop?.()
    this.#settle()
  }

  #abort(reason: unknown): void {
    this.#closed = { reason }
    for (const call of [...this.#waiting, ...this.#running]) this.#leave(call, reason)
  }

  /** Starts native calls: at once, or after the calls of this turn of the event loop have come. */
  #schedule(): void {
    if (!this.shares) {
      this.#pump()
      return
    }
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined
      this.#pump()
    })
  }

  #pump(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // One at a time where calls share: those that come meanwhile make up the next.
    while (this.#waiting.length > 0 && this.#inFlight < (this.shares ? 1 : IN_FLIGHT)) {
      const calls = this.#next()
      const left = this.#patience(calls)
      if (left > 0) {
        this.#timer = setTimeout(() => this.#pump(), left)
        return
      }
      this.#waiting.splice(0, calls.length)
      void this.#start(calls)
    }
  }

  /** The first calls of the queue that can share one native call. */
  #next(): Call[] {
    const [first, ...rest] = this.#waiting as [Call, ...Call[]]
    const calls = [first]
    const shape = first.rows?.shape.slice(1).join()
    let rows = first.count
    for (const call of rest) {
      const fits = call.rows !== undefined && first.rows !== undefined && call.rows.dtype === first.rows.dtype
      if (!fits || call.rows.shape.slice(1).join() !== shape || rows + call.count > this.#limits.maxBatch) break
      calls.push(call)
      rows += call.count
    }
    return calls
  }

  /** Milliseconds that these calls wait for more. */
  #patience(calls: readonly Call[]): number {
    const { maxBatch, maxDelayMs } = this.#limits
    const full = calls.length < this.#waiting.length || calls.reduce((n, { count }) => n + count, 0) >= maxBatch
    if (full || this.#closed || calls[0]!.rows === undefined) return 0
    return maxDelayMs - (performance.now() - calls[0]!.since)
  }

  async #start(calls: readonly Call[]): Promise<void> {
    const stopper = calls[0]!.stopper()
    for (const call of calls) {
      this.#running.add(call)
      call.stop = () => {
        if (calls.every(({ ended }) => ended)) stopper.abort()
      }
    }
    this.#inFlight++
    try {
      if (calls.length === 1) await this.#alone(calls[0]!, stopper)
      else await this.#shared(calls, stopper)
    } finally {
      this.#inFlight--
      for (const call of calls) this.#running.delete(call)
      this.#pump()
      this.#settle()
    }
  }

  #job({ signal }: Stopper): JobOptions {
    const { threads } = this.#options
    return { signal, ...(threads !== undefined && { threads }) }
  }

  async #alone(call: Call, stopper: Stopper): Promise<void> {
    const begun = this.#begin()
    try {
      call.resolve(await call.work(this.#job(stopper)))
    } catch (error) {
      call.reject(error)
      this.#tell([call], begun, { error })
      return
    }
    this.#tell([call], begun)
  }

  async #shared(calls: readonly Call[], stopper: Stopper): Promise<void> {
    const begun = this.#begin()
    try {
      await this.#oneCall(calls, this.#job(stopper))
    } catch (error) {
      this.#tell(calls, begun, { error })
      // Rows of one call must not fail the others: each is asked by itself, unless its caller has gone.
      for (const call of calls) {
        if (call.ended) continue
        const own = call.stopper()
        call.stop = () => own.abort()
        await this.#alone(call, own)
      }
      return
    }
    this.#tell(calls, begun)
  }

  async #oneCall(calls: readonly Call[], job: JobOptions): Promise<void> {
    using rows = Tensor.concat(calls.map((call) => call.rows!))
    const scores = await scoreArray(this.detector.live(), rows, job)
    let first = 0
    for (const call of calls) {
      call.resolve(scores.slice(first, first + call.count))
      first += call.count
    }
  }

  /** What a native call finds when it starts. */
  #begin(): { at: number; waiting: number } {
    return { at: performance.now(), waiting: this.#waiting.length }
  }

  #tell(calls: readonly Call[], { at, waiting }: { at: number; waiting: number }, failure?: { error: unknown }): void {
    try {
      this.#options.onMetrics?.({
        calls: calls.length,
        rows: calls.reduce((n, { count }) => n + count, 0),
        waitMs: at - calls[0]!.since,
        runMs: performance.now() - at,
        started: performance.timeOrigin + at,
        waiting,
        contexts: calls.map(({ context }) => context),
        ...failure,
      })
    } catch (error) {
      process.emitWarning(`createScorer: onMetrics threw: ${messageOf(error)}`, 'LangevinWarning')
    }
  }

  #settle(): void {
    if (this.#waiting.length + this.#running.size > 0 || this.#inFlight > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}

/**
 * A queue in front of a fitted detector, for services: bounded, with an AbortSignal per call, and micro-batching where
 * `maxBatch` says so.
 *
 * @param detector from `ood.fit` or `ood.load`; the caller disposes it after `scorer.close()`
 * @throws ERR_LANGEVIN_INVALID_OPTION, ERR_LANGEVIN_DISPOSED
 */
export function createScorer(detector: FittedDetector, options: ScorerOptions = {}): Scorer {
  const known = ['maxBatch', 'maxDelayMs', 'maxQueue', 'threads', 'signal', 'onMetrics']
  return new Scorer(detector, requireOptions('createScorer', options, known))
}
