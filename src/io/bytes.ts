/** Reads files that may be compressed with gzip. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { formatError, readWhole } from './files.js'

const unpack = promisify(gunzip)

/** The whole file, unpacked when it is gzip (recognised by its first two bytes, not by its name). */
export async function readMaybeGzip(path: string): Promise<Buffer> {
  const raw = await readWhole(path)
  if (raw[0] !== 0x1f || raw[1] !== 0x8b) return raw
  try {
    return await unpack(raw)
  } catch (error) {
    throw formatError(path, raw.length, `the gzip data is damaged or cut off (${(error as Error).message})`, error)
  }
}
