/** Reads Parquet files through the optional package hyparquet. */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { LangevinError } from '../errors.js'
import { formatError, readWhole } from '../io/files.js'
import { requireOptions } from '../spec/index.js'
import { tensor } from '../tensor/index.js'
import { type Column, Dataset } from './dataset.js'

/** What is used of the optional package hyparquet (version 1). */
interface Hyparquet {
  parquetReadObjects(options: { file: ArrayBuffer; columns?: string[] }): Promise<Record<string, unknown>[]>
}

export interface ParquetOptions {
  /** Which columns to read. Default: all. */
  columns?: readonly string[]
  /** The class or condition column. */
  label?: string
}

async function load(): Promise<Hyparquet> {
  try {
    // Resolved by hand: the package is an optional peer and must not be a compile-time import.
    const resolved = createRequire(import.meta.url).resolve('hyparquet')
    return (await import(pathToFileURL(resolved).href)) as Hyparquet
  } catch (error) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      'data.parquet needs the package hyparquet, which is not installed: npm install hyparquet',
      { cause: error },
    )
  }
}

function toColumn(rows: Record<string, unknown>[], name: string, path: string): Column {
  const cells = rows.map((row, i) => {
    const cell = row[name]
    if (cell === null || cell === undefined) {
      throw new LangevinError('ERR_LANGEVIN_FORMAT', `${path}: row ${i + 1}, column '${name}': the cell is missing`, {
        details: { path, row: i + 1, column: name },
      })
    }
    return cell
  })
  const kinds = new Set(cells.map((cell) => typeof cell))
  const only = kinds.size === 1 ? [...kinds][0] : 'mixed'
  if (only === 'number') return { values: tensor(Float64Array.from(cells as number[])) }
  if (only === 'bigint') return { values: tensor(BigInt64Array.from(cells as bigint[])) }
  if (only === 'boolean') return { values: tensor(cells as boolean[]) }
  if (only === 'string') {
    const categories = [...new Set(cells as string[])].sort()
    const code = new Map(categories.map((category, i) => [category, BigInt(i)]))
    return { values: tensor(BigInt64Array.from(cells as string[], (cell) => code.get(cell)!)), categories }
  }
  throw new LangevinError(
    'ERR_LANGEVIN_UNSUPPORTED',
    `${path}: column '${name}' holds ${[...kinds].join(' and ')} values; readable are numbers, booleans and text`,
    { details: { path, column: name } },
  )
}

/**
 * Reads a Parquet file through the optional package hyparquet. Numbers become float64 (or int64), text categorical codes.
 * Errors: ERR_LANGEVIN_UNSUPPORTED when hyparquet is not installed or a column is nested; ERR_LANGEVIN_IO; _FORMAT,
 * naming row and column of a missing cell.
 */
export async function parquet(path: string, options: ParquetOptions = {}): Promise<Dataset> {
  requireOptions('data.parquet', options, ['columns', 'label'])
  const { parquetReadObjects } = await load()
  const bytes = await readWhole(path)
  if (bytes.toString('latin1', 0, 4) !== 'PAR1')
    throw formatError(path, 0, 'not a Parquet file: it does not begin with PAR1')
  let rows: Record<string, unknown>[]
  try {
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
    rows = await parquetReadObjects({ file, ...(options.columns && { columns: [...options.columns] }) })
  } catch (error) {
    throw formatError(path, 0, `the Parquet data cannot be read (${(error as Error).message})`, error)
  }
  if (rows.length === 0) throw formatError(path, 0, 'the file holds no rows')
  const names = options.columns ?? Object.keys(rows[0]!)
  return new Dataset(Object.fromEntries(names.map((name) => [name, toColumn(rows, name, path)])), {
    label: options.label,
  })
}
