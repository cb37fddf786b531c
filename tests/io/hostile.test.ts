/** Files made to harm: they are refused with a code, in little time and memory. `npm run reliability` tries many more. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { idxIn } from '../../src/data/files.js'
import * as data from '../../src/data/index.js'
import { lookAlike, normalised, PLAIN } from '../../src/data/number-text.js'
import { maybeGzip } from '../../src/io/bytes.js'
import { mostUnpacked } from '../../src/io/files.js'
import { decodeNpy } from '../../src/io/npy.js'
import { arraysIn } from '../../src/io/npz.js'
import { safetensorsFrom } from '../../src/io/safetensors.js'
import { rejection } from '../helpers/errors.js'
import { npyBytes, npzBytes, numbersNpy, textsNpy } from '../helpers/npz.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-hostile-'))
afterAll(() => rmSync(folder, { recursive: true }))
const NOTHING = new Uint8Array(0)
const refusal = async (work: () => Promise<unknown>) => {
  const { code, message } = await rejection(work)
  return `${code} ${message}`
}

describe('shapes', () => {
  // LibTorch computes strides of the other sizes even where one is 0: they overflow.
  const impossible = [0, 2 ** 32 - 1, 2 ** 32 - 1]

  test('whose sizes beside a 0 stand for no byte', async () => {
    const npy = npyBytes('<f8', impossible, NOTHING)
    expect(await refusal(() => decodeNpy(npy, 'a.npy'))).toMatch(/^ERR_LANGEVIN_FORMAT a.npy: .*impossible shape/)
    const idx = Buffer.alloc(16)
    idx.set([0, 0, 13, 3])
    for (const [k, size] of impossible.entries()) idx.writeUInt32BE(size, 4 + 4 * k)
    expect(await refusal(() => idxIn(idx, 'a.idx'))).toMatch(/^ERR_LANGEVIN_FORMAT a.idx: .*impossible shape/)
    const json = Buffer.from(JSON.stringify({ a: { dtype: 'F32', shape: impossible, data_offsets: [0, 0] } }))
    const bytes = Buffer.concat([Buffer.alloc(8), json])
    bytes.writeBigUInt64LE(BigInt(json.length))
    const source = {
      stat: async () => ({ size: bytes.length }),
      read: async (to: Uint8Array, offset: number, length: number, from: number) => {
        to.set(bytes.subarray(from, from + length), offset)
        return { bytesRead: Math.min(length, bytes.length - from) }
      },
    }
    expect(await refusal(() => safetensorsFrom(source, 'a.st'))).toMatch(
      /^ERR_LANGEVIN_FORMAT a.st: .*impossible shape/,
    )
  })

  test('of more axes than any array has', async () => {
    const npy = npyBytes('<f8', Array(1000).fill(1), new Uint8Array(8))
    expect(await refusal(() => decodeNpy(npy, 'a.npy'))).toMatch(/^ERR_LANGEVIN_FORMAT a.npy: the array has 1000 axes/)
    const idx = Buffer.alloc(4 + 4 * 255)
    idx.set([0, 0, 8, 255])
    expect(await refusal(() => idxIn(idx, 'a.idx'))).toMatch(/^ERR_LANGEVIN_FORMAT a.idx: the array has 255 axes/)
  })

  test('of texts without characters, four thousand million of them', async () => {
    for (const shape of [[4e9], [4e9, 0]]) {
      const npy = npyBytes('<U0', shape, NOTHING)
      expect(await refusal(() => decodeNpy(npy, 'a.npy'))).toMatch(/^ERR_LANGEVIN_FORMAT a.npy: .*has no bytes/)
    }
  })
})

describe('archives', () => {
  test('that would fill any memory are refused by what their directory says', async () => {
    const bytes = npzBytes([['a', numbersNpy([1])]])
    const entry = bytes.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'))
    bytes.writeUInt32LE(0xfffffff0, entry + 24)
    expect(0xfffffff0).toBeGreaterThan(mostUnpacked(bytes.length))
    expect(await refusal(() => arraysIn(bytes, 'a.npz'))).toMatch(/^ERR_LANGEVIN_FORMAT a.npz: its members unpack to/)
  })

  test('whose members share their bytes', async () => {
    const bytes = npzBytes([
      ['a', numbersNpy([1])],
      ['b', numbersNpy([2])],
    ])
    const entry = bytes.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'))
    bytes.writeUInt32LE(0, entry + 42)
    expect(await refusal(() => arraysIn(bytes, 'a.npz'))).toMatch(/^ERR_LANGEVIN_FORMAT a.npz: member '.*' lies inside/)
  })

  test('of gzip that unpack to more than they may', async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 21), { level: 9 })
    expect(await refusal(() => maybeGzip(bomb, 'a.gz', 2 ** 20))).toMatch(
      /^ERR_LANGEVIN_FORMAT a.gz: it unpacks to more/,
    )
    expect((await maybeGzip(bomb, 'a.gz')).length).toBe(2 ** 21)
    // A megabyte may become a gigabyte, and 20 MB two.
    expect([mostUnpacked(1e6), mostUnpacked(2e7)]).toEqual([2 ** 30, 2e9])
  })
})

// Of so many characters quadratic time is minutes; a second allows for a crowded machine.
const LONG = 200_000
const quick = (work: () => unknown) => {
  const began = performance.now()
  work()
  return (performance.now() - began) / 1000
}

describe('long texts', () => {
  test('are told from numbers in linear time', () => {
    for (const text of [
      `${'1'.repeat(LONG)}x`,
      `${'1'.repeat(LONG)}A`,
      `${'.'.repeat(LONG)}E`,
      `${'1.234'.repeat(LONG / 5)}A`,
    ]) {
      expect(quick(() => normalised(text, PLAIN))).toBeLessThan(1)
      expect(quick(() => lookAlike(text))).toBeLessThan(1)
    }
    // And what they were told from before.
    expect(['5.', '.5', '5.5', '+1e-3', '.'].map((text) => normalised(text, PLAIN))).toEqual([
      '5.',
      '.5',
      '5.5',
      '+1e-3',
      undefined,
    ])
    expect(lookAlike('45 %')).toMatch(/percent/)
    expect(lookAlike('.,5 %')).toMatch(/percent/)
    expect(lookAlike('., %')).toBeUndefined()
  })

  test('of zeros in an array of texts lose those at the end', async () => {
    const inside = `a${'\0'.repeat(LONG)}b`
    const array = await decodeNpy(textsNpy([inside, `c${'\0'.repeat(LONG)}`]), 'a.npy')
    expect('texts' in array && array.texts).toEqual([inside, 'c'])
  })

  test('in a cell are an error that names it', async () => {
    const path = join(folder, 'long.csv')
    writeFileSync(path, `a,b\n1,2\n${'1'.repeat(LONG)}A,3\n`)
    const began = performance.now()
    expect(await refusal(() => data.csv(path))).toMatch(/^ERR_LANGEVIN_FORMAT/)
    expect(performance.now() - began).toBeLessThan(2000)
  })
})

test('objects whose toString is no function are shown all the same', async () => {
  const odd = JSON.parse('{"toString": 1, "valueOf": 1}')
  expect(await refusal(async () => data.fromRows([{ a: odd }]))).toMatch(
    /^ERR_LANGEVIN_INVALID_OPTION .*an object is not a finite number/,
  )
})
