/** The data a command reads: files by their extension, toy distributions and shapes by name. */
import { extname } from 'node:path'
import type { Dataset } from '../data/dataset.js'
import { csv, npy, npz, parquet, safetensors, spandrel, toys } from '../data/index.js'
import { SHAPES } from '../data/spandrel.js'
import { LangevinError } from '../errors.js'
import type { Z } from '../spec/index.js'

const READERS: Record<string, (path: string) => Promise<Dataset>> = {
  '.csv': (path) => csv(path),
  '.tsv': (path) => csv(path, { separator: '\t' }),
  '.npz': (path) => npz(path),
  '.npy': (path) => npy(path),
  '.parquet': (path) => parquet(path),
  '.safetensors': (path) => safetensors(path),
}

/** Rows of a file; its extension says how to read it. */
export async function readRows(path: string): Promise<Dataset> {
  const reader = READERS[extname(path).toLowerCase()]
  if (reader === undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_FORMAT',
      `${path}: unknown file extension; use one of ${Object.keys(READERS).join(', ')}`,
      { details: { path } },
    )
  }
  return await reader(path)
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
    z.strictObject({ path: z.string().min(1) }),
    z.strictObject({ toy: z.enum(TOYS), noise: z.number().nonnegative().optional(), ...draw }),
    z.strictObject({ shape: z.enum(SHAPES), sigma: z.number().nonnegative().optional(), ...draw }),
  ])
}

export type DataSource =
  | { path: string }
  | { toy: (typeof TOYS)[number]; n: number; seed: number; noise?: number | undefined }
  | { shape: (typeof SHAPES)[number]; n: number; seed: number; sigma?: number | undefined }

export async function openData(source: DataSource): Promise<Dataset> {
  if ('path' in source) return readRows(source.path)
  if ('toy' in source) {
    const { toy, noise, n, seed } = source
    return toys[toy]({ n, seed, ...(noise !== undefined && { noise }) })
  }
  const { shape, sigma, n, seed } = source
  return spandrel.sample(shape, { n, seed, ...(sigma !== undefined && { sigma }) })
}
