/** The data a command reads: files by their extension, toy distributions and shapes by name. */
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Dataset } from '../data/dataset.js'
import { csv, npy, npz, parquet, safetensors, spandrel, toys } from '../data/index.js'
import { SHAPES } from '../data/spandrel.js'
import { LangevinError } from '../errors.js'
import type { Z } from '../spec/index.js'

const READERS: Record<string, (path: string, ignore: readonly string[]) => Promise<Dataset>> = {
  csv: (path, ignore) => csv(path, { columns: ignored(ignore) }),
  tsv: (path, ignore) => csv(path, { delimiter: '\t', columns: ignored(ignore) }),
  npz: async (path, ignore) => without(await npz(path), ignore),
  npy: async (path, ignore) => without(await npy(path), ignore),
  parquet: async (path, ignore) => without(await parquet(path), ignore),
  safetensors: async (path, ignore) => without(await safetensors(path), ignore),
}

/** What `--format` takes. */
export const FORMATS = Object.keys(READERS)
/** Files whose columns are named numbers of different units. */
const TABLES = ['csv', 'tsv', 'parquet']

// Cells of a column that is left out may be missing, text, anything.
const ignored = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 'ignore' as const]))
const without = (dataset: Dataset, names: readonly string[]) => (names.length === 0 ? dataset : dataset.drop(names))

export interface ReadOptions {
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
  if (isStdin(path)) return await readStdin(format ?? 'csv', ignore)
  const reader = READERS[format ?? extensionOf(path) ?? '']
  if (reader === undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_FORMAT',
      `${path}: unknown file extension; use one of ${FORMATS.map((name) => `.${name}`).join(', ')}, or say --format csv`,
      { details: { path } },
    )
  }
  return await reader(path, ignore)
}

/** Readers want a file that they can look at twice. */
async function readStdin(format: string, ignore: readonly string[]): Promise<Dataset> {
  const folder = await mkdtemp(join(tmpdir(), 'langevin-stdin-'))
  const path = join(folder, `stdin.${format}`)
  try {
    await pipeline(process.stdin, createWriteStream(path))
    return await READERS[format]!(path, ignore)
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
    z.strictObject({ path: z.string().min(1), format: z.enum(FORMATS).optional() }),
    z.strictObject({ toy: z.enum(TOYS), noise: z.number().nonnegative().optional(), ...draw }),
    z.strictObject({ shape: z.enum(SHAPES), sigma: z.number().nonnegative().optional(), ...draw }),
  ])
}

export type DataSource =
  | { path: string; format?: string | undefined }
  | { toy: (typeof TOYS)[number]; n: number; seed: number; noise?: number | undefined }
  | { shape: (typeof SHAPES)[number]; n: number; seed: number; sigma?: number | undefined }

export async function openData(source: DataSource, ignore: readonly string[] = []): Promise<Dataset> {
  if ('path' in source) return readRows(source.path, { format: source.format, ignore })
  if ('toy' in source) {
    const { toy, noise, n, seed } = source
    return toys[toy]({ n, seed, ...(noise !== undefined && { noise }) })
  }
  const { shape, sigma, n, seed } = source
  return spandrel.sample(shape, { n, seed, ...(sigma !== undefined && { sigma }) })
}
