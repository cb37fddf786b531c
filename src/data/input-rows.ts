/** Rows on their way into a model and back: picked by name and brought into the model's units, and the other way round. */
import { codedWidth, levelsOf } from '../columns/index.js'
import { LangevinError } from '../errors.js'
import type { Explanation, NativeNetwork } from '../native/contract.js'
import { invokeNow } from '../runtime/index.js'
import { hint } from '../spec/index.js'
import { plainRows, type RowsLike, type Tensor, tensor, toRows } from '../tensor/index.js'
import { numbered } from './column-names.js'
import { Dataset } from './dataset.js'
import { checkInputs, type Inputs, inputWidthOf } from './inputs.js'
import { Scale } from './scale.js'
import { TableCoder } from './table-coder.js'

interface Affine {
  readonly mean: Tensor
  readonly sd: Tensor
}

interface Moments {
  readonly mean: Tensor
  readonly variance: Tensor
  readonly covariance?: Tensor
}

const float64 = (values: readonly number[]) => tensor([...values], [values.length], 'float64')

/** (x - mean) / sd, computed in float64; float64 stays float64, all else becomes float32. */
function apply(rows: Tensor, { mean, sd }: Affine, more: { name: string } | { finite: false }): Tensor {
  const { device } = rows
  const there = (t: Tensor) => (device === 'cpu' ? t : t.to(device))
  const args = { tensor: rows, mean: there(mean), sd: there(sd), ...more }
  const { tensor: result, ...statistics } = invokeNow<Record<'tensor' | 'mean' | 'sd', Tensor>>(
    'data.standardize',
    args,
  )
  // Left to the garbage collector they would pile up in a service.
  for (const each of Object.values(statistics)) each.dispose()
  return result
}

/**
 * The inputs of a model at work. With x = mean + scale z, the network sees z and the model is a density of x:
 * E(x) = E(z) + sum log scale, so that exp(-E(x)) / Z integrates to 1 over x with the Z of z; and dE/dx = dE/dz / scale.
 */
export class InputRows {
  readonly inputs: Inputs
  /** Numbers of a row. */
  readonly width: number
  readonly mean: readonly number[]
  readonly scale: readonly number[]
  /** False where rows pass as they are. */
  readonly transforms: boolean
  /** sum log scale: energies of rows in the data's units are larger by this. */
  readonly logScale: number
  /** How rows of a table become numbers, where the inputs have a schema: energies are then those of the encoded rows. */
  readonly coder: TableCoder | undefined
  readonly #numbers: Scale
  #inward: Affine | undefined
  #outward: Affine | undefined
  #slope: Affine | undefined

  constructor(inputs: Inputs) {
    this.inputs = inputs
    this.width = inputWidthOf(inputs)
    this.mean = inputs.transform?.mean ?? Array<number>(this.width).fill(0)
    this.scale = inputs.transform?.scale ?? Array<number>(this.width).fill(1)
    this.#numbers = new Scale(this.mean, this.scale)
    this.coder = inputs.schema && new TableCoder(inputs.schema)
    this.transforms = this.#numbers.transforms
    this.logScale = this.#numbers.logScale
  }

  /** Frees the tensors of its scale; they are made again when they are needed. */
  release(): void {
    for (const affine of [this.#inward, this.#outward, this.#slope]) {
      affine?.mean.dispose()
      affine?.sd.dispose()
    }
    this.#inward = undefined
    this.#outward = undefined
    this.#slope = undefined
  }

  /** Only real columns are shifted or scaled; `blocks`: the kinds of a row's numbers. */
  requireRealColumns(blocks: readonly { kind: string; firstColumn: number; columns: number }[]): void {
    for (const { kind, firstColumn, columns } of blocks) {
      if (kind === 'real') continue
      for (let k = firstColumn; k < firstColumn + columns; k++) {
        if (this.mean[k] === 0 && this.scale[k] === 1) continue
        throw new LangevinError(
          'ERR_LANGEVIN_INVALID_OPTION',
          `inputs: number ${k} of a row is ${kind} and cannot be standardised; name the real columns in data.inputs(dataset, { standardize: [...] })`,
          { details: { column: k, kind } },
        )
      }
    }
  }

  /** A name for every number of a row: that of its column, with its place in it where there are several. */
  get names(): readonly string[] {
    return this.coder?.names ?? this.inputs.columns.flatMap((name, k) => numbered(name, this.inputs.widths?.[k] ?? 1))
  }

  /**
   * Rows in the units of the model: of a data set the columns of their names, in the model's order; other rows are taken in
   * order. A tensor that needs no change is returned as it is; all else is new, and the caller disposes it.
   *
   * @throws ERR_LANGEVIN_INVALID_OPTION naming columns that are missing, additional or text; ERR_LANGEVIN_SHAPE, _NON_FINITE
   */
  rows(value: RowsLike | Dataset, what = 'x'): Tensor {
    const raw = value instanceof Dataset ? this.#picked(value, what) : this.#inOrder(value, what)
    if (!this.transforms) return raw
    try {
      this.#inward ??= { mean: float64(this.mean), sd: float64(this.scale) }
      return apply(raw, this.#inward, { name: what })
    } finally {
      if (raw !== value) raw.dispose()
    }
  }

  /**
   * A few rows [n, width] in the units of the model, laid flat and without a tensor: the numbers of `rows()` as float32. Undefined for
   * everything that `rows()` must look at, and for more than `most` rows.
   */
  plain(value: unknown, most: number): Float32Array | undefined {
    if (!this.transforms) return plainRows(value, this.width, most)
    const raw = plainRows(value, this.width, most, true)
    return raw && this.#numbers.rows(raw, new Float32Array(raw.length))
  }

  /** What `energies()` and `derivatives()` do, in place, to numbers that belong to `plain()` rows. */
  plainEnergies(energies: Float32Array): void {
    this.#numbers.energies(energies)
  }
  plainDerivatives(gradient: Float32Array): void {
    this.#numbers.derivatives(gradient)
  }

  #inOrder(value: RowsLike, what: string): Tensor {
    // Large values with a small spread, such as times in seconds, would lose it in float32 before the mean is taken off.
    const rows = toRows(value, what, this.transforms && !ArrayBuffer.isView(value) ? 'float64' : undefined)
    const { shape } = rows
    if (this.transforms && (shape.length < 2 || shape.slice(1).reduce((n, size) => n * size, 1) !== this.width)) {
      if (rows !== value) rows.dispose()
      throw new LangevinError(
        'ERR_LANGEVIN_SHAPE',
        `${what} must have shape [n, ${this.width}], one number per column (${this.#listed()}), got [${shape.join(', ')}]`,
        { details: { what, shape } },
      )
    }
    return rows
  }

  #listed(): string {
    const { columns } = this.inputs
    return columns.length <= 12
      ? columns.join(', ')
      : `${columns.slice(0, 12).join(', ')}, ... ${columns.length} in all`
  }

  #picked(dataset: Dataset, what: string): Tensor {
    const { y = [], widths } = this.inputs
    // A column of several numbers is written to tables as one column for each.
    const columns = this.inputs.columns.flatMap((name, k) =>
      this.coder !== undefined || dataset.columns.includes(name) ? [name] : numbered(name, widths?.[k] ?? 1),
    )
    const offered = dataset.columns.filter((name) => name !== dataset.label && !y.includes(name))
    // A matrix without names (.npy) has its columns in order.
    if (offered.length === 1 && !columns.includes(offered[0]!) && dataset.column(offered[0]!).shape.length > 1)
      return this.#inOrder(dataset.toTensor(offered), what)
    const missing = columns.filter((name) => !dataset.columns.includes(name))
    const extra = offered.filter((name) => !columns.includes(name))
    if (missing.length > 0 || extra.length > 0) this.#refuse(missing, extra, what)
    return this.coder?.encode(dataset, what).rows ?? dataset.toTensor(columns)
  }

  #refuse(missing: readonly string[], extra: readonly string[], what: string): never {
    const quoted = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ')
    const parts: string[] = []
    if (missing.length > 0) {
      const near = extra.length > 0 ? hint(missing[0]!, extra).replace(/; known:.*|(?<=\?) known:.*/, '') : ''
      parts.push(`there is no ${quoted(missing)}${near}`)
    }
    if (extra.length > 0) {
      parts.push(
        `${quoted(extra)} ${extra.length === 1 ? 'is' : 'are'} not among them: leave out with dataset.drop([...]) or --ignore ${extra.join(',')}`,
      )
    }
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `${what}: the columns of the model are ${this.#listed()}; ${parts.join('; ')}`,
      { details: { what, missing, extra, columns: this.inputs.columns } },
    )
  }

  /**
   * The y of a data set as the model was trained on it: classes are matched by their texts, not by their place in the file.
   * undefined where the model has none.
   *
   * @throws ERR_LANGEVIN_INVALID_OPTION naming a column that is missing or a class the model does not know
   */
  condition(dataset: Dataset): Tensor | undefined {
    const { y, classes } = this.inputs
    if (y === undefined) return undefined
    if (y.length > 1) return dataset.toTensor(y)
    const codes = dataset.withLabel(y[0]!).labels()!
    const found = Object.hasOwn(dataset.categories, y[0]!) ? dataset.categories[y[0]!] : undefined
    if (classes === undefined && found === undefined) return codes
    if (classes === undefined || found === undefined) {
      const [model, file] = classes === undefined ? ['numbers', 'texts'] : ['texts', 'numbers']
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `column '${y[0]}': the model was trained on ${model} there, and these are ${file}`,
        { details: { column: y[0] } },
      )
    }
    const places = found.map((text) => classes.indexOf(text))
    const unknown = places.indexOf(-1)
    if (unknown >= 0) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `column '${y[0]}': the model knows no class '${found[unknown]}'; its classes are ${classes.join(', ')}`,
        { details: { column: y[0], value: found[unknown] } },
      )
    }
    const numbers = BigInt64Array.from(codes.toTypedArray() as BigInt64Array, (code) => BigInt(places[Number(code)]!))
    codes.dispose()
    return tensor(numbers, [numbers.length], 'int64')
  }

  /** Rows of the model in the units of the data, as float64; any number of axes before those of a row. Takes over `z`. */
  values<T extends Tensor>(z: T): T {
    if (!this.transforms) return z
    this.#outward ??= {
      mean: float64(this.mean.map((m, k) => -m / this.scale[k]!)),
      sd: float64(this.scale.map((s) => 1 / s)),
    }
    const { shape } = z
    using flat = z.reshape([z.size / this.width, this.width])
    using wide = flat.to('float64')
    z.dispose()
    using rows = apply(wide, this.#outward, { finite: false })
    return rows.reshape(shape) as Tensor as T
  }

  /** Derivatives by z as derivatives by x. Takes over `gradient`. */
  derivatives<T extends Tensor>(gradient: T): T {
    if (!this.transforms) return gradient
    this.#slope ??= { mean: float64(this.scale.map(() => 0)), sd: float64(this.scale) }
    using given: Tensor = gradient
    return apply(given, this.#slope, { finite: false }) as T
  }

  /** Energies of z as energies of x. Takes over `energies`. */
  energies<T extends Tensor>(energies: T): T {
    if (this.logScale === 0) return energies
    using given: Tensor = energies
    using column = given.reshape([given.size, 1])
    using shift = float64([-this.logScale])
    using one = float64([1])
    using shifted = apply(column, { mean: shift, sd: one }, { finite: false })
    return shifted.reshape(given.shape) as Tensor as T
  }

  /** Mean, variance and covariance of z as those of x. Takes over its tensors. */
  moments<M extends Moments>(given: M): M {
    const { mean, variance, covariance } = given
    const squares = this.#scaled(variance, (k) => this.scale[k]! ** 2)
    const products =
      covariance &&
      this.#scaled(covariance, (k) => this.scale[k % this.width]! * this.scale[Math.floor(k / this.width)]!)
    return { ...given, mean: this.values(mean), variance: squares, ...(products && { covariance: products }) }
  }

  /** Traced draws [columns, chains, draws] of the first columns. Takes over `z`. */
  trace<T extends Tensor>(z: T): T {
    const [columns = 0, chains = 0, draws = 0] = z.shape
    using given: Tensor = z
    const each = chains * draws
    const factors = (of: (k: number) => number) =>
      float64(Array.from({ length: columns }, (_, k) => Array<number>(each).fill(of(k))).flat())
    using flat = given.reshape([1, columns * each])
    using wide = flat.to('float64')
    using mean = factors((k) => -this.mean[k]! / this.scale[k]!)
    using sd = factors((k) => 1 / this.scale[k]!)
    using raw = apply(wide, { mean, sd }, { finite: false })
    return raw.reshape(given.shape) as Tensor as T
  }

  /** Every number of a tensor times a factor by its place. Takes over `given`. */
  #scaled(given: Tensor, factor: (place: number) => number): Tensor {
    using old = given
    using flat = old.reshape([1, old.size])
    using none = float64(Array<number>(old.size).fill(0))
    using sd = float64(Array.from({ length: old.size }, (_, k) => 1 / factor(k)))
    using result = apply(flat, { mean: none, sd }, { finite: false })
    return result.reshape(old.shape)
  }

  /** A border of a region of x, a number for every column or one per column, in the units of the model. */
  border(value: number | readonly number[]): number[] {
    const given = typeof value === 'number' ? Array<number>(this.width).fill(value) : value
    if (given.length !== this.width) return [...given] // the core names the length it wants
    return given.map((v, k) => (v - this.mean[k]!) / this.scale[k]!)
  }
}

type Blocks = readonly { kind: string; firstColumn: number; columns: number; levels?: number }[]

/** A schema and the states of a network say the same of every number of a row. @throws ERR_LANGEVIN_INVALID_OPTION */
function requireSameStates({ inputs }: InputRows, blocks: Blocks): void {
  const found = blocks.flatMap(({ kind, columns, levels }) => Array<string>(columns).fill(`${kind} ${levels ?? ''}`))
  let first = 0
  for (const column of inputs.schema!.columns) {
    const width = codedWidth(column)
    const levels = column.kind === 'numeric' ? '' : column.kind === 'binary' ? 2 : levelsOf(column)
    const kind = column.kind === 'numeric' ? 'real' : column.kind
    const wrong = found.slice(first, first + width).find((each) => each !== `${kind} ${levels}` && each !== `${kind} `)
    if (wrong !== undefined) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `inputs: column '${column.name}' is ${kind}${levels === '' ? '' : ` of ${levels} levels`} in the schema and ${wrong.trim()} in the states of the network; make its spec with energies.mixed({ columns: schema })`,
        { details: { column: column.name } },
      )
    }
    first += width
  }
}

/** @internal Inputs that fit the network: a number for each of its columns, and only real ones are shifted or scaled. */
export function fittingConversion(handle: NativeNetwork, given: Inputs): InputRows {
  const conversion = new InputRows(checkInputs(given))
  if (conversion.width !== handle.inputWidth) {
    const { columns } = conversion.inputs
    throw new LangevinError(
      'ERR_LANGEVIN_SHAPE',
      `inputs: ${conversion.width} numbers per row (${columns.slice(0, 12).join(', ')}${columns.length > 12 ? ', ...' : ''}), and the network takes ${handle.inputWidth}: make "input" of its spec ${conversion.width}, or choose columns`,
      { details: { inputs: conversion.width, network: handle.inputWidth } },
    )
  }
  if (!conversion.transforms && conversion.coder === undefined) return conversion
  const { states } = invokeNow<Explanation>('network.explain', { network: handle })
  const blocks = typeof states === 'string' ? [{ kind: states, firstColumn: 0, columns: conversion.width }] : states
  if (conversion.coder !== undefined) requireSameStates(conversion, blocks)
  conversion.requireRealColumns(blocks)
  return conversion
}
