/** Checks that a report can be written before the work begins. */
import { randomBytes } from 'node:crypto'
import { statfs, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ioError, makeFolder } from '../io/files.js'

/** Space a report may take. */
const NEEDED_BYTES = 16 * 2 ** 20

/**
 * Makes sure that a report can be written into a folder before the work it reports on begins; the folder and those above it are
 * made.
 *
 * @throws (rejects) ERR_LANGEVIN_IO with path and reason: no folder, read-only, full
 */
export async function prepareFolder(folder: string): Promise<void> {
  await makeFolder(folder)
  const probe = join(folder, `.langevin-${randomBytes(4).toString('hex')}.tmp`)
  try {
    await writeFile(probe, Buffer.alloc(1), { flag: 'wx' })
    const { bavail, bsize } = await statfs(folder)
    if (bavail * bsize < NEEDED_BYTES) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
  } catch (error) {
    throw ioError('write', folder, error)
  } finally {
    await unlink(probe).catch(() => undefined)
  }
}
