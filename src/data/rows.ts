/** Rows that are converted a batch at a time: images as bytes, files larger than memory, augmented rows. */
import { closeSync, openSync, readSync } from 'node:fs'
import { LangevinError } from '../errors.js'
import { ioError } from '../io/files.js'
import { parseNpyHeader } from '../io/npy.js'
import type { Dtype } from '../native/contract.js'
import { DISPOSE } from '../native/dispose.js'
import { UNCLONEABLE } from '../native/uncloneable.js'
import { requireOptions } from '../spec/index.js'
import { type RowsLike, Tensor, toRows } from '../tensor/index.js'

export interface RowsOptions {
  /** Every number becomes x * scale + shift, in the model's dtype (defaults 1 and 0): 1 / 255 for images in bytes. */
  scale?: number
  shift?: number
  /**
   * What training does to the rows of every step, with random numbers of its own that depend on the run's seed and the step
   * alone: `flip` mirrors half of the rows along their last axis (rows [channels, height, width]); then `noise` times a
   * standard normal number is added to every number. Replay buffers and noises see the rows without it.
   */
  augment?: { flip?: boolean; noise?: number }
  /** Of a file that is no .npy: the dtype of its numbers (little-endian), its shape [n, ...], and the first byte (default 0). */
  dtype?: Exclude<Dtype, 'bfloat16'>
  shape?: readonly number[]
  offset?: number
}

/** Where the rows are, as the core reads it. */
type Place =
  | { readonly tensor: Tensor }
  | {
      readonly file: {
        readonly path: string
        readonly dtype: string
        readonly shape: readonly number[]
        readonly offset: number
      }
    }

const NUMPY: Record<string, string> = { float32: '<f4', float64: '<f8', int64: '<i8', uint8: '|u1', bool: '|b1' }
// More than any header of an array without records is long.
const HEADER_BYTES = 1 << 17

/** Rows for `train` that stay as they are stored; see `data.rows`. */
export class RowSource {
  /** @internal */
  protected readonly inNativeMemory = UNCLONEABLE
  /** How many rows. */
  readonly length: number
  /** Axes of one row. */
  readonly shape: readonly number[]
  readonly #place: Place
  readonly #options: Omit<RowsOptions, 'dtype' | 'shape' | 'offset'>
  readonly #own: boolean

  /** @internal Use `data.rows`. */
  constructor(place: Place, options: RowsOptions, own: boolean) {
    const [length = 0, ...shape] = 'tensor' in place ? place.tensor.shape : place.file.shape
    this.length = length
    this.shape = Object.freeze(shape.length === 0 ? [1] : shape)
    this.#place = place
    const { scale, shift, augment } = options
    this.#options = {
      ...(scale !== undefined && { scale }),
      ...(shift !== undefined && { shift }),
      ...(augment && { augment }),
    }
    this.#own = own
  }

  /** @internal What the core reads. */
  toArguments(): Place & object {
    return { ...this.#place, ...this.#options }
  }

  /** Frees what `data.rows` made (a tensor it was given stays). */
  dispose(): void {
    if (this.#own && 'tensor' in this.#place) this.#place.tensor.dispose()
  }

  [DISPOSE](): void {
    this.dispose()
  }
}

function invalid(problem: string, path: string): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `data.rows: ${path} ${problem}`, { details: { path } })
}

function headOf(path: string): Uint8Array {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const bytes = new Uint8Array(HEADER_BYTES)
    return bytes.subarray(0, readSync(file, bytes))
  } catch (error) {
    throw ioError('read', path, error)
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function placeOf(path: string, { dtype, shape, offset = 0 }: RowsOptions): Place {
  if (dtype !== undefined || shape !== undefined) {
    const numpy = NUMPY[String(dtype)]
    if (numpy === undefined) invalid(`must be one of ${Object.keys(NUMPY).join(', ')}`, 'dtype')
    if (shape === undefined || shape.length < 1) invalid('must be [n, ...], the rows and their axes', 'shape')
    return { file: { path, dtype: numpy, shape: [...shape], offset } }
  }
  if (offset !== 0) invalid('belongs to a file without a header: give dtype and shape too', 'offset')
  const header = parseNpyHeader(headOf(path), path)
  if (header.fortranOrder) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      `${path}: the array lies column by column, so its rows lie nowhere in one piece; save np.ascontiguousarray(x)`,
      { details: { path } },
    )
  }
  return { file: { path, dtype: header.descr, shape: header.shape, offset: header.dataStart } }
}

/**
 * Rows for `train` that stay as they are stored and become x * scale + shift, in the model's dtype, a batch at a time: a set
 * of images keeps one byte per number, and a file on disk is read as training asks for its rows.
 *
 * Training on them is bit-equal to training on rows that were converted beforehand (of more than 64 MiB in the model's dtype,
 * what is computed once over all rows, such as the spread and the start of `normal` chains, may differ in the last bits).
 * Noises that look at all rows at once (kde without a bandwidth, flow, dataGaussian) take them up to those 64 MiB.
 *
 * @param source rows `[n, d]` or `[n, ...inputShape]` of any dtype, as a Tensor or array; or the path of a .npy file in C
 *   order, or of a file without a header with `dtype` and `shape`
 * @param options
 *   - `scale`, `shift`: defaults 1 and 0; images in bytes: `scale: 1 / 255`
 *   - `augment`: { flip, noise }, what training does to the rows of every step; resuming a run repeats it exactly
 *   - `dtype`, `shape`, `offset`: of a file without a header
 * @throws ERR_LANGEVIN_INVALID_OPTION; ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT (no .npy array; with the byte offset) and
 *   ERR_LANGEVIN_UNSUPPORTED (column-major) of a file. `run.done` rejects with ERR_LANGEVIN_SHAPE where rows do not fit the
 *   energy, ERR_LANGEVIN_FORMAT where the file ends before its last row (details.offset).
 */
export function rows(source: RowsLike | string, options: RowsOptions = {}): RowSource {
  requireOptions('data.rows', options, ['scale', 'shift', 'augment', 'dtype', 'shape', 'offset'])
  for (const key of ['scale', 'shift'] as const) {
    if (options[key] !== undefined && !Number.isFinite(options[key])) invalid('must be a finite number', key)
  }
  if (options.augment !== undefined) {
    requireOptions('data.rows', options.augment, ['flip', 'noise'])
    const { noise = 0 } = options.augment
    if (!(Number.isFinite(noise) && noise >= 0)) invalid('must be a number of at least 0', 'augment.noise')
  }
  if (typeof source === 'string') return new RowSource(placeOf(source, options), options, true)
  for (const key of ['dtype', 'shape', 'offset'] as const) {
    if (options[key] !== undefined) invalid('belongs to a file without a header', key)
  }
  const tensor = toRows(source)
  return new RowSource({ tensor }, options, !(source instanceof Tensor))
}
