/** The safetensors format as bytes, read without a file: what stands in a header, and that it fits the data. */
import { formatError, oddShape } from './format-error.js'

/** Element types of the format, by the names this package uses, with the format's own name and the bytes of one number. */
export const DTYPES = {
  float64: ['F64', 8],
  float32: ['F32', 4],
  float16: ['F16', 2],
  bfloat16: ['BF16', 2],
  int64: ['I64', 8],
  int32: ['I32', 4],
  int16: ['I16', 2],
  int8: ['I8', 1],
  uint64: ['U64', 8],
  uint32: ['U32', 4],
  uint16: ['U16', 2],
  uint8: ['U8', 1],
  bool: ['BOOL', 1],
} as const

export type StoredDtype = keyof typeof DTYPES

/** One tensor as stored in a file: row-major little-endian bytes. */
export interface StoredTensor {
  dtype: StoredDtype
  shape: number[]
  data: Uint8Array
}

export interface SafetensorsFile {
  /** In the order of the data. The keys of an object cannot keep it: JavaScript puts whole numbers first. */
  names: string[]
  tensors: Record<string, StoredTensor>
  metadata: Record<string, string>
}

/** UTF-8 to text; throws where it is none. Node's own in a context that has nothing but the language, else that of the host. */
export type Decode = (bytes: Uint8Array) => string

const BY_FORMAT_NAME = new Map(
  Object.entries(DTYPES).map(([name, [stored]]) => [stored as string, name as StoredDtype]),
)
// The limit of the format's reference reader.
const MAX_HEADER = 100_000_000
export function product(shape: readonly number[]): number {
  return shape.reduce((n, size) => n * size, 1)
}

/** Where a tensor is in the data. */
export interface Place {
  name: string
  dtype: StoredDtype
  shape: number[]
  begin: number
  end: number
}

function place(path: string, name: string, entry: unknown, dataBytes: number, dataStart: number): Place {
  const bad = (problem: string, at?: number) => formatError(path, at, `tensor '${name}' ${problem}`)
  if (typeof entry !== 'object' || entry === null) throw bad('is not described by an object')
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>
  const known = typeof dtype === 'string' ? BY_FORMAT_NAME.get(dtype) : undefined
  if (known === undefined) throw bad(`has the unknown dtype ${JSON.stringify(dtype)}`)
  const isSize = (v: unknown): v is number => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0
  if (!Array.isArray(shape) || !shape.every(isSize)) throw bad('has no valid shape')
  const odd = oddShape(shape)
  if (odd !== undefined) throw bad(odd)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) throw bad('has no valid data_offsets')
  const [begin, end] = offsets as [number, number]
  if (end < begin || end > dataBytes) {
    throw bad(`is at bytes ${begin} to ${end} of ${dataBytes}: the file is truncated or damaged`, dataStart + dataBytes)
  }
  const bytes = product(shape) * DTYPES[known][1]
  if (bytes !== end - begin) {
    throw bad(`of shape [${shape.join(', ')}] and dtype ${dtype} needs ${bytes} bytes and has ${end - begin}`)
  }
  return { name, dtype: known, shape, begin, end }
}

const TORCH_REMEDY =
  'a torch.save() file; in Python save it with safetensors.torch.save_file(torch.load(path, weights_only=True), "model.safetensors")'

/** Formats that are taken for safetensors, told by their first bytes. @throws ERR_LANGEVIN_FORMAT with what to do */
function refuseForeign(path: string, size: number, head: Uint8Array): void {
  const text = String.fromCharCode(...head)
  // The first bytes of a safetensors file are the length of its header, any number: 0x280 looks like a pickle, 0x4b50 like a
  // zip archive. The header begins at byte 8, with '{'.
  const length = first64(head)
  if (text[8] === '{' && length >= 2n && length <= BigInt(size - 8)) return
  if (text.startsWith('PK')) {
    // torch.save() writes a zip archive that begins with <name>/data.pkl, or, from a traced module, with its code.
    const first = text.slice(30, 30 + (head[26]! | (head[27]! << 8)))
    if (/\/(data\.pkl|version|code\/)/.test(first) || /\/data\.pkl/.test(text)) throw formatError(path, 0, TORCH_REMEDY)
    throw formatError(path, 0, 'a zip archive, not a safetensors file; an .npz is read by data.npz')
  }
  // A pickle of protocol 2 to 5: torch.save() before version 1.6.
  if (head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5) throw formatError(path, 0, TORCH_REMEDY)
  if (text.startsWith('\x93NUMPY')) throw formatError(path, 0, 'a .npy array, not a safetensors file; io.npy reads it')
  if (text.startsWith('\x89HDF')) {
    throw formatError(
      path,
      0,
      'an HDF5 file (Keras?), not a safetensors file; save its arrays with safetensors.numpy.save_file',
    )
  }
}

function parseHeader(
  path: string,
  json: Uint8Array,
  decode: Decode,
): { entries: [string, unknown][]; metadata: Record<string, string> } {
  if (json[0] !== 0x7b) throw formatError(path, undefined, "not a safetensors file: the header does not begin with '{'")
  let header: unknown
  try {
    header = JSON.parse(decode(json))
  } catch (error) {
    throw formatError(path, undefined, `the header is not valid JSON (${(error as Error).message})`, error)
  }
  const metadata: Record<string, string> = Object.create(null)
  const entries: [string, unknown][] = []
  for (const [name, entry] of Object.entries(header as Record<string, unknown>)) {
    if (name !== '__metadata__') {
      entries.push([name, entry])
      continue
    }
    if (typeof entry !== 'object' || entry === null || Object.values(entry).some((v) => typeof v !== 'string')) {
      throw formatError(path, undefined, '__metadata__ does not map text to text')
    }
    Object.assign(metadata, entry)
  }
  return { entries, metadata }
}

/** What stands in the header of a file, checked against the length of the file. */
export interface Layout {
  places: Place[]
  metadata: Record<string, string>
  dataStart: number
  dataBytes: number
}

/** Bytes from the beginning that say what a file is. */
export const HEAD = 512

/** The number in the first 8 bytes. */
function first64(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
}

/** The bytes of the header. @param head the first bytes of the file, HEAD of them or all */
export function headerLength(path: string, size: number, head: Uint8Array): number {
  if (size === 0) throw formatError(path, 0, 'the file is empty')
  if (size < 8)
    throw formatError(path, size, 'not a safetensors file: it is shorter than the 8 bytes of its header length')
  refuseForeign(path, size, head)
  const length = first64(head)
  if (length < 2n || length > BigInt(MAX_HEADER)) {
    throw formatError(path, 0, `not a safetensors file: a header of ${length} bytes is not possible`)
  }
  if (8 + Number(length) > size) {
    throw formatError(path, size, `the header needs ${length} bytes, the file ends before: truncated or foreign file`)
  }
  return Number(length)
}

/** @param decode UTF-8 to text; throws where it is none */
export function layoutOf(path: string, size: number, header: Uint8Array, decode: Decode): Layout {
  const { entries, metadata } = parseHeader(path, header, decode)
  const dataStart = 8 + header.length
  const dataBytes = size - dataStart
  const places = entries.map(([name, entry]) => place(path, name, entry, dataBytes, dataStart))
  places.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const { name, begin, end } of places) {
    if (begin !== at)
      throw formatError(path, dataStart + at, `tensor '${name}' begins at data byte ${begin}, not ${at}`)
    at = end
  }
  if (at !== dataBytes) throw formatError(path, dataStart + at, `${dataBytes - at} bytes after the last tensor`)
  return { places, metadata, dataStart, dataBytes }
}

/** The tensors of the data, which they share. */
export function fileOf({ places, metadata }: Layout, data: Uint8Array): SafetensorsFile {
  const tensors: Record<string, StoredTensor> = Object.create(null)
  for (const { name, dtype, shape, begin, end } of places) {
    tensors[name] = { dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset + begin, end - begin) }
  }
  return { names: places.map(({ name }) => name), tensors, metadata }
}

/**
 * What the bytes of a safetensors file hold, checked as `readSafetensors` checks a file; the tensors share the bytes.
 *
 * @param path how the bytes are called in errors
 * @throws ERR_LANGEVIN_FORMAT
 */
export function parseSafetensors(path: string, bytes: Uint8Array, decode: Decode): SafetensorsFile {
  const length = headerLength(path, bytes.length, bytes.subarray(0, HEAD))
  const layout = layoutOf(path, bytes.length, bytes.subarray(8, 8 + length), decode)
  return fileOf(layout, bytes.subarray(layout.dataStart))
}
