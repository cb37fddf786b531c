import { LangevinError } from '../errors.js'
import { type OnCheckpoint, Run } from '../run.js'
import { Tensor } from '../tensor.js'
import type { JobListener, NativeBinding, NativeEnergy, NativeError, NativeJob, NativeTensor } from './contract.js'
import { native } from './load.js'

/** Plain values, Tensors and Energies, by name. */
export type Arguments = Record<string, unknown>

/** How long an exiting process waits for a running job to notice. */
const EXIT_PATIENCE = 1000
let prepared: NativeBinding | undefined

/** The addon; at its first use an 'exit' listener is set, so that no job computes while the process is taken down. */
export function binding(): NativeBinding {
  const addon = native()
  if (addon !== prepared) {
    prepared = addon
    process.once('exit', () => addon.shutdown(EXIT_PATIENCE))
  }
  return addon
}

/** A native error as the package's own; anything else unchanged. */
export function toLangevinError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof LangevinError) return error
  const { code, details } = error as NativeError
  if (typeof code !== 'string' || !code.startsWith('ERR_LANGEVIN_')) return error
  return new LangevinError(code, error.message, { details })
}

/** Runs `body` and turns native errors into LangevinErrors. */
export function translated<T>(body: () => T): T {
  try {
    return body()
  } catch (error) {
    throw toLangevinError(error)
  }
}

/**
 * Native tensors in a result become Tensor objects; native energies stay handles (only their caller knows the spec), and
 * lists of numbers stay as they are.
 */
export function wrapResult(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    return value.some((item) => typeof item === 'object') ? value.map(wrapResult) : value
  }
  // A plain object's prototype has none of its own, in whatever realm; a handle's has.
  if (Object.getPrototypeOf(Object.getPrototypeOf(value)) !== null) {
    const { kind } = value as NativeTensor | NativeEnergy
    return kind === 'tensor' ? new Tensor(value as NativeTensor) : value
  }
  for (const [key, member] of Object.entries(value)) {
    if (typeof member === 'object' && member !== null) (value as Record<string, unknown>)[key] = wrapResult(member)
  }
  return value
}

/**
 * Calls a short native function on this thread.
 *
 * @throws LangevinError with the core's code
 */
export function invokeNow<T>(name: string, args: Arguments): T {
  return translated(() => wrapResult(binding().callNow(name, args)) as T)
}

/** Options of a queued call. */
export interface InvokeOptions {
  /** Stops the job; the promise then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined
}

/** Queues a job and ties it to a signal: when it aborts, so does the job. The listener's last message unties it. */
function submit(
  name: string,
  args: Arguments,
  options: { exclusive?: boolean; signal?: AbortSignal | undefined },
  listener: JobListener,
): NativeJob {
  const { signal, exclusive = false } = options
  const onAbort = () => job.abort()
  const job = translated(() =>
    binding().submit(name, args, { exclusive }, (kind, payload) => {
      if (kind === 'done' || kind === 'error') signal?.removeEventListener('abort', onAbort)
      listener(kind, payload)
    }),
  )
  signal?.addEventListener('abort', onAbort, { once: true })
  return job
}

/** What a job's error is to the caller: the signal's reason when it was the signal that stopped it. */
function reasonOf(error: unknown, signal: AbortSignal | undefined): unknown {
  const coded = toLangevinError(error)
  const aborted = coded instanceof LangevinError && coded.code === 'ERR_LANGEVIN_ABORTED'
  return aborted && signal?.aborted ? signal.reason : coded
}

/**
 * Queues a native function on the runtime thread of its device. The event loop stays free, and the process stays alive
 * until the promise settles. Arguments are copied at once.
 *
 * @throws (rejects) LangevinError with the core's code, or `signal.reason` after an abort
 */
export async function invoke<T>(name: string, args: Arguments, { signal }: InvokeOptions = {}): Promise<T> {
  signal?.throwIfAborted()
  return new Promise<T>((resolve, reject) => {
    submit(name, args, { signal }, (kind, payload) => {
      if (kind === 'error') return reject(reasonOf(payload, signal))
      if (kind !== 'done') return
      try {
        resolve(wrapResult(payload) as T)
      } catch (error) {
        reject(error)
      }
    })
  })
}

/** How a run is made from a native job. */
export interface StartRunOptions<R> extends InvokeOptions {
  /** Makes the run's result of what the native function returned. */
  finish: (raw: never) => R | Promise<R>
  /** Awaited before a checkpoint is delivered (it writes the file); returns the event to deliver. */
  onCheckpoint?: OnCheckpoint | undefined
  /** Awaited before the job is queued (it reads a file); what it returns is added to `args`. */
  prepare?: (() => Promise<Arguments>) | undefined
  /** Called once the job has ended, however it ended: frees what was made for it. */
  settled?: (() => void) | undefined
  /** The job has the energies at the top level of `args` for itself; other calls on them are ERR_LANGEVIN_BUSY. */
  exclusive?: boolean | undefined
}

/** Functions that change the energies they are given: they have them exclusively unless told otherwise. */
const EXCLUSIVE = new Set(['train'])

/**
 * Queues a native function as a Run: progress, events, abort, pause, checkpoints. Errors in the arguments are thrown at
 * once; everything later rejects `run.done`.
 */
export function startRun<R>(name: string, args: Arguments, options: StartRunOptions<R>): Run<R> {
  const { signal, exclusive = EXCLUSIVE.has(name) } = options
  const run = new Run<R>({
    finish: options.finish as (raw: unknown) => R | Promise<R>,
    onCheckpoint: options.onCheckpoint,
  })
  const { settled = () => undefined, prepare } = options
  if (signal?.aborted) {
    run.abort(signal.reason)
    settled()
    return run
  }
  const onAbort = () => run.abort(signal?.reason)
  const end = () => {
    signal?.removeEventListener('abort', onAbort)
    settled()
  }
  const queue = (all: Arguments) => {
    const job = submit(name, all, { exclusive }, (kind, payload) => {
      if (kind === 'done' || kind === 'error') end()
      if (kind === 'error') return run.receive(kind, toLangevinError(payload))
      run.receive(kind, wrapResult(payload))
    })
    run.attach(job)
    if (run.state === 'paused') job.pause()
  }
  if (prepare === undefined) queue(args)
  else {
    // The run may be aborted while the file is read; then there is nothing left to queue.
    prepare()
      .then((more) => (run.state === 'queued' || run.state === 'paused' ? queue({ ...args, ...more }) : end()))
      .catch((error: unknown) => {
        end()
        run.receive('error', error)
      })
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  return run
}
