/** Files above a piece are read a piece at a time: the same numbers, and nothing left of one that cannot be read to its end. */
import { mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Energy, energies, memoryStats } from '../../src/index.js'
import { PIECE } from '../../src/io/files.js'
import { npy, safetensors } from '../../src/io/index.js'
import { filledTensor, inPieces } from '../../src/io/pieces.js'
import { OpenSafetensors, writeSafetensors } from '../../src/io/safetensors.js'
import { type Tensor, tensor } from '../../src/tensor/index.js'
import { collected } from '../helpers/collector.js'
import { rejection } from '../helpers/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-large-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

const bytesOf = (value: Tensor) => {
  const { buffer, byteOffset, byteLength } = value.toTypedArray()
  return Buffer.from(buffer, byteOffset, byteLength)
}
/** Every word differs from the next, so that no piece can stand in another's place. */
const words = (bytes: number) => Uint32Array.from({ length: bytes / 4 }, (_, k) => Math.imul(k + 1, 0x9e3779b1) >>> 9)
const LARGE = PIECE + 4096

test('tensors of a large safetensors file have the bytes that were written', async () => {
  const raw = new Uint8Array(words(LARGE).buffer)
  const halves = new Uint8Array(Uint16Array.from({ length: LARGE / 2 }, (_, k) => 0x3c00 + (k % 512)).buffer)
  const bits = Uint8Array.from({ length: LARGE }, (_, k) => (k % 3) & 1)
  const data = {
    float32: { dtype: 'float32', shape: [LARGE / 4], data: raw },
    float64: { dtype: 'float64', shape: [2, LARGE / 16], data: raw },
    bfloat16: { dtype: 'bfloat16', shape: [LARGE / 2], data: raw },
    int64: { dtype: 'int64', shape: [LARGE / 8], data: raw },
    uint8: { dtype: 'uint8', shape: [LARGE], data: raw },
    bool: { dtype: 'bool', shape: [LARGE], data: bits },
    float16: { dtype: 'float16', shape: [LARGE / 2], data: halves },
    int32: { dtype: 'int32', shape: [LARGE / 4], data: raw },
    small: { dtype: 'uint8', shape: [3], data: raw.subarray(0, 3) },
  } as const
  const path = at('all.safetensors')
  await writeSafetensors(
    path,
    Object.fromEntries(Object.entries(data).map(([k, v]) => [k, { ...v, shape: [...v.shape] }])),
  )
  const { tensors } = await safetensors.read(path)
  for (const [name, { shape, data: given }] of Object.entries(data)) {
    const read = tensors[name]!
    expect([name, read.shape]).toEqual([name, shape])
    if (name === 'float16')
      expect(read.toTypedArray().slice(0, 3)).toEqual(Float32Array.of(1, 1 + 2 ** -10, 1 + 2 ** -9))
    else if (name === 'int32') expect(read.toTypedArray().at(-1)).toBe(BigInt(new Int32Array(raw.buffer).at(-1)!))
    else expect([name, Buffer.compare(bytesOf(read), given)]).toEqual([name, 0])
    read.dispose()
  }
})

test.each(['float32', 'float64', 'int64', 'uint8', 'bool'] as const)(
  'a large .npy array of %s is what was written',
  async (dtype) => {
    const raw = words(LARGE).buffer
    const arrays = {
      float32: new Float32Array(raw),
      float64: new Float64Array(raw),
      int64: new BigInt64Array(raw),
      uint8: new Uint8Array(raw),
      bool: Array.from({ length: LARGE }, (_, k) => k % 3 === 0),
    }
    using given = tensor(arrays[dtype] as Float32Array, [2, arrays[dtype].length / 2])
    const path = at(`${dtype}.npy`)
    await npy.write(path, given)
    using read = await npy.read(path)
    expect([read.dtype, read.shape]).toEqual([dtype, given.shape])
    expect(Buffer.compare(bytesOf(read), bytesOf(given))).toBe(0)
    truncateSync(path, LARGE)
    expect((await rejection(() => npy.read(path))).code).toBe('ERR_LANGEVIN_FORMAT')
  },
)

test('a large model computes what it computed before it was saved, and leaves nothing behind when its numbers are bad', async () => {
  const path = at('model.safetensors')
  const x = [[0.5, -1]]
  await using model = await Energy.create(energies.mlp({ input: 2, hidden: [1100, 1100] }), { seed: 2 })
  await model.save(path)
  {
    await using loaded = await Energy.load(path)
    using before = await model.energy(x)
    using after = await loaded.energy(x)
    expect(after.toArray()).toEqual(before.toArray())
  }
  await collected()
  const held = memoryStats()
  const parameters = await model.parameters()
  const [name] = Object.entries(parameters).find(([, { size }]) => size > PIECE / 4)!
  const broken = parameters[name]!.toTypedArray() as Float32Array
  broken[broken.length - 1] = Number.NaN
  using bad = tensor(broken, parameters[name]!.shape)
  const open = await OpenSafetensors.open(path)
  const { metadata } = open
  await open.close()
  await writeSafetensors(path, { ...parameters, [name]: bad }, { ...metadata })
  for (const each of Object.values(parameters)) each.dispose()
  bad.dispose()
  const error = await rejection(() => Energy.load(path))
  expect([error.code, error.message]).toEqual(['ERR_LANGEVIN_FORMAT', expect.stringContaining(name)])
  expect(memoryStats()).toEqual(held)
})

test('a read that fails in the middle leaves no tensor', async () => {
  await collected()
  const held = memoryStats().tensors
  const asked: number[] = []
  const failing = filledTensor('uint8', [3 * PIECE], 3 * PIECE, async (first) => {
    asked.push(first)
    if (first > 0) throw new Error('the disk is gone')
  })
  await expect(failing).rejects.toThrow('the disk is gone')
  expect([asked, memoryStats().tensors]).toEqual([[0, PIECE], held])
})

test('bytes that are not the numbers of memory are not taken for them', () => {
  const taken = ['float32', 'float64', 'bfloat16', 'int64', 'uint8', 'bool', 'float16', 'int32', 'uint64']
  expect(taken.filter((dtype) => inPieces(dtype, PIECE + 1))).toEqual(taken.slice(0, 5))
  expect(inPieces('float32', PIECE)).toBe(false)
})
