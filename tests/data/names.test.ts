/** Columns may have any name, and keep the order of their file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as data from '../../src/data/index.js'
import * as io from '../../src/io/index.js'
import { tensor } from '../../src/tensor/index.js'
import { npzBytes, numbersNpy } from '../helpers/npz.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-names-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
function file(name: string, bytes: Uint8Array | string): string {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}

/** Every name on Object.prototype, and names of Array and Map that a lookup could find by mistake. */
const INHERITED = [...Object.getOwnPropertyNames(Object.prototype), 'length', 'size', 'prototype']
/** Years and pixel numbers among words: JavaScript moves the keys of an object that are whole numbers to the front. */
const NUMBERED = ['name', '10', '2', 'b', '0', '-1', '07', '4294967295']
const values = (names: readonly string[]) => names.map((_, k) => [k + 0.5, 10 * k, -1 - k])

const READERS: [string, (names: readonly string[]) => unknown][] = [
  [
    'csv',
    (names) => {
      const rows = [0, 1, 2].map((i) =>
        values(names)
          .map((column) => column[i])
          .join(','),
      )
      return data.csv(file('t.csv', [names.join(','), ...rows, ''].join('\n')), { header: true })
    },
  ],
  ['npz', (names) => data.npz(file('t.npz', npzBytes(names.map((name, k) => [name, numbersNpy(values(names)[k]!)]))))],
  [
    'fromArrays',
    (names) => data.fromArrays(names.map((name, k) => [name, Float64Array.from(values(names)[k]!)] as const)),
  ],
  ['fromArrays of a Map', (names) => data.fromArrays(new Map(names.map((name, k) => [name, values(names)[k]!])))],
  [
    'fromRows',
    (names) => {
      const objects = [0, 1, 2].map((i) =>
        JSON.parse(`{${names.map((name, k) => `"${name}":${values(names)[k]![i]}`)}}`),
      )
      return data.fromRows(objects, { columns: names })
    },
  ],
]

describe.each(READERS)('data.%s', (_, read) => {
  test.each([
    ['any name', INHERITED],
    ['the order of the file', NUMBERED],
  ])('%s', async (_, names) => {
    const set = (await read(names)) as ReturnType<typeof data.fromArrays>
    const rows = [0, 1, 2].map((i) => values(names).map((column) => column[i]!))
    expect(set.columns).toEqual(names)
    expect(Object.keys(set.categories)).toEqual([])
    expect(names.map((name) => set.kinds[name])).toEqual(names.map(() => 'numeric'))
    expect(set.toTensor().toArray()).toEqual(rows)
    expect(set.select([2, 0]).toTensor().toArray()).toEqual([rows[2], rows[0]])
    expect(set.batch(1, 2).columns).toEqual(names)
    expect(set.split({ sizes: [3] })[0]!.columns).toEqual(names)
    // withLabel() leaves out that column and no other.
    expect(set.withLabel(names[1]).toTensor().toArray()).toEqual(rows.map((row) => row.filter((_, k) => k !== 1)))
    expect(set.drop([names[0]!]).columns).toEqual(names.slice(1))
    const { dataset, mean, sd } = set.standardize()
    expect(dataset.columns).toEqual(names)
    expect(names.map((name) => mean[name])).toEqual(values(names).map((v) => [(v[0]! + v[1]! + v[2]!) / 3]))
    const again = set.standardize({ mean, sd }).dataset.toTensor().toArray()
    expect(again).toEqual(dataset.toTensor().toArray())
    // Statistics that came through JSON.
    const stored = JSON.parse(JSON.stringify({ mean, sd }))
    expect(set.standardize(stored).dataset.toTensor().toArray()).toEqual(again)
    expect(() => set.standardize({ mean: {}, sd: {}, columns: names.slice(0, 1) })).toThrow(/mean has no column/)
  })
})

describe('names that are only inherited are not columns', () => {
  const set = data.fromArrays({ a: [1, 2], b: [3, 4] })
  test.each(INHERITED)('%s', (name) => {
    expect(() => set.column(name)).toThrow(/there is no column/)
    expect(name in set.categories).toBe(false)
    expect(set.kinds[name]).toBeUndefined()
    expect(() => data.fromRows([{ a: 1 }], { columns: ['a', name] })).toThrow(`row 1 has no '${name}'`)
  })
})

test('safetensors: any name, in the order of the data; io.*.read too', async () => {
  const names = [...INHERITED, ...NUMBERED]
  const path = join(folder, 't.safetensors')
  const tensors = Object.create(null)
  const metadata = Object.create(null)
  for (const [k, name] of names.entries()) {
    tensors[name] = tensor([k, 2 * k], undefined, 'float64')
    metadata[name] = `text ${k}`
  }
  await io.safetensors.write(path, tensors, metadata)
  const written = [...names].sort()
  const set = await data.safetensors(path)
  expect(set.columns).toEqual(written)
  for (const name of names) expect(set.column(name).toArray()).toEqual(tensors[name].toArray())
  expect((await data.safetensors(path, { columns: NUMBERED })).columns).toEqual(NUMBERED)
  const read = await io.safetensors.read(path)
  expect(Object.keys(read.tensors).sort()).toEqual(written)
  expect(names.map((name) => read.metadata[name])).toEqual(names.map((_, k) => `text ${k}`))
  await expect(data.safetensors(path, { columns: ['entries'] })).rejects.toMatchObject({
    code: 'ERR_LANGEVIN_INVALID_OPTION',
  })
  const archive = file('all.npz', npzBytes(names.map((name, k) => [name, numbersNpy([k, k])])))
  expect(Object.keys(await io.npz.read(archive)).sort()).toEqual(written)
})

test('fromArrays says where rows as objects and double names belong', () => {
  expect(() => data.fromArrays([{ temp: 1 }] as never)).toThrow(/rows as objects go into data.fromRows/)
  expect(() =>
    data.fromArrays([
      ['a', [1]],
      ['a', [2]],
    ]),
  ).toThrow(/two columns are called 'a'/)
})
