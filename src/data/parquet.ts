/** Reads Parquet files through the optional package hyparquet, in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process'
import { open } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { LangevinError } from '../errors.js'
import { formatError, ioError } from '../io/files.js'
import { requireOptions } from '../spec/index.js'
import { tensor } from '../tensor/index.js'
import { textColumn } from './categories.js'
import { type Column, Dataset } from './dataset.js'

export interface ParquetOptions {
  /** Which columns to read. Default: all. */
  columns?: readonly string[]
  /** The class or condition column. */
  label?: string
}

/** What the child (parquet-child.mjs) sends. */
type Answer =
  | {
      kind: 'opened'
      columns: { name: string; nested: boolean }[]
      rows: number
      codecs: { codec: string; name: string; readable: boolean }[]
    }
  | { kind: 'problem'; problem: string }
  | { kind: 'missing'; row: number }
  | { kind: 'large'; row: number; value: string }
  | { kind: 'other'; held: string[] }
  | { kind: 'number'; values: Float64Array }
  | { kind: 'bigint'; values: BigInt64Array }
  | { kind: 'boolean'; values: Uint8Array }
  | { kind: 'string'; values: string[] }

type Opened = Extract<Answer, { kind: 'opened' }>

/** The URL of an optional package: it must not be a compile-time import. */
function optional(name: string): string | undefined {
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve(name)).href
  } catch {
    return undefined
  }
}

function libraries(): { library: string; more?: string } {
  const library = optional('hyparquet')
  if (library === undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      'data.parquet needs the package hyparquet, which is not installed: npm install hyparquet',
    )
  }
  const more = optional('hyparquet-compressors')
  return { library, ...(more !== undefined && { more }) }
}

/** Refuses what is no Parquet file; returns its size. */
async function inspect(path: string): Promise<number> {
  const handle = await open(path, 'r').catch((error) => {
    throw ioError('read', path, error)
  })
  try {
    const { size } = await handle.stat()
    if (size === 0) throw formatError(path, 0, 'the file is empty')
    const marks: string[] = []
    for (const at of [0, Math.max(0, size - 4)]) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, at)
      marks.push(buffer.toString('latin1', 0, bytesRead))
    }
    if (marks.includes('PARE')) {
      throw new LangevinError('ERR_LANGEVIN_UNSUPPORTED', `${path}: the file is encrypted`, { details: { path } })
    }
    if (marks[0] !== 'PAR1') throw formatError(path, 0, 'not a Parquet file: it does not begin with PAR1')
    if (marks[1] !== 'PAR1' || size < 12) throw formatError(path, size, 'the end of the file is cut off')
    return size
  } catch (error) {
    throw ioError('read', path, error)
  } finally {
    await handle.close()
  }
}

/** What the child says; a problem where it ends without a word, or says nothing for `seconds`. */
function answer(child: ChildProcess, seconds: number): Promise<Answer> {
  return new Promise((resolve) => {
    const settle = (message: Answer) => {
      clearTimeout(timer)
      child.off('message', settle).off('exit', ended).off('error', failed)
      resolve(message)
    }
    const problem = (text: string) => settle({ kind: 'problem', problem: text })
    const ended = () => problem('reading it took more memory than a file of this size needs')
    const failed = (error: Error) => problem(error.message)
    const timer = setTimeout(() => problem(`reading it took longer than ${seconds} s`), seconds * 1000)
    child.on('message', settle).on('exit', ended).on('error', failed)
  })
}

const damaged = (path: string, what: string, problem: string) =>
  formatError(path, 0, `${what} (${problem}); the file seems to be damaged`)

/** The wanted columns, all of which are there, once, not nested, and packed with something that can be unpacked. */
function chosen(path: string, { columns, codecs }: Opened, wanted: readonly string[] | undefined): readonly string[] {
  const present = columns.map(({ name }) => name)
  const names = wanted ?? present
  const unsupported = (problem: string, column: string): never => {
    throw new LangevinError('ERR_LANGEVIN_UNSUPPORTED', `${path}: column '${column}' ${problem}`, {
      details: { path, column },
    })
  }
  for (const name of names) {
    const found = columns.filter((column) => column.name === name)
    if (found.length === 0) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `${path}: there is no column '${name}'; the columns are ${present.join(', ')}`,
        { details: { path, name, columns: present } },
      )
    }
    if (found.length > 1) throw formatError(path, 0, `two columns are called '${name}'`)
    if (found[0]!.nested)
      unsupported('is nested; readable are numbers, booleans and text. Leave it out with { columns }', name)
  }
  const packed = codecs.find(({ name, readable }) => !readable && names.includes(name))
  if (packed !== undefined) {
    const remedy = "npm install hyparquet-compressors, or write the file with compression='snappy' (pandas, pyarrow)"
    unsupported(`is compressed with ${packed.codec}: ${remedy}`, packed.name)
  }
  if (names.length === 0) throw formatError(path, 0, 'the file holds no columns')
  return names
}

function toColumn(got: Answer, name: string, path: string): Column {
  const unsupported = (problem: string, row?: number): never => {
    const at = row === undefined ? `column '${name}'` : `row ${row}, column '${name}':`
    throw new LangevinError('ERR_LANGEVIN_UNSUPPORTED', `${path}: ${at} ${problem}`, {
      details: { path, column: name, ...(row !== undefined && { row }) },
    })
  }
  switch (got.kind) {
    case 'number':
    case 'bigint':
      return { values: tensor(got.values) }
    case 'boolean':
      return { values: tensor(got.values, [got.values.length], 'bool') }
    case 'string':
      return textColumn(got.values)
    case 'missing':
      throw new LangevinError('ERR_LANGEVIN_FORMAT', `${path}: row ${got.row}, column '${name}': the cell is missing`, {
        details: { path, row: got.row, column: name },
      })
    case 'large':
      return unsupported(
        `${got.value} does not fit int64; write the column as double, or as text if it is an identifier`,
        got.row,
      )
    case 'other': {
      const dates = got.held.includes('date') ? '; write dates as numbers, such as seconds since 1970' : ''
      return unsupported(
        `holds ${got.held.join(' and ')} values; readable are numbers, booleans and text${dates}. Leave it out with { columns }`,
      )
    }
    default:
      throw damaged(path, `column '${name}' cannot be read`, got.kind === 'problem' ? got.problem : got.kind)
  }
}

/** `data.parquet`, with how long a column may take. */
export async function readParquet(path: string, options: ParquetOptions, patience?: number): Promise<Dataset> {
  requireOptions('data.parquet', options, ['columns', 'label'])
  const given = libraries()
  const size = await inspect(path)
  // A damaged file can keep the reader busy for ever, or fill the memory; a sound one needs far less than this.
  const seconds = patience ?? 30 + Math.ceil(size / 5e5)
  const megabytes = 1024 + Math.ceil(size / 2e4)
  const entry = fileURLToPath(new URL('./parquet-child.mjs', import.meta.url))
  const child = fork(entry, [JSON.stringify({ ...given, path })], {
    serialization: 'advanced',
    execArgv: [`--max-old-space-size=${megabytes}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  try {
    const opened = await answer(child, seconds)
    if (opened.kind !== 'opened') {
      throw damaged(
        path,
        'its description of the columns cannot be read',
        opened.kind === 'problem' ? opened.problem : '',
      )
    }
    const names = chosen(path, opened, options.columns)
    if (opened.rows === 0) throw formatError(path, 0, 'the file holds no rows')
    const columns = new Map<string, Column>()
    for (const name of names) {
      const got = answer(child, seconds)
      // Where the child has ended, `got` says so.
      child.send({ column: name }, () => {})
      columns.set(name, toColumn(await got, name, path))
    }
    return new Dataset(columns, { label: options.label })
  } finally {
    child.kill('SIGKILL')
  }
}

/**
 * Reads a Parquet file through the optional package hyparquet, in a process of its own: a damaged file is an error, whatever
 * it does to the reader. Numbers become float64 (or int64), text categorical codes. Files may be uncompressed or packed with
 * snappy, gzip, brotli, and, from Node.js 22.15 on, zstd; the optional package hyparquet-compressors adds the others.
 * Errors: ERR_LANGEVIN_UNSUPPORTED when hyparquet is not installed, a codec is missing, a column is nested or holds dates, or a
 * number does not fit int64; ERR_LANGEVIN_IO; _FORMAT, naming row and column of a missing cell, or the column that is damaged.
 */
export async function parquet(path: string, options: ParquetOptions = {}): Promise<Dataset> {
  return await readParquet(path, options)
}
