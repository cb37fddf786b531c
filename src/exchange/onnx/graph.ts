/** An ONNX graph while it is written: operations by name, constants once each. */
import { ELEMENT, type ElementType, type OnnxAttribute, type OnnxNode, type OnnxTensor } from './format.js'

type Attributes = Readonly<Record<string, number | readonly number[] | { readonly float: number }>>

/** A number, or several: row-major with a shape. */
export interface Stored {
  readonly name: string
  readonly shape: readonly number[]
}

function attribute(name: string, value: Attributes[string]): OnnxAttribute {
  if (typeof value === 'number') return { name, type: 2, i: value }
  if (Array.isArray(value)) return { name, type: 7, ints: [...(value as readonly number[])] }
  return { name, type: 1, f: (value as { float: number }).float }
}

function bytesOf(values: ArrayLike<number>, type: ElementType): Uint8Array {
  const array =
    type === 'float32'
      ? Float32Array.from(values)
      : type === 'float64'
        ? Float64Array.from(values)
        : BigInt64Array.from(values, (value) => BigInt(value))
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/** Axes of a reduction are an attribute up to this opset and an input after it; those of ReduceSum are an input in all. */
const AXES_AS_ATTRIBUTE = 17

export class OnnxGraph {
  readonly nodes: OnnxNode[] = []
  readonly initializers: OnnxTensor[] = []
  readonly #constants = new Map<string, string>()
  #count = 0

  constructor(
    readonly dtype: 'float32' | 'float64',
    readonly opset: number,
  ) {}

  /** Adds an operation with one output and returns its name. */
  op(opType: string, input: readonly string[], attributes: Attributes = {}): string {
    const name = `${opType}_${this.#count++}`
    this.#push(opType, input, name, attributes)
    return name
  }

  /** As `op`, with a name for the output. */
  named(output: string, opType: string, input: readonly string[], attributes: Attributes = {}): void {
    this.#push(opType, input, output, attributes)
  }

  #push(opType: string, input: readonly string[], output: string, attributes: Attributes): void {
    this.nodes.push({
      name: output,
      opType,
      input: [...input],
      output: [output],
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    })
  }

  /** Numbers under a name of their own. */
  store(name: string, values: ArrayLike<number>, shape: readonly number[], type: ElementType = this.dtype): Stored {
    this.initializers.push({ name, dims: [...shape], dataType: ELEMENT[type], rawData: bytesOf(values, type) })
    return { name, shape }
  }

  /** Numbers in the dtype of the model; a single one has no axes. */
  numbers(values: readonly number[], shape: readonly number[] = values.length === 1 ? [] : [1, values.length]): string {
    return this.#constant(values, shape, this.dtype)
  }

  /** Whole numbers, for axes, shapes and indices. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.#constant(values, shape, 'int64')
  }

  #constant(values: readonly number[], shape: readonly number[], type: ElementType): string {
    // Object.is: -0 and 0 are two numbers.
    const key = `${type} [${shape}] ${values.map((value) => (Object.is(value, -0) ? '-0' : value))}`
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const name = `constant_${this.#constants.size}`
    this.store(name, values, shape, type)
    this.#constants.set(key, name)
    return name
  }

  /** A reduction over one axis, which stays with size 1 unless `keep` is false. */
  reduce(what: 'Sum' | 'Mean' | 'Max' | 'L2', x: string, { axis = 1, keep = true } = {}): string {
    const more = { keepdims: keep ? 1 : 0 }
    return what !== 'Sum' && this.opset <= AXES_AS_ATTRIBUTE
      ? this.op(`Reduce${what}`, [x], { axes: [axis], ...more })
      : this.op(`Reduce${what}`, [x, this.integers([axis])], more)
  }

  // Two operands of one shape, or shapes that spread over each other.
  add = (a: string, b: string): string => this.op('Add', [a, b])
  sub = (a: string, b: string): string => this.op('Sub', [a, b])
  mul = (a: string, b: string): string => this.op('Mul', [a, b])
  div = (a: string, b: string): string => this.op('Div', [a, b])
  /** a times a number. */
  times = (a: string, factor: number): string => this.mul(a, this.numbers([factor]))
  /** 0 and 1 of the dtype of the model, from a truth value. */
  asNumber = (truth: string): string => this.op('Cast', [truth], { to: ELEMENT[this.dtype] })
  unsqueeze = (x: string, axis: number): string => this.op('Unsqueeze', [x, this.integers([axis])])
  slice(x: string, first: number, count: number): string {
    return this.op('Slice', [x, this.integers([first]), this.integers([first + count]), this.integers([1])])
  }
  /** Zeros before and after the columns. */
  padColumns(x: string, before: number, after: number): string {
    return before === 0 && after === 0 ? x : this.op('Pad', [x, this.integers([0, before, 0, after])])
  }
}
