/** Rows in every form a call accepts, as a Tensor. */
import { LangevinError } from '../errors.js'
import type { Dtype } from '../native/contract.js'
import type { NestedArray, TypedArray } from './source.js'
import { Tensor, tensor } from './tensor.js'

/** Rows as every call takes them: a Tensor, nested arrays, a typed array, or data with its shape. */
export type RowsLike = Tensor | NestedArray | TypedArray | { data: TypedArray | NestedArray; shape: readonly number[] }

/**
 * Rows of any accepted form as a Tensor. A Tensor is returned as it is; everything else makes a new one, which the caller
 * disposes.
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
      return tensor(value.data, value.shape, dtype)
    }
    if (Array.isArray(value) || ArrayBuffer.isView(value))
      return tensor(value as NestedArray | TypedArray, undefined, dtype)
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

/** Runs `body` with `value` as rows and disposes what was made for it. */
export async function withRows<T>(value: RowsLike, what: string, body: (rows: Tensor) => Promise<T>): Promise<T> {
  const rows = toRows(value, what)
  try {
    return await body(rows)
  } finally {
    if (rows !== value) rows.dispose()
  }
}
