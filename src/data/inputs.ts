/** What the columns of x are: their names, order, scale and units, which a model keeps and a model file carries. */
import { checkSchema, codedWidth, type Schema } from '../columns/index.js'
import { LangevinError } from '../errors.js'
import { freeze, requireOptions, toPlain } from '../spec/index.js'
import type { Dataset } from './dataset.js'

/** x - mean divided by scale, per number of a row (scikit-learn's StandardScaler: mean_, scale_). */
export interface Standardize {
  readonly kind: 'standardize'
  readonly mean: readonly number[]
  readonly scale: readonly number[]
}

/** The inputs of a model as plain JSON, from `data.inputs`. A model that has them takes rows in their own units. */
export interface Inputs {
  /** The columns of a data set that are x, in the order of a row. */
  readonly columns: readonly string[]
  /** How many numbers of a row each column holds; left out where it is 1 each. */
  readonly widths?: readonly number[]
  /** What the model does to a row before its network sees it; left out: nothing. */
  readonly transform?: Standardize
  /** How each column of a table becomes numbers of a row, which `widths` counts; left out where columns are numbers. */
  readonly schema?: Schema
  /** The columns that are y, in order; left out without y. */
  readonly y?: readonly string[]
  /** Texts of a y that is a class: class k is the k-th of them, in whatever file it stands. */
  readonly classes?: readonly string[]
  /** Units by column, for people: nothing is computed from them. */
  readonly units?: Readonly<Record<string, string>>
}

export interface InputsOptions {
  /** The columns that are x. Default: all but the label. */
  columns?: readonly string[]
  /** The column that is y, or several. Default: the label column. */
  y?: string | readonly string[]
  /** true (default): every column to mean 0 and standard deviation 1; a list: only these; false: rows as they are. */
  standardize?: boolean | readonly string[]
  /** Units by column. */
  units?: Readonly<Record<string, string>>
  /**
   * From `data.schema(dataset)`: the model takes rows of the table, texts and missing cells included, and encodes them itself. The
   * other options but `units` are then those of the schema.
   */
  schema?: Schema
}

function invalid(problem: string, details: Record<string, unknown> = {}): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `data.inputs: ${problem}`, { details })
}

/** Text is not a number: its codes would be scored without a word. @throws ERR_LANGEVIN_INVALID_OPTION naming the columns */
export function refuseText(dataset: Dataset, names: readonly string[]): void {
  if (names.some((name) => Object.hasOwn(dataset.categories, name))) dataset.batch(0, 1).toTensor(names).dispose()
}

const widthOf = (dataset: Dataset, name: string) =>
  dataset
    .column(name)
    .shape.slice(1)
    .reduce((n, size) => n * size, 1)

/** Mean and scale of the numbers of a row; a column that is left as it is has 0 and 1. */
function standardization(dataset: Dataset, columns: readonly string[], chosen: readonly string[]): Standardize {
  const { mean, sd } = dataset.standardize({ columns: chosen })
  const fill = (statistics: Readonly<Record<string, readonly number[]>>, otherwise: number) =>
    columns.flatMap((name) =>
      chosen.includes(name) ? statistics[name]! : Array<number>(widthOf(dataset, name)).fill(otherwise),
    )
  return { kind: 'standardize', mean: fill(mean, 0), scale: fill(sd, 1) }
}

/** Inputs whose columns a schema describes. */
function tableInputs(dataset: Dataset, given: InputsOptions): Inputs {
  const { schema, units, ...others } = given
  const other = Object.entries(others).find(([, value]) => value !== undefined)
  if (other !== undefined) invalid(`${other[0]}: with a schema it is the schema that says so`)
  const { columns } = schema!
  for (const { name } of columns) dataset.column(name)
  return checkInputs({
    columns: columns.map(({ name }) => name),
    widths: columns.map(codedWidth),
    schema,
    ...(units && { units: { ...units } }),
  })
}

/**
 * Describes the inputs of a model by a data set: `Energy.create(spec, { inputs: data.inputs(dataset) })`. Such a model takes rows
 * in the units of the data (and data sets by the names of their columns), standardises them itself, and keeps the description in
 * its file. See docs/inputs.md.
 *
 * @throws ERR_LANGEVIN_INVALID_OPTION (a column that is missing or holds text), ERR_LANGEVIN_NON_FINITE naming column and row
 */
export function inputs(dataset: Dataset, options: InputsOptions = {}): Inputs {
  requireOptions('data.inputs', options, ['columns', 'y', 'standardize', 'units', 'schema'])
  if (options.schema !== undefined) return tableInputs(dataset, options)
  const { standardize = true, units } = options
  const y = options.y === undefined ? (dataset.label === undefined ? [] : [dataset.label]) : [options.y].flat()
  const columns = options.columns ?? dataset.columns.filter((name) => !y.includes(name))
  if (columns.length === 0) invalid('there is no column besides y; name the columns')
  for (const name of [...columns, ...y, ...Object.keys(units ?? {})]) dataset.column(name)
  const twice = columns.find((name, k) => columns.indexOf(name) !== k || y.includes(name))
  if (twice !== undefined) invalid(`column '${twice}' is named twice`)
  refuseText(dataset, columns)
  const chosen = standardize === true ? columns : standardize === false ? [] : standardize
  const foreign = chosen.find((name) => !columns.includes(name))
  if (foreign !== undefined) invalid(`standardize: '${foreign}' is not one of the columns ${columns.join(', ')}`)
  const widths = columns.map((name) => widthOf(dataset, name))
  const classes = y.length === 1 && Object.hasOwn(dataset.categories, y[0]!) ? dataset.categories[y[0]!] : undefined
  return checkInputs({
    columns: [...columns],
    ...(widths.some((width) => width !== 1) && { widths }),
    ...(chosen.length > 0 && { transform: standardization(dataset, columns, chosen) }),
    ...(y.length > 0 && { y: [...y] }),
    ...(classes && { classes: [...classes] }),
    ...(units && { units: { ...units } }),
  })
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
const isNumbers = (value: unknown, length: number): value is number[] =>
  Array.isArray(value) && value.length === length && value.every((item) => Number.isFinite(item))

/** How many numbers a row has. */
export const inputWidthOf = ({ columns, widths }: Inputs): number =>
  widths === undefined ? columns.length : widths.reduce((n, width) => n + width, 0)

/**
 * Inputs that come from elsewhere (a file, a user), checked and frozen.
 *
 * @throws ERR_LANGEVIN_INVALID_OPTION naming the member
 */
export function checkInputs(value: unknown): Inputs {
  const fail = (path: string, problem: string): never => {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `inputs: ${path}: ${problem}`, {
      details: { path: `inputs.${path}` },
    })
  }
  const known = ['columns', 'widths', 'transform', 'schema', 'y', 'classes', 'units']
  const given = requireOptions('inputs', value as Inputs, known)
  const { columns, widths, transform, schema, y, classes, units } = given
  if (!isTexts(columns)) fail('columns', 'must be a list of names')
  if (new Set(columns).size !== columns.length) fail('columns', 'names a column twice')
  if (widths !== undefined && !(isNumbers(widths, columns.length) && widths.every((w) => Number.isInteger(w) && w > 0)))
    fail('widths', `must be ${columns.length} whole numbers above 0, one per column`)
  if (y !== undefined && !isTexts(y)) fail('y', 'must be a list of names')
  if (classes !== undefined && !isTexts(classes)) fail('classes', 'must be a list of texts')
  if (transform !== undefined) {
    requireOptions('inputs.transform', transform, ['kind', 'mean', 'scale'])
    if (transform.kind !== 'standardize') fail('transform.kind', "must be 'standardize'")
    const width = inputWidthOf(given)
    if (!isNumbers(transform.mean, width)) fail('transform.mean', `must be ${width} numbers, one per number of a row`)
    if (!isNumbers(transform.scale, width) || transform.scale.some((s) => s <= 0))
      fail('transform.scale', `must be ${width} numbers above 0, one per number of a row`)
  }
  if (schema !== undefined) {
    const described = checkSchema(schema, 'inputs.schema').columns
    const same = described.length === columns.length && described.every(({ name }, k) => name === columns[k])
    if (!same) fail('schema', `must describe the columns ${columns.slice(0, 12).join(', ')} in this order`)
    if (!described.every((column, k) => codedWidth(column) === (widths?.[k] ?? 1)))
      fail('widths', 'must be how many numbers each column of the schema becomes')
    if (transform !== undefined) fail('transform', 'is said by the schema, column by column')
  }
  if (units !== undefined && !isTexts(Object.values(units))) fail('units', 'must be texts by column')
  return freeze(toPlain(given, 'inputs') as Inputs)
}
