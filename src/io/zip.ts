/** Reads zip archives, the container of .npz files. */
import { promisify, TextDecoder } from 'node:util'
import { crc32, inflateRaw } from 'node:zlib'
import { LangevinError } from '../errors.js'
import { formatError, mostUnpacked } from './files.js'

const inflate = promisify(inflateRaw)

interface ZipMember {
  name: string
  method: number
  crc: number
  packed: number
  size: number
  /** Where the member's local header begins. */
  header: number
}

const END = 0x06054b50
const END64_LOCATOR = 0x07064b50
const END64 = 0x06064b50
const MEMBER = 0x02014b50
const LOCAL = 0x04034b50

function findEnd(view: DataView, path: string): number {
  // The end record is 22 bytes plus a comment of at most 65,535.
  for (let at = view.byteLength - 22; at >= Math.max(0, view.byteLength - 22 - 0xffff); at--) {
    if (view.getUint32(at, true) === END) return at
  }
  throw formatError(path, view.byteLength, 'not a zip archive, or its end is cut off')
}

/** Number of members and start of the central directory; archives over 4 GiB keep them in a second record. */
function directory(view: DataView, end: number, path: string): { count: number; start: number } {
  const count = view.getUint16(end + 10, true)
  const start = view.getUint32(end + 16, true)
  if (count !== 0xffff && start !== 0xffffffff) return { count, start }
  const locator = end - 20
  if (locator < 0 || view.getUint32(locator, true) !== END64_LOCATOR)
    throw formatError(path, end, 'the zip64 record is missing')
  const at = Number(view.getBigUint64(locator + 8, true))
  if (at + 56 > view.byteLength || view.getUint32(at, true) !== END64)
    throw formatError(path, locator, 'the zip64 record is damaged')
  return { count: Number(view.getBigUint64(at + 32, true)), start: Number(view.getBigUint64(at + 48, true)) }
}

/** Sizes and offset that do not fit 32 bits are in extra field 1, in this order, only those that are needed. */
function wide(view: DataView, at: number, length: number, member: ZipMember): void {
  const end = at + length
  while (at + 4 <= end) {
    const id = view.getUint16(at, true)
    const size = view.getUint16(at + 2, true)
    if (id === 1) {
      let field = at + 4
      for (const key of ['size', 'packed', 'header'] as const) {
        if (member[key] === 0xffffffff && field + 8 <= end) {
          member[key] = Number(view.getBigUint64(field, true))
          field += 8
        }
      }
    }
    at += 4 + size
  }
}

function members(bytes: Uint8Array, path: string): ZipMember[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 22) throw formatError(path, bytes.length, 'not a zip archive: too short')
  const { count, start } = directory(view, findEnd(view, path), path)
  const list: ZipMember[] = []
  let at = start
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== MEMBER)
      throw formatError(path, at, 'the zip directory is damaged')
    const nameLength = view.getUint16(at + 28, true)
    const extraLength = view.getUint16(at + 30, true)
    const commentLength = view.getUint16(at + 32, true)
    if (at + 46 + nameLength + extraLength + commentLength > bytes.length)
      throw formatError(path, at, 'the zip directory is cut off')
    if ((view.getUint16(at + 8, true) & 1) !== 0) {
      throw new LangevinError('ERR_LANGEVIN_UNSUPPORTED', `${path}: the archive is encrypted`)
    }
    const member: ZipMember = {
      name: new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength)),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      header: view.getUint32(at + 42, true),
    }
    wide(view, at + 46 + nameLength, extraLength, member)
    list.push(member)
    at += 46 + nameLength + extraLength + commentLength
  }
  return list
}

/** Refuses what cannot come of writing arrays: members that share bytes, and ones that unpack to more than any memory. */
function refuseBombs(list: readonly ZipMember[], bytes: Uint8Array, path: string): void {
  const total = list.reduce((sum, { size }) => sum + size, 0)
  if (total > mostUnpacked(bytes.length)) {
    const problem = `its members unpack to ${total} bytes, too much for an archive of ${bytes.length}`
    throw formatError(
      path,
      undefined,
      `${problem}; if it is to be trusted, save the arrays with numpy.savez, not compressed`,
    )
  }
  let end = 0
  for (const { name, header, packed } of list.toSorted((a, b) => a.header - b.header)) {
    // 30 bytes stand before the name; the name itself may be another one there.
    if (header < end) throw formatError(path, header, `member '${name.slice(0, 64)}' lies inside another one`)
    end = header + 30 + packed
  }
}

/** The members of a zip archive, each unpacked (off the JavaScript thread) and checked when asked for. */
export function openZip(bytes: Uint8Array, path: string): Map<string, () => Promise<Uint8Array>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const read = async (member: ZipMember): Promise<Uint8Array> => {
    const { header, name } = member
    if (header + 30 > bytes.length || view.getUint32(header, true) !== LOCAL)
      throw formatError(path, header, `member '${name}' is missing`)
    const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true)
    if (start + member.packed > bytes.length) throw formatError(path, bytes.length, `member '${name}' is cut off`)
    const packed = bytes.subarray(start, start + member.packed)
    let data: Uint8Array = packed
    if (member.method === 8) {
      try {
        // A few bytes more than promised are let through so that the size check below names the member.
        data = await inflate(packed, { maxOutputLength: Math.max(member.size, 1) + 16 })
      } catch (error) {
        throw formatError(path, start, `member '${name}' is damaged (${(error as Error).message})`, error)
      }
    } else if (member.method !== 0) {
      throw new LangevinError(
        'ERR_LANGEVIN_UNSUPPORTED',
        `${path}: member '${name}' uses zip method ${member.method}; only stored and deflate are read`,
      )
    }
    if (data.length !== member.size || crc32(data) !== member.crc) {
      throw formatError(path, start, `member '${name}' is damaged: size or checksum do not match`)
    }
    return data
  }
  const list = members(bytes, path)
  refuseBombs(list, bytes, path)
  return new Map(list.map((member) => [member.name, () => read(member)]))
}
