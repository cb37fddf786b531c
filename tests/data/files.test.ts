/** Readers of array files: npz, npy, idx, cifar, safetensors, parquet. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as data from '../../src/data/index.js'
import * as io from '../../src/io/index.js'
import { tensor } from '../../src/tensor/index.js'
import { reference } from '../helpers/python.js'

let folder: string
const at = (name: string) => join(folder, name)
function file(name: string, bytes: Uint8Array): string {
  writeFileSync(at(name), bytes)
  return at(name)
}
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-files-'))
  reference('arrays.py', { write: folder })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** An IDX file by hand: two zero bytes, type, axes, big-endian sizes, values. */
function idx(type: number, sizes: number[], values: number[]): Uint8Array {
  const head = Buffer.alloc(4 + 4 * sizes.length)
  head[2] = type
  head[3] = sizes.length
  sizes.forEach((size, k) => void head.writeUInt32BE(size, 4 + 4 * k))
  return Buffer.concat([head, Buffer.from(values)])
}

describe('data.npz and data.npy', () => {
  test('arrays are columns, y is the label', async () => {
    const set = await data.npz(at('deflated.npz'))
    expect([set.columns, set.label, set.length]).toEqual([['X', 'y'], 'y', 2])
    expect(set.toTensor().toArray()).toEqual([
      [-3, -1.5, 0],
      [1.5, 3, 4.5],
    ])
    expect(set.labels()!.toArray()).toEqual([0, 1])
    expect((await data.npz(at('stored.npz'), { columns: ['X'] })).columns).toEqual(['X'])
    const text = await data.npz(at('text.npz'))
    expect(text.categories.names).toEqual(['b', 'äö'])
    expect((await data.npy(at('lef4-F.npy'))).column('x').shape).toEqual([2, 3])
    await expect(data.npy(at('scalar.npy'))).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
  })
})

describe('data.idx', () => {
  const images = idx(8, [2, 2, 3], [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255])
  const labels = idx(8, [2], [7, 9])

  test.each([false, true])('images and labels, gzip %s', async (packed) => {
    const pack = (bytes: Uint8Array) => (packed ? gzipSync(bytes) : bytes)
    const set = await data.idx(file('images', pack(images)), file('labels', pack(labels)))
    expect(set.column('x').shape).toEqual([2, 2, 3])
    expect(set.column('x').dtype).toBe('uint8')
    expect(set.toTensor().toArray()).toEqual([
      [0, 1, 2, 3, 4, 5],
      [250, 251, 252, 253, 254, 255],
    ])
    expect(set.labels()!.toArray()).toEqual([7, 9])
  })

  test('big-endian int16', async () => {
    const set = await data.idx(file('short', idx(11, [1, 3], [0, 1, 1, 0, 255, 254])))
    expect(set.column('x').toArray()).toEqual([[1, 256, -2]])
  })

  test('foreign and damaged files', async () => {
    const cases: [string, Uint8Array, number][] = [
      ['empty', Buffer.alloc(0), 0],
      ['foreign', Buffer.from('text'), 0],
      ['type', idx(7, [1], [1]), 2],
      ['cut', images.subarray(0, 20), 20],
      ['long', Buffer.concat([images, Buffer.from([1])]), images.length],
      ['header', images.subarray(0, 6), 6],
      ['gzip', gzipSync(images).subarray(0, 25), 25],
    ]
    for (const [name, bytes, offset] of cases) {
      const path = file(`bad-${name}`, bytes)
      const error = await data.idx(path).catch((e) => e)
      expect([name, error.code, error.details]).toEqual([name, 'ERR_LANGEVIN_FORMAT', { path, offset }])
    }
    await expect(data.idx(at('none'))).rejects.toMatchObject({ code: 'ERR_LANGEVIN_IO' })
    const three = file('three', idx(8, [3], [1, 2, 3]))
    await expect(data.idx(file('two', images), three)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
  })
})

describe('data.cifar', () => {
  test('records of label and three planes, several files', async () => {
    const record = (label: number) =>
      Buffer.from(Array.from({ length: 3073 }, (_, i) => (i === 0 ? label : (i - 1) % 256)))
    const paths = [file('c1', Buffer.concat([record(3), record(5)])), file('c2', gzipSync(record(9)))]
    const set = await data.cifar(paths)
    expect(set.column('x').shape).toEqual([3, 3, 32, 32])
    expect(set.labels()!.toArray()).toEqual([3, 5, 9])
    const first = set.column('x').slice(0, 1).toTypedArray()
    expect([first[0], first[1023], first[1024], first[3071]]).toEqual([0, 255, 0, 255])
    const cut = file('c3', record(1).subarray(1))
    await expect(data.cifar(cut)).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_FORMAT',
      details: { path: cut, offset: 0 },
    })
  })
})

describe('data.safetensors', () => {
  test('tensors are columns; a file goes round', async () => {
    const path = at('set.safetensors')
    const x = tensor([
      [1.5, 2],
      [3, 4],
      [5, 6],
    ])
    const y = tensor([0, 1, 1], undefined, 'int64')
    const half = tensor([1, 2, 3]).to('bfloat16')
    await io.safetensors.write(path, { x, y, half }, { origin: 'test' })
    const set = await data.safetensors(path, { columns: ['x', 'y'] })
    expect(set.toTensor().toArray()).toEqual(x.toArray())
    expect(set.labels()!.toArray()).toEqual([0, 1, 1])
    const { tensors, metadata } = await io.safetensors.read(path)
    expect(metadata).toEqual({ origin: 'test' })
    expect([tensors.half!.dtype, tensors.half!.toArray()]).toEqual(['bfloat16', [1, 2, 3]])
    await expect(data.safetensors(path, { columns: ['z'] })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
    })
  })
})

describe('the tables shipped with the package', () => {
  test.each([
    ['breast_cancer.csv', 569, 30, [212, 357]],
    ['wine.csv', 178, 13, [59, 71, 48]],
  ])('%s', async (name, rows, width, counts) => {
    const set = await data.csv(new URL(`../../data/${name}`, import.meta.url).pathname, { label: 'target' })
    expect(set.toTensor().shape).toEqual([rows, width])
    expect(counts.map((_, k) => set.where('target', k).shape[0])).toEqual(counts)
  })
})
