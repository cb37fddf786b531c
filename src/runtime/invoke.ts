/** Calls of the core's functions whose results hold Tensors: at once on this thread, or as a job with a promise. */
import { LangevinError } from '../errors.js'
import { type Arguments, callNow, submit, toLangevinError, wrapped } from '../native/call.js'
import { throwIfAborted } from '../native/signal.js'
import { wrapTensor } from '../tensor/index.js'

/**
 * Calls a short native function on this thread.
 *
 * @throws LangevinError with the core's code
 */
export function invokeNow<T>(name: string, args: Arguments): T {
  return callNow<T>(name, args, wrapTensor)
}

/** Options of a queued call. */
export interface InvokeOptions {
  /** Stops the job; the promise then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined
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
  throwIfAborted(signal)
  return job<T>(name, args, signal, false, (payload) => wrapped(payload, wrapTensor))
}

/**
 * As `invoke`, without a Tensor on the way: a Float32Array or Float64Array among the arguments is one for the core, laid flat, and
 * the tensor of the result is an array of its numbers.
 */
export function invokeNumbers<T extends Float32Array | Float64Array>(
  name: string,
  args: Arguments,
  { signal }: InvokeOptions = {},
): Promise<T> {
  return job<T>(name, args, signal, true, (payload) => payload)
}

function job<T>(
  name: string,
  args: Arguments,
  signal: AbortSignal | undefined,
  numbers: boolean,
  made: (payload: unknown) => unknown,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    submit(name, args, { signal, numbers }, (kind, payload) => {
      if (kind === 'error') return reject(reasonOf(payload, signal))
      if (kind !== 'done') return
      try {
        resolve(made(payload) as T)
      } catch (error) {
        reject(error)
      }
    })
  })
}
