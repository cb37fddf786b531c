/**
 * The exact interface of the addon. `addon.cc` exports these names and nothing else; tests/native/contract.test.ts
 * compares both sides. A change here raises CONTRACT_VERSION here and in addon.cc, so that the loader refuses an addon
 * that was built from other sources.
 */

/** What the addon's `contractVersion` must be for this package. */
export const CONTRACT_VERSION = 4

/** Names of the dtypes that cross the boundary. */
export const DTYPES = ['float32', 'float64', 'bfloat16', 'int64', 'uint8', 'bool'] as const
export type Dtype = (typeof DTYPES)[number]

/**
 * 'immediate' functions are quick enough for the JavaScript thread; the others run as jobs: 'short' ones on a thread of
 * their own beside the 'queued' ones, which may take hours.
 */
export interface NativeFunction {
  readonly name: string
  readonly lane: 'immediate' | 'short' | 'queued'
}

/** A tensor the core holds. Its numbers never change; every operation makes a new one. */
export interface NativeTensor {
  readonly kind: 'tensor'
  readonly shape: number[]
  readonly dtype: Dtype
  readonly device: string
  /** Host bytes reported to V8 (0 on an accelerator). */
  readonly bytes: number
  readonly disposed: boolean
  dispose(): void
}

/** A network with its parameters: an energy where its program gives one. */
export interface NativeNetwork {
  readonly kind: 'energy' | 'network'
  readonly dtype: Dtype
  readonly device: string
  readonly bytes: number
  readonly parameterCount: number
  /** Columns of a flat row x, and the axes of a row: [d], [c, h, w]. */
  readonly inputWidth: number
  readonly inputShape: number[]
  /** True while a job has it for itself. */
  readonly busy: boolean
  readonly disposed: boolean
  dispose(): void
  /**
   * E of plain rows, on this thread: x has rows times inputWidth numbers, `out` one for each row. False where
   * `energy.energyNow` must be asked, and where it takes more than `most` multiply-adds.
   */
  energyInto(x: Float32Array, out: Float32Array, most?: number): boolean
  /** The same for scores (`energy.scoreNow`); `out` is as long as x. */
  scoreInto(x: Float32Array, out: Float32Array, most?: number): boolean
}

/** One queued or running job. All methods may be called at any time, also after its end. */
export interface NativeJob {
  readonly state: 'queued' | 'running' | 'ended'
  abort(): void
  pause(): void
  resume(): void
  requestCheckpoint(): void
}

/**
 * What a job reports, in order. 'start' once it leaves the queue (not from 'short' functions); 'progress' latest-wins; 'event' (epoch, checkpoint,
 * warning) never dropped; then exactly one of 'done' (the result) or 'error' (an Error with code and details).
 */
export type JobListener = (kind: 'start' | 'progress' | 'event' | 'done' | 'error', payload: unknown) => void

/** What a native error carries besides its message. */
export interface NativeError extends Error {
  readonly code: string
  readonly details: Record<string, unknown>
}

/** How the addon was built. */
export interface NativeBuild {
  readonly version: string
  readonly compiler: string
  readonly cmake: string
  readonly type: string
  readonly libtorch: string
  readonly libtorchSource: string
  readonly libtorchPrefix: string
  readonly cuda: boolean
}

/** Process-wide counts of what the addon holds for JavaScript. */
export interface NativeMemory {
  readonly tensors: number
  readonly tensorBytes: number
  /** Energies and other networks. */
  readonly energies: number
  readonly energyBytes: number
  readonly jobsQueued: number
  readonly jobsRunning: number
}

export interface SubmitOptions {
  /** Tensors of the result come as Float32Array or Float64Array, laid flat, instead of handles (on the CPU). */
  readonly numbers?: boolean
  /** Other calls on the networks at the top level of the arguments, or in their `networks`, fail with ERR_LANGEVIN_BUSY until the job has ended. */
  readonly exclusive?: boolean
}

export interface NativeBinding {
  readonly contractVersion: number
  readonly build: NativeBuild
  /** The core's function table. */
  functions(): NativeFunction[]
  /** Calls an immediate function on this thread. */
  callNow(name: string, args: object): unknown
  /** Queues a function on the runtime thread of its device. A typed array among the arguments is copied, as a tensor [length]. */
  submit(name: string, args: object, options: SubmitOptions, listener: JobListener): NativeJob
  /** Copies the bytes of a view into a new CPU tensor. */
  createTensor(data: ArrayBufferView, shape: readonly number[], dtype: Dtype): NativeTensor
  /** Copies a tensor's bytes into a view of exactly its size. */
  copyTensor(tensor: NativeTensor, target: ArrayBufferView): void
  memory(): NativeMemory
  /** Stops this environment's jobs; waits at most `milliseconds` for the running one. True when none is left. */
  shutdown(milliseconds: number): boolean
}

/** The names of NativeBinding, for the loader and the contract test. */
export const CONTRACT_NAMES = [
  'contractVersion',
  'build',
  'functions',
  'callNow',
  'submit',
  'createTensor',
  'copyTensor',
  'memory',
  'shutdown',
] as const satisfies readonly (keyof NativeBinding)[]

/** Arguments carry their handle under this symbol: the addon looks for it on every object it reads. */
export const HANDLE: unique symbol = Symbol.for('langevin.handle') as never

/** One entry of a network's state dict. */
export interface ParameterInfo {
  readonly name: string
  readonly shape: readonly number[]
  readonly learnable: boolean
}

/** A block of columns of x. */
export interface ExplainedBlock {
  readonly kind: string
  readonly firstColumn: number
  readonly columns: number
  /** Values of a variable; absent for real columns. */
  readonly levels?: number
  readonly name?: string
}

/** Which executor runs a network, and why. */
export interface Explanation {
  readonly executor: string
  readonly reason: string
  readonly operations: readonly string[]
  /** Operations whose derivative jumps: not for objectives that differentiate the score. */
  readonly nonSmooth: readonly string[]
  /** What x is made of: the kind where all columns are of one ('real', 'binary', ...), else the blocks of columns. */
  readonly states: string | readonly ExplainedBlock[]
  /** 'default', 'avx2', 'avx512' or 'avx512_bf16' (LANGEVIN_ISA forces a lower one); LibTorch's own choice on the plain path. */
  readonly instructionSet: string
  /** Who differentiates scores in the parameters (score matching, gradient penalties), and why. */
  readonly scoreGradients: { readonly executor: string; readonly reason: string }
  /** What `precision: 'bfloat16'` of a sampler does to an energy's gradients here. */
  readonly bfloat16: string
  /** Rows of a block that keeps its numbers in cache (0 on the plain path). */
  readonly blockRows: number
  /** Threads a job takes over tiles of rows, and threads LibTorch takes inside one operation. */
  readonly threads: { readonly tiles: number; readonly intraOp: number; readonly reason: string }
  readonly [more: string]: unknown
}

/** What a copy of a network in training says besides its weights: how many steps they have seen. */
export interface Snapshot {
  readonly step: number
}
