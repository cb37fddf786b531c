/** The checkpoints in a run's folder: which are whole, which is the newest. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LangevinError } from '../errors.js'
import { checkpointStep } from '../training/index.js'
import { FILES } from './record.js'

export interface Checkpoint {
  readonly path: string
  readonly bytes: number
  /** Steps done. */
  readonly step: number
}

/** A file that is no whole checkpoint: cut off, or the temporary file of a process that was killed. */
export interface BrokenCheckpoint {
  readonly path: string
  readonly bytes: number
  readonly problem: string
}

/** Where the checkpoints of a run in this folder go, one file each. */
export const checkpointPattern = (folder: string) => join(folder, FILES.checkpoints, 'step-{step}.safetensors')

const OURS = /^step-\d+\.safetensors$/
/** What an atomic write that was cut off leaves behind. */
export const LEFT_BEHIND = /^\..+\.\d+\.[0-9a-f]{8}\.tmp$/

async function examined(path: string): Promise<Checkpoint | BrokenCheckpoint> {
  const { size: bytes } = await stat(path)
  try {
    return { path, bytes, step: await checkpointStep(path) }
  } catch (error) {
    if (!(error instanceof LangevinError)) throw error
    return { path, bytes, problem: error.message }
  }
}

/** The checkpoint of a file; undefined unless it is there and whole. */
export async function wholeCheckpoint(path: string): Promise<Checkpoint | undefined> {
  const found = await examined(path).catch(() => undefined)
  return found !== undefined && 'step' in found ? found : undefined
}

/** Names in a folder; none where it is not there. */
export const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])

/** The checkpoints of a folder, the newest first, and what is left of broken ones. Other files are not looked at. */
export async function checkpointsOf(folder: string): Promise<{ whole: Checkpoint[]; broken: BrokenCheckpoint[] }> {
  const place = join(folder, FILES.checkpoints)
  const whole: Checkpoint[] = []
  const broken: BrokenCheckpoint[] = []
  for (const name of await namesIn(place)) {
    const path = join(place, name)
    // A file may go between the look at the folder and the look at it: another process removes older checkpoints.
    const found = OURS.test(name)
      ? await examined(path).catch(() => undefined)
      : LEFT_BEHIND.test(name)
        ? await stat(path).then(
            ({ size }) => ({ path, bytes: size, problem: 'left by a write that was cut off' }),
            () => undefined,
          )
        : undefined
    if (found === undefined) continue
    if ('step' in found) whole.push(found)
    else broken.push(found)
  }
  whole.sort((a, b) => b.step - a.step)
  return { whole, broken }
}
