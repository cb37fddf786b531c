/** The two ways into the addon, short calls and jobs, with its errors and tensors turned into the package's own. */
import process from 'node:process'
import { type ErrorCode, LangevinError } from '../errors.js'
import type { JobListener, NativeBinding, NativeError, NativeJob, NativeNetwork, NativeTensor } from './contract.js'
import { native } from './load.js'
import { whenAborted } from './signal.js'

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

/**
 * A native error as the package's own; anything else unchanged. The addon makes its errors in the realm that loaded it, which
 * need not be this one (Jest, node:vm): the code tells them, not their class.
 */
export function toLangevinError(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || LangevinError.is(error)) return error
  const { code, details, message } = error as NativeError
  if (typeof code !== 'string' || !code.startsWith('ERR_LANGEVIN_')) return error
  return new LangevinError(code as ErrorCode, message, { details: { ...details } })
}

/** Runs `body` and turns native errors into LangevinErrors. */
export function translated<T>(body: () => T): T {
  try {
    return body()
  } catch (error) {
    throw toLangevinError(error)
  }
}

/** What a native tensor in a result becomes. */
export type Wrap = (handle: NativeTensor) => unknown

/**
 * Native tensors in a result become what `wrap` makes of them; native energies stay handles (only their caller knows the
 * spec), and lists of numbers stay as they are.
 */
export function wrapped(value: unknown, wrap: Wrap): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    return value.some((item) => typeof item === 'object') ? value.map((item) => wrapped(item, wrap)) : value
  }
  // The prototype of a plain object has no prototype itself, in any realm; that of a handle has one.
  if (Object.getPrototypeOf(Object.getPrototypeOf(value)) !== null) {
    const { kind } = value as NativeTensor | NativeNetwork
    return kind === 'tensor' ? wrap(value as NativeTensor) : value
  }
  for (const [key, member] of Object.entries(value)) {
    if (typeof member === 'object' && member !== null) (value as Record<string, unknown>)[key] = wrapped(member, wrap)
  }
  return value
}

/**
 * Calls a short native function on this thread.
 *
 * @throws LangevinError with the core's code
 */
export function callNow<T>(name: string, args: Arguments, wrap: Wrap): T {
  return translated(() => wrapped(binding().callNow(name, args), wrap) as T)
}

/** Queues a job and ties it to a signal: when it aborts, so does the job. The listener's last message unties it. */
export function submit(
  name: string,
  args: Arguments,
  options: { exclusive?: boolean; numbers?: boolean; signal?: AbortSignal | undefined },
  listener: JobListener,
): NativeJob {
  const { signal, exclusive = false, numbers = false } = options
  let untie: (() => void) | undefined
  const job = translated(() =>
    binding().submit(name, args, { exclusive, numbers }, (kind, payload) => {
      if (kind === 'done' || kind === 'error') untie?.()
      listener(kind, payload)
    }),
  )
  if (signal !== undefined) untie = whenAborted(signal, () => job.abort())
  return job
}
