/** Tables with normal and anomalous rows, read from CSV or .npz files. */
import { basename, extname } from 'node:path'
import { type ColumnType, csv } from '../../data/csv.js'
import type { Dataset } from '../../data/dataset.js'
import { npy, npz, safetensors } from '../../data/files.js'
import { type InferredSchema, type SchemaOptions, schema as schemaOf } from '../../data/infer-schema.js'
import { parquet } from '../../data/parquet.js'
import { encode } from '../../data/table-coder.js'
import { LangevinError } from '../../errors.js'
import { packageRoot } from '../../native/load.js'
import { invokeNow } from '../../runtime/index.js'
import { hint } from '../../spec/index.js'
import { Tensor } from '../../tensor/index.js'

/** A table whose rows are known to be normal or anomalous. */
export interface AnomalyTable {
  readonly name: string
  /** All rows [n, d], float64. */
  readonly x: Tensor
  /** Row numbers, int64. */
  readonly normals: Tensor
  readonly anomalies: Tensor
  /** Which classes count as the anomaly and how that was decided, for the reader of the result. */
  readonly classes: string
}

/** A table as it was read: also its columns, without the label and those left out. */
export interface ReadTable extends AnomalyTable {
  readonly columns: Dataset
  /** What its columns are, where a schema was asked for. */
  readonly schema?: InferredSchema
}

/** What a schema is found by: `data.schema`'s options. */
export type MixedOptions = SchemaOptions

/** Which columns of a file are x: those that are named, or all but the ignored ones. */
export interface ColumnChoice {
  columns?: readonly string[] | undefined
  ignore?: readonly string[] | undefined
}

export interface TableOptions extends ColumnChoice {
  /** The column (CSV) or array (.npz) that holds the class. Default: 'y' in .npz files; a CSV file needs it. */
  label?: string | undefined
  /** How columns of texts become numbers; without it they are refused. */
  schema?: MixedOptions | undefined
  /** Values of the label that count as anomaly; all others are normal. */
  anomaly?: readonly string[] | undefined
  /** Values of the label that count as normal; all others are anomalies. Give one of the two, or none. */
  normal?: readonly string[] | undefined
}

/** Fewer normal rows than this say nothing about what is normal: 12 of 20 would be trained on and 8 scored. */
export const LEAST_NORMALS = 20

function invalid(problem: string, details: Record<string, unknown> = {}): never {
  throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', problem, { details })
}

/** The small tables that come with the package. */
export function shippedTables(): { path: string; label: string }[] {
  return ['breast_cancer.csv', 'wine.csv'].map((file) => ({ path: `${packageRoot()}data/${file}`, label: 'target' }))
}

/** A misspelt column is answered with the nearest name there is. */
function requireColumn(path: string, option: string, name: string, columns: readonly string[]): void {
  if (!columns.includes(name)) {
    invalid(`${path}: ${option}: there is no column '${name}'${hint(name, columns)}`, { path, column: name, columns })
  }
}

/** A CSV file; classes are names: '1' and '2', or 'ok' and 'faulty', whatever the cells look like. */
async function readCsv(path: string, label: string, ignore: readonly string[], mixed: boolean): Promise<Dataset> {
  const ignored = ignore.map((name) => [name, 'ignore'] as const)
  const types: Record<string, ColumnType> = Object.fromEntries([...ignored, [label, 'categorical']])
  try {
    // The schema has policies for missing cells.
    return await csv(path, {
      columns: types,
      ...(mixed && { missing: 'keep' }),
      ...(extname(path).toLowerCase() === '.tsv' && { separator: '\t' }),
    })
  } catch (error) {
    const columns = error instanceof LangevinError ? (error.details.columns as string[] | undefined) : undefined
    if (columns !== undefined) {
      requireColumn(path, '--label', label, columns)
      for (const name of ignore) requireColumn(path, '--ignore', name, columns)
    }
    throw error
  }
}

const READERS: Record<string, (path: string) => Promise<Dataset>> = {
  '.npz': (path) => npz(path, { label: null }),
  '.npy': (path) => npy(path),
  '.parquet': (path) => parquet(path),
  '.safetensors': (path) => safetensors(path),
}

/**
 * The columns of a file that are x, and the label. Without a schema they are numbers only: a column of texts is refused by name, with
 * the way to leave it out.
 *
 * @throws (rejects) ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT, ERR_LANGEVIN_INVALID_OPTION (columns)
 */
async function readColumns(path: string, label: string, options: TableOptions): Promise<Dataset> {
  const { columns, ignore = [], schema } = options
  if (columns !== undefined && ignore.length > 0) invalid('give either --columns or --ignore, not both')
  const reader = READERS[extname(path).toLowerCase()]
  const mixed = schema !== undefined
  const table = reader === undefined ? await readCsv(path, label, ignore, mixed) : await reader(path)
  const there = reader === undefined ? [...table.columns, ...ignore] : table.columns
  requireColumn(path, '--label', label, there)
  for (const name of ignore) requireColumn(path, '--ignore', name, there)
  for (const name of columns ?? []) requireColumn(path, '--columns', name, there)
  const chosen = columns ?? table.columns.filter((name) => name !== label && !ignore.includes(name))
  if (chosen.length === 0) invalid(`${path}: no column is left to look at`, { path })
  const texts = chosen.filter((name) => Object.hasOwn(table.categories, name))
  if (texts.length > 0 && !mixed) {
    const shown = texts.map((name) => `column '${name}' holds texts ('${table.categories[name]![0] ?? ''}', ...)`)
    throw new LangevinError(
      'ERR_LANGEVIN_FORMAT',
      `${path}: ${shown.join(', ')}, not numbers; leave out what is not a measurement with --ignore ${texts.join(',')}, or take them as categories with --schema auto`,
      { details: { path, columns: texts } },
    )
  }
  const left = table.columns.filter((name) => name !== label && !chosen.includes(name))
  return table.drop(left).withLabel(label)
}

interface Class {
  /** As the file has it. */
  name: string
  /** What the label column holds for it. */
  code: number
  count: number
}

function classesOf(path: string, table: Dataset): Class[] {
  const label = table.label!
  const categories = table.categories[label]
  const { values, counts } = invokeNow<{ values: Tensor; counts: Tensor }>('data.classes', {
    tensor: table.column(label),
    name: `${path}: column '${label}'`,
  })
  const codes = values.toArray() as number[]
  const numbers = counts.toArray() as number[]
  const classes = codes.map((code, k) => ({ name: categories?.[code] ?? String(code), code, count: numbers[k]! }))
  const listed = classes.slice(0, 5).map(({ name }) => name)
  if (classes.length < 2) {
    invalid(`${path}: column '${label}' holds one class only (${listed}); normal and anomalous rows are needed`, {
      path,
    })
  }
  // Every value its own class: this is a number or an identifier, not a class.
  if (classes.length > 100) {
    invalid(
      `${path}: column '${label}' holds ${classes.length} different values (${listed.join(', ')}, ...), more than a class column has`,
      { path },
    )
  }
  return classes
}

/** '1' also finds a class written 1.0. */
function find(path: string, classes: readonly Class[], wanted: string, option: string): Class {
  const exact = classes.find(({ name }) => name === wanted)
  const equal = wanted.trim() === '' ? undefined : classes.find(({ name }) => Number(name) === Number(wanted))
  const names = classes.map(({ name }) => name)
  return exact ?? equal ?? invalid(`${path}: ${option}: there is no class '${wanted}'${hint(wanted, names)}`, { path })
}

/** The anomalous classes, and in words how they were chosen. */
function choose(path: string, classes: Class[], { anomaly, normal }: TableOptions): { chosen: Class[]; how: string } {
  if (anomaly !== undefined && normal !== undefined) invalid('give either --anomaly or --normal, not both')
  const named = (list: readonly string[], option: string) => list.map((name) => find(path, classes, name, option))
  if (anomaly !== undefined) return { chosen: named(anomaly, '--anomaly'), how: 'as asked for' }
  if (normal !== undefined) {
    const kept = named(normal, '--normal')
    return { chosen: classes.filter((each) => !kept.includes(each)), how: 'all but the normal ones' }
  }
  const sorted = [...classes].sort((a, b) => a.count - b.count)
  if (sorted[0]!.count === sorted[1]!.count) {
    invalid(
      `${path}: classes '${sorted[0]!.name}' and '${sorted[1]!.name}' are equally rare: say which is the anomaly: --anomaly CLASS`,
      { path },
    )
  }
  return { chosen: [sorted[0]!], how: classes.length === 2 ? 'the rarer class' : 'the rarest class' }
}

/**
 * Reads a CSV or .npz file as normal and anomalous rows.
 *
 * @throws (rejects) ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT (missing and non-numeric cells by row and column),
 *   ERR_LANGEVIN_INVALID_OPTION (label column, classes, too few normal rows), ERR_LANGEVIN_SHAPE, ERR_LANGEVIN_NON_FINITE
 */
export async function readTable(path: string, options: TableOptions = {}): Promise<ReadTable> {
  const archive = extname(path).toLowerCase() === '.npz'
  const label = options.label ?? (archive ? 'y' : undefined)
  if (label === undefined) invalid(`${path}: say which column holds the class: --label COLUMN`, { path })
  const table = await readColumns(path, label, options)
  const classes = classesOf(path, table)
  const { chosen, how } = choose(path, classes, options)
  const count = chosen.reduce((sum, each) => sum + each.count, 0)
  if (chosen.length === 0 || chosen.length === classes.length) {
    invalid(
      `${path}: ${chosen.length === 0 ? 'no' : 'every'} class of column '${label}' is an anomaly; both kinds are needed`,
      { path },
    )
  }
  if (table.length - count < LEAST_NORMALS) {
    invalid(
      `${path}: ${table.length - count} normal rows are too few, at least ${LEAST_NORMALS} are needed (60 % of them are trained on)`,
      { path, normals: table.length - count },
    )
  }
  const rowsOf = (list: readonly Class[]) =>
    Tensor.concat(
      list.map(({ code }) => invokeNow<Tensor>('data.where', { tensor: table.column(label), equals: code })),
    )
  const names = chosen.map(({ name }) => `'${name}'`).join(', ')
  const schema = options.schema && schemaOf(table.drop([label]), { transform: 'standardize', ...options.schema })
  return {
    name: basename(path, extname(path)),
    x: schema === undefined ? table.toTensor(undefined, 'float64') : encode(table, schema.schema).rows,
    ...(schema && { schema }),
    normals: rowsOf(classes.filter((each) => !chosen.includes(each))),
    anomalies: rowsOf(chosen),
    columns: table.withLabel(label),
    classes: `anomaly = ${label} ${names} (${how}): ${count} of ${table.length} rows`,
  }
}
