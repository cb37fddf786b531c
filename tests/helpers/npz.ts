/** .npy arrays and .npz archives by hand, for what NumPy's own test files do not hold. */
import { crc32 } from 'node:zlib'

/** A .npy array of format version 1.0. */
export function npyBytes(descr: string, shape: readonly number[], data: Uint8Array, fortran = false): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${tuple}, }\n`
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 0xff, text.length >> 8])
  return Buffer.concat([head, Buffer.from(text, 'latin1'), data])
}

/** float64 numbers as a .npy array. */
export function numbersNpy(values: readonly number[], shape: readonly number[] = [values.length]): Buffer {
  return npyBytes('<f8', shape, new Uint8Array(Float64Array.from(values).buffer))
}

/** Texts as a '<U' .npy array, in the order in which they lie. */
export function textsNpy(texts: readonly string[], shape: readonly number[] = [texts.length], fortran = false): Buffer {
  const width = Math.max(1, ...texts.map((text) => [...text].length))
  const points = new Uint32Array(texts.length * width)
  for (const [i, text] of texts.entries()) {
    for (const [k, character] of [...text].entries()) points[i * width + k] = character.codePointAt(0)!
  }
  return npyBytes(`<U${width}`, shape, new Uint8Array(points.buffer), fortran)
}

/** A zip archive of stored (not compressed) .npy members, in this order. */
export function npzBytes(members: readonly (readonly [string, Buffer])[]): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, bytes] of members) {
    const file = Buffer.from(`${name}.npy`)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(20, 4)
    local.writeUInt32LE(crc32(bytes), 14)
    local.writeUInt32LE(bytes.length, 18)
    local.writeUInt32LE(bytes.length, 22)
    local.writeUInt16LE(file.length, 26)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50, 0)
    local.copy(entry, 6, 4, 30)
    entry.writeUInt32LE(offset, 42)
    parts.push(local, file, bytes)
    directory.push(entry, file)
    offset += local.length + file.length + bytes.length
  }
  const listing = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(listing.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, listing, end])
}
