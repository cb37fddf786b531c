/** Numbers in native memory, with a shape and a dtype, and how they are made from JavaScript's arrays. */
import { inspect } from 'node:util'
import { LangevinError, shown } from '../errors.js'
import { type Arguments, binding, callNow, translated } from '../native/call.js'
import { DTYPES, type Dtype, type NativeTensor } from '../native/contract.js'
import { NativeHandle } from '../native/handle.js'
import {
  type Flat,
  flatten,
  fromTypedArray,
  type NestedArray,
  product,
  requireShape,
  type TypedArray,
} from './source.js'
import type { ArrayOf, ArrayRank, DtypeOf, NestedOf, ShapeOf } from './types.js'

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const satisfies Record<Dtype, new (length: number) => ArrayOf[Dtype]>

const PREVIEW = 6

/**
 * Numbers in native memory: a handle with a shape and a dtype. The numbers never change; every method makes a new tensor.
 * After `dispose()` every use throws ERR_LANGEVIN_DISPOSED. A tensor that is forgotten is freed by the garbage collector,
 * which knows its bytes.
 *
 * `Tensor<'float32', 2>` is one whose dtype and rank (how many axes it has) TypeScript knows, `Tensor` any.
 */
export class Tensor<D extends Dtype = Dtype, R extends number = number> extends NativeHandle<NativeTensor> {
  readonly #native: NativeTensor
  // Asked for when somebody wants to know: most tensors of a result are never looked at.
  #sizes: readonly number[] | undefined
  #type: D | undefined

  /** @internal Use `tensor(...)`. */
  constructor(handle: NativeTensor) {
    super(handle)
    this.#native = handle
  }

  get #shape(): readonly number[] {
    this.#sizes ??= Object.freeze(this.#native.shape)
    return this.#sizes
  }
  get #dtype(): D {
    this.#type ??= this.#native.dtype as D
    return this.#type
  }
  get #device(): string {
    return this.#native.device
  }

  protected override describe(): string {
    return `this tensor of shape [${this.#shape.join(', ')}]`
  }
  protected override remedyForJson(): string {
    return 'use toArray(), or write it with io.safetensors or io.npy'
  }

  /** Sizes, outermost first; `[]` for a single number. */
  get shape(): ShapeOf<R> {
    this.live()
    return this.#shape as ShapeOf<R>
  }
  get dtype(): D {
    this.live()
    return this.#dtype
  }
  /** 'cpu' or 'cuda:N'. */
  get device(): string {
    this.live()
    return this.#device
  }
  /** How many numbers it holds. */
  get size(): number {
    this.live()
    return product(this.#shape)
  }

  /**
   * A copy of the numbers, row-major: Float32Array, Float64Array, BigInt64Array (int64), Uint8Array (uint8; bool as 0 and
   * 1), Uint16Array (bfloat16 as its raw 16-bit words; `to('float32')` first for numbers).
   */
  toTypedArray(): ArrayOf[D] {
    const handle = this.live()
    const target = translated(() => {
      try {
        return new ARRAYS[this.#dtype](product(this.#shape))
      } catch (cause) {
        throw new LangevinError(
          'ERR_LANGEVIN_OUT_OF_MEMORY',
          `JavaScript cannot hold an array of ${product(this.#shape)} numbers; take parts with slice(first, last)`,
          { cause },
        )
      }
    })
    translated(() => binding().copyTensor(handle, target))
    return target as ArrayOf[D]
  }

  /**
   * A copy as nested arrays of numbers (bool: booleans); a single number for shape `[]`.
   *
   * @throws ERR_LANGEVIN_DTYPE when an int64 lies beyond 2^53, which a JavaScript number cannot represent exactly
   */
  toArray(): NestedOf<D, R> {
    if (this.#dtype === 'bfloat16') {
      const wide = this.to('float32')
      try {
        return wide.toArray() as NestedOf<D, R>
      } finally {
        wide.dispose()
      }
    }
    return nest(plainNumbers(this.toTypedArray(), this.#dtype), this.#shape) as NestedOf<D, R>
  }

  /**
   * On another device, or with another dtype: `to('cuda:0')`, `to('float64')`. The same numbers, rounded where a floating-point
   * dtype must.
   *
   * @throws ERR_LANGEVIN_DTYPE (with its place) for a number that int64, uint8 or bool cannot hold; round or clip it first
   */
  to<T extends Dtype>(dtype: T): Tensor<T, R>
  to(device: 'cpu' | 'cuda' | `cuda:${number}`): Tensor<D, R>
  to(target: string): Tensor<Dtype, R>
  to(target: string): Tensor<never, R> {
    const tensor = this.live()
    const dtype = (DTYPES as readonly string[]).includes(target)
    return invokeNow('tensor.to', dtype ? { tensor, dtype: target } : { tensor, device: target })
  }

  /** Rows `first` to `last - 1` (default: to the end). */
  slice(first: number, last?: number): Tensor<D, R> {
    return invokeNow('tensor.slice', { tensor: this.live(), first, last })
  }

  /**
   * The rows with these numbers, in this order; a row may be taken twice. Numbers count from 0; a negative one is an error, it does
   * not count from the end.
   */
  index(rows: Tensor | readonly number[] | BigInt64Array | Int32Array): Tensor<D, R> {
    const live = this.live()
    if (rows instanceof Tensor) return invokeNow('tensor.index', { tensor: live, rows })
    const given = tensor(rows as NestedArray | TypedArray, undefined, 'int64')
    try {
      return invokeNow('tensor.index', { tensor: live, rows: given })
    } finally {
      given.dispose()
    }
  }

  /** The columns with these numbers of a matrix `[n, d]`, in this order. */
  columns(columns: readonly number[]): Tensor<D, R> {
    return invokeNow('tensor.columns', { tensor: this.live(), columns })
  }

  /** The same numbers in another shape. */
  reshape<const S extends readonly number[]>(shape: S): Tensor<D, S['length']> {
    return invokeNow('tensor.reshape', { tensor: this.live(), shape })
  }

  /** Rows of several tensors one after the other; they share dtype, device and all sizes but the first. */
  static concat<D extends Dtype, R extends number>(tensors: readonly Tensor<D, R>[]): Tensor<D, R> {
    return invokeNow('tensor.concat', { tensors })
  }

  /** `Tensor float32 [3, 2] cpu [ 1, 2, 3, 4, 5, 6 ]`: the first numbers, row-major. */
  [inspect.custom](_depth: number, options: object): string {
    const head = `Tensor ${this.#dtype} [${this.#shape.join(', ')}] ${this.#device}`
    if (this.disposed) return `${head} (disposed)`
    if (product(this.#shape) === 0) return `${head} []`
    const first = this.#preview()
    const more = product(this.#shape) - first.length
    return `${head} ${inspect(first, { ...options, breakLength: 120, compact: true }).replace(/ ?\]$/, more > 0 ? `, ... ${more} more ]` : ' ]')}`
  }

  #preview(): unknown[] {
    // Only the first rows are copied out: a tensor of a gigabyte is printed in a moment.
    if (this.#shape.length === 0) return [this.toArray()]
    const width = product(this.#shape.slice(1))
    const head = this.slice(0, Math.min(this.#shape[0] as number, Math.ceil(PREVIEW / Math.max(1, width))))
    try {
      return ([head.toArray()] as unknown[]).flat(Number.POSITIVE_INFINITY).slice(0, PREVIEW)
    } finally {
      head.dispose()
    }
  }
}

/** @internal Numbers made for this shape, without the looks that `tensor` takes at what a user gives. */
export const madeTensor = <R extends number>(numbers: Float32Array, shape: readonly number[]): Tensor<'float32', R> =>
  new Tensor(translated(() => binding().createTensor(numbers, shape, 'float32')))

/** @internal A native tensor of a result as a Tensor. */
export const wrapTensor = (handle: NativeTensor): Tensor => new Tensor(handle)

function invokeNow<D extends Dtype, R extends number>(name: string, args: Arguments): Tensor<D, R> {
  return callNow<Tensor<D, R>>(name, args, wrapTensor)
}

function plainNumbers(flat: ArrayOf[Dtype], dtype: Dtype): (number | boolean)[] {
  if (dtype === 'bool') return Array.from(flat as Uint8Array, (v) => v !== 0)
  if (dtype !== 'int64') return Array.from(flat as Exclude<ArrayOf[Dtype], BigInt64Array>)
  return Array.from(flat as BigInt64Array, (v, i) => {
    const number = Number(v)
    if (!Number.isSafeInteger(number)) {
      throw new LangevinError(
        'ERR_LANGEVIN_DTYPE',
        `the int64 at position ${i} is ${v}, which a JavaScript number cannot represent exactly; use toTypedArray()`,
        { details: { position: i } },
      )
    }
    return number
  })
}

function nest(flat: (number | boolean)[], shape: readonly number[]): NestedArray {
  if (shape.length === 0) return flat[0] as NestedArray
  const [size = 0, ...inner] = shape
  if (inner.length === 0) return flat
  const width = product(inner)
  return Array.from({ length: size }, (_, i) => nest(flat.slice(i * width, (i + 1) * width), inner))
}

/** Rounded as the core would round it, without a second tensor. */
const float32Of = (array: Float64Array): Flat => ({
  array: new Float32Array(array),
  dtype: 'float32',
  shape: [array.length],
  natural: 'float32',
})

/** A flat source as a native tensor of the wanted dtype; conversions are the core's. */
function create({ array, dtype: given }: Flat, shape: readonly number[], dtype: Dtype): Tensor {
  if (array instanceof Float64Array && dtype === 'float32') return create(float32Of(array), shape, dtype)
  const made = new Tensor(translated(() => binding().createTensor(array, shape, given)))
  if (given === dtype) return made
  try {
    return made.to(dtype)
  } finally {
    made.dispose()
  }
}

/**
 * Makes a tensor on the CPU. The data is copied.
 *
 * dtype defaults to that of the array: Float32Array float32, Float64Array float64, BigInt64Array int64, Uint8Array uint8,
 * other integer arrays int64; nested arrays of numbers float32, of booleans bool. A Uint16Array with dtype 'bfloat16'
 * holds raw bfloat16 words. Whole-number dtypes refuse what they cannot hold.
 *
 * @param data a typed array, nested arrays, or one number
 * @param shape sizes, outermost first; default: that of the nesting, or `[length]`
 * @throws ERR_LANGEVIN_SHAPE (ragged nesting with its path, a shape that does not fit the data), ERR_LANGEVIN_DTYPE (a
 *   value the dtype cannot hold, with its place), ERR_LANGEVIN_INVALID_OPTION (an unknown dtype, a detached array)
 */
export function tensor<
  X extends TypedArray | NestedArray,
  const S extends readonly number[] | undefined = undefined,
  D extends Dtype = DtypeOf<X>,
>(data: X, shape?: S, dtype?: D): Tensor<D, S extends readonly number[] ? S['length'] : ArrayRank<X>> {
  return make(data, shape, dtype, ({ natural }) => natural) as Tensor<never, never>
}

/**
 * @internal As `tensor()`, but the numbers of nested arrays stay float64, as JavaScript has them: rows and parameters are
 * rounded by the energy that takes them, once and to its own dtype.
 */
export function exactTensor(data: TypedArray | NestedArray, shape?: readonly number[], dtype?: Dtype): Tensor {
  return make(data, shape, dtype, ({ natural, dtype: given }) => (natural === 'float32' ? given : natural))
}

function make(
  data: TypedArray | NestedArray,
  shape: readonly number[] | undefined,
  dtype: Dtype | undefined,
  otherwise: (source: Flat) => Dtype,
): Tensor {
  if (dtype !== undefined && !DTYPES.includes(dtype)) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `unknown dtype '${shown(dtype).slice(0, 64)}'; one of ${DTYPES.join(', ')}`,
    )
  }
  if (data instanceof Tensor) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      'the data is a Tensor already; use it, or its to() and reshape()',
    )
  }
  const source = ArrayBuffer.isView(data) ? fromTypedArray(data as TypedArray, dtype) : flatten(data, dtype)
  const sizes = shape === undefined ? source.shape : requireShape(shape, source.array.length)
  return create(source, sizes, dtype ?? otherwise(source))
}
