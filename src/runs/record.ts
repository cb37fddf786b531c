/** record.json of a run's folder: what ran, on what, and how it ended. */
import { arch, availableParallelism, cpus, release } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { Finding } from '../diagnose/index.js'
import { formatError, readWhole, writeAtomic } from '../io/files.js'
import { versions } from '../system.js'
import type { ProcessIdentity } from './process.js'

/** Of this file and of metrics.jsonl. */
const FORMAT = 1

/** The names of what a folder holds. */
export const FILES = {
  run: 'run.json',
  record: 'record.json',
  metrics: 'metrics.jsonl',
  checkpoints: 'checkpoints',
  /** There while a process looks whether it may continue the run. */
  lock: 'begin.lock',
  model: 'model.safetensors',
  result: 'result.json',
  report: 'report.html',
} as const

/** How a run's record says it ended; 'running' until it does, also when its process is killed. */
export type RecordedState = 'running' | 'done' | 'failed' | 'aborted'
const STATES: readonly unknown[] = ['running', 'done', 'failed', 'aborted']

/** What a run was made on. */
export interface Environment {
  readonly langevin: string
  readonly node: string
  readonly libtorch: string
  readonly cpuCapability: string
  readonly system: string
  readonly processor: string
  readonly cores: number
  /** Set variables that change what is computed or how fast. */
  readonly variables: Readonly<Record<string, string>>
}

export interface RunRecord {
  readonly format: number
  readonly kind: 'train'
  readonly state: RecordedState
  /** ISO 8601. */
  readonly started: string
  readonly ended?: string
  readonly seed: number
  /** The folder in which the command ran: paths of run.json are relative to it. */
  readonly folder: string
  readonly environment: Environment
  readonly process: ProcessIdentity
  readonly rows: number
  readonly parameters: number
  /** When it was continued, and after how many steps. */
  readonly resumed: readonly { readonly time: string; readonly step: number }[]
  /** At the end. */
  readonly step?: number
  readonly loss?: number
  readonly seconds?: number
  readonly findings?: readonly Finding[]
  readonly notChecked?: readonly string[]
  readonly error?: { readonly code?: string; readonly message: string }
}

const VARIABLES = ['LANGEVIN_THREADS', 'LANGEVIN_EXECUTOR', 'LANGEVIN_ISA'] as const

/** What this process computes on. */
export function environment(): Environment {
  const { langevin, node, libtorch, cpuCapability } = versions()
  const set = VARIABLES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]))
  return {
    langevin,
    node,
    libtorch,
    cpuCapability,
    system: `${process.platform} ${release()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    variables: Object.fromEntries(set),
  }
}

/** Writes record.json whole. */
export async function writeRecord(folder: string, record: Omit<RunRecord, 'format' | 'kind'>): Promise<void> {
  const whole: RunRecord = { format: FORMAT, kind: 'train', ...record }
  await writeAtomic(join(folder, FILES.record), [`${JSON.stringify(whole, null, 2)}\n`])
}

function isRecord(value: unknown): value is RunRecord {
  if (typeof value !== 'object' || value === null) return false
  const { state, started, process: by, resumed } = value as RunRecord
  return (
    STATES.includes(state) &&
    typeof started === 'string' &&
    typeof by?.pid === 'number' &&
    typeof by.host === 'string' &&
    Array.isArray(resumed)
  )
}

/** @throws (rejects) ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT (cut off, another version, not a record) */
export async function readRecord(folder: string): Promise<RunRecord> {
  const path = join(folder, FILES.record)
  let json: unknown
  try {
    json = JSON.parse((await readWhole(path)).toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw formatError(path, undefined, `not JSON: ${error.message}`, error)
    throw error
  }
  const format = (json as Partial<RunRecord> | null)?.format
  if (typeof format === 'number' && format !== FORMAT) {
    throw formatError(path, undefined, `a record of version ${format}; this langevin reads ${FORMAT}`)
  }
  if (!isRecord(json)) throw formatError(path, undefined, 'not the record of a run')
  return json
}
