/** Reads NumPy's .npz archives. */
import { LangevinError } from '../errors.js'
import type { Tensor } from '../tensor/index.js'
import { formatError, readWhole } from './files.js'
import { decodeNpy, type NestedText, nested, type TextArray } from './npy.js'
import { openZip } from './zip.js'

/** Arrays of a .npz archive in the order of the file (or of `names`). */
export async function readArchive(path: string, names?: readonly string[]): Promise<Map<string, Tensor | TextArray>> {
  return arraysIn(await readWhole(path), path, names)
}

/** Arrays of the bytes of an archive; `path` names it in errors. */
export async function arraysIn(
  bytes: Uint8Array,
  path: string,
  names?: readonly string[],
): Promise<Map<string, Tensor | TextArray>> {
  const archive = openZip(bytes, path)
  const present = [...archive.keys()].filter((name) => name.endsWith('.npy')).map((name) => name.slice(0, -4))
  if (present.length === 0) throw formatError(path, 0, 'the archive holds no .npy arrays')
  const arrays = new Map<string, Tensor | TextArray>()
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
    arrays.set(name, await decodeNpy(await member(), `${path}:${name}.npy`))
  }
  return arrays
}

/**
 * Reads arrays of a .npz archive by name (all of them when no names are given). Text arrays come as lists of texts, nested as
 * their axes are. An object of names cannot keep the order of the file where names are whole numbers; `data.npz` keeps it.
 * Errors: ERR_LANGEVIN_IO, ERR_LANGEVIN_FORMAT (path, offset), ERR_LANGEVIN_UNSUPPORTED (pickled arrays),
 * ERR_LANGEVIN_INVALID_OPTION for a name that is not in the archive.
 */
export async function readNpz(path: string, names?: readonly string[]): Promise<Record<string, Tensor | NestedText>> {
  const arrays: Record<string, Tensor | NestedText> = Object.create(null)
  for (const [name, array] of await readArchive(path, names)) {
    arrays[name] = 'texts' in array ? nested(array) : array
  }
  return arrays
}
