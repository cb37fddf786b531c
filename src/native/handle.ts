/** The base of everything that holds a native object: where the addon finds it, whether it is alive, how it is freed. */
import { LangevinError } from '../errors.js'
import { HANDLE } from './contract.js'
import { ASYNC_DISPOSE, DISPOSE } from './dispose.js'
import { UNCLONEABLE } from './uncloneable.js'

/** A JavaScript object with a native one behind it. A forgotten one is freed by the garbage collector. */
export abstract class NativeHandle<H extends { readonly disposed: boolean; dispose(): void }> {
  /** @internal */
  protected readonly inNativeMemory = UNCLONEABLE
  readonly #handle: H

  /** @internal */
  constructor(handle: H) {
    this.#handle = handle
  }

  /** @internal Where the addon looks for the handle. */
  get [HANDLE](): H {
    return this.#handle
  }

  /** How the object is called in the error of a use after `dispose()`: "this tensor of shape [3]". */
  protected abstract describe(): string

  /**
   * The handle, for a use that needs the native object.
   *
   * @throws ERR_LANGEVIN_DISPOSED
   */
  protected live(): H {
    if (this.#handle.disposed) {
      throw new LangevinError(
        'ERR_LANGEVIN_DISPOSED',
        `${this.describe()} has been disposed; use it before dispose(), or let \`using\` end later`,
      )
    }
    return this.#handle
  }

  /**
   * Numbers in native memory are not JSON. Without this JSON.stringify would write `{}` and say nothing.
   *
   * @throws ERR_LANGEVIN_UNSUPPORTED
   */
  toJSON(): never {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      `${this.describe()} is not JSON: its numbers are in native memory; ${this.remedyForJson()}`,
    )
  }
  /** What to do instead of JSON.stringify. */
  protected abstract remedyForJson(): string

  get disposed(): boolean {
    return this.#handle.disposed
  }

  /** Frees the native memory now (a job that uses the object keeps it until it is done). Idempotent. */
  dispose(): void {
    this.#handle.dispose()
  }
  [DISPOSE](): void {
    this.dispose()
  }
  async [ASYNC_DISPOSE](): Promise<void> {
    this.dispose()
  }
}
