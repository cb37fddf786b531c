/** Reads files that may be compressed with gzip. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { formatError, mostUnpacked, readWhole } from './files.js'

const unpack = promisify(gunzip)

/** The whole file, unpacked when it is gzip. @throws (rejects) as `maybeGzip`, and ERR_LANGEVIN_IO */
export async function readMaybeGzip(path: string): Promise<Buffer> {
  return maybeGzip(await readWhole(path), path)
}

/**
 * The bytes of a file, unpacked when they are gzip (recognised by the first two bytes, not by the name of the file).
 *
 * @param most bytes that they may unpack to
 * @throws (rejects) ERR_LANGEVIN_FORMAT where they are damaged, or unpack to more
 */
export async function maybeGzip(raw: Buffer, path: string, most = mostUnpacked(raw.length)): Promise<Buffer> {
  if (raw[0] !== 0x1f || raw[1] !== 0x8b) return raw
  try {
    return await unpack(raw, { maxOutputLength: most })
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    const problem = tooLarge
      ? `it unpacks to more than ${most} bytes, too much for a file of its size; unpack it with gunzip if it is to be trusted`
      : `the gzip data is damaged or cut off (${(error as Error).message})`
    throw formatError(path, tooLarge ? undefined : raw.length, problem, error)
  }
}
