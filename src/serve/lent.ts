/**
 * Memory for the numbers of requests, lent and given back. V8 counts the bytes of typed arrays towards its next full collection: arrays
 * of their own for every request, which live for as long as the native call does, cost a service more in collections than the scores do.
 */

/** Larger arrays, and what exceeds this altogether, are left to the collector. */
const MOST_BYTES = 2 ** 25
const LEAST_BYTES = 2 ** 10

const free = new Map<number, ArrayBuffer[]>()
let kept = 0

const sizeFor = (length: number) => 2 ** Math.ceil(Math.log2(Math.max(LEAST_BYTES, 8 * length)))

/** So many numbers, not set: the caller sets every one before it reads any. */
export function lend(length: number): Float64Array<ArrayBuffer> {
  const size = sizeFor(length)
  if (size > MOST_BYTES) return new Float64Array(length)
  const buffer = free.get(size)?.pop()
  if (buffer !== undefined) kept -= size
  return new Float64Array(buffer ?? new ArrayBuffer(size), 0, length)
}

/** The numbers as they are now: the caller may change them while they wait. */
export function lendCopy(numbers: Float32Array | Float64Array): Float64Array<ArrayBuffer> {
  const copy = lend(numbers.length)
  copy.set(numbers)
  return copy
}

/** Gives back what `lend` gave; nobody reads it any more. */
export function giveBack({ buffer, length }: Float64Array<ArrayBuffer>): void {
  const size = sizeFor(length)
  if (size > MOST_BYTES || buffer.byteLength !== size || kept + size > MOST_BYTES) return
  const list = free.get(size) ?? []
  if (list.includes(buffer)) return
  list.push(buffer)
  free.set(size, list)
  kept += size
}
