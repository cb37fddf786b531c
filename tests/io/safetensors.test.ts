/** safetensors files, written and read, and what the reader refuses. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSafetensors, type StoredTensor, writeSafetensors } from '../../src/io/safetensors.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-safetensors-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bytes = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
const floats: StoredTensor = { dtype: 'float32', shape: [2, 3], data: bytes(new Float32Array([1, 2, 3, 4, 5, -6.5])) }
const doubles: StoredTensor = { dtype: 'float64', shape: [2], data: bytes(new Float64Array([Math.PI, -1e300])) }
const longs: StoredTensor = { dtype: 'int64', shape: [1], data: bytes(new BigInt64Array([-(2n ** 62n)])) }
const flags: StoredTensor = { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) }
const empty: StoredTensor = { dtype: 'float32', shape: [0, 4], data: new Uint8Array(0) }
const all = { '0.weight': floats, 'b.bias': doubles, labels: longs, flags, empty }

/** A file made by hand: header text (or length) and data, independent of the writer. */
function craft(name: string, header: string, data: Uint8Array = new Uint8Array(0), length?: bigint): string {
  const path = join(folder, name)
  const json = Buffer.from(header)
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(length ?? BigInt(json.length))
  writeFileSync(path, Buffer.concat([size, json, data]))
  return path
}

function plain(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

// Written from the public description of the format: 8 bytes little-endian length, JSON, data; offsets without holes.
const PYTHON = `
import json, struct, sys
raw = open(sys.argv[1], 'rb').read()
(n,) = struct.unpack('<Q', raw[:8])
assert raw[8:9] == b'{' and (8 + n) % 8 == 0
head = json.loads(raw[8:8 + n].decode('utf-8'))
meta = head.pop('__metadata__', {})
data = raw[8 + n:]
code = {'F64': 'd', 'F32': 'f', 'I64': 'q', 'BOOL': '?', 'U8': 'B'}
out, at = {}, 0
for name, t in sorted(head.items(), key=lambda kv: kv[1]['data_offsets']):
    begin, end = t['data_offsets']
    assert begin == at, name
    at = end
    size = struct.calcsize(code[t['dtype']])
    assert begin % size == 0, 'unaligned ' + name
    count = 1
    for s in t['shape']: count *= s
    assert count * size == end - begin
    out[name] = [t['dtype'], t['shape'], list(struct.unpack('<%d%s' % (count, code[t['dtype']]), data[begin:end]))]
assert at == len(data)
print(json.dumps([out, meta]))
`

describe('writeSafetensors', () => {
  test('what is written is what is read', async () => {
    const path = join(folder, 'round.safetensors')
    await writeSafetensors(path, all, { spec: '{"kind":"mlp"}', note: 'äöü' })
    const file = await readSafetensors(path)
    expect(file.metadata).toEqual({ spec: '{"kind":"mlp"}', note: 'äöü' })
    expect(Object.keys(file.tensors).sort()).toEqual(Object.keys(all).sort())
    for (const [name, value] of Object.entries(all)) {
      expect(file.tensors[name]!.dtype).toBe(value.dtype)
      expect(file.tensors[name]!.shape).toEqual(value.shape)
      expect([...file.tensors[name]!.data]).toEqual([...value.data])
    }
  })

  test('an independent reader accepts the file', async () => {
    const path = join(folder, 'python.safetensors')
    await writeSafetensors(path, all, { a: 'b' })
    const [out, metadata] = JSON.parse(execFileSync('python3', ['-c', PYTHON, path], { encoding: 'utf8' }))
    expect(metadata).toEqual({ a: 'b' })
    expect(out['0.weight']).toEqual(['F32', [2, 3], [1, 2, 3, 4, 5, -6.5]])
    expect(out['b.bias']).toEqual(['F64', [2], [Math.PI, -1e300]])
    expect(out.labels).toEqual(['I64', [1], [Number(-(2n ** 62n))]])
    expect(out.flags).toEqual(['BOOL', [3], [true, false, true]])
    expect(out.empty).toEqual(['F32', [0, 4], []])
  })

  test('a failed write leaves the old file and no temporary one', async () => {
    const path = join(folder, 'keep.safetensors')
    await writeSafetensors(path, { floats })
    const before = readFileSync(path)
    const wrong = { floats: { ...floats, shape: [7] } }
    await expect(writeSafetensors(path, wrong)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test.each([
    ['a folder', () => folder, 'EISDIR'],
    ['a missing folder', () => join(folder, 'no', 'such', 'x.safetensors'), 'ENOENT'],
    ['a file used as a folder', () => join(craft('plain', '{}'), 'x.safetensors'), 'ENOTDIR'],
  ])('%s gives ERR_LANGEVIN_IO', async (_, path, reason) => {
    const target = path()
    await expect(writeSafetensors(target, { floats })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_IO',
      details: { path: target, reason },
    })
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test('a full disk gives ERR_LANGEVIN_IO with ENOSPC', async () => {
    // A full file system cannot be had in a test, so a real ENOSPC error of /dev/full goes through the error mapping.
    const { ioError } = await import('../../src/io/files.js')
    const { open } = await import('node:fs/promises')
    const full = await open('/dev/full', 'w')
    const error = await full.appendFile(new Uint8Array(16)).then(
      () => undefined,
      (cause: unknown) => ioError('write', '/dev/full', cause),
    )
    await full.close()
    expect(error).toMatchObject({ code: 'ERR_LANGEVIN_IO', details: { path: '/dev/full', reason: 'ENOSPC' } })
    expect(error!.message).toContain('the disk is full')
  })
})

test('a header of any length is read: its first bytes may look like another format', async () => {
  const path = join(folder, 'lengths.safetensors')
  const tensors: Record<string, StoredTensor> = { x: { dtype: 'uint8', shape: [1], data: Uint8Array.of(7) } }
  // 0x280 to 0x580 begin like a pickle, 0x4b50 like a zip archive.
  for (const wanted of [0x280, 0x380, 0x480, 0x580, 0x4b50]) {
    await writeSafetensors(path, tensors, { filler: '' })
    const empty = Number(readFileSync(path).readBigUInt64LE(0))
    await writeSafetensors(path, tensors, { filler: 'x'.repeat(wanted - empty) })
    expect(Number(readFileSync(path).readBigUInt64LE(0))).toBe(wanted)
    expect((await readSafetensors(path)).tensors.x!.data).toEqual(Uint8Array.of(7))
  }
})

describe('readSafetensors refuses', () => {
  const one = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
  const four = new Uint8Array(4)
  test.each([
    ['an empty file', () => plain('e', ''), 0],
    ['a file of five bytes', () => plain('f', 'hello'), 5],
    ['an impossible header length', () => craft('g', '{}', four, 2n ** 60n), 0],
    ['a header longer than the file', () => craft('h', '{}', four, 1000n), 14],
    ['a header that is not JSON', () => craft('i', '{"a":'), undefined],
    ['a header that is not an object', () => craft('j', '[1,2]'), undefined],
    ['text that is not UTF-8', () => craft('k', '{"\u0000', Uint8Array.of(0xff, 0xff), 5n), undefined],
    ['an unknown dtype', () => craft('l', one.replace('F32', 'F31'), four), undefined],
    ['a negative size', () => craft('m', one.replace('[1]', '[-1]'), four), undefined],
    ['a shape that needs more bytes', () => craft('n', one.replace('[1]', '[3]'), four), undefined],
    ['a truncated file', () => craft('o', one, four.subarray(1)), 8 + one.length + 3],
    ['bytes after the last tensor', () => craft('p', one, new Uint8Array(9)), 8 + one.length + 4],
    ['a hole in the data', () => craft('q', one.replace('[0,4]', '[4,8]'), new Uint8Array(8)), 8 + one.length],
    ['metadata that is not text', () => craft('r', '{"__metadata__":{"a":1}}'), undefined],
    [
      'tensors that overlap',
      () => {
        const entry = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
        return craft('s', `{"a":${entry},"b":${entry}}`, four)
      },
      -1,
    ],
  ])('%s', async (_, make, offset) => {
    const path = make()
    const error = await readSafetensors(path).catch((e) => e)
    expect(error).toMatchObject({ code: 'ERR_LANGEVIN_FORMAT', details: { path } })
    if (offset !== -1) expect(error.details.offset).toBe(offset)
    expect(error.message).toContain(path)
  })

  test('a path that does not exist and a folder', async () => {
    await expect(readSafetensors(join(folder, 'none'))).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_IO',
      details: { reason: 'ENOENT' },
    })
    await expect(readSafetensors(folder)).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_IO',
      details: { reason: 'EISDIR' },
    })
  })
})
