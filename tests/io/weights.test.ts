/** Weights that other programs wrote: half precision, names of a wrapping module, and files that are no safetensors. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { data, Energy, energies, io, Network, networks, type Tensor } from '../../src/index.js'
import { type StoredDtype, writeSafetensors } from '../../src/io/safetensors.js'
import { rejection } from '../helpers/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-weights-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

const spec = energies.mlp({ input: 2, hidden: [3] })
const x = [
  [0.5, -1],
  [2, 0.25],
]
const list = (tensor: Tensor) => [...tensor.toTypedArray()].map(Number)

/** The bits of a half-precision number: of the float32's, rounded towards zero. Enough for numbers of few digits. */
function half(value: number): number {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer)
  if (value === 0) return bits! >>> 16
  const exponent = ((bits! >>> 23) & 0xff) - 127 + 15
  return ((bits! >>> 16) & 0x8000) | (exponent << 10) | ((bits! >>> 13) & 0x3ff)
}
const WORDS = { float16: half, bfloat16: (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16 }

/** A state dict of the energy in a half-precision dtype, with the float32 numbers it holds. */
async function written(path: string, dtype: keyof typeof WORDS) {
  await using model = await Energy.create(spec, { seed: 3 })
  const exact: Record<string, number[]> = {}
  const stored: Record<string, { dtype: StoredDtype; shape: number[]; data: Uint8Array }> = {}
  for (const { name, shape } of model.parameterInfo()) {
    const size = shape.reduce((n, s) => n * s, 1)
    // Multiples of 1/8 below 8: both formats hold them.
    exact[name] = Array.from({ length: size }, (_, i) => (((i * 7 + name.length) % 31) - 15) / 8)
    const words = Uint16Array.from(exact[name], WORDS[dtype])
    stored[name] = { dtype, shape: [...shape], data: new Uint8Array(words.buffer) }
  }
  await writeSafetensors(path, stored)
  return exact
}

test.each(['float16', 'bfloat16'] as const)('a state dict in %s is read into float32', async (dtype) => {
  const path = at(`${dtype}.safetensors`)
  const exact = await written(path, dtype)
  await using model = await Energy.load(path, { spec })
  expect(model.dtype).toBe('float32')
  const parameters = await model.parameters()
  for (const [name, numbers] of Object.entries(exact)) expect(list(parameters[name]!)).toEqual(numbers)
  await using double = await Energy.load(path, { spec, dtype: 'float64' })
  expect(double.dtype).toBe('float64')
  for (const [name, numbers] of Object.entries(exact)) expect(list((await double.parameters())[name]!)).toEqual(numbers)
})

test('a float16 tensor of a file is a float32 Tensor', async () => {
  const path = at('half.safetensors')
  const words = new Uint8Array(Uint16Array.of(half(1.5), half(-2)).buffer)
  await writeSafetensors(path, { x: { dtype: 'float16', shape: [2], data: words } })
  const { tensors } = await io.safetensors.read(path)
  expect([tensors.x!.dtype, tensors.x!.toArray()]).toEqual(['float32', [1.5, -2]])
  expect((await data.safetensors(path)).column('x').toArray()).toEqual([1.5, -2])
})

test.each(['module.', '_orig_mod.', 'net.', 'energy.net.'])('names that begin with %s', async (prefix) => {
  const path = at(`prefix-${prefix}safetensors`)
  await using model = await Energy.create(spec, { seed: 5 })
  const parameters = await model.parameters()
  const named = Object.entries(parameters).map(([name, value]) => [prefix + name, value] as const)
  await io.safetensors.write(path, {
    ...Object.fromEntries(named),
    'other.weight': parameters[Object.keys(parameters)[0]!]!,
  })
  await using again = await Energy.load(path, { spec, prefix })
  expect(list(await again.energy(x))).toEqual(list(await model.energy(x)))
  const error = await rejection(() => Energy.load(path, { spec }))
  expect(error.code).toBe('ERR_LANGEVIN_FORMAT')
  expect(error.message).toContain(`give { prefix: '${prefix}' }`)
  expect(error.message).not.toContain('at byte')
  const none = await rejection(() => Energy.load(path, { spec, prefix: 'nett.' }))
  expect(none.message).toContain("no tensor has a name that begins with 'nett.'")
})

test('a network takes a prefix too', async () => {
  const path = at('network.safetensors')
  await using network = await Network.create(networks.mlp({ input: 2, hidden: [3], output: 2 }), { seed: 5 })
  const named = Object.entries(await network.parameters()).map(([name, value]) => [`module.${name}`, value] as const)
  await io.safetensors.write(path, Object.fromEntries(named))
  await using again = await Network.load(path, { spec: network.spec, prefix: 'module.' })
  expect(list(await again.outputs(x))).toEqual(list(await network.outputs(x)))
})

/** The local header of a zip member, as torch.save() begins. */
function zip(member: string): Buffer {
  const head = Buffer.alloc(30)
  head.write('PK\x03\x04', 'latin1')
  head.writeUInt16LE(member.length, 26)
  return Buffer.concat([head, Buffer.from(member), Buffer.alloc(64)])
}

test.each([
  ['torch.save()', zip('archive/data.pkl'), /torch\.save\(\) file.*safetensors\.torch\.save_file/],
  ['torch.save() of old', Buffer.from([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46]), /torch\.save\(\) file/],
  ['another zip archive', zip('x.npy'), /zip archive.*\.npz/],
  ['a .npy array', Buffer.from('\x93NUMPY\x01\x00more', 'latin1'), /\.npy array/],
  ['an HDF5 file', Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), /HDF5/],
])('a file of %s is told by its first bytes', async (_name, bytes, told) => {
  const path = at('foreign')
  writeFileSync(path, bytes)
  const error = await rejection(() => Energy.load(path, { spec }))
  expect(error.code).toBe('ERR_LANGEVIN_FORMAT')
  expect(error.message).toMatch(told)
  expect(error.message).not.toContain('at byte')
})

test('what a file means has no byte: its message ends without one', async () => {
  const path = at('meaning.safetensors')
  const bytes = new Uint8Array(8)
  const messages: string[] = []
  const told = async (call: () => Promise<unknown>) => messages.push((await rejection(call)).message)
  await writeSafetensors(path, { a: { dtype: 'int64', shape: [1], data: bytes } })
  await told(() => Energy.load(path, { spec }))
  await told(() => Energy.load(path))
  await writeSafetensors(path, { a: { dtype: 'float64', shape: [1], data: bytes } }, { 'langevin.spec': '{}' })
  await told(() => Energy.load(path))
  await told(() => Energy.load(path, { spec }))
  await writeSafetensors(path, {}, { 'langevin.dtype': 'int64' })
  await told(() => Energy.load(path, { spec }))
  for (const message of messages) expect(message).not.toContain('at byte')
})
