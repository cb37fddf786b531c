/** run.json, the file that describes a training run: its spec and its reader. */
import { LangevinError } from '../errors.js'
import { formatError, readWhole } from '../io/files.js'
import { defineSpec, specOf } from '../spec/index.js'
import { checkLength, ELSEWHERE, trainFields } from '../training/index.js'
import { dataField, isData } from './data.js'
import '../energies/index.js'

/**
 * What run.json holds: an energy, data, the options of train(), and where the model goes. Paths: from where the command runs.
 * `checkpoint.path`: default, a file per checkpoint in the folder of the run. `standardize`: true (default for .csv, .tsv and .parquet), false, or the columns; `ignore`: columns that are neither x nor y.
 */
export const runFile = defineSpec(
  'run',
  'file',
  (z) => ({
    energy: specOf(z, 'energy'),
    data: dataField(z),
    standardize: z.union([z.boolean(), z.array(z.string()).min(1)]).optional(),
    ignore: z.array(z.string()).min(1).optional(),
    out: z.string().min(1),
    dtype: z.enum(['float32', 'float64']).default('float32'),
    device: z.string().default('cpu'),
    ...trainFields(z),
    checkpoint: z.strictObject({ path: z.string().min(1).optional(), every: z.int().positive().optional() }).optional(),
  }),
  {
    summary: 'run.json of `langevin train`: energy, data, options of train(), out.',
    elsewhere: {
      ...ELSEWHERE,
      hidden: 'energy.hidden',
      activation: 'energy.activation',
      gaussianBase: 'energy.gaussianBase',
      input: 'energy.input',
      path: 'data.path',
      label: 'y',
    },
    check: (options, fail) => checkLength(options, fail),
  },
).options()

export type RunFile = ReturnType<typeof runFile>

/** What was probably meant by a file of rows or a model where JSON is wanted. */
function remedyFor(path: string): string {
  return path.endsWith('.safetensors') || path.endsWith('.npy')
    ? `; the report is about ${path.replace(/\.\w+$/, '.result.json')}, which train and sample write beside it`
    : '; it is a file of rows: langevin train takes it as it is, and langevin init makes a run.json of it'
}

/** Reads JSON text of a file. Errors: ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT with the parser's words. */
export async function readJson(path: string): Promise<unknown> {
  const text = (await readWhole(path)).toString('utf8')
  try {
    return JSON.parse(text)
  } catch (cause) {
    const message = (cause as Error).message
    const offset = Number(/position (\d+)/.exec(message)?.[1] ?? 0)
    throw formatError(path, offset, isData(path) ? `not JSON${remedyFor(path)}` : `not JSON: ${message}`, cause)
  }
}

/** A run file from JSON, checked. Errors name where it came from and the key. */
export function parseRunFile(json: unknown, path: string): RunFile {
  try {
    return runFile(json as Parameters<typeof runFile>[0])
  } catch (error) {
    if (!(error instanceof LangevinError)) throw error
    const problem = error.message.replace(/^runs\.file: /, '')
    throw new LangevinError(error.code, `${path}: ${problem}`, { details: { ...error.details, path }, cause: error })
  }
}

/** run.json, checked. */
export async function readRunFile(path: string): Promise<RunFile> {
  return parseRunFile(await readJson(path), path)
}
