/** Rows in every form a call accepts, as a Tensor. */
import { LangevinError } from '../errors.js'
import type { Dtype } from '../native/contract.js'
import type { NestedArray, TypedArray } from './source.js'
import { exactTensor, Tensor } from './tensor.js'
import type { ArrayRank } from './types.js'

/**
 * Rows as every call takes them: a Tensor, nested arrays, a typed array, or data with its shape. Numbers in nested arrays count
 * as float64; what takes the rows rounds them to its own dtype.
 */
export type RowsLike = Tensor | NestedArray | TypedArray | { data: TypedArray | NestedArray; shape: readonly number[] }

/** The rank of rows in any form: of a Tensor, a typed array, nested arrays, or data with its shape. */
export type RankOf<X> = 0 extends 1 & X ? number : X extends Tensor<Dtype, infer R> ? R : ArrayRank<X>

/**
 * Rows of any accepted form as a Tensor. A Tensor is returned as it is; everything else makes a new one, which the caller
 * disposes. Numbers in nested arrays become float64.
 *
 * @param what how the argument is called in errors
 */
export function toRows(value: RowsLike, what = 'x', dtype?: Dtype): Tensor {
  if (value instanceof Tensor) {
    if (value.disposed) throw new LangevinError('ERR_LANGEVIN_DISPOSED', `${what}: the tensor has been disposed`)
    return value
  }
  try {
    if (typeof value === 'object' && value !== null && 'data' in value && 'shape' in value) {
      return exactTensor(value.data, value.shape, dtype)
    }
    if (Array.isArray(value) || ArrayBuffer.isView(value))
      return exactTensor(value as NestedArray | TypedArray, undefined, dtype)
  } catch (error) {
    if (!(error instanceof LangevinError)) throw error
    throw new LangevinError(error.code, `${what}: ${error.message}`, {
      details: { ...error.details, what },
      cause: error,
    })
  }
  throw new LangevinError(
    'ERR_LANGEVIN_INVALID_OPTION',
    `${what}: rows are a Tensor, nested arrays, or { data, shape }, not ${value === null ? 'null' : typeof value}`,
    { details: { what } },
  )
}

function numbersOf(rows: Tensor, width: number, most: number): Float32Array | undefined {
  if (rows.disposed || rows.dtype !== 'float32' || rows.device !== 'cpu') return undefined
  const { shape } = rows
  if (shape.length !== 2 || shape[1] !== width || shape[0]! > most) return undefined
  return rows.toTypedArray() as Float32Array
}

/**
 * Rows [n, width] of numbers laid flat as float32, without a tensor: the quick way for a few of them. Undefined for
 * everything that `toRows` must look at (other forms, other shapes, what is no number), and for more than `most` rows. With
 * `exact`, numbers of nested arrays stay float64.
 */
export function plainRows(value: unknown, width: number, most: number): Float32Array | undefined
export function plainRows(
  value: unknown,
  width: number,
  most: number,
  exact: true,
): Float32Array | Float64Array | undefined
export function plainRows(value: unknown, width: number, most: number, exact = false) {
  if (value instanceof Tensor) return numbersOf(value, width, most)
  if (!Array.isArray(value)) {
    if (typeof value !== 'object' || value === null || !('data' in value && 'shape' in value)) return undefined
    const { data, shape } = value
    if (!(data instanceof Float32Array && data.buffer instanceof ArrayBuffer && Array.isArray(shape))) return undefined
    const fits = shape.length === 2 && shape[1] === width && shape[0] === data.length / width
    return fits && shape[0] <= most ? data : undefined
  }
  if (value.length > most) return undefined
  const flat = new (exact ? Float64Array : Float32Array)(value.length * width)
  let at = 0
  for (const row of value as unknown[]) {
    if (!Array.isArray(row) || row.length !== width) return undefined
    for (let c = 0; c < width; c++) {
      const number: unknown = row[c]
      if (typeof number !== 'number') return undefined
      flat[at++] = number
    }
  }
  return flat
}

/**
 * Rows [n, width], n at least 1, as numbers laid flat, without a tensor and exactly: what is given as a Float32Array or Float64Array
 * with its shape is given back as it is, nested arrays become float64. Undefined for everything that `toRows` must look at.
 */
export function exactRows(value: unknown, width: number): Float32Array | Float64Array | undefined {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return undefined
  if (Array.isArray(value))
    return value.length > 0 ? plainRows(value, width, Number.POSITIVE_INFINITY, true) : undefined
  if (!('data' in value && 'shape' in value)) return undefined
  const { data, shape } = value
  const known = data instanceof Float64Array || data instanceof Float32Array
  if (!(known && data.buffer instanceof ArrayBuffer && Array.isArray(shape))) return undefined
  const fits = shape.length === 2 && shape[1] === width && shape[0] > 0 && shape[0] * width === data.length
  return fits ? data : undefined
}

/** Runs `body` with `value` as rows and disposes what was made for it. */
export async function withRows<T>(value: RowsLike, what: string, body: (rows: Tensor) => Promise<T>): Promise<T> {
  const rows = toRows(value, what)
  try {
    return await body(rows)
  } finally {
    if (rows !== value) rows.dispose()
  }
}
