/** The safetensors format, read and written as bytes. */
import { Buffer } from 'node:buffer'
import { type FileHandle, open } from 'node:fs/promises'
import { TextDecoder, types } from 'node:util'
import { LangevinError } from '../errors.js'
import type { Tensor } from '../tensor/index.js'
import { formatError, ioError, oddShape, writeAtomic } from './files.js'

/** Element types of the format, by the names this package uses, with the format's own name and the bytes of one number. */
const DTYPES = {
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

const BY_FORMAT_NAME = new Map(
  Object.entries(DTYPES).map(([name, [stored]]) => [stored as string, name as StoredDtype]),
)
// The limit of the format's reference reader.
const MAX_HEADER = 100_000_000
// One read call takes at most about 2 GiB on Linux.
const READ_CHUNK = 1 << 30

function product(shape: readonly number[]): number {
  return shape.reduce((n, size) => n * size, 1)
}

function isStored(value: StoredTensor | Tensor): value is StoredTensor {
  return types.isUint8Array((value as StoredTensor).data)
}

function stored(name: string, value: StoredTensor | Tensor): StoredTensor {
  if (!isStored(value)) {
    // The typed array of a tensor holds its numbers as they are in memory (bfloat16 as 16-bit words).
    const array = value.toTypedArray()
    const data = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
    return stored(name, { dtype: value.dtype as StoredDtype, shape: [...value.shape], data })
  }
  const entry = DTYPES[value.dtype]
  if (entry === undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_DTYPE',
      `tensor '${name}' has dtype '${value.dtype}', which safetensors does not store; one of ${Object.keys(DTYPES).join(', ')}`,
      { details: { name, dtype: value.dtype } },
    )
  }
  const wanted = product(value.shape) * entry[1]
  if (!value.shape.every((size) => Number.isSafeInteger(size) && size >= 0) || wanted !== value.data.byteLength) {
    throw new LangevinError(
      'ERR_LANGEVIN_SHAPE',
      `tensor '${name}' of shape [${value.shape.join(', ')}] and dtype ${value.dtype} has ${value.data.byteLength} bytes, not ${wanted}`,
      { details: { name, bytes: value.data.byteLength, expected: wanted } },
    )
  }
  return value
}

/**
 * Writes a safetensors file atomically (temporary name, fsync, rename).
 *
 * Tensors are laid out widest element type first, then by name, behind a header padded to 8 bytes, so every tensor is
 * aligned for a memory map. The file loads with `safetensors.torch.load_file` unchanged.
 * Errors: ERR_LANGEVIN_IO (path, reason), ERR_LANGEVIN_DTYPE, ERR_LANGEVIN_SHAPE.
 */
export async function writeSafetensors(
  path: string,
  tensors: Record<string, StoredTensor | Tensor>,
  metadata?: Record<string, string>,
): Promise<void> {
  const entries = Object.entries(tensors).map(([name, value]) => {
    if (name === '__metadata__') {
      throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', "a tensor cannot be named '__metadata__' in safetensors")
    }
    return { name, ...stored(name, value) }
  })
  entries.sort((a, b) => DTYPES[b.dtype][1] - DTYPES[a.dtype][1] || (a.name < b.name ? -1 : 1))
  // A null-prototype object keeps a tensor called '__proto__' an ordinary entry.
  const header: Record<string, unknown> = Object.create(null)
  if (metadata !== undefined && Object.keys(metadata).length > 0) header.__metadata__ = metadata
  let offset = 0
  for (const { name, dtype, shape, data } of entries) {
    header[name] = { dtype: DTYPES[dtype][0], shape, data_offsets: [offset, offset + data.byteLength] }
    offset += data.byteLength
  }
  const json = Buffer.from(JSON.stringify(header), 'utf8')
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, 0x20)
  padded.writeBigUInt64LE(BigInt(padded.length - 8), 0)
  json.copy(padded, 8)
  await writeAtomic(path, [padded, ...entries.map((entry) => entry.data)])
}

interface Place {
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

/** What a file is read from: an open file, or what stands for one in a test. */
export interface ByteSource {
  stat(): Promise<{ size: number }>
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
}

async function readExactly(handle: ByteSource, path: string, length: number, position: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const wanted = Math.min(READ_CHUNK, length - done)
    const { bytesRead } = await handle.read(buffer, done, wanted, position + done)
    if (bytesRead === 0) throw formatError(path, position + done, `the file ends after ${position + done} bytes`)
    done += bytesRead
  }
  return buffer
}

const TORCH_REMEDY =
  'a torch.save() file; in Python save it with safetensors.torch.save_file(torch.load(path, weights_only=True), "model.safetensors")'

/** Formats that are taken for safetensors, told by their first bytes. @throws ERR_LANGEVIN_FORMAT with what to do */
async function refuseForeign(handle: ByteSource, path: string, size: number): Promise<void> {
  const head = await readExactly(handle, path, Math.min(size, 512), 0)
  const text = head.toString('latin1')
  // The first bytes of a safetensors file are the length of its header, any number: 0x280 looks like a pickle, 0x4b50 like a
  // zip archive. The header begins at byte 8, with '{'.
  const length = head.readBigUInt64LE(0)
  if (text[8] === '{' && length >= 2n && length <= BigInt(size - 8)) return
  if (text.startsWith('PK')) {
    // torch.save() writes a zip archive that begins with <name>/data.pkl, or, from a traced module, with its code.
    const first = text.slice(30, 30 + head.readUInt16LE(26))
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

function parseHeader(path: string, json: Buffer): { entries: [string, unknown][]; metadata: Record<string, string> } {
  if (json[0] !== 0x7b) throw formatError(path, undefined, "not a safetensors file: the header does not begin with '{'")
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
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
interface Layout {
  places: Place[]
  metadata: Record<string, string>
  dataStart: number
  dataBytes: number
}

async function readLayout(handle: ByteSource, path: string): Promise<Layout> {
  const { size } = await handle.stat()
  if (size === 0) throw formatError(path, 0, 'the file is empty')
  if (size < 8)
    throw formatError(path, size, 'not a safetensors file: it is shorter than the 8 bytes of its header length')
  await refuseForeign(handle, path, size)
  const length = (await readExactly(handle, path, 8, 0)).readBigUInt64LE(0)
  if (length < 2n || length > BigInt(MAX_HEADER)) {
    throw formatError(path, 0, `not a safetensors file: a header of ${length} bytes is not possible`)
  }
  const dataStart = 8 + Number(length)
  if (dataStart > size) {
    throw formatError(path, size, `the header needs ${length} bytes, the file ends before: truncated or foreign file`)
  }
  const { entries, metadata } = parseHeader(path, await readExactly(handle, path, Number(length), 8))
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

async function opened<T>(path: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'r')
    return await work(handle)
  } catch (error) {
    throw ioError('read', path, error)
  } finally {
    await handle?.close()
  }
}

/**
 * Reads the metadata of a safetensors file and checks that the file is whole, without reading the numbers.
 * Errors: as readSafetensors.
 */
export function readSafetensorsMetadata(path: string): Promise<Record<string, string>> {
  return opened(path, async (handle) => (await readLayout(handle, path)).metadata)
}

/**
 * Reads a safetensors file and checks all of it: header length, JSON, dtypes, shapes, and that the tensors cover the
 * data without gap or overlap. Element types beyond this package's own (float16, int32, ...) come back as stored bytes.
 * Errors: ERR_LANGEVIN_IO (path, reason), ERR_LANGEVIN_FORMAT (path; where the data is cut off or has holes, the byte).
 */
export function readSafetensors(path: string): Promise<SafetensorsFile> {
  return opened(path, (handle) => safetensorsFrom(handle, path))
}

/** As `readSafetensors`, from what has been opened; `path` names it in errors. */
export async function safetensorsFrom(source: ByteSource, path: string): Promise<SafetensorsFile> {
  const { places, metadata, dataStart, dataBytes } = await readLayout(source, path)
  const data = await readExactly(source, path, dataBytes, dataStart)
  const tensors: Record<string, StoredTensor> = Object.create(null)
  for (const { name, dtype, shape, begin, end } of places) {
    tensors[name] = { dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset + begin, end - begin) }
  }
  return { names: places.map(({ name }) => name), tensors, metadata }
}
