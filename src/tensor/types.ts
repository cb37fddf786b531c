/** What TypeScript knows of a tensor: its dtype and its rank (how many axes it has). */
import type { Dtype } from '../native/contract.js'
import type { NestedArray, TypedArray } from './source.js'

/** The dtypes of energies, draws and other computed numbers. */
export type FloatDtype = 'float32' | 'float64' | 'bfloat16'

/** What `toTypedArray` gives for each dtype. */
export type ArrayOf = {
  float32: Float32Array
  float64: Float64Array
  bfloat16: Uint16Array
  int64: BigInt64Array
  uint8: Uint8Array
  bool: Uint8Array
}

// Tables and not conditional types, so that a tensor of a known rank is one of any rank for TypeScript.
interface Shapes {
  0: readonly []
  1: readonly [number]
  2: readonly [number, number]
  3: readonly [number, number, number]
  4: readonly [number, number, number, number]
  [rank: number]: readonly number[]
}

/** Sizes, one for each axis; a rank that is not known gives a list of any length. */
export type ShapeOf<R extends number> = Shapes[R]

interface Leaves {
  float32: number
  float64: number
  bfloat16: number
  int64: number
  uint8: number
  bool: boolean
}

interface Nested<T extends number | boolean> {
  0: T
  1: T[]
  2: T[][]
  3: T[][][]
  4: T[][][][]
  [rank: number]: NestedArray
}

/** What `toArray` gives: lists nested as deep as the rank. */
export type NestedOf<D extends Dtype, R extends number> = Nested<Leaves[D]>[R]

interface Next {
  0: 1
  1: 2
  2: 3
  3: 4
  [rank: number]: number
}

/** One more axis. */
export type NextRank<R extends number> = Next[R]

interface Last {
  1: 0
  2: 1
  3: 2
  4: 3
  [rank: number]: number
}

/** One axis less. */
export type LastRank<R extends number> = Last[R]

/** The rank of a typed array, nested arrays, or data with its shape. */
export type ArrayRank<X> = 0 extends 1 & X
  ? number
  : X extends TypedArray
    ? 1
    : X extends { readonly shape: { readonly length: infer L } }
      ? L & number
      : X extends readonly (infer E)[]
        ? readonly NestedArray[] extends X
          ? number
          : [E] extends [never]
            ? number
            : NextRank<ArrayRank<E>>
        : X extends number | bigint | boolean
          ? 0
          : number

/** The dtype that `tensor` chooses for data of this type. */
export type DtypeOf<X> = 0 extends 1 & X
  ? Dtype
  : X extends Float32Array
    ? 'float32'
    : X extends Float64Array
      ? 'float64'
      : X extends Uint8Array | Uint8ClampedArray
        ? 'uint8'
        : X extends TypedArray
          ? 'int64'
          : X extends readonly (infer E)[]
            ? readonly NestedArray[] extends X
              ? Dtype
              : [E] extends [never]
                ? Dtype
                : DtypeOf<E>
            : X extends number
              ? 'float32'
              : X extends bigint
                ? 'int64'
                : X extends boolean
                  ? 'bool'
                  : Dtype
