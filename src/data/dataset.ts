/** Data sets: rows with named columns, in native memory. */
import { types } from 'node:util'
import { LangevinError } from '../errors.js'
import type { Dtype } from '../native/contract.js'
import { DISPOSE } from '../native/dispose.js'
import { UNCLONEABLE } from '../native/uncloneable.js'
import { invokeNow } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { Tensor, tensor } from '../tensor/index.js'
import { lookAlike } from './number-text.js'

/** What a column holds: numbers, or codes of categories (`dataset.categories`). */
export type ColumnKind = 'numeric' | 'categorical'

/** One column: a tensor whose first axis runs over the rows, and the category list where its numbers are codes. */
export interface Column {
  values: Tensor
  categories?: readonly string[] | undefined
}

export interface DatasetOptions {
  /** The column that holds the class or condition y. */
  label?: string | undefined
  /** Rows a reader left out because of missing cells. */
  dropped?: number | undefined
}

export interface ToTensorOptions {
  /** Which columns, in this order. Default: all but the label. */
  columns?: readonly string[] | undefined
  /** Default: float64 when a column is float64 or int64, else float32. */
  dtype?: Dtype | undefined
  /** Take the codes of categorical columns as numbers: true for all of them, or a list of names. Default: refuse them. */
  codes?: boolean | readonly string[] | undefined
}

export interface SplitOptions {
  /** Shares of the rows, sum at most 1 (up to rounding). Sizes are rounded down, the remainder goes to the first parts. */
  fractions?: readonly number[]
  /** Numbers of rows, sum at most `length`. */
  sizes?: readonly number[]
  /** Seed of the shuffle. Default 0. */
  seed?: number | bigint
  /** Keeps the shares of each class in every part (within one row). true: of the label column; else of the named one. */
  stratify?: boolean | string
}

/** Mean and standard deviation (divisor n) of a column: one number per feature. */
export type Statistics = Record<string, readonly number[]>

export interface StandardizeOptions {
  /** Columns to transform. Default: all numeric ones but the label. */
  columns?: readonly string[]
  /** Take the statistics from these rows only, such as the training rows. */
  rows?: readonly number[] | Tensor
  /** Statistics of another data set (from its `standardize()`): nothing is computed. */
  mean?: Statistics
  sd?: Statistics
}

function invalid(problem: string, details: Record<string, unknown> = {}): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `dataset: ${problem}`, { details })
}

function rowNumbers(rows: readonly number[] | Tensor): Tensor {
  return rows instanceof Tensor ? rows : tensor(rows, [rows.length], 'int64')
}

function float64(values: readonly number[]): Tensor {
  return tensor(values, [values.length], 'float64')
}

/** An object whose keys are only what was put in: a column may be called 'constructor' or '__proto__'. */
function byName<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  const object: Record<string, T> = Object.create(null)
  for (const [name, value] of entries) object[name] = value
  return object
}

function statisticOf(given: Statistics, which: 'mean' | 'sd', name: string): Tensor {
  if (!Object.hasOwn(given, name)) invalid(`standardize: ${which} has no column '${name}'`)
  return float64(given[name]!)
}

/** The first text of a categorical column, where it has rows: ('m0000', row 1). */
function firstText({ values, categories }: Column): string | undefined {
  if (values.shape.includes(0)) return undefined
  using one = values.slice(0, 1)
  return categories![Number(one.toTypedArray()[0])]
}

/** Why categorical columns are no numbers, and what to do: they are left out, or their codes are asked for. */
function refuseCategories(columns: readonly (readonly [string, Column])[]): never {
  const names = columns.map(([name]) => name)
  const texts = columns.map(([, column]) => firstText(column))
  const examples = texts.map((text) => (text === undefined ? '' : ` ('${text}', row 1)`))
  const several = names.length > 1
  const what = several
    ? `columns ${names.map((name, k) => `'${name}'${examples[k]}`).join(', ')} contain text`
    : `column '${names[0]}' contains text${examples[0]}`
  const likeNumber = texts.map((text) => text && lookAlike(text)).find((hint) => hint !== undefined)
  const remedy =
    likeNumber === undefined
      ? `leave ${several ? 'them' : 'it'} out with columns / --ignore ${names.join(',')}, or ask for the codes of the categories: toTensor({ codes: true })`
      : `it ${likeNumber}`
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `dataset: ${what}; ${remedy}`, { details: { columns: names } })
}

function sizesOf(length: number, { fractions, sizes }: SplitOptions): number[] {
  if ((fractions === undefined) === (sizes === undefined)) invalid('split: give either fractions or sizes')
  if (sizes !== undefined) return [...sizes]
  const shares = fractions!
  const total = shares.reduce((sum, share) => sum + share, 0)
  if (shares.length === 0 || shares.some((share) => !(share >= 0 && share <= 1)) || total > 1 + 1e-9) {
    invalid(`split: fractions must lie between 0 and 1 and sum to at most 1, got ${shares.join(', ')}`)
  }
  const parts = shares.map((share) => Math.floor(share * length + 1e-9))
  let rest = Math.min(length, Math.round(total * length)) - parts.reduce((sum, part) => sum + part, 0)
  for (let k = 0; rest > 0; k = (k + 1) % parts.length, rest--) parts[k]!++
  return parts
}

/**
 * Rows with named columns, native-resident: every column is a Tensor whose first axis runs over the rows.
 * A data set never changes; every method that alters rows or columns returns a new one. Columns may be shared between
 * data sets, so `dispose()` is left to the garbage collector unless you own them all.
 */
export class Dataset {
  /** @internal */
  protected readonly inNativeMemory = UNCLONEABLE
  readonly columns: readonly string[]
  readonly length: number
  /** The column `labels()` returns and `toTensor()` leaves out. */
  readonly label: string | undefined
  /** Category lists of the columns that hold codes. */
  readonly categories: Readonly<Record<string, readonly string[]>>
  /** 'numeric' or 'categorical', by column. */
  readonly kinds: Readonly<Record<string, ColumnKind>>
  /** Rows a reader left out because of missing cells (data.csv with missing: 'drop'). */
  readonly dropped: number
  readonly #columns: Map<string, Column>

  /** @param columns a Map keeps its order; an object has that of its keys, whole numbers first */
  constructor(columns: Readonly<Record<string, Column>> | ReadonlyMap<string, Column>, options: DatasetOptions = {}) {
    this.#columns = new Map(types.isMap(columns) ? (columns as ReadonlyMap<string, Column>) : Object.entries(columns))
    this.columns = Object.freeze([...this.#columns.keys()])
    const [first] = this.#columns
    if (first === undefined) invalid('needs at least one column')
    for (const [name, { values }] of this.#columns) {
      if (values.shape.length === 0)
        throw new LangevinError('ERR_LANGEVIN_SHAPE', `dataset: column '${name}' is a scalar`)
      if (values.shape[0] !== first[1].values.shape[0]) {
        throw new LangevinError(
          'ERR_LANGEVIN_SHAPE',
          `dataset: column '${name}' has ${values.shape[0]} rows, '${first[0]}' has ${first[1].values.shape[0]}`,
          { details: { column: name } },
        )
      }
    }
    this.length = first[1].values.shape[0]!
    this.label = options.label
    this.dropped = options.dropped ?? 0
    if (this.label !== undefined) this.#column(this.label)
    const all = [...this.#columns]
    this.categories = Object.freeze(
      byName(all.flatMap(([name, { categories }]) => (categories ? [[name, categories] as const] : []))),
    )
    this.kinds = Object.freeze(
      byName(all.map(([name, { categories }]) => [name, categories ? 'categorical' : 'numeric'] as const)),
    )
  }

  #column(name: string): Column {
    return (
      this.#columns.get(name) ?? invalid(`there is no column '${name}'; the columns are ${this.columns.join(', ')}`)
    )
  }

  #map(change: (column: Column, name: string) => Column): Dataset {
    const columns = new Map<string, Column>()
    for (const [name, column] of this.#columns) columns.set(name, change(column, name))
    return new Dataset(columns, { label: this.label })
  }

  /** The tensor of a column: [n] or [n, ...]. */
  column(name: string): Tensor {
    return this.#column(name).values
  }

  /** The same columns with another label column (or none). */
  withLabel(label: string | undefined): Dataset {
    return new Dataset(this.#columns, { label, dropped: this.dropped })
  }

  /** The data set without these columns. */
  drop(columns: readonly string[]): Dataset {
    for (const name of columns) this.#column(name)
    const kept = [...this.#columns].filter(([name]) => !columns.includes(name))
    if (kept.length === 0) invalid('drop: no column is left')
    const label = this.label !== undefined && columns.includes(this.label) ? undefined : this.label
    return new Dataset(new Map(kept), { label, dropped: this.dropped })
  }

  /** The label column as int64 [n] when it holds whole numbers, as it is otherwise; undefined without a label. */
  labels(): Tensor | undefined {
    return this.label === undefined ? undefined : invokeNow<Tensor>('data.labels', { tensor: this.column(this.label) })
  }

  /**
   * Columns side by side as [n, d] (further axes flattened). Default: all columns but the label, float64 when one of them is
   * float64 or int64, else float32.
   *
   * A categorical column is refused, since its codes are names, not quantities; `toTensor({ codes: true })` takes them.
   * Errors: ERR_LANGEVIN_INVALID_OPTION with the names in `details.columns`.
   */
  toTensor(columns?: readonly string[] | ToTensorOptions, dtype?: Dtype): Tensor {
    const list = Array.isArray(columns) || columns === undefined
    const options = (list ? { columns, dtype } : columns) as ToTensorOptions
    requireOptions('dataset.toTensor', options, ['columns', 'dtype', 'codes'])
    const names = options.columns ?? this.columns.filter((name) => name !== this.label)
    if (names.length === 0) invalid('toTensor: there is no column besides the label; name the columns')
    const chosen = names.map((name) => [name, this.#column(name)] as const)
    const { codes = false } = options
    const wanted = (name: string) => (typeof codes === 'boolean' ? codes : codes.includes(name))
    const refused = chosen.filter(([name, { categories }]) => categories !== undefined && !wanted(name))
    if (refused.length > 0) refuseCategories(refused)
    const tensors = chosen.map(([, { values }]) => values)
    // float32 holds whole numbers up to 2^24 only: times in seconds would be off by a minute.
    const wide = tensors.some(({ dtype }) => dtype === 'float64' || dtype === 'int64')
    return invokeNow<Tensor>('data.join', { tensors, dtype: options.dtype ?? (wide ? 'float64' : 'float32') })
  }

  /** Rows by number, in the given order (repeats allowed). */
  select(rows: readonly number[] | Tensor): Dataset {
    const index = rowNumbers(rows)
    return this.#map(({ values, categories }) => ({
      values: invokeNow<Tensor>('tensor.index', { tensor: values, rows: index }),
      categories,
    }))
  }

  /** Numbers of the rows whose value in `column` equals `value` (a number, or a category): int64 [k]. */
  where(column: string, value: number | string): Tensor {
    const { values, categories } = this.#column(column)
    let equals = value
    if (typeof value === 'string') {
      equals = categories?.indexOf(value) ?? -1
      if (equals < 0)
        invalid(`column '${column}' has no category '${value}'; it has ${categories?.join(', ') ?? 'none'}`)
    }
    return invokeNow<Tensor>('data.where', { tensor: values, equals })
  }

  /** Rows i * size to (i + 1) * size - 1 (the last batch may be shorter). */
  batch(i: number, size: number): Dataset {
    if (!Number.isSafeInteger(size) || size < 1)
      invalid(`batch: size must be a whole number of at least 1, got ${size}`)
    const first = i * size
    if (!Number.isSafeInteger(i) || i < 0 || first >= this.length) {
      invalid(`batch: there are ${Math.ceil(this.length / size)} batches of ${size}, got number ${i}`)
    }
    const last = Math.min(this.length, first + size)
    return this.#map(({ values, categories }) => ({
      values: invokeNow<Tensor>('tensor.slice', { tensor: values, first, last }),
      categories,
    }))
  }

  /** Shuffles and cuts: `const [train, test] = data.split({ fractions: [0.8, 0.2], seed: 1 })`. */
  split(options: SplitOptions): Dataset[] {
    requireOptions('dataset.split', options, ['fractions', 'sizes', 'seed', 'stratify'])
    const { seed = 0, stratify = false } = options
    const sizes = sizesOf(this.length, options)
    const by = stratify === true ? this.label : stratify === false ? undefined : stratify
    if (stratify === true && by === undefined) invalid('split: stratify needs a label column; name one')
    const labels = by === undefined ? undefined : invokeNow<Tensor>('data.labels', { tensor: this.column(by) })
    const parts = invokeNow<Tensor[]>('data.split', { n: this.length, sizes, seed, ...(labels && { labels }) })
    return parts.map((rows) => this.select(rows))
  }

  /**
   * (x - mean) / sd for every numeric column; a constant column gets sd 1. Returns the transformed data set and the
   * statistics, which `test.standardize({ mean, sd })` applies to other rows unchanged.
   * Errors: ERR_LANGEVIN_NON_FINITE naming column and row.
   */
  standardize(options: StandardizeOptions = {}): { dataset: Dataset; mean: Statistics; sd: Statistics } {
    requireOptions('dataset.standardize', options, ['columns', 'rows', 'mean', 'sd'])
    const { mean: givenMean, sd: givenSd } = options
    if ((givenMean === undefined) !== (givenSd === undefined)) invalid('standardize: give mean and sd together')
    const index = options.rows && rowNumbers(options.rows)
    const chosen = new Set(
      options.columns ??
        (givenMean && Object.keys(givenMean)) ??
        this.columns.filter((name) => name !== this.label && !(name in this.categories)),
    )
    const texts = [...chosen].map((name) => [name, this.#column(name)] as const).filter(([, each]) => each.categories)
    if (texts.length > 0) refuseCategories(texts)
    const mean: Record<string, readonly number[]> = byName([])
    const sd: Record<string, readonly number[]> = byName([])
    const dataset = this.#map((column, name) => {
      if (!chosen.has(name)) return column
      const statistics = givenMean && {
        mean: statisticOf(givenMean, 'mean', name),
        sd: statisticOf(givenSd!, 'sd', name),
      }
      const result = invokeNow<{ tensor: Tensor; mean: Tensor; sd: Tensor }>('data.standardize', {
        tensor: column.values,
        name: `column '${name}'`,
        ...statistics,
        ...(index && { rows: index }),
      })
      mean[name] = result.mean.toArray() as number[]
      sd[name] = result.sd.toArray() as number[]
      return { values: result.tensor }
    })
    return { dataset, mean, sd }
  }

  /** Frees the native memory of every column. */
  dispose(): void {
    for (const { values } of this.#columns.values()) values.dispose()
  }

  [DISPOSE](): void {
    this.dispose()
  }
}
