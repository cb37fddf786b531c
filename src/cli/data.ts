/** The data a command reads: files by their extension, toy distributions and shapes by name. */
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import type { Dataset } from '../data/dataset.js'
import { csv, npy, npz, parquet, safetensors, spandrel, toys } from '../data/index.js'
import { SHAPES } from '../data/spandrel.js'
import { LangevinError } from '../errors.js'
import type { Z } from '../spec/index.js'
import { oneOf } from './support.js'

/** How a table of text writes its columns and its numbers. */
export interface TextStyle {
  /** Whether the first row names the columns; found out when left out. */
  header?: boolean | undefined
  decimal?: '.' | ',' | undefined
  thousands?: string | undefined
  delimiter?: string | undefined
}

/** How cells of a table of text are read. */
interface Cells extends TextStyle {
  /** Missing cells are kept, for a schema that has policies for them. */
  keepMissing?: boolean | undefined
}

type Reader = (path: string, ignore: readonly string[], style: Cells) => Promise<Dataset>

const READERS: Record<string, Reader> = {
  csv: (path, ignore, style) => csv(path, { ...set(style), columns: ignored(ignore) }),
  tsv: (path, ignore, style) => csv(path, { delimiter: '\t', ...set(style), columns: ignored(ignore) }),
  npz: async (path, ignore) => without(await npz(path), ignore),
  npy: async (path, ignore) => without(await npy(path), ignore),
  parquet: async (path, ignore) => without(await parquet(path), ignore),
  safetensors: async (path, ignore) => without(await safetensors(path), ignore),
}

const TEXT = ['csv', 'tsv']
const STYLE = ['header', 'decimal', 'thousands', 'delimiter'] as const

/** The members that are there. */
function set({ header, decimal, thousands, delimiter, keepMissing }: Cells) {
  return {
    ...(keepMissing && { missing: 'keep' as const }),
    ...(header !== undefined && { header }),
    ...(decimal !== undefined && { decimal }),
    ...(thousands !== undefined && { thousands }),
    ...(delimiter !== undefined && { delimiter }),
  }
}

/** What `--format` takes. */
export const FORMATS = Object.keys(READERS)
/** Files whose columns are named numbers of different units. */
const TABLES = ['csv', 'tsv', 'parquet']

// Cells of a column that is left out may be missing, text, anything.
const ignored = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 'ignore' as const]))
const without = (dataset: Dataset, names: readonly string[]) => (names.length === 0 ? dataset : dataset.drop(names))

export interface ReadOptions extends Cells {
  /** Instead of what the extension says; of stdin csv by default. */
  format?: string | undefined
  /** Columns that are left out. */
  ignore?: readonly string[] | undefined
}

/** 'csv' of rows.CSV; undefined where there is no extension. */
const extensionOf = (path: string) => extname(path).slice(1).toLowerCase() || undefined
const isStdin = (path: string) => path === '-' || path === '/dev/stdin'

/** Whether a path names rows, not a run.json. */
export const isData = (path: string, format?: string) =>
  format !== undefined || isStdin(path) || FORMATS.includes(extensionOf(path) ?? '')

/** Whether the rows of a file are a table, which is standardised unless someone says otherwise. */
export const isTable = (path: string, format?: string) =>
  TABLES.includes(format ?? (isStdin(path) ? 'csv' : (extensionOf(path) ?? '')))

/** Rows of a file, or of stdin under the name '-'. */
export async function readRows(path: string, options: ReadOptions = {}): Promise<Dataset> {
  const { format, ignore = [] } = options
  const kind = format ?? (isStdin(path) ? 'csv' : (extensionOf(path) ?? ''))
  const style = STYLE.find((key) => options[key] !== undefined)
  if (style !== undefined && !TEXT.includes(kind)) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `--${style}: only tables of text (csv, tsv) are written so, and ${path} is ${kind || 'of no known format'}`,
      { details: { path: style } },
    )
  }
  if (isStdin(path)) return await readStdin(kind, ignore, options)
  const reader = READERS[kind]
  if (reader === undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_FORMAT',
      `${path}: unknown file extension; use one of ${FORMATS.map((name) => `.${name}`).join(', ')}, or say --format csv`,
      { details: { path } },
    )
  }
  return await reader(path, ignore, options)
}

/** Readers want a file that they can look at twice. */
async function readStdin(format: string, ignore: readonly string[], style: Cells): Promise<Dataset> {
  const folder = await mkdtemp(join(tmpdir(), 'langevin-stdin-'))
  const path = join(folder, `stdin.${format}`)
  try {
    await pipeline(process.stdin, createWriteStream(path))
    return await READERS[format]!(path, ignore, style)
  } catch (error) {
    if (!(error instanceof LangevinError)) throw error
    throw new LangevinError(error.code, error.message.replaceAll(path, 'stdin'), {
      details: { ...error.details, path: '-' },
      cause: error,
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const TOYS = [
  'rings',
  'moons',
  'eightGaussians',
  'twentyFiveGaussians',
  'checkerboard',
  'pinwheel',
  'swissRoll',
  'twoSpirals',
  'cosine',
  'unequalModes',
] as const

/** `data` of run.json: a file, or drawn points. */
export const dataField = (z: Z) => {
  const draw = { n: z.int().positive(), seed: z.int().nonnegative().default(0) }
  return z.union([
    z.strictObject({
      path: z.string().min(1),
      format: z.enum(FORMATS).optional(),
      header: z.boolean().optional(),
      decimal: z.enum(['.', ',']).optional(),
      thousands: z.string().optional(),
      delimiter: z.string().optional(),
    }),
    z.strictObject({ toy: z.enum(TOYS), noise: z.number().nonnegative().optional(), ...draw }),
    z.strictObject({ shape: z.enum(SHAPES), sigma: z.number().nonnegative().optional(), ...draw }),
  ])
}

export type DataSource =
  | ({ path: string; format?: string | undefined } & TextStyle)
  | { toy: (typeof TOYS)[number]; n: number; seed: number; noise?: number | undefined }
  | { shape: (typeof SHAPES)[number]; n: number; seed: number; sigma?: number | undefined }

export async function openData(source: DataSource, ignore: readonly string[] = []): Promise<Dataset> {
  if ('path' in source) return readRows(source.path, { ...source, ignore })
  if ('toy' in source) {
    const { toy, noise, n, seed } = source
    return toys[toy]({ n, seed, ...(noise !== undefined && { noise }) })
  }
  const { shape, sigma, n, seed } = source
  return spandrel.sample(shape, { n, seed, ...(sigma !== undefined && { sigma }) })
}

/** The options of commands that read rows: how they are stored and written. */
export function readOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--format <name>',
        `how rows are stored, instead of the extension (of stdin: csv): ${FORMATS.join(', ')}`,
      ).argParser(oneOf(...FORMATS)),
    )
    .addOption(
      new Option('--header <yes|no>', 'whether the first row names the columns (default: found out)').argParser(
        (value: string) => oneOf('yes', 'no')(value) === 'yes',
      ),
    )
    .addOption(new Option('--decimal <mark>', "decimal mark of a table of text: '.' or ','").argParser(oneOf('.', ',')))
    .option('--thousands <mark>', 'what separates thousands in a table of text')
    .option('--delimiter <mark>', 'what separates its columns (default: found out)')
}
