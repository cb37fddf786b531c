// Files of arrays: safetensors, .npy, .npz, IDX. Half of the inputs are damaged files; half have a header that is right in form
// and odd in what it says, so that it reaches the code behind the first checks.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { idxIn } from '../../../dist/data/files.js'
import { decodeNpy } from '../../../dist/io/npy.js'
import { arraysIn } from '../../../dist/io/npz.js'
import { safetensorsFrom } from '../../../dist/io/safetensors.js'
import { toTensors } from '../../../dist/io/tensors.js'
import { scratch } from '../lib/scratch.mjs'
import { mutated, mutatedJson } from './mutate.mjs'

const below = (random, n) => Math.floor(random() * n)
const one = (random, list) => list[below(random, list.length)]
const free = (made) => {
  if (typeof made?.dispose === 'function') made.dispose()
}

/** Bytes that are read as an open file is. */
export function inMemory(bytes) {
  let next = 0
  return {
    stat: async () => ({ size: bytes.length }),
    read: async (buffer, offset, length, position) => {
      const from = position ?? next
      const part = bytes.subarray(from, from + length)
      buffer.set(part, offset)
      next = from + part.length
      return { bytesRead: part.length }
    },
    close: async () => {},
  }
}

/** A file that is overwritten by each input. */
export function onDisk(name, read) {
  const path = join(scratch('fuzz'), name)
  return async (bytes) => {
    writeFileSync(path, bytes)
    return read(path)
  }
}

// --- safetensors

export function safetensorsFile(header, data) {
  const json = Buffer.from(JSON.stringify(header))
  const head = Buffer.alloc(8)
  head.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([head, json, data])
}

const SAFETENSORS = {
  __metadata__: { format: 'pt', note: 'x' },
  a: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
  b: { dtype: 'BF16', shape: [4], data_offsets: [24, 32] },
  c: { dtype: 'I64', shape: [], data_offsets: [32, 40] },
  d: { dtype: 'BOOL', shape: [8], data_offsets: [40, 48] },
  e: { dtype: 'F16', shape: [0, 5], data_offsets: [48, 48] },
}

export async function safetensors() {
  const data = Buffer.from(Array.from({ length: 48 }, (_, i) => (i < 40 ? i : i & 1)))
  const seed = safetensorsFile(SAFETENSORS, data)
  const read = async (bytes) => {
    const { tensors } = await safetensorsFrom(inMemory(bytes), 'a.safetensors')
    for (const each of Object.values(await toTensors(Object.entries(tensors)))) free(each)
  }
  const make = (random) =>
    random() < 0.5 ? mutated(seed, random) : safetensorsFile(mutatedJson(SAFETENSORS, random), data)
  return { make, read }
}

// --- .npy

const DESCRS = [
  '<f4',
  '>f8',
  '<f2',
  '|u1',
  '|b1',
  '<i8',
  '>u2',
  '<u8',
  '<U3',
  '>U2',
  '|S4',
  '<U0',
  '|S0',
  '|O',
  '<c16',
  '<f16',
  '|V8',
  '<M8[s]',
  '',
  '<U99999999999',
]
const SIZES = [0, 1, 2, 3, 7, 64, 65536, 2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1, 2 ** 53, 1e15]

export function npyFile(dictionary, data, version = 1) {
  const text = Buffer.from(dictionary, 'latin1')
  const head = version === 1 ? Buffer.alloc(10) : Buffer.alloc(12)
  Buffer.from('\x93NUMPY', 'latin1').copy(head)
  head[6] = version
  if (version === 1) head.writeUInt16LE(text.length & 0xffff, 8)
  else head.writeUInt32LE(text.length, 8)
  return Buffer.concat([head, text, data])
}

function oddNpy(random) {
  const descr = one(random, DESCRS)
  const axes = random() < 0.02 ? below(random, 2000) : below(random, 5)
  const shape = Array.from({ length: axes }, () => one(random, random() < 0.7 ? SIZES.slice(0, 6) : SIZES))
  const count = shape.reduce((n, size) => n * size, 1)
  const width = Number(/\d+$/.exec(descr)?.[0] ?? 0) * (descr[1] === 'U' ? 4 : 1)
  const bytes = count * width
  // The right number of bytes where that is few.
  const data = Buffer.alloc(bytes <= 4096 ? bytes : below(random, 64))
  for (let i = 0; i < data.length; i++) data[i] = random() < 0.7 ? 0 : below(random, 256)
  const comma = shape.length === 1 ? ',' : ''
  const dictionary = `{'descr': '${descr}', 'fortran_order': ${random() < 0.5 ? 'True' : 'False'}, 'shape': (${shape.join(', ')}${comma}), }\n`
  return npyFile(dictionary, data, one(random, [1, 1, 1, 2, 3]))
}

const NPY = [
  npyFile("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n", Buffer.alloc(48, 63)),
  npyFile("{'descr': '>i2', 'fortran_order': True, 'shape': (3, 2), }\n", Buffer.alloc(12, 1)),
  npyFile("{'descr': '<U2', 'fortran_order': True, 'shape': (2, 2), }\n", Buffer.alloc(32, 0), 3),
  npyFile("{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }\n", Buffer.from('abcde\0'), 2),
]
const npyBytes = (random) => (random() < 0.4 ? mutated(one(random, NPY), random) : oddNpy(random))

export async function npy() {
  const read = async (bytes) => free(await decodeNpy(bytes, 'a.npy'))
  return { make: npyBytes, read }
}

// --- .npz

/**
 * A zip archive.
 *
 * @param {{ name: string, data: Buffer, method?: number, packed?: Buffer, size?: number, crc?: number, header?: number }[]} members
 *   what the directory says may be other than what is there
 */
export function zipFile(members) {
  const parts = []
  const directory = []
  let at = 0
  for (const {
    name,
    data,
    method = 8,
    packed = method === 8 ? deflateRawSync(data) : data,
    size = data.length,
    crc = crc32(data),
    header,
  } of members) {
    const bytes = Buffer.from(name)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(method, 8)
    local.writeUInt16LE(bytes.length, 26)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50, 0)
    entry.writeUInt16LE(method, 10)
    entry.writeUInt32LE(crc >>> 0, 16)
    entry.writeUInt32LE(packed.length, 20)
    entry.writeUInt32LE(Math.min(size, 0xffffffff), 24)
    entry.writeUInt16LE(bytes.length, 28)
    entry.writeUInt32LE(header ?? at, 42)
    directory.push(entry, bytes)
    parts.push(local, bytes, packed)
    at += 30 + bytes.length + packed.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...parts, central, end])
}

const NAMES = [
  'a.npy',
  'b.npy',
  '__proto__.npy',
  'constructor.npy',
  '../../a.npy',
  '/etc/passwd.npy',
  '\0.npy',
  '.npy',
  'a',
  'x/y.npy',
  'toString.npy',
  '0.npy',
]

function oddNpz(random) {
  const members = Array.from({ length: 1 + below(random, 3) }, () => {
    const data = npyBytes(random)
    const member = { name: one(random, NAMES), data, method: one(random, [0, 8, 8]) }
    if (random() < 0.1) member.size = one(random, SIZES)
    if (random() < 0.05) member.header = one(random, SIZES.slice(0, 8))
    if (random() < 0.05) member.crc = 0
    return member
  })
  return zipFile(members)
}

export async function npz() {
  const seeds = [
    zipFile([
      { name: 'x.npy', data: NPY[0] },
      { name: 'y.npy', data: NPY[1], method: 0 },
    ]),
    zipFile([{ name: 'names.npy', data: NPY[2] }]),
  ]
  const read = async (bytes) => {
    for (const array of (await arraysIn(bytes, 'a.npz')).values()) free(array)
  }
  return { make: (random) => (random() < 0.5 ? mutated(one(random, seeds), random) : oddNpz(random)), read }
}

// --- IDX

function oddIdx(random) {
  const axes = random() < 0.05 ? below(random, 256) : below(random, 4)
  const shape = Array.from({ length: axes }, () =>
    one(random, random() < 0.8 ? SIZES.slice(0, 5) : [2 ** 31, 2 ** 32 - 1, 65536]),
  )
  const code = one(random, [8, 8, 9, 11, 12, 13, 14, 10, 0])
  const width = { 8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8 }[code] ?? 1
  const head = Buffer.alloc(4 + 4 * axes)
  head[2] = code
  head[3] = axes
  for (const [k, size] of shape.entries()) head.writeUInt32BE(size, 4 + 4 * k)
  const bytes = shape.reduce((n, size) => n * size, 1) * width
  return Buffer.concat([head, Buffer.alloc(bytes <= 4096 ? bytes : below(random, 64), below(random, 256))])
}

export async function idx() {
  const seed = Buffer.concat([Buffer.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2]), Buffer.alloc(12, 9)])
  const make = (random) => {
    const bytes = random() < 0.5 ? mutated(seed, random) : oddIdx(random)
    if (random() < 0.9) return bytes
    return random() < 0.5 ? gzipSync(bytes, { level: 1 }) : mutated(gzipSync(bytes, { level: 1 }), random)
  }
  return { make, read: async (bytes) => free(await idxIn(bytes, 'a.idx')) }
}
