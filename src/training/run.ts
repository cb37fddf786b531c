/** The run of train(): a Run whose energy can be looked at while it is trained. */
import type { Energy } from '../energy.js'
import type { Snapshot } from '../native/contract.js'
import type { SnapshotOptions } from '../network.js'
import { Run, type RunHooks } from '../runtime/index.js'
import type { Monitor } from './monitors.js'

/** A training run. */
export class TrainRun<R> extends Run<R, Monitor> {
  readonly #energy: Energy

  /** @internal Made by `train`. */
  constructor(hooks: RunHooks<R>, energy: Energy) {
    super(hooks)
    this.#energy = energy
  }

  /**
   * A copy of the energy as it is between two steps, to be evaluated, sampled or saved while the run goes on (also while it
   * is queued or paused, and after its end): `energy.snapshot()`.
   *
   * @param options.weights 'averaged' (default with `ema`) or 'raw'
   * @returns an Energy with `step`: how many steps its weights have seen; the caller disposes it
   */
  snapshot(options: SnapshotOptions = {}): Promise<Energy & Snapshot> {
    return this.#energy.snapshot(options)
  }
}
