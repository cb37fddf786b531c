/** NumPy's .npy format, read and written. */
import { Buffer } from 'node:buffer'
import { type FileHandle, open } from 'node:fs/promises'
import { TextDecoder } from 'node:util'
import { LangevinError } from '../errors.js'
import type { Dtype } from '../native/contract.js'
import { invoke } from '../runtime/index.js'
import { type Tensor, withRows } from '../tensor/index.js'
import { formatError, ioError, oddShape, PIECE, readWhole, writeAtomic } from './files.js'
import { filledTensor } from './pieces.js'

/** What the header of a .npy file says, and where its data begins. */
export interface NpyHeader {
  /** As NumPy writes it: '<f8', '|u1', '<U7', ... */
  descr: string
  fortranOrder: boolean
  shape: number[]
  /** First byte of the data, counted from the start of the array's bytes. */
  dataStart: number
}

/** Bytes of a header, at most: NumPy writes some hundred, and refuses to read more than 10,000 unasked. */
const MOST_HEADER = 2 ** 20
/** Texts, or lists of none, that an array may have without a byte for them. */
const MOST_UNSEEN = 2 ** 14
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
const ITEM = /^\s*(?:'(\w+)'|"(\w+)")\s*:\s*(?:'([^']*)'|"([^"]*)"|(True|False)|\(([\d\s,L]*)\))\s*,?/

/** Parses the header of a .npy array (format versions 1.0, 2.0, 3.0). `what` names file and member in errors. */
export function parseNpyHeader(bytes: Uint8Array, what: string): NpyHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw formatError(what, 0, 'not a .npy array: it does not begin with \\x93NUMPY')
  }
  const version = bytes[6]!
  if (version < 1 || version > 3) throw formatError(what, 6, `.npy format version ${version} is not known`)
  if (version > 1 && bytes.length < 12) throw formatError(what, bytes.length, 'the header is cut off')
  const start = version === 1 ? 10 : 12
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > MOST_HEADER)
    throw formatError(what, start, `a header of ${length} bytes; at most ${MOST_HEADER} are read`)
  if (start + length > bytes.length) throw formatError(what, bytes.length, 'the header is cut off')
  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(start, start + length)).trim()
  const bad = () => formatError(what, start, `the header is not the expected dictionary: ${text.slice(0, 120)}`)
  if (!text.startsWith('{') || !text.endsWith('}')) throw bad()
  const found: Record<string, string | boolean | number[]> = Object.create(null)
  let rest = text.slice(1, -1)
  while (rest.trim() !== '') {
    const match = ITEM.exec(rest)
    if (match === null) {
      if (/'descr'\s*:\s*\[/.test(rest)) {
        throw new LangevinError(
          'ERR_LANGEVIN_UNSUPPORTED',
          `${what}: arrays of records (structured dtype) cannot be read`,
        )
      }
      throw bad()
    }
    const value = match[3] ?? match[4]
    const sizes = match[6]?.split(',').map((size) => size.replace('L', '').trim())
    found[match[1] ?? match[2]!] =
      value ?? (sizes ? sizes.filter((size) => size !== '').map(Number) : match[5] === 'True')
    rest = rest.slice(match[0].length)
  }
  const { descr, fortran_order: fortranOrder, shape } = found
  if (typeof descr !== 'string' || typeof fortranOrder !== 'boolean' || !Array.isArray(shape)) throw bad()
  if (!shape.every((size) => Number.isSafeInteger(size))) throw bad()
  const odd = oddShape(shape)
  if (odd !== undefined) throw formatError(what, start, `the array ${odd}`)
  return { descr, fortranOrder, shape, dataStart: start + length }
}

/** The texts of a text array, row-major. */
export interface TextArray {
  readonly texts: string[]
  readonly shape: readonly number[]
}

/** Texts in lists nested as the axes of their array are; a scalar is one text. */
export type NestedText = string | NestedText[]

export function nested({ texts, shape }: TextArray): NestedText {
  const [size, ...rest] = shape
  if (size === undefined) return texts[0]!
  if (rest.length === 0) return texts
  const step = rest.reduce((n, each) => n * each, 1)
  return Array.from({ length: size }, (_, i) => nested({ texts: texts.slice(i * step, (i + 1) * step), shape: rest }))
}

/** Where each row-major entry is in a column-major array. */
function fortranPlaces(shape: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    let rest = i
    const index = shape.map(() => 0)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis]!
      rest = Math.floor(rest / shape[axis]!)
    }
    return index.reduceRight((place, at, axis) => place * shape[axis]! + at, 0)
  })
}

/** Texts of a '<U7' or '|S5' array, in row-major order. NumPy fills texts up with zeros; those inside a text are its own. */
function decodeText(bytes: Uint8Array, { descr, shape, fortranOrder, dataStart }: NpyHeader, what: string): TextArray {
  const width = Number(descr.slice(2))
  const unit = descr[1] === 'U' ? 4 : 1
  const count = shape.reduce((n, size) => n * size, 1)
  // Sizes that no byte of the file stands for could be any.
  const unseen = shape.filter((size) => size > 0).reduce((n, size) => n * size, 1)
  if ((width === 0 || count === 0) && unseen > MOST_UNSEEN) {
    throw formatError(what, dataStart, `an array of shape (${shape.join(', ')}) and dtype ${descr} has no bytes`)
  }
  if (bytes.length - dataStart !== count * width * unit) {
    throw formatError(what, bytes.length, `the array needs ${count * width * unit} bytes of data`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + dataStart)
  const texts = Array.from({ length: count }, (_, i) => {
    let text = ''
    for (let k = 0; k < width; k++) {
      const at = (i * width + k) * unit
      const point = unit === 4 ? view.getUint32(at, descr[0] !== '>') : view.getUint8(at)
      if (point > 0x10ffff) throw formatError(what, dataStart + at, 'not a character')
      text += String.fromCodePoint(point)
    }
    let end = text.length
    while (end > 0 && text.charCodeAt(end - 1) === 0) end--
    return text.slice(0, end)
  })
  if (!fortranOrder) return { texts, shape }
  return { texts: fortranPlaces(shape, count).map((place) => texts[place]!), shape }
}

/**
 * One array from the bytes of a .npy file: a Tensor, or the texts of a text array. Column-major arrays and either byte
 * order are turned into row-major numbers in the core.
 */
export async function decodeNpy(bytes: Uint8Array, what: string): Promise<Tensor | TextArray> {
  const header = parseNpyHeader(bytes, what)
  const { descr, shape, dataStart } = header
  if (/^[|<>=]?O/.test(descr)) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      `${what}: the array holds pickled Python objects, which can run code when read; save it with a numeric dtype`,
      { details: { path: what, dtype: descr } },
    )
  }
  if (/^[|<>=][US]\d+$/.test(descr)) return decodeText(bytes, header, what)
  if (!/^[|<>=][fiub][1248]$/.test(descr)) {
    throw new LangevinError('ERR_LANGEVIN_UNSUPPORTED', `${what}: arrays of dtype '${descr}' cannot be read`, {
      details: { path: what, dtype: descr },
    })
  }
  const wanted = shape.reduce((n, size) => n * size, 1) * Number(descr[2])
  if (bytes.length - dataStart !== wanted) {
    throw formatError(
      what,
      Math.min(bytes.length, dataStart + wanted),
      `an array of shape (${shape.join(', ')}) and dtype ${descr} needs ${wanted} bytes of data, there are ${bytes.length - dataStart}`,
    )
  }
  return withRows(bytes.subarray(dataStart), what, (raw) =>
    invoke<Tensor>('data.decode', { bytes: raw, dtype: descr, shape, fortran: header.fortranOrder }),
  )
}

/** Dtypes whose bytes are those in memory. */
const AS_STORED: Readonly<Record<string, Dtype>> = { f4: 'float32', f8: 'float64', i8: 'int64', u1: 'uint8' }

/** A large array whose bytes are those in memory, read a piece at a time; undefined for every other file. */
async function readLarge(path: string): Promise<Tensor | undefined> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'r')
    const { size } = await handle.stat()
    if (size <= PIECE) return undefined
    const head = Buffer.alloc(PIECE)
    const { bytesRead } = await handle.read(head, 0, PIECE, 0)
    if (bytesRead < PIECE) return undefined
    const { descr, shape, fortranOrder, dataStart } = parseNpyHeader(head, path)
    const dtype = /^[|<=]/.test(descr) ? AS_STORED[descr.slice(1)] : undefined
    const bytes = shape.reduce((n, each) => n * each, 1) * Number(descr[2])
    // What does not fit is told by who reads all of it.
    if (dtype === undefined || size - dataStart !== bytes || (fortranOrder && shape.length > 1)) return undefined
    const file = handle
    return await filledTensor(dtype, shape, bytes, (first, piece) => fillPiece(file, path, piece, dataStart + first))
  } catch (error) {
    throw ioError('read', path, error)
  } finally {
    await handle?.close()
  }
}

async function fillPiece(file: FileHandle, path: string, piece: Buffer, position: number): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    const { bytesRead } = await file.read(piece, done, piece.length - done, position + done)
    if (bytesRead === 0) throw formatError(path, position + done, `the file ends after ${position + done} bytes`)
    done += bytesRead
  }
}

/**
 * Reads a .npy file: dtypes f2 f4 f8, i1..i8, u1..u8, b1 in either byte order, C or Fortran order.
 * float64 stays float64, smaller floats become float32, u1 uint8, b1 bool, other whole numbers int64.
 * Errors: ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT (path, offset), ERR_LANGEVIN_UNSUPPORTED (pickled, records, text).
 */
export async function readNpy(path: string): Promise<Tensor> {
  const array = (await readLarge(path)) ?? (await decodeNpy(await readWhole(path), path))
  if ('texts' in array) {
    throw new LangevinError('ERR_LANGEVIN_UNSUPPORTED', `${path}: the array holds text, not numbers`)
  }
  return array
}

const DESCR: Record<string, string> = { float32: '<f4', float64: '<f8', int64: '<i8', uint8: '|u1', bool: '|b1' }

/**
 * Writes a tensor as a .npy file (version 1.0, C order), atomically.
 * Errors: ERR_LANGEVIN_IO; ERR_LANGEVIN_DTYPE for bfloat16, which NumPy does not know.
 */
export async function writeNpy(path: string, value: Tensor): Promise<void> {
  const descr = DESCR[value.dtype]
  if (descr === undefined) {
    throw new LangevinError('ERR_LANGEVIN_DTYPE', `NumPy has no dtype ${value.dtype}; convert to float32 first`)
  }
  const shape = value.shape.length === 1 ? `(${value.shape[0]},)` : `(${value.shape.join(', ')})`
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`
  // The header is padded with blanks so that the data begins at a multiple of 64 bytes.
  const padded = `${dictionary.padEnd(Math.ceil((dictionary.length + 11) / 64) * 64 - 11, ' ')}\n`
  const head = Buffer.from([...MAGIC, 1, 0, padded.length & 0xff, padded.length >> 8])
  const array = value.toTypedArray()
  await writeAtomic(path, [head, padded, new Uint8Array(array.buffer, array.byteOffset, array.byteLength)])
}
