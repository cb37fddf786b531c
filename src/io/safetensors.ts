/** The safetensors format, read and written as bytes. */
import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { TextDecoder, types } from 'node:util'
import { LangevinError } from '../errors.js'
import type { Tensor } from '../tensor/index.js'
import { formatError, ioError, PIECE, writeAtomic } from './files.js'
import {
  type Decode,
  DTYPES,
  fileOf,
  HEAD,
  headerLength,
  type Layout,
  layoutOf,
  type Place,
  parseSafetensors,
  product,
  type SafetensorsFile,
  type StoredDtype,
  type StoredTensor,
} from './safetensors-format.js'

export type { SafetensorsFile, StoredDtype, StoredTensor } from './safetensors-format.js'

export const decode: Decode = (bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes)

// One read call takes at most about 2 GiB on Linux.
const READ_CHUNK = 1 << 30

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

/** What a file is read from: an open file, or what stands for one in a test. */
export interface ByteSource {
  stat(): Promise<{ size: number }>
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
}

/** @throws (rejects) ERR_LANGEVIN_IO; ERR_LANGEVIN_FORMAT where the file ends before */
async function readExactly(
  handle: ByteSource,
  path: string,
  length: number,
  position: number,
  buffer = Buffer.alloc(length),
): Promise<Buffer<ArrayBuffer>> {
  let done = 0
  while (done < length) {
    const wanted = Math.min(READ_CHUNK, length - done)
    const { bytesRead } = await handle.read(buffer, done, wanted, position + done).catch((error) => {
      throw ioError('read', path, error)
    })
    if (bytesRead === 0) throw formatError(path, position + done, `the file ends after ${position + done} bytes`)
    done += bytesRead
  }
  return buffer
}

async function readLayout(handle: ByteSource, path: string): Promise<Layout> {
  const { size } = await handle.stat()
  const length = headerLength(path, size, await readExactly(handle, path, Math.min(size, HEAD), 0))
  return layoutOf(path, size, await readExactly(handle, path, length, 8), decode)
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

/** A safetensors file that is open: its header has been read and checked, its tensors are read one by one. The opener closes it. */
export class OpenSafetensors {
  readonly names: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly #places: ReadonlyMap<string, Place>

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    private readonly dataStart: number,
    { places, metadata }: Layout,
    /** All of a small file: many tensors of a few numbers are one read. */
    private readonly data: Buffer<ArrayBuffer> | undefined,
  ) {
    this.names = places.map(({ name }) => name)
    this.metadata = metadata
    this.#places = new Map(places.map((place) => [place.name, place]))
  }

  /** @throws (rejects) what `readSafetensors` does */
  static async open(path: string): Promise<OpenSafetensors> {
    let handle: FileHandle | undefined
    try {
      handle = await open(path, 'r')
      const layout = await readLayout(handle, path)
      const { dataStart, dataBytes } = layout
      const data = dataBytes > PIECE ? undefined : await readExactly(handle, path, dataBytes, dataStart)
      return new OpenSafetensors(path, handle, dataStart, layout, data)
    } catch (error) {
      await handle?.close()
      throw ioError('read', path, error)
    }
  }

  place(name: string): Place | undefined {
    return this.#places.get(name)
  }

  /** The bytes of a tensor. */
  async bytes({ begin, end }: Place): Promise<Uint8Array> {
    if (this.data !== undefined) return this.data.subarray(begin, end)
    return readExactly(this.handle, this.path, end - begin, this.dataStart + begin)
  }

  /** Fills `piece` with the bytes of a tensor from its byte `first`. */
  fill({ begin }: Place, first: number, piece: Buffer<ArrayBuffer>): Promise<unknown> {
    return readExactly(this.handle, this.path, piece.length, this.dataStart + begin + first, piece)
  }

  close(): Promise<void> {
    return this.handle.close()
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
  const layout = await readLayout(source, path)
  return fileOf(layout, await readExactly(source, path, layout.dataBytes, layout.dataStart))
}

/** `readSafetensors` at once; the event loop waits. @throws ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT */
export function readSafetensorsSync(path: string): SafetensorsFile {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw ioError('read', path, error)
  }
  return parseSafetensors(path, bytes, decode)
}
