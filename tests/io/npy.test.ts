/** NumPy's .npy and .npz files. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { npy, npz } from '../../src/io/index.js'
import { parseNpyHeader } from '../../src/io/npy.js'
import { type Tensor, tensor } from '../../src/tensor/index.js'
import { reference } from '../helpers/python.js'

let folder: string
let written: Record<string, number[][]>
const at = (name: string) => join(folder, name)
const numbers = (t: Tensor) => (t.to('float64').toArray() as number[][]).map((row) => [...row])

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-npy-'))
  written = reference('arrays.py', { write: folder })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('npy', () => {
  test('every dtype, byte order and axis order that NumPy writes', async () => {
    expect(Object.keys(written).length).toBe(30)
    for (const [name, values] of Object.entries(written)) {
      const read = await npy.read(at(`${name}.npy`))
      expect(read.shape).toEqual([2, 3])
      expect([name, numbers(read)]).toEqual([name, values])
    }
    expect((await npy.read(at('lef8-F.npy'))).dtype).toBe('float64')
    expect((await npy.read(at('lef2-C.npy'))).dtype).toBe('float32')
    expect((await npy.read(at('bei2-C.npy'))).dtype).toBe('int64')
    expect((await npy.read(at('u1-C.npy'))).dtype).toBe('uint8')
    expect((await npy.read(at('b1-F.npy'))).dtype).toBe('bool')
  })

  test('format versions 2 and 3, and a scalar', async () => {
    for (const version of [2, 3])
      expect(numbers(await npy.read(at(`version${version}.npy`)))).toEqual(written['lef8-C'])
    const scalar = await npy.read(at('scalar.npy'))
    expect(scalar.shape).toEqual([])
    expect([...scalar.toTypedArray()]).toEqual([2.5])
  })

  test('NumPy reads what is written', async () => {
    const cases = [
      tensor(
        [
          [1.5, -2],
          [3, 4],
        ],
        undefined,
        'float64',
      ),
      tensor([1, 2, 3], undefined, 'float32'),
      tensor([[[1, 2]], [[3, -4]]], undefined, 'int64'),
      tensor([[250], [0]], undefined, 'uint8'),
      tensor([[true, false]]),
    ]
    const paths = cases.map((_, i) => at(`ours${i}.npy`))
    for (const [i, value] of cases.entries()) await npy.write(paths[i]!, value)
    const answer = reference<{ dtype: string; shape: number[]; values: unknown }[]>('arrays.py', { read: paths })
    expect(answer.map(({ dtype }) => dtype)).toEqual(['<f8', '<f4', '<i8', '|u1', '|b1'])
    for (const [i, value] of cases.entries()) {
      expect(answer[i]!.shape).toEqual(value.shape)
      expect(answer[i]!.values).toEqual(value.to('float64').toArray())
      expect(parseNpyHeader(readFileSync(paths[i]!), 'ours').dataStart % 64).toBe(0)
    }
  })

  test('pickled, record and damaged files are refused', async () => {
    await expect(npy.read(at('pickled.npy'))).rejects.toMatchObject({ code: 'ERR_LANGEVIN_UNSUPPORTED' })
    await expect(npy.read(at('records.npy'))).rejects.toMatchObject({ code: 'ERR_LANGEVIN_UNSUPPORTED' })
    const whole = readFileSync(at('lef8-C.npy'))
    const variants: [string, Buffer, number][] = [
      ['empty', Buffer.alloc(0), 0],
      ['foreign', Buffer.from('hello, this is no array'), 0],
      ['cut', whole.subarray(0, whole.length - 3), whole.length - 3],
      ['long', Buffer.concat([whole, Buffer.alloc(8)]), whole.length],
      ['header', whole.subarray(0, 40), 40],
      ['version', Buffer.concat([whole.subarray(0, 6), Buffer.from([9]), whole.subarray(7)]), 6],
    ]
    for (const [name, bytes, offset] of variants) {
      writeFileSync(at(name), bytes)
      await expect(npy.read(at(name))).rejects.toMatchObject({
        code: 'ERR_LANGEVIN_FORMAT',
        details: { path: at(name), offset },
      })
    }
    await expect(npy.read(at('none.npy'))).rejects.toMatchObject({ code: 'ERR_LANGEVIN_IO' })
    const brain = tensor([1, 2]).to('bfloat16')
    await expect(npy.write(at('b.npy'), brain)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_DTYPE' })
  })
})

describe('npz', () => {
  test.each(['stored', 'deflated'])('%s members, column-major inside', async (kind) => {
    const { X, y } = (await npz.read(at(`${kind}.npz`))) as { X: Tensor; y: Tensor }
    expect(numbers(X)).toEqual(written['lef8-C'])
    expect(y.toArray()).toEqual([0, 1])
    expect(Object.keys(await npz.read(at(`${kind}.npz`), ['y']))).toEqual(['y'])
  })

  test('text arrays come as texts', async () => {
    expect((await npz.read(at('text.npz'))).names).toEqual(['b', 'äö', 'b'])
  })

  test('an unknown name, a foreign file, a damaged member', async () => {
    await expect(npz.read(at('stored.npz'), ['Z'])).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    await expect(npz.read(at('lef8-C.npy'))).rejects.toMatchObject({ code: 'ERR_LANGEVIN_FORMAT' })
    for (const kind of ['stored', 'deflated']) {
      const bytes = readFileSync(at(`${kind}.npz`))
      // In the middle of the first member's data: its checksum no longer fits.
      const target = kind === 'stored' ? bytes.indexOf('NUMPY') + 130 : bytes.indexOf('X.npy') + 80
      bytes[target] = bytes[target]! ^ 0x55
      writeFileSync(at(`broken-${kind}.npz`), bytes)
      await expect(npz.read(at(`broken-${kind}.npz`))).rejects.toMatchObject({ code: 'ERR_LANGEVIN_FORMAT' })
      const cut = readFileSync(at(`${kind}.npz`))
      writeFileSync(at(`cut-${kind}.npz`), cut.subarray(0, cut.length - 10))
      await expect(npz.read(at(`cut-${kind}.npz`))).rejects.toMatchObject({ code: 'ERR_LANGEVIN_FORMAT' })
    }
  })
})
