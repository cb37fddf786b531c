/** Long native functions as a Run. */
import { LangevinError } from '../errors.js'
import { type Arguments, submit, toLangevinError, wrapped } from '../native/call.js'
import { isAborted, whenAborted } from '../native/signal.js'
import { wrapTensor } from '../tensor/index.js'
import type { RunEvent } from './events.js'
import type { InvokeOptions } from './invoke.js'
import { type OnCheckpoint, Run, type RunHooks } from './run.js'

/** How a run is made from a native job. */
export interface StartRunOptions<R, T = Run<R>> extends InvokeOptions {
  /** Makes the run's result of what the native function returned. */
  finish: (raw: never) => R | Promise<R>
  /** Awaited before a checkpoint is delivered (it writes the file); returns the event to deliver. */
  onCheckpoint?: OnCheckpoint | undefined
  /** Awaited before the job is queued (it reads a file); what it returns is added to `args`. */
  prepare?: (() => Promise<Arguments>) | undefined
  /** Called once the job has ended, however it ended: frees what was made for it. */
  settled?: (() => void) | undefined
  /** Makes the run where it has more to offer than a Run. */
  make?: ((hooks: RunHooks<R>) => T) | undefined
  /** The job has the energies at the top level of `args` for itself; other calls on them are ERR_LANGEVIN_BUSY. */
  exclusive?: boolean | undefined
}

/**
 * Functions that change the energies they are given: a job of theirs has them for itself unless the caller says
 * otherwise.
 */
const EXCLUSIVE = new Set(['train'])

/** What a run had warned of before it failed is often why. */
function withWarnings(error: unknown, warnings: readonly RunEvent[]): unknown {
  if (warnings.length > 0 && error instanceof LangevinError) error.details.warnings = warnings
  return error
}

/**
 * Queues a native function as a Run: progress, events, abort, pause, checkpoints. Errors in the arguments are thrown at
 * once; everything later rejects `run.done`.
 */
export function startRun<R, Monitor extends string = never, T extends Run<R, Monitor> = Run<R, Monitor>>(
  name: string,
  args: Arguments,
  options: StartRunOptions<R, T>,
): T {
  const { signal, exclusive = EXCLUSIVE.has(name) } = options
  const make = options.make ?? ((hooks: RunHooks<R>) => new Run<R, Monitor>(hooks) as T)
  const run = make({
    finish: options.finish as (raw: unknown) => R | Promise<R>,
    onCheckpoint: options.onCheckpoint,
  })
  const { settled = () => undefined, prepare } = options
  if (isAborted(signal)) {
    run.abort(signal?.reason)
    settled()
    return run
  }
  let untie: (() => void) | undefined
  const end = () => {
    untie?.()
    settled()
  }
  const warnings: RunEvent[] = []
  const queue = (all: Arguments) => {
    const job = submit(name, all, { exclusive }, (kind, payload) => {
      if (kind === 'done' || kind === 'error') end()
      if (kind === 'error') return run.receive(kind, withWarnings(toLangevinError(payload), warnings))
      const message = wrapped(payload, wrapTensor)
      if (kind === 'event' && (message as RunEvent).type === 'warning') warnings.push(message as RunEvent)
      run.receive(kind, message)
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
  untie = whenAborted(signal, () => run.abort(signal?.reason))
  return run
}
