/** What evaluates a program: the native addon, or a WebAssembly module. */
import type { CompiledProgram } from '../compiled/format.js'

export type Numbers = Float32Array | Float64Array

/** A program with its numbers, all in one number type. */
export interface LoadedProgram extends CompiledProgram {
  /** float64 instead of float32. */
  readonly wide: boolean
  readonly parameters: readonly Numbers[]
  readonly constants: readonly Float64Array[]
}

/** A program at work. Its errors are LangevinErrors. */
export interface Engine {
  /** E of rows laid flat, one number each. */
  energy(x: Numbers, out: Numbers, y: Numbers | BigInt64Array | undefined, threads: number): void
  /** -dE/dx; `out` is as long as x. */
  score(x: Numbers, out: Numbers, y: Numbers | BigInt64Array | undefined, threads: number): void
  dispose(): void
}
