/** Reads NumPy's .npz archives. */
import { LangevinError } from '../errors.js'
import type { Tensor } from '../tensor/index.js'
import { formatError, readWhole } from './files.js'
import { decodeNpy } from './npy.js'
import { openZip } from './zip.js'

/**
 * Reads arrays of a .npz archive by name (all of them when no names are given). Text arrays come as lists of texts.
 * Errors: ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT (path, offset), ERR_LANGEVIN_UNSUPPORTED (pickled arrays),
 * ERR_LANGEVIN_INVALID_OPTION for a name that is not in the archive.
 */
export async function readNpz(path: string, names?: readonly string[]): Promise<Record<string, Tensor | string[]>> {
  const archive = openZip(await readWhole(path), path)
  const present = [...archive.keys()].filter((name) => name.endsWith('.npy')).map((name) => name.slice(0, -4))
  if (present.length === 0) throw formatError(path, 0, 'the archive holds no .npy arrays')
  const arrays: Record<string, Tensor | string[]> = {}
  for (const name of names ?? present) {
    const member = archive.get(`${name}.npy`)
    if (member === undefined) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `${path}: there is no array '${name}'; it holds ${present.join(', ')}`,
        {
          details: { path, name, present },
        },
      )
    }
    arrays[name] = await decodeNpy(await member(), `${path}:${name}.npy`)
  }
  return arrays
}
