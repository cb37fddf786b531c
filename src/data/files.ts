/** Readers of array files as data sets. Texts and tables: csv.ts. */
import { LangevinError } from '../errors.js'
import { maybeGzip, readMaybeGzip } from '../io/bytes.js'
import { formatError, oddShape, readWhole } from '../io/files.js'
import { readNpy, type TextArray } from '../io/npy.js'
import { readArchive } from '../io/npz.js'
import { readTensors } from '../io/tensors.js'
import { invoke } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { Tensor, tensor } from '../tensor/index.js'
import { labelOf } from './arrays.js'
import { textColumn } from './categories.js'
import { type Column, Dataset } from './dataset.js'

export interface ArraysOptions {
  /** Which arrays become columns. Default: all of them. */
  columns?: readonly string[]
  /** The class or condition column. Default: 'y' when there are other columns too; null for none. */
  label?: string | null
}

function toDataset(path: string, arrays: ReadonlyMap<string, Tensor | TextArray>, { label }: ArraysOptions): Dataset {
  const columns = new Map<string, Column>()
  for (const [name, array] of arrays) {
    columns.set(name, array instanceof Tensor ? { values: array } : textColumn(array.texts, array.shape))
  }
  const lengths = [...columns].map(([name, { values }]) => [name, values.shape[0]] as const)
  if (lengths.some(([, rows]) => rows === undefined || rows !== lengths[0]![1])) {
    const listed = lengths.map(([name, rows]) => `${name} ${rows ?? 'scalar'}`).join(', ')
    throw new LangevinError(
      'ERR_LANGEVIN_SHAPE',
      `${path}: the arrays do not have equally many rows (${listed}); choose some with { columns }, or use io.*.read`,
      { details: { path } },
    )
  }
  return new Dataset(columns, { label: labelOf([...columns.keys()], label) })
}

/**
 * Reads a .npz archive; every array is a column (a matrix is one column of shape [n, d]), text arrays are categories.
 * Column-major arrays are read correctly. Errors: ERR_LANGEVIN_IO, _FORMAT, _UNSUPPORTED (pickled arrays), _SHAPE.
 */
export async function npz(path: string, options: ArraysOptions = {}): Promise<Dataset> {
  requireOptions('data.npz', options, ['columns', 'label'])
  return toDataset(path, await readArchive(path, options.columns), options)
}

/** Reads a .npy array as the column 'x'. Errors: ERR_LANGEVIN_IO, _FORMAT, _UNSUPPORTED. */
export async function npy(path: string): Promise<Dataset> {
  return new Dataset({ x: { values: await readNpy(path) } })
}

/** Reads a safetensors file; every tensor is a column. Errors: ERR_LANGEVIN_IO, _FORMAT, _SHAPE, _DTYPE. */
export async function safetensors(path: string, options: ArraysOptions = {}): Promise<Dataset> {
  requireOptions('data.safetensors', options, ['columns', 'label'])
  const { tensors } = await readTensors(path, options.columns)
  if (tensors.size === 0) throw formatError(path, undefined, 'the file holds no tensors')
  return toDataset(path, tensors, options)
}

/** Element types of the IDX format by its third byte. All are big-endian. */
const IDX: Record<number, string> = { 8: '|u1', 9: '|i1', 11: '>i2', 12: '>i4', 13: '>f4', 14: '>f8' }

/** One IDX file, plain or gzip, as a tensor: uint8 stays uint8, other whole numbers become int64. */
export async function readIdx(path: string): Promise<Tensor> {
  return idxIn(await readWhole(path), path)
}

/** The bytes of an IDX file; `path` names it in errors. */
export async function idxIn(content: Buffer, path: string): Promise<Tensor> {
  const bytes = await maybeGzip(content, path)
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    throw formatError(path, 0, 'not an IDX file: it does not begin with two zero bytes')
  }
  const dtype = IDX[bytes[2]!]
  if (dtype === undefined)
    throw formatError(path, 2, `not an IDX file: unknown element type 0x${bytes[2]!.toString(16)}`)
  const axes = bytes[3]!
  const start = 4 + 4 * axes
  if (axes === 0 || bytes.length < start) throw formatError(path, bytes.length, 'the IDX header is cut off')
  const shape = Array.from({ length: axes }, (_, k) => bytes.readUInt32BE(4 + 4 * k))
  const odd = oddShape(shape)
  if (odd !== undefined) throw formatError(path, 3, `the array ${odd}`)
  const wanted = shape.reduce((n, size) => n * size, 1) * Number(dtype[2])
  if (bytes.length - start !== wanted) {
    throw formatError(
      path,
      Math.min(bytes.length, start + wanted),
      `an IDX array of shape (${shape.join(', ')}) needs ${wanted} bytes of data, there are ${bytes.length - start}`,
    )
  }
  using raw = tensor(bytes.subarray(start), [wanted], 'uint8')
  return await invoke<Tensor>('data.decode', { bytes: raw, dtype, shape })
}

/**
 * Reads IDX files (MNIST and similar data sets), plain or gzip: images as the column 'x' in their own shape [n, ...],
 * and labels, when given, as the label column 'y'. Errors: ERR_LANGEVIN_IO, _FORMAT, _SHAPE when the numbers of rows
 * differ.
 */
export async function idx(images: string, labels?: string): Promise<Dataset> {
  const x = await readIdx(images)
  if (labels === undefined) return new Dataset({ x: { values: x } })
  return new Dataset({ x: { values: x }, y: { values: await readIdx(labels) } }, { label: 'y' })
}

const CIFAR_RECORD = 3073

/**
 * Reads files in CIFAR-10's binary layout, plain or gzip (records of a label byte and 3 x 32 x 32 bytes): 'x' uint8
 * [n, 3, 32, 32] and the label column 'y'. Several files are joined in order. Errors: ERR_LANGEVIN_IO, _FORMAT.
 */
export async function cifar(paths: string | readonly string[]): Promise<Dataset> {
  const parts: { x: Tensor; y: Tensor }[] = []
  for (const path of typeof paths === 'string' ? [paths] : paths) {
    const bytes = await readMaybeGzip(path)
    if (bytes.length === 0 || bytes.length % CIFAR_RECORD !== 0) {
      throw formatError(
        path,
        bytes.length - (bytes.length % CIFAR_RECORD),
        `${bytes.length} bytes are not whole records of ${CIFAR_RECORD} bytes: not a CIFAR-10 binary file, or cut off`,
      )
    }
    using raw = tensor(bytes, [bytes.length], 'uint8')
    parts.push(await invoke<{ x: Tensor; y: Tensor }>('data.cifar', { bytes: raw }))
  }
  if (parts.length === 0) throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', 'data.cifar: needs at least one file')
  const join = (key: 'x' | 'y') => (parts.length === 1 ? parts[0]![key] : Tensor.concat(parts.map((part) => part[key])))
  return new Dataset({ x: { values: join('x') }, y: { values: join('y') } }, { label: 'y' })
}
