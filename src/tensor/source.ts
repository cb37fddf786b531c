/** Where a tensor's numbers come from: typed arrays and nested arrays, checked and laid flat for the copy. */
import { types } from 'node:util'
import { type ErrorCode, LangevinError } from '../errors.js'
import type { Dtype } from '../native/contract.js'

/** Arrays that numbers come from or go to. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

/** A number, a boolean, a bigint, or equally long lists of them. */
export type NestedArray = number | bigint | boolean | readonly NestedArray[]

/** Numbers laid flat: the array to copy, the dtype of its bytes, its shape, and the dtype that the source implies. */
export interface Flat {
  array: Float32Array | Float64Array | BigInt64Array | Uint8Array | Uint16Array
  dtype: Dtype
  shape: readonly number[]
  natural: Dtype
}

const MAX_DEPTH = 16
const INTEGER: Partial<Record<Dtype, { low: number; high: number }>> = {
  int64: { low: Number.MIN_SAFE_INTEGER, high: Number.MAX_SAFE_INTEGER },
  uint8: { low: 0, high: 255 },
  bool: { low: 0, high: 1 },
}

const nameOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!
  .get as () => string | undefined

/**
 * 'Float32Array', ... of a typed array, undefined of anything else. By what the array is, not by its class: every realm (a
 * context of node:vm, a Jest test, the REPL) has classes of its own.
 */
export function arrayKind(value: unknown): string | undefined {
  return nameOf.call(value)
}

export function product(shape: readonly number[]): number {
  return shape.reduce((n, size) => n * size, 1)
}

function refuse(code: ErrorCode, message: string, details: Record<string, unknown> = {}): never {
  throw new LangevinError(code, message, { details })
}

/** A given shape, checked against how many numbers there are. */
export function requireShape(shape: readonly number[], length: number): readonly number[] {
  if (!Array.isArray(shape) || !shape.every((s) => Number.isSafeInteger(s) && s >= 0)) {
    refuse(
      'ERR_LANGEVIN_SHAPE',
      `a shape is a list of whole numbers of at least 0, got ${String(JSON.stringify(shape))}`,
    )
  }
  if (product(shape) !== length) {
    refuse(
      'ERR_LANGEVIN_SHAPE',
      `shape [${shape.join(', ')}] holds ${product(shape)} numbers, the data has ${length}`,
      {
        shape: [...shape],
        length,
      },
    )
  }
  return [...shape]
}

function place(shape: readonly number[], position: number): string {
  const path: number[] = []
  let rest = position
  for (const size of [...shape].reverse()) {
    path.unshift(rest % size)
    rest = Math.floor(rest / size)
  }
  return path.map((i) => `[${i}]`).join('')
}

/** Refuses the first value a whole-number dtype cannot hold. */
function requireWhole(values: ArrayLike<number>, dtype: Dtype, shape: readonly number[]): void {
  const range = INTEGER[dtype]
  if (!range) return
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (!Number.isInteger(value) || value < range.low || value > range.high) {
      const limits =
        dtype === 'int64'
          ? 'whole numbers up to 2^53 (use bigint beyond)'
          : `whole numbers ${range.low} to ${range.high}`
      refuse(
        'ERR_LANGEVIN_DTYPE',
        `the value ${value} at data${place(shape, i)} does not fit dtype ${dtype}: it holds ${limits}`,
        {
          position: i,
          dtype,
        },
      )
    }
  }
}

function requireAttached(view: ArrayBufferView): void {
  try {
    // A view on a detached buffer has length 0 like an empty one; only making a new view shows the difference.
    new Uint8Array(view.buffer)
  } catch (cause) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      'the ArrayBuffer of the data has been detached (transferred to another thread?); its numbers are gone',
      { cause },
    )
  }
}

/** A typed array as it is where its bytes can be copied, converted without loss where they cannot. */
export function fromTypedArray(data: TypedArray, dtype: Dtype | undefined): Flat {
  requireAttached(data)
  if (arrayKind(data) === undefined)
    refuse('ERR_LANGEVIN_INVALID_OPTION', 'the data is a DataView: make a typed array of it')
  // Another thread may write to shared memory during the copy; slice() takes the snapshot.
  const view = types.isSharedArrayBuffer(data.buffer) ? (data.slice() as TypedArray) : data
  const shape = [data.length]
  const kind = arrayKind(view)
  if (kind === 'BigInt64Array' || kind === 'BigUint64Array') {
    return fromBigInts(view as BigInt64Array | BigUint64Array, dtype, shape)
  }
  const numbers = view as Exclude<TypedArray, BigInt64Array | BigUint64Array>
  if (kind === 'Uint16Array' && dtype === 'bfloat16') {
    return { array: numbers as Uint16Array, dtype, shape, natural: dtype }
  }
  if (dtype && (dtype !== 'uint8' || !kind?.startsWith('Uint8'))) requireWhole(numbers, dtype, shape)
  switch (kind) {
    case 'Float32Array':
      return { array: numbers as Float32Array, dtype: 'float32', shape, natural: 'float32' }
    case 'Float64Array':
      return { array: numbers as Float64Array, dtype: 'float64', shape, natural: 'float64' }
    case 'Uint8Array':
    case 'Uint8ClampedArray': {
      const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
      return { array: bytes, dtype: 'uint8', shape, natural: 'uint8' }
    }
    case 'Int8Array':
    case 'Int16Array':
    case 'Int32Array':
    case 'Uint16Array':
    case 'Uint32Array':
      // Exact: a float64 holds every 32-bit integer.
      return { array: new Float64Array(numbers), dtype: 'float64', shape, natural: 'int64' }
    default:
      // Float16Array, and whatever a later Node brings: floating-point until it says otherwise.
      return { array: new Float64Array(numbers), dtype: 'float64', shape, natural: 'float32' }
  }
}

function fromBigInts(view: BigInt64Array | BigUint64Array, dtype: Dtype | undefined, shape: number[]): Flat {
  const words = new BigInt64Array(view.buffer, view.byteOffset, view.length)
  if (arrayKind(view) === 'BigUint64Array') {
    const large = words.findIndex((v) => v < 0n)
    if (large >= 0) {
      refuse(
        'ERR_LANGEVIN_DTYPE',
        `the value ${view[large]} at data[${large}] does not fit dtype int64: it is beyond 2^63 - 1`,
        {
          position: large,
        },
      )
    }
  }
  if (dtype === 'uint8' || dtype === 'bool') requireWhole(Array.from(words, Number), dtype, shape)
  return { array: words, dtype: 'int64', shape, natural: 'int64' }
}

/** Shape of the first element all the way down; the walk compares every other list with it. */
function shapeOf(data: NestedArray): number[] {
  const shape: number[] = []
  let inner: NestedArray | undefined = data
  while (Array.isArray(inner)) {
    if (shape.length >= MAX_DEPTH) refuse('ERR_LANGEVIN_SHAPE', `the data is nested more than ${MAX_DEPTH} levels deep`)
    shape.push(inner.length)
    inner = inner[0]
  }
  return shape
}

/** Rows of numbers laid flat: what nearly all nested arrays are. Undefined for others, and for what the walk below refuses. */
function plainNumbers(data: NestedArray, shape: readonly number[]): Float64Array | undefined {
  if (shape.length !== 1 && shape.length !== 2) return undefined
  const rows = (shape.length === 1 ? [data] : data) as readonly unknown[]
  const width = shape.at(-1)!
  // Looked at before anything is allocated: the first row alone does not say how many numbers there are.
  if (!rows.every((row) => Array.isArray(row) && row.length === width)) return undefined
  const flat = new Float64Array(rows.length * width)
  let at = 0
  for (const row of rows as (readonly unknown[])[]) {
    for (let k = 0; k < width; k++) {
      const value = row[k]
      if (typeof value !== 'number') return undefined
      flat[at++] = value
    }
  }
  // Empty lists have no kind of their own; the walk knows what they are.
  return flat.length > 0 ? flat : undefined
}

/** Nested arrays laid flat. */
export function flatten(data: NestedArray, dtype: Dtype | undefined): Flat {
  const shape = shapeOf(data)
  const plain = plainNumbers(data, shape)
  if (plain !== undefined) {
    if (dtype) requireWhole(plain, dtype, shape)
    return { array: plain, dtype: 'float64', shape, natural: 'float32' }
  }
  const leaves: unknown[] = []
  collect(data, shape, 0, '', leaves)
  const first = leaves[0]
  const kind = typeof first
  if (leaves.length > 0 && kind !== 'number' && kind !== 'boolean' && kind !== 'bigint') {
    refuse('ERR_LANGEVIN_DTYPE', `data${place(shape, 0)} is ${first === null ? 'null' : kind}, not a number`, {
      position: 0,
    })
  }
  const odd = leaves.findIndex((leaf) => typeof leaf !== kind)
  if (odd >= 0) {
    const found = leaves[odd] === null ? 'null' : typeof leaves[odd]
    refuse(
      'ERR_LANGEVIN_DTYPE',
      `data${place(shape, odd)} is ${found}, the values before it are ${kind}s; give one kind`,
      {
        position: odd,
      },
    )
  }
  if (kind === 'bigint') return bigints(leaves as bigint[], dtype, shape)
  const array = Float64Array.from(leaves as number[])
  if (dtype) requireWhole(array, dtype, shape)
  return { array, dtype: 'float64', shape, natural: kind === 'boolean' ? 'bool' : 'float32' }
}

function bigints(leaves: bigint[], dtype: Dtype | undefined, shape: number[]): Flat {
  const wide = leaves.findIndex((v) => BigInt.asIntN(64, v) !== v)
  if (wide >= 0) {
    refuse('ERR_LANGEVIN_DTYPE', `the value ${leaves[wide]} at data${place(shape, wide)} does not fit dtype int64`, {
      position: wide,
    })
  }
  return { ...fromBigInts(BigInt64Array.from(leaves), dtype, shape), shape }
}

function collect(value: unknown, shape: readonly number[], depth: number, path: string, leaves: unknown[]): void {
  if (depth === shape.length) {
    if (Array.isArray(value)) ragged(path, 'a list', 'a single value')
    leaves.push(value)
    return
  }
  if (!Array.isArray(value)) ragged(path, 'a single value', `a list of ${shape[depth]}`)
  if (value.length !== shape[depth]) ragged(path, `a list of ${value.length}`, `a list of ${shape[depth]}`)
  for (let i = 0; i < value.length; i++) collect(value[i], shape, depth + 1, `${path}[${i}]`, leaves)
}

function ragged(path: string, found: string, expected: string): never {
  refuse('ERR_LANGEVIN_SHAPE', `the data is ragged: data${path} is ${found}, expected ${expected}`, { path })
}
