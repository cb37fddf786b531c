/** What `langevin train` and `langevin sample --out` write next to their output, and `langevin report` reads. */

import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { formatError, writeAtomic } from '../io/files.js'
import { FILES } from '../runs/index.js'
import type { SampleDiagnostics, SampleResult } from '../sample.js'
import type { SpecValue } from '../spec/index.js'
import type { Tensor } from '../tensor/index.js'
import type { TrainResult } from '../training/index.js'
import { type RunFile, readJson, readRunFile } from './run-file.js'

const VERSION = 1
/** Rows of a sampling run that are kept for pictures. */
const KEPT_ROWS = 2000

interface Written {
  readonly version: number
  /** Path of the model's parameters, as it was given. */
  readonly model: string
  /** When the run ended, ISO 8601. */
  readonly ended: string
}

export type TrainFile = Written &
  Omit<TrainResult, 'rawParameters'> & {
    readonly kind: 'train'
    /** run.json with its defaults, as it ran. */
    readonly run: RunFile
  }

export type SampleFile = Written & {
  readonly kind: 'sample'
  readonly sampler: SpecValue
  readonly seed: number
  readonly diagnostics: SampleDiagnostics
  readonly trace?: { readonly x: number[][][]; readonly energy: number[][] }
  /** The first 2,000 rows and their energies. */
  readonly samples: number[][]
  readonly energy: number[]
  readonly seconds: number
  readonly executor: string
}

export type ResultFile = TrainFile | SampleFile

/** rings.safetensors -> rings.result.json */
export const resultPath = (out: string) => out.replace(/\.(safetensors|npy|csv)$/, '').concat('.result.json')

/** rings.result.json -> rings.report.html; in the folder of a run report.html */
export const reportPath = (result: string) =>
  basename(result) === FILES.result
    ? join(dirname(result), FILES.report)
    : result.replace(/(\.result)?\.json$/, '.report.html')

async function write(path: string, file: Omit<TrainFile, 'version' | 'ended'> | Omit<SampleFile, 'version' | 'ended'>) {
  const whole = { version: VERSION, ended: new Date().toISOString(), ...file }
  await writeAtomic(path, [`${JSON.stringify(whole)}\n`])
}

export async function writeTrainResult(path: string, model: string, run: RunFile, result: TrainResult): Promise<void> {
  const { rawParameters: _, ...rest } = result
  await write(path, { kind: 'train', model, run, ...rest })
}

export async function writeSampleResult(
  path: string,
  model: string,
  seed: number,
  result: SampleResult,
): Promise<void> {
  const { sampler, diagnostics, trace, samples, energy, seconds, executor } = result
  const first = <T>(t: Tensor) => (t.toArray() as T[]).slice(0, KEPT_ROWS)
  await write(path, {
    kind: 'sample',
    model,
    sampler,
    seed,
    diagnostics,
    ...(trace && { trace: { x: trace.x.toArray() as number[][][], energy: trace.energy.toArray() as number[][] } }),
    samples: first<number[]>(samples),
    energy: first<number>(energy),
    seconds,
    executor,
  })
}

/**
 * A result file; the folder of a run that holds one; or run.json, whose result file is next to its `out`.
 *
 * @throws (rejects) ERR_LANGEVIN_IO, _FORMAT (neither of both, or of another version)
 */
export async function readResultFile(path: string): Promise<{ path: string; result: ResultFile }> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return readResultFile(join(path, FILES.result))
  const json = (await readJson(path)) as Partial<ResultFile> & { energy?: unknown; out?: unknown }
  if (json.kind === 'train' || json.kind === 'sample') {
    if (json.version !== VERSION) {
      throw formatError(path, 0, `a result file of version ${String(json.version)}; this langevin reads ${VERSION}`)
    }
    return { path, result: json as ResultFile }
  }
  if (json.out === undefined) {
    throw formatError(path, 0, 'neither a result file (kind: train or sample) nor a run.json with "out"')
  }
  return readResultFile(resultPath((await readRunFile(path)).out))
}

/**
 * The model's file: where the result says it is, or of that name next to the result; undefined when there is neither.
 */
export function modelPath(result: ResultFile, path: string): string | undefined {
  const beside = join(dirname(path), result.model.split('/').at(-1)!)
  return [result.model, beside].find((place) => existsSync(place))
}
