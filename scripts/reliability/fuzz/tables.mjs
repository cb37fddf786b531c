// Tables: CSV, Parquet, and rows that are objects of JSON.
import { parquetWriteBuffer } from 'hyparquet-writer'
import { readCsv } from '../../../dist/data/csv.js'
import { readParquet } from '../../../dist/data/parquet.js'
import { data } from '../../../dist/index.js'
import { inMemory, onDisk } from './arrays.mjs'
import { mutated, mutatedJson } from './mutate.mjs'

const below = (random, n) => Math.floor(random() * n)
const one = (random, list) => list[below(random, list.length)]

// --- CSV

const CELLS = [
  '1',
  '2.5',
  '-3e4',
  '',
  'NA',
  'x',
  '"a ""b"""',
  '"c\nd"',
  '1,5',
  '1.234,5',
  '45 %',
  '$5',
  '0x1f',
  '9007199254740993',
  '1e400',
  '\u2212 3',
  '__proto__',
  'constructor',
  '\t',
  '"',
  ' 7 ',
  'NaN',
  'Infinity',
  '\u00e9',
  '1_000',
  '.5',
  '5.',
  '--1',
  '#',
]
const HEADERS = ['a', 'b', '__proto__', 'constructor', 'toString', '', 'x y', '1', 'y', 'hasOwnProperty', '"q"', '# c']
const ENDS = ['\n', '\r\n', '\r', '\n\n']

function oddCsv(random) {
  const [columns, delimiter, end] = [1 + below(random, 4), one(random, [',', ';', '\t', '|', ',']), one(random, ENDS)]
  const rows = Array.from({ length: below(random, 8) }, () =>
    Array.from({ length: random() < 0.95 ? columns : below(random, 6) }, () =>
      one(random, random() < 0.7 ? CELLS.slice(0, 3) : CELLS),
    ),
  )
  if (random() < 0.7) rows.unshift(Array.from({ length: columns }, () => one(random, HEADERS)))
  const text = rows.map((row) => row.join(delimiter)).join(end) + (random() < 0.7 ? end : '')
  return Buffer.from((random() < 0.05 ? '\ufeff' : '') + text)
}

const OPTIONS = [
  {},
  {},
  {},
  { header: true },
  { header: false },
  { missing: 'drop' },
  { decimal: ',' },
  { thousands: ',' },
  { missing: 'category' },
  { delimiter: '|' },
]
const CSV = [
  'a,b,y\n1,2,x\n3,4,z\n5,6,x\n',
  '"a";"b c"\r\n"1,5";2\r\n3;"4"\r\n',
  '1\t2\n3\t4\n',
  'n,"q ""x"""\n1,"a\nb"\n2,c\n',
].map((text) => Buffer.from(text))

export async function csv() {
  const make = (random) => ({
    bytes: random() < 0.4 ? mutated(one(random, CSV), random) : oddCsv(random),
    options: one(random, OPTIONS),
  })
  const read = async ({ bytes, options }) => (await readCsv('a.csv', options, { from: inMemory(bytes) })).dispose()
  return { make, read }
}

// --- Parquet: each file is read in a process of its own, so that there are fewer of them.

export async function parquet() {
  const columnData = [
    { name: 'a', data: [1, 2, 3, 4], type: 'DOUBLE' },
    { name: 'b', data: [1n, 2n, 3n, 4n], type: 'INT64' },
    { name: 'c', data: ['x', 'y', 'x', 'z'], type: 'STRING' },
    { name: 'd', data: [true, false, true, true], type: 'BOOLEAN' },
  ]
  const seeds = ['SNAPPY', 'UNCOMPRESSED'].map((codec) => Buffer.from(parquetWriteBuffer({ columnData, codec })))
  const read = onDisk('a.parquet', async (path) => (await readParquet(path, {}, 5)).dispose())
  // The marks at both ends stay, or nothing behind them is reached.
  const make = (random) => {
    const seed = one(random, seeds)
    const inner = mutated(seed.subarray(4, -4), random)
    return Buffer.concat([seed.subarray(0, 4), inner, seed.subarray(-4)])
  }
  return { make, read, warmUp: 1 }
}

// --- rows of JSON

const ROWS = [
  { temp: 21.5, rpm: 900, name: 'a', on: true, wave: [1, 2, 3] },
  { temp: 20, rpm: 800, name: 'b', on: false, wave: [1, 2, 4] },
]

export async function jsonRows() {
  const read = async (rows) => data.fromRows(rows).dispose()
  return { make: (random) => mutatedJson(ROWS, random), read }
}
