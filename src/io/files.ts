/** Reads and writes whole files, with coded errors and atomic replacement. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { LangevinError, messageOf } from '../errors.js'
import { formatError } from './format-error.js'

export { formatError, oddShape } from './format-error.js'

const REMEDY: Record<string, string> = {
  ENOENT: 'the path does not exist; check it for typing errors',
  EACCES: 'permission is denied; choose another place or change its rights',
  EPERM: 'the operation is not permitted here; choose another place',
  EISDIR: 'the path is a folder; name a file in it',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ENOSPC: 'the disk is full; free some space and try again',
  EDQUOT: 'the disk quota is used up; free some space and try again',
  EROFS: 'the file system is read-only; choose another place',
  EMFILE: 'too many files are open; close some or raise the limit',
  ENAMETOOLONG: 'the name is too long for this file system',
}

/** Turns an error of the file system into ERR_LANGEVIN_IO with path, reason and remedy; coded errors pass unchanged. */
export function ioError(action: 'read' | 'write', path: string, cause: unknown): LangevinError {
  if (LangevinError.is(cause)) return cause
  const reason = (cause as NodeJS.ErrnoException)?.code ?? 'UNKNOWN'
  const text = REMEDY[reason] ?? messageOf(cause)
  return new LangevinError('ERR_LANGEVIN_IO', `cannot ${action} ${path}: ${text} (${reason})`, {
    details: { path, reason },
    cause,
  })
}

/**
 * Bytes that a compressed file may unpack to: a hundred times its own, and at least 1 GiB. Deflate packs zeros a thousandfold, so
 * that a file of a few megabytes could fill any memory.
 */
export const mostUnpacked = (packed: number): number => Math.max(2 ** 30, 100 * packed)

/** Bytes that are read at a time of what is large: files up to that are read whole. */
export const PIECE = 2 ** 22

/** The whole file. Errors: ERR_LANGEVIN_IO; ERR_LANGEVIN_FORMAT when it is empty. */
export async function readWhole(path: string): Promise<Buffer> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw ioError('read', path, error)
  }
  if (bytes.length === 0) throw formatError(path, 0, 'the file is empty')
  return bytes
}

/**
 * Makes a folder with those above it; one that is there stays. Step by step: mkdir's `recursive` never returns below /proc.
 *
 * @throws (rejects) ERR_LANGEVIN_IO with path and reason
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    const above = dirname(folder)
    if (code !== 'ENOENT' || above === folder || existsSync(above)) throw ioError('write', folder, error)
    await makeFolder(above)
    await makeFolder(folder)
  }
}

async function syncFolder(folder: string): Promise<void> {
  // A rename is durable only once the folder entry is; some file systems refuse to sync a folder, which loses nothing
  // but that guarantee.
  let handle: FileHandle | undefined
  try {
    handle = await open(folder, 'r')
    await handle.sync()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'EINVAL' && code !== 'ENOTSUP' && code !== 'EPERM' && code !== 'EACCES') throw error
  } finally {
    await handle?.close()
  }
}

/**
 * Writes the chunks to a temporary name in the same folder, syncs, and renames: a reader sees the old file or the
 * whole new one, never a part. On any failure the temporary file is removed and the old file stays.
 * Errors: ERR_LANGEVIN_IO with path and reason.
 */
export async function writeAtomic(
  path: string,
  chunks: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>,
): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`)
  let handle: FileHandle | undefined
  try {
    handle = await open(temporary, 'wx')
    for await (const chunk of chunks) {
      // appendFile continues after short writes; an empty chunk would be an odd no-op write.
      if (chunk.length > 0) await handle.appendFile(chunk)
    }
    await handle.sync()
    await handle.close()
    handle = undefined
    await rename(temporary, path)
    await syncFolder(folder)
  } catch (error) {
    await handle?.close().catch(() => undefined)
    await unlink(temporary).catch(() => undefined)
    throw ioError('write', path, error)
  }
}
