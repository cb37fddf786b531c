/** Tensors of the Open Inference Protocol: JSON data, flat or nested, and the raw little-endian bytes of the binary extension. */
import { shown as shownValue } from '../errors.js'
import { halfToNumber } from './half.js'
import { HttpError } from './http-error.js'
import { lend } from './lent.js'
import { DATATYPES, type Datatype, type InferInput } from './schemas.js'

/** An input, decoded: whatever its datatype, the same numbers give the same scores. */
export interface Decoded {
  name: string
  shape: number[]
  /** Lent: whoever is done with them gives them back (`giveBack`). */
  values: Float64Array<ArrayBuffer>
}

const refuse = (name: string, problem: string): never => {
  throw new HttpError(400, `input '${name}': ${problem}`)
}

/** Whole numbers each datatype holds; beyond 2^53 a number of JavaScript is not exact. */
const RANGES: Partial<Record<Datatype, readonly [number, number]>> = {
  UINT8: [0, 2 ** 8 - 1],
  UINT16: [0, 2 ** 16 - 1],
  UINT32: [0, 2 ** 32 - 1],
  UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT8: [-(2 ** 7), 2 ** 7 - 1],
  INT16: [-(2 ** 15), 2 ** 15 - 1],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
}

type Read = (view: DataView, at: number) => number

function exact(value: bigint): number {
  const number = Number(value)
  // Number.NaN is what the caller refuses.
  return Number.isSafeInteger(number) ? number : Number.NaN
}

const READ: Record<Datatype, Read> = {
  BOOL: (view, at) => view.getUint8(at),
  UINT8: (view, at) => view.getUint8(at),
  UINT16: (view, at) => view.getUint16(at, true),
  UINT32: (view, at) => view.getUint32(at, true),
  UINT64: (view, at) => exact(view.getBigUint64(at, true)),
  INT8: (view, at) => view.getInt8(at),
  INT16: (view, at) => view.getInt16(at, true),
  INT32: (view, at) => view.getInt32(at, true),
  INT64: (view, at) => exact(view.getBigInt64(at, true)),
  FP16: (view, at) => halfToNumber(view.getUint16(at, true)),
  FP32: (view, at) => view.getFloat32(at, true),
  FP64: (view, at) => view.getFloat64(at, true),
}

function numberIn(value: unknown, datatype: Datatype, name: string, at: number): number {
  if (datatype === 'BOOL') {
    if (typeof value === 'boolean' || value === 0 || value === 1) return Number(value)
    return refuse(name, `data[${at}] is ${shown(value)}, not true or false`)
  }
  if (typeof value !== 'number') return refuse(name, `data[${at}] is ${shown(value)}, not a number`)
  const range = RANGES[datatype]
  if (range !== undefined && !(Number.isInteger(value) && value >= range[0] && value <= range[1])) {
    return refuse(name, `data[${at}] is ${value}, not a whole number that ${datatype} (and a double) holds exactly`)
  }
  if (datatype !== 'FP32') return value
  const rounded = Math.fround(value)
  return Number.isFinite(rounded) ? rounded : refuse(name, `data[${at}] is ${value}, beyond FP32`)
}

const shown = (value: unknown): string =>
  Array.isArray(value) ? 'a list' : typeof value === 'string' ? 'a text' : shownValue(value).slice(0, 32)

/** Flat data, or data nested as its shape says. */
function fromJson(
  data: readonly unknown[],
  shape: readonly number[],
  length: number,
  datatype: Datatype,
  name: string,
) {
  const values = lend(length)
  let at = 0
  const walk = (part: unknown, depth: number): void => {
    if (depth === shape.length) {
      values[at] = numberIn(part, datatype, name, at)
      at++
      return
    }
    if (!Array.isArray(part))
      return void refuse(name, `data is ${shown(part)} where its shape has a list of ${shape[depth]}`)
    if (part.length !== shape[depth])
      refuse(name, `data has a list of ${part.length} where its shape says ${shape[depth]}`)
    for (const each of part) walk(each, depth + 1)
  }
  if (shape.length > 1 && Array.isArray(data[0])) walk(data, 0)
  else {
    if (data.length !== length)
      refuse(name, `data has ${data.length} numbers, its shape [${shape.join(', ')}] has ${length}`)
    for (const [k, each] of data.entries()) values[k] = numberIn(each, datatype, name, k)
  }
  return values
}

function fromBytes(bytes: Uint8Array, length: number, datatype: Datatype, name: string) {
  const size = DATATYPES[datatype]
  if (bytes.length !== length * size) {
    refuse(name, `binary_data_size is ${bytes.length}, its shape and ${datatype} make ${length * size} bytes`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values = lend(length)
  for (let k = 0; k < length; k++) values[k] = READ[datatype](view, k * size)
  const odd = RANGES[datatype] === undefined ? -1 : values.findIndex((value) => Number.isNaN(value))
  if (odd >= 0) refuse(name, `number ${odd} of ${datatype} lies beyond 2^53, where a double is not exact`)
  return values
}

/** The bytes of every input that has some, in the order of the inputs. */
function binaryParts(inputs: readonly InferInput[], binary: Uint8Array): (Uint8Array | undefined)[] {
  let at = 0
  const parts = inputs.map(({ name, parameters, data }) => {
    const size = parameters?.binary_data_size
    if (size === undefined) return undefined
    if (data !== undefined) refuse(name, 'has data and binary_data_size; give one of them')
    if (typeof size !== 'number' || !(Number.isSafeInteger(size) && size >= 0)) {
      return refuse(name, `binary_data_size is ${shown(size)}, not a number of bytes`)
    }
    if (at + size > binary.length) {
      return refuse(name, `binary_data_size is ${size}, and ${binary.length - at} bytes are left after the JSON`)
    }
    at += size
    return binary.subarray(at - size, at)
  })
  if (at !== binary.length) {
    throw new HttpError(400, `${binary.length - at} bytes follow the JSON that no input claims by binary_data_size`)
  }
  return parts
}

/**
 * The inputs of a request as numbers.
 *
 * @param binary what follows the JSON, in order of the inputs
 * @param mostNumbers bounds what one input may hold, before anything is allocated for it
 * @throws HttpError 400 naming the input
 */
export function decodeInputs(inputs: readonly InferInput[], binary: Uint8Array, mostNumbers: number): Decoded[] {
  const parts = binaryParts(inputs, binary)
  return inputs.map(({ name, shape, datatype, data }, k) => {
    if (!Object.hasOwn(DATATYPES, datatype)) {
      refuse(name, `datatype '${datatype.slice(0, 32)}' is not one of ${Object.keys(DATATYPES).join(', ')}`)
    }
    const type = datatype as Datatype
    const length = shape.reduce((product, size) => product * size, 1)
    if (!(length <= mostNumbers))
      refuse(name, `its shape [${shape.join(', ')}] holds more numbers than a request may have`)
    const bytes = parts[k]
    if (bytes !== undefined) return { name, shape, values: fromBytes(bytes, length, type, name) }
    if (data === undefined) return refuse(name, 'has no data')
    return { name, shape, values: fromJson(data, shape, length, type, name) }
  })
}

export interface Output {
  name: string
  datatype: 'FP64' | 'BOOL'
  shape: number[]
  values: Float64Array | boolean[]
}

/** An output as it stands in the JSON, and its bytes where it is sent as such. */
export function encodeOutput(
  { name, datatype, shape, values }: Output,
  binary: boolean,
): { json: object; bytes?: Buffer } {
  if (!binary) return { json: { name, datatype, shape, data: Array.from(values as ArrayLike<number | boolean>) } }
  const bytes = Buffer.alloc(values.length * DATATYPES[datatype])
  for (const [k, value] of values.entries()) {
    if (typeof value === 'boolean') bytes.writeUInt8(Number(value), k)
    else bytes.writeDoubleLE(value, k * 8)
  }
  return { json: { name, datatype, shape, parameters: { binary_data_size: bytes.length } }, bytes }
}
