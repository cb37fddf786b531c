/** Run: a long native job with events, pause, abort and checkpoints. */
import { inspect } from 'node:util'
import { abortError, LangevinError } from '../errors.js'
import type { NativeJob } from '../native/contract.js'
import { UNCLONEABLE } from '../native/uncloneable.js'
import type { CheckpointEvent, EndEvent, ProgressEvent, RunEvent } from './events.js'

export type RunState = 'queued' | 'running' | 'paused' | 'done' | 'failed' | 'aborted'
export type OnCheckpoint = (
  event: CheckpointEvent,
) => CheckpointEvent | undefined | Promise<CheckpointEvent | undefined>

/** What a run does with what its job tells it. */
export interface RunHooks<R> {
  finish: (raw: unknown) => R | Promise<R>
  onCheckpoint?: OnCheckpoint | undefined
}

/** One reader of the events: what it has not read yet, and its waiting next(). */
class Reader {
  readonly #unread: RunEvent[]
  #wake: (() => void) | undefined

  constructor(seen: readonly RunEvent[]) {
    this.#unread = [...seen]
  }

  push(event: RunEvent): void {
    if (event.type === 'progress') {
      const stale = this.#unread.findIndex((e) => e.type === 'progress')
      if (stale >= 0) this.#unread.splice(stale, 1)
    }
    this.#unread.push(event)
    this.wake()
  }

  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  async next(over: () => boolean): Promise<RunEvent | undefined> {
    while (this.#unread.length === 0 && !over()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#unread.shift()
  }
}

/**
 * One long native job: training, sampling, evaluation.
 *
 * A run is an async iterable of its events. Of progress a slow reader sees the latest only; epochs, checkpoints,
 * warnings and the end reach every reader, also one that starts late. After the end event an iteration of a failed or
 * aborted run throws what `done` rejects with. Code that reads the events gets the error there and may ignore `done`;
 * code that only awaits `done` need not read the events. A failure that neither sees is an unhandled rejection.
 */
export class Run<R, Monitor extends string = never> implements AsyncIterable<RunEvent<Monitor>> {
  /** @internal */
  protected readonly inNativeMemory = UNCLONEABLE
  readonly #hooks: RunHooks<R>
  readonly #kept: RunEvent[] = []
  readonly #readers = new Set<Reader>()
  readonly #done: Promise<R>
  #settle!: { resolve: (result: R) => void; reject: (reason: unknown) => void }
  #state: RunState = 'queued'
  #job: NativeJob | undefined
  /** The last message is handled when this is: messages are handled one after the other. */
  #tail: Promise<void> = Promise.resolve()
  #pendingProgress: ProgressEvent | undefined
  #abortReason: { reason: unknown } | undefined
  #failure: { reason: unknown } | undefined
  /** A hook has failed: the job is being stopped, and its end is the run's. */
  #broken: { reason: unknown } | undefined
  #over = false
  #checkpointWaiters: ((event: CheckpointEvent | undefined) => void)[] = []

  /** @internal Runs are made by `train`, `sample` and their like. */
  constructor(hooks: RunHooks<R>) {
    this.#hooks = hooks
    this.#done = new Promise<R>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
  }

  /**
   * The result. Rejects with a LangevinError when the job fails, and with the abort reason after an abort (the signal's
   * `reason`, the argument of `abort()`, or an AbortError).
   */
  get done(): Promise<R> {
    return this.#done
  }

  get state(): RunState {
    return this.#state
  }

  /** Stops the job: at once when it is still queued, else within about a step. Without effect after the end. */
  abort(reason?: unknown): void {
    if (this.#over || this.#abortReason) return
    this.#abortReason = { reason: reason ?? abortError('the run was aborted') }
    if (this.#job) this.#job.abort()
    else this.#end({ reason: this.#abortReason.reason })
  }

  /** The job waits at its next step; other jobs of the device run meanwhile. Idempotent. */
  pause(): void {
    if (this.#state !== 'queued' && this.#state !== 'running') return
    this.#state = 'paused'
    this.#job?.pause()
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = this.#job?.state === 'queued' ? 'queued' : 'running'
    this.#job?.resume()
  }

  /**
   * Asks for a checkpoint at the next step.
   *
   * @returns the checkpoint event once it has been delivered (its file is written then); undefined when the run ends first
   */
  checkpoint(): Promise<CheckpointEvent | undefined> {
    if (this.#over || !this.#job) return Promise.resolve(undefined)
    const event = new Promise<CheckpointEvent | undefined>((resolve) => this.#checkpointWaiters.push(resolve))
    this.#job.requestCheckpoint()
    return event
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RunEvent<Monitor>, void, undefined> {
    const reader = new Reader(this.#kept)
    this.#readers.add(reader)
    try {
      for (;;) {
        const event = await reader.next(() => this.#over)
        if (event) yield event as RunEvent<Monitor>
        if (!event || event.type === 'end') break
      }
      // The reader gets the error here; `done` must not be reported as unhandled as well.
      if (this.#failure) this.#done.catch(() => undefined)
    } finally {
      this.#readers.delete(reader)
    }
    if (this.#failure) throw this.#failure.reason
  }

  [inspect.custom](): string {
    return `Run (${this.#state})`
  }

  /** @internal */
  attach(job: NativeJob): void {
    this.#job = job
  }

  /** @internal A message of the job, in order. */
  receive(kind: 'start' | 'progress' | 'event' | 'done' | 'error', payload: unknown): void {
    if (this.#over) return
    if (kind === 'start') {
      if (this.#state === 'queued') this.#state = 'running'
    } else if (kind === 'progress') {
      const waiting = this.#pendingProgress !== undefined
      this.#pendingProgress = { ...(payload as Omit<ProgressEvent, 'type'>), type: 'progress' }
      // A reader never falls behind by more than one: while a checkpoint is being written, later progress replaces earlier.
      if (!waiting) this.#enqueue(() => this.#deliverProgress())
    } else if (kind === 'event') {
      this.#enqueue(() => this.#deliver(payload as RunEvent))
    } else if (kind === 'done') {
      this.#enqueueLast(() => this.#finish(payload))
    } else {
      const coded = payload instanceof LangevinError && payload.code === 'ERR_LANGEVIN_ABORTED'
      const reason = coded && this.#abortReason ? this.#abortReason.reason : payload
      this.#enqueueLast(() => this.#end({ reason }))
    }
  }

  #enqueue(step: () => void | Promise<void>): void {
    this.#tail = this.#tail.then(async () => {
      if (this.#over || this.#broken) return
      try {
        await step()
      } catch (reason) {
        // A checkpoint that could not be written. The run ends when the job does: until then the energy is busy.
        this.#broken = { reason }
        this.#job?.abort()
      }
    })
  }

  #enqueueLast(step: () => void | Promise<void>): void {
    this.#tail = this.#tail.then(async () => {
      if (this.#over) return
      try {
        if (this.#broken) this.#end(this.#broken)
        else await step()
      } catch (reason) {
        this.#end({ reason })
      }
    })
  }

  #deliverProgress(): void {
    const event = this.#pendingProgress
    this.#pendingProgress = undefined
    if (event) for (const reader of this.#readers) reader.push(event)
  }

  async #deliver(received: RunEvent): Promise<void> {
    if (received.type !== 'checkpoint') return this.#keep(received)
    const { step } = received
    const hook = this.#hooks.onCheckpoint
    const event = hook === undefined ? received : ((await hook(received)) ?? { type: 'checkpoint', step })
    this.#keep(event)
    for (const resolve of this.#checkpointWaiters.splice(0)) resolve(event)
  }

  async #finish(raw: unknown): Promise<void> {
    const result = await this.#hooks.finish(raw)
    this.#close('done', { type: 'end', state: 'done' })
    this.#settle.resolve(result)
  }

  #end(failure: { reason: unknown }): void {
    this.#failure = failure
    const state = this.#abortReason && failure.reason === this.#abortReason.reason ? 'aborted' : 'failed'
    // A live reader gets the reason thrown, so it is not reported as unhandled as well.
    const reported = this.#readers.size > 0 || state === 'aborted'
    this.#close(state, { type: 'end', state, error: failure.reason })
    if (reported) this.#done.catch(() => undefined)
    this.#settle.reject(failure.reason)
  }

  #close(state: RunState, end: EndEvent): void {
    this.#state = state
    this.#over = true
    this.#keep(end)
    for (const resolve of this.#checkpointWaiters.splice(0)) resolve(undefined)
  }

  #keep(event: RunEvent): void {
    this.#kept.push(event)
    for (const reader of this.#readers) reader.push(event)
  }
}
