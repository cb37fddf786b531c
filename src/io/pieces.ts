/** Large tensors read from a file a piece at a time: the numbers are in memory once, not as bytes and as a tensor. */
import { Buffer } from 'node:buffer'
import type { Dtype } from '../native/contract.js'
import { invokeNow } from '../runtime/index.js'
import type { Tensor } from '../tensor/index.js'
import { PIECE } from './files.js'

/** Dtypes whose bytes in a file are those in memory, whatever they are: of a bool only 0 and 1 are. */
const AS_STORED: ReadonlySet<string> = new Set(['float32', 'float64', 'bfloat16', 'int64', 'uint8'])

export const inPieces = (dtype: string, bytes: number): dtype is Dtype => bytes > PIECE && AS_STORED.has(dtype)

/**
 * A tensor of so many bytes, filled by `read`, which is asked for `piece.length` of them from byte `first`. Nobody sees the tensor
 * before it is whole; when `read` fails nothing is left of it.
 */
export async function filledTensor(
  dtype: Dtype,
  shape: readonly number[],
  bytes: number,
  read: (first: number, piece: Buffer<ArrayBuffer>) => Promise<unknown>,
): Promise<Tensor> {
  const tensor = invokeNow<Tensor>('tensor.blank', { shape, dtype })
  try {
    const buffer = Buffer.alloc(Math.min(PIECE, bytes))
    for (let first = 0; first < bytes; first += buffer.length) {
      const piece = buffer.subarray(0, Math.min(buffer.length, bytes - first))
      await read(first, piece)
      invokeNow('tensor.fill', { tensor, at: first, bytes: piece })
    }
    return tensor
  } catch (error) {
    tensor.dispose()
    throw error
  }
}
