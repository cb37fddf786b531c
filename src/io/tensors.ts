/** Reads safetensors files as Tensor objects. */
import { LangevinError } from '../errors.js'
import type { Dtype } from '../native/contract.js'
import { type Tensor, type TypedArray, tensor } from '../tensor/index.js'
import { readSafetensors, type StoredTensor } from './safetensors.js'

const ARRAYS: Record<string, new (buffer: ArrayBuffer) => TypedArray> = {
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
const OWN: ReadonlySet<string> = new Set(['float32', 'float64', 'bfloat16', 'int64', 'uint8', 'bool'])

function toTensor(path: string, name: string, { dtype, shape, data }: StoredTensor): Tensor {
  const array = ARRAYS[dtype]
  if (array === undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_DTYPE',
      `${path}: tensor '${name}' has dtype ${dtype}, which a Tensor does not support`,
      {
        details: { path, name, dtype },
      },
    )
  }
  // A copy: the bytes of a tensor inside a file need not be aligned for its numbers.
  return tensor(new array(data.slice().buffer), shape, OWN.has(dtype) ? (dtype as Dtype) : 'int64')
}

/** The tensors of a safetensors file in the order of its data (or of `names`). */
export async function readTensors(
  path: string,
  names?: readonly string[],
): Promise<{ tensors: Map<string, Tensor>; metadata: Record<string, string> }> {
  const file = await readSafetensors(path)
  const tensors = new Map<string, Tensor>()
  for (const name of names ?? file.names) {
    const stored = file.tensors[name]
    if (stored === undefined) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `${path}: there is no tensor '${name}'; it holds ${file.names.join(', ')}`,
        { details: { path, name } },
      )
    }
    tensors.set(name, toTensor(path, name, stored))
  }
  return { tensors, metadata: file.metadata }
}

/**
 * The tensors of a safetensors file by name (all, or the named ones). Whole numbers of 8 to 32 bits become int64.
 * Errors: ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT, ERR_LANGEVIN_DTYPE (float16, uint64), ERR_LANGEVIN_INVALID_OPTION (name).
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
