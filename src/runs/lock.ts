/** One process at a time continues a run: a file holds the others off between the look at its state and the word that it runs. */
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LangevinError } from '../errors.js'
import { ioError } from '../io/files.js'
import { lives, type ProcessIdentity, thisProcess } from './process.js'
import { FILES } from './record.js'

/** A file in which nothing can be read yet is being written; after so many milliseconds its process was killed. */
const UNREADABLE = 10_000

/** Whether the process that made the file is gone. */
async function stale(path: string): Promise<boolean> {
  try {
    return lives(JSON.parse(await readFile(path, 'utf8')) as ProcessIdentity) === false
  } catch {
    const there = await stat(path).catch(() => undefined)
    return there === undefined || Date.now() - there.mtimeMs > UNREADABLE
  }
}

/**
 * Does something while no other process does the same in this folder.
 *
 * @throws (rejects) ERR_LANGEVIN_BUSY while one does, ERR_LANGEVIN_IO, and what `work` throws
 */
export async function alone<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, FILES.lock)
  const take = () => writeFile(path, JSON.stringify(thisProcess()), { flag: 'wx' })
  try {
    await take().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST' || !(await stale(path))) throw error
      await rm(path, { force: true })
      await take()
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw ioError('write', path, error)
    throw new LangevinError(
      'ERR_LANGEVIN_BUSY',
      `another process is about to continue the run in ${folder}; where none is, remove ${path}`,
      { details: { path } },
    )
  }
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}
