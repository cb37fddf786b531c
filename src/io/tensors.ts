/** Reads safetensors files as Tensor objects. */
import { LangevinError } from '../errors.js'
import type { Dtype } from '../native/contract.js'
import { invoke } from '../runtime/index.js'
import { type Tensor, type TypedArray, tensor, withRows } from '../tensor/index.js'
import { filledTensor, inPieces } from './pieces.js'
import { OpenSafetensors, type StoredTensor } from './safetensors.js'

interface ArrayClass {
  new (buffer: ArrayBufferLike, offset?: number, length?: number): TypedArray
  readonly BYTES_PER_ELEMENT: number
}

const ARRAYS: Record<string, ArrayClass> = {
  float64: Float64Array,
  float32: Float32Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
}
/** What JavaScript has no exact array for is decoded in the core, by NumPy's name of it. */
const DECODED: Record<string, string> = { float16: '<f2', uint64: '<u8' }
const OWN: ReadonlySet<string> = new Set(['float32', 'float64', 'bfloat16', 'int64', 'uint8', 'bool'])

/** The numbers of stored bytes; a copy only where they are not aligned for them, which a file need not do. */
function aligned(Numbers: ArrayClass, data: Uint8Array): TypedArray {
  const { BYTES_PER_ELEMENT: size } = Numbers
  if (data.byteOffset % size !== 0) return new Numbers(data.slice().buffer)
  return new Numbers(data.buffer, data.byteOffset, data.byteLength / size)
}

async function toTensor(name: string, { dtype, shape, data }: StoredTensor): Promise<Tensor> {
  const decoded = DECODED[dtype]
  if (decoded !== undefined) {
    return withRows(data, name, (bytes) => invoke<Tensor>('data.decode', { bytes, dtype: decoded, shape }))
  }
  return tensor(aligned(ARRAYS[dtype]!, data), shape, OWN.has(dtype) ? (dtype as Dtype) : 'int64')
}

/**
 * Stored tensors as Tensors by name; none is left when one fails. float16 becomes float32, which holds all of its numbers, whole
 * numbers other than uint8 int64.
 *
 * @throws (rejects) ERR_LANGEVIN_UNSUPPORTED for a uint64 beyond 2^63 - 1
 */
export async function toTensors(stored: Iterable<readonly [string, StoredTensor]>): Promise<Record<string, Tensor>> {
  const tensors: Record<string, Tensor> = Object.create(null)
  try {
    for (const [name, value] of stored) tensors[name] = await toTensor(name, value)
    return tensors
  } catch (error) {
    for (const each of Object.values(tensors)) each.dispose()
    throw error
  }
}

/** One tensor of an open file; what is large is never in memory twice. */
async function tensorIn(file: OpenSafetensors, name: string, as: string): Promise<Tensor> {
  const place = file.place(name)!
  const { dtype, shape } = place
  const bytes = place.end - place.begin
  if (inPieces(dtype, bytes)) return filledTensor(dtype, shape, bytes, (first, piece) => file.fill(place, first, piece))
  return toTensor(as, { dtype, shape, data: await file.bytes(place) })
}

/** Tensors of an open file as Tensors by name: entries of [name in the file, name of the result]. As `toTensors`. */
export async function tensorsIn(
  file: OpenSafetensors,
  wanted: Iterable<readonly [string, string]>,
): Promise<Record<string, Tensor>> {
  const tensors: Record<string, Tensor> = Object.create(null)
  try {
    for (const [name, as] of wanted) tensors[as] = await tensorIn(file, name, as)
    return tensors
  } catch (error) {
    for (const each of Object.values(tensors)) each.dispose()
    throw error
  }
}

/** The tensors of a safetensors file in the order of its data (or of `names`). */
export async function readTensors(
  path: string,
  names?: readonly string[],
): Promise<{ tensors: Map<string, Tensor>; metadata: Record<string, string> }> {
  const file = await OpenSafetensors.open(path)
  try {
    const wanted = names ?? file.names
    for (const name of wanted) {
      if (file.place(name) !== undefined) continue
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `${path}: there is no tensor '${name}'; it holds ${file.names.join(', ')}`,
        { details: { path, name } },
      )
    }
    const tensors = await tensorsIn(
      file,
      wanted.map((name) => [name, name] as const),
    )
    return {
      tensors: new Map(wanted.map((name) => [name, tensors[name]!])),
      metadata: Object.assign(Object.create(null), file.metadata),
    }
  } finally {
    await file.close()
  }
}

/**
 * The tensors of a safetensors file by name (all, or the named ones). float16 becomes float32, whole numbers of 8 to 32 bits
 * int64. Errors: ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT, ERR_LANGEVIN_UNSUPPORTED (a uint64 beyond int64), _INVALID_OPTION (name).
 */
export async function readSafetensorsTensors(
  path: string,
  names?: readonly string[],
): Promise<{ tensors: Record<string, Tensor>; metadata: Record<string, string> }> {
  const { tensors, metadata } = await readTensors(path, names)
  const byName: Record<string, Tensor> = Object.create(null)
  for (const [name, tensor] of tensors) byName[name] = tensor
  return { tensors: byName, metadata }
}
