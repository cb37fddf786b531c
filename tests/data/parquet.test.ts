/** data.parquet through hyparquet, on files written by hyparquet-writer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { type ColumnSource, type ParquetWriteOptions, parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parquet, readParquet } from '../../src/data/parquet.js'
import { LangevinError } from '../../src/errors.js'
import { rejection } from '../helpers/errors.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-parquet-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
function file(bytes: Uint8Array): string {
  const path = join(folder, 't.parquet')
  writeFileSync(path, bytes)
  return path
}
const bytesOf = (columnData: ColumnSource[], more: Partial<ParquetWriteOptions> = {}) =>
  new Uint8Array(parquetWriteBuffer({ columnData, ...more }))
const threeColumns = (rows = 300) =>
  bytesOf(
    [
      { name: 'x', data: Float64Array.from({ length: rows }, (_, i) => i / 7), type: 'DOUBLE' },
      { name: 'n', data: BigInt64Array.from({ length: rows }, (_, i) => BigInt(i * i)) },
      { name: 'c', data: Array.from({ length: rows }, (_, i) => `city ${i % 5}`), type: 'STRING' },
    ],
    { rowGroupSize: 100 },
  )
const unsigned = (data: bigint[]) =>
  bytesOf([{ name: 'u', data }], {
    schema: [
      { name: 'root', num_children: 1 },
      { name: 'u', type: 'INT64', converted_type: 'UINT_64', repetition_type: 'REQUIRED' },
    ],
  })

describe('data.parquet reads', () => {
  test('numbers, whole numbers, booleans and text, over several row groups', async () => {
    const path = file(
      bytesOf(
        [
          { name: 'x', data: Float64Array.from({ length: 10 }, (_, i) => i / 3), type: 'DOUBLE' },
          { name: 'n', data: BigInt64Array.from({ length: 10 }, (_, i) => BigInt(-i)) },
          { name: 'on', data: Array.from({ length: 10 }, (_, i) => i % 2 === 0), type: 'BOOLEAN' },
          { name: 'city', data: Array.from({ length: 10 }, (_, i) => ['Bern', 'Zürich'][i % 2]!), type: 'STRING' },
        ],
        { rowGroupSize: 4 },
      ),
    )
    const set = await parquet(path, { label: 'city' })
    expect([set.columns, set.length, set.categories]).toEqual([
      ['x', 'n', 'on', 'city'],
      10,
      { city: ['Bern', 'Zürich'] },
    ])
    expect((set.toTensor().toArray() as number[][])[9]).toEqual([3, -9, 0])
    expect(set.labels()!.toArray()).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    expect((await parquet(path, { columns: ['n', 'x'] })).columns).toEqual(['n', 'x'])
    expect((await rejection(() => parquet(path, { columns: ['z'] }))).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
  })

  test('columns of any name, in the order of the file', async () => {
    const names = ['name', '10', '2', 'constructor', '__proto__', 'toString']
    const path = file(bytesOf(names.map((name, k) => ({ name, data: Float64Array.of(k, 2 * k), type: 'DOUBLE' }))))
    const set = await parquet(path)
    expect(set.columns).toEqual(names)
    expect(set.toTensor().toArray()).toEqual([
      [0, 1, 2, 3, 4, 5],
      [0, 2, 4, 6, 8, 10],
    ])
  })

  test('uint64 below 2^63; beyond it is refused, not wrapped', async () => {
    expect((await parquet(file(unsigned([5n, 2n ** 63n - 1n])))).column('u').toTypedArray()).toEqual(
      BigInt64Array.of(5n, 2n ** 63n - 1n),
    )
    const error = await rejection(() => parquet(file(unsigned([5n, 2n ** 63n, 2n ** 64n - 1n]))))
    expect([error.code, error.message, error.details]).toEqual([
      'ERR_LANGEVIN_UNSUPPORTED',
      expect.stringContaining("row 2, column 'u': 9223372036854775808 does not fit int64; write the column as double"),
      expect.objectContaining({ row: 2, column: 'u' }),
    ])
  })

  test('gzip and brotli by Node.js; a codec without an unpacker says what to do', async () => {
    const columns: ColumnSource[] = [{ name: 'x', data: Float64Array.of(1, 2, 3), type: 'DOUBLE' }]
    const written = { GZIP: gzipSync, BROTLI: brotliCompressSync, LZ4_RAW: (bytes: Uint8Array) => bytes }
    for (const codec of ['GZIP', 'BROTLI'] as const) {
      const path = file(bytesOf(columns, { codec, compressors: written }))
      expect((await parquet(path)).column('x').toArray()).toEqual([1, 2, 3])
    }
    const error = await rejection(() => parquet(file(bytesOf(columns, { codec: 'LZ4_RAW', compressors: written }))))
    expect([error.code, error.message]).toEqual([
      'ERR_LANGEVIN_UNSUPPORTED',
      expect.stringContaining(
        "column 'x' is compressed with LZ4_RAW: npm install hyparquet-compressors, or write the file with compression='snappy'",
      ),
    ])
  })
})

describe('data.parquet refuses', () => {
  test('missing cells, dates, nested columns, texts that are not UTF-8', async () => {
    const cases: [ColumnSource, string, RegExp][] = [
      [
        { name: 'm', data: [1, null, 3], type: 'DOUBLE' },
        'ERR_LANGEVIN_FORMAT',
        /row 2, column 'm': the cell is missing/,
      ],
      [
        { name: 'd', data: [new Date(0), new Date(1)], type: 'TIMESTAMP' },
        'ERR_LANGEVIN_UNSUPPORTED',
        /holds date values/,
      ],
      [
        { name: 't', data: [Uint8Array.of(0xff), Uint8Array.of(0xfe)], type: 'BYTE_ARRAY' },
        'ERR_LANGEVIN_FORMAT',
        /column 't'/,
      ],
    ]
    for (const [column, code, message] of cases) {
      const error = await rejection(() => parquet(file(bytesOf([column]))))
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
    }
  })

  test('what is no Parquet file, and one that is cut off', async () => {
    const bytes = bytesOf([{ name: 'x', data: Float64Array.of(1, 2, 3), type: 'DOUBLE' }])
    for (const wrong of [
      Buffer.from('a,b\n1,2\n'),
      bytes.subarray(0, 40),
      bytes.subarray(0, 5),
      Buffer.from('PAR1PAR1'),
    ]) {
      expect((await rejection(() => parquet(file(wrong)))).code).toBe('ERR_LANGEVIN_FORMAT')
    }
  })

  test('damaged files reject once, with a code, whatever is wrong', async () => {
    const whole = threeColumns()
    let state = 12345
    const random = (n: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return Math.floor((state / 2 ** 32) * n)
    }
    let rejected = 0
    for (let trial = 0; trial < 24; trial++) {
      const bytes = whole.slice()
      // Half of the trials touch the description of the columns at the end.
      const from = trial % 2 === 0 ? 4 : bytes.length - 900
      for (let i = 0; i <= trial % 3; i++) bytes[from + random(bytes.length - 8 - from)] = random(256)
      try {
        await readParquet(file(bytes), {}, 3)
      } catch (error) {
        rejected++
        if (!(error instanceof LangevinError)) throw error
        expect(error.code).toMatch(/FORMAT|UNSUPPORTED|INVALID_OPTION/)
      }
    }
    expect(rejected).toBeGreaterThan(5)
  })

  test('a damaged file that keeps the reader busy for ever', async () => {
    // Eight zero bytes where a page says how long a run of it is.
    const error = await rejection(() => readParquet(file(threeColumns().fill(0, 2077, 2085)), {}, 1))
    expect([error.code, error.message]).toEqual([
      'ERR_LANGEVIN_FORMAT',
      expect.stringMatching(/column '[xnc]' cannot be read \(.*\); the file seems to be damaged/),
    ])
  })
})
