/** data.csv reads plain lines by bytes: the same as through csv-parse, to the bit, and in bounded memory. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CsvOptions, csv, readCsv } from '../../src/data/csv.js'
import { scanDecimal, scanned } from '../../src/data/decimal.js'
import { LangevinError } from '../../src/errors.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-csv-fast-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
function file(text: string | Buffer): string {
  const path = join(folder, 't.csv')
  writeFileSync(path, text)
  return path
}

describe('scanDecimal', () => {
  const read = (text: string) => {
    const end = scanDecimal(Buffer.from(`${text}\n`), 0, 46)
    return end < 0 ? undefined : { end, value: scanned[0]! }
  }
  /** Numbers it must read itself: those that programs write. */
  const mustRead = (text: string) => /^[+-]?(?=(\D*\d){1,18}\D*$)\d{1,5}\.\d{1,17}$/.test(text)
  const check = (text: string) => {
    const got = read(text)
    if (got === undefined) expect([text, mustRead(text)]).toEqual([text, false])
    else expect([text, got.end, Object.is(got.value, Number(text)) || got.value]).toEqual([text, text.length, true])
  }

  test('numbers that are hard to round, and ends of the range', () => {
    const texts = ['0', '-0', '+0.0', '.5', '5.', '-.5e1', '1e22', '1e23', '9007199254740993', '9007199254740993.0']
    texts.push('1.7976931348623157e308', '5e-324', '2.2250738585072014e-308', '1e-400', '0e999', '123456789012345678')
    // Halfway between two float64, a digit below it and a digit above it.
    texts.push('9007199254740993.00', '1.00000000000000011102', '1.000000000000000111', '1.0000000000000001110223')
    texts.push(
      '4503599627370496.5',
      '4503599627370497.5',
      '4503599627370496.501',
      '0.500000000000000166',
      '8.5e-1',
      '1E+05',
    )
    for (const text of texts) check(text)
  })

  test('to the bits of Number(text)', () => {
    const digits = (max: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: max })
    const exponent = fc.oneof(
      fc.constant(''),
      fc.integer({ min: -40, max: 40 }).map((e) => `e${e < 0 ? '' : '+'}${e}`),
    )
    const sign = fc.constantFrom('', '-', '+')
    const written = fc.tuple(sign, digits(6), digits(18), exponent).map(([s, a, b, e]) => `${s}${a}.${b}${e}`)
    const double = fc.double({ noNaN: true, noDefaultInfinity: true })
    const near = fc.tuple(fc.integer({ min: 1, max: 2 ** 30 }), fc.integer({ min: -40, max: 20 }))
    const forms = fc.oneof(
      written,
      fc.tuple(sign, digits(20)).map((parts) => parts.join('')),
      double.map(String),
      double.map((v) => v.toExponential(18)),
      // Halfway cases in few digits: odd multiples of half a unit in the last place.
      near.map(([m, e]) => ((2 ** 53 + 2 * m + 1) * 2 ** e).toPrecision(19)),
      fc.double({ min: -1000, max: 1000, noNaN: true }).map((v) => v.toFixed(16)),
    )
    fc.assert(fc.property(forms, check), { numRuns: 8_000, seed: 7 })
  })

  test.each(['', '-', '.', '+.', 'e5', '1e', '1e+', 'x', ' 1', '--1'])('"%s" is no number', (text) => {
    expect(read(text)).toBeUndefined()
  })
})

/** Everything that can be seen of a data set, or of the error. */
async function seen(path: string, options: CsvOptions, reading: object) {
  try {
    const set = await readCsv(path, options, reading)
    const columns = set.columns.map((name) => {
      const array = set.column(name).toTypedArray()
      return [name, set.kinds[name], set.categories[name], Buffer.from(array.buffer).toString('hex')]
    })
    return { columns, length: set.length, dropped: set.dropped }
  } catch (error) {
    if (!(error instanceof LangevinError)) throw error
    // Where a quotation mark is not closed, only the piece it is in is known.
    return { code: error.code, message: error.message.replace(/in line \d+ or below|\(at byte \d+\)/g, '') }
  }
}

const cell = fc.oneof(
  { weight: 8, arbitrary: fc.double({ noDefaultInfinity: true, noNaN: true }).map(String) },
  { weight: 8, arbitrary: fc.integer({ min: -999, max: 999 }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom('1e5', '-2.5E-3', '+.5', '7.', '1e999', '12345678901234567', '007', '-0') },
  { weight: 2, arbitrary: fc.constantFrom('', 'NA', 'nan', '?', ' ') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('a', 'Zürich', 'b c', 'e5', '0x10', 'inf', '1,5', '1 000', '5%', '\u00a05', '\t3 '),
  },
  { weight: 2, arbitrary: fc.constantFrom('"1.5"', '"a, b"', '"x\ny"', '"say ""hi"""', '"', 'a"b', '"1" ', '"a"b') },
)
/** Columns that are mostly of one sort, so that whole tables are read and not only refused. */
const column = (rows: number) =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.array(fc.double({ noDefaultInfinity: true, noNaN: true }).map(String), {
        minLength: rows,
        maxLength: rows,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.array(fc.constantFrom('a', 'b', 'ü', '"q, r"', 'NA', ''), { minLength: rows, maxLength: rows }),
    },
    {
      weight: 1,
      arbitrary: fc.array(fc.constantFrom('1', '2.5', 'NA', ' 3', '"4"'), { minLength: rows, maxLength: rows }),
    },
    { weight: 2, arbitrary: fc.array(cell, { minLength: rows, maxLength: rows }) },
  )
const table = fc.integer({ min: 1, max: 8 }).chain((rows) =>
  fc.record({
    columns: fc.array(column(rows), { minLength: 1, maxLength: 4 }),
    end: fc.constantFrom('\n', '\r\n', '\r'),
    delimiter: fc.constantFrom(',', ';', '\t', '|', ' '),
    odd: fc.constantFrom('', '', '', '1', ',', '  ', '\ufeff'),
    tail: fc.boolean(),
    options: fc.record({
      header: fc.constantFrom<CsvOptions['header']>(undefined, true, false),
      missing: fc.constantFrom<NonNullable<CsvOptions['missing']>>('error', 'drop', 'category'),
      missingMarks: fc.constantFrom(['NA', '', '?', 'nan'], ['-1', '5', 'NA']),
      decimal: fc.constantFrom<'.' | ','>('.', '.', ','),
    }),
    size: fc.constantFrom(7, 64, 1 << 20),
  }),
)

test('by bytes as through csv-parse: quotes, line ends, exponents, missing marks, ragged rows', async () => {
  let read = 0
  await fc.assert(
    fc.asyncProperty(table, async ({ columns, end, delimiter, odd, tail, options, size }) => {
      const lines = columns[0]!.map((_, i) => columns.map((each) => each[i]).join(delimiter))
      if (odd !== '') lines.splice(Math.floor(lines.length / 2), 0, odd)
      const path = file(lines.join(end) + (tail ? end : ''))
      const decimal = delimiter === options.decimal ? '.' : options.decimal
      const given = { ...options, delimiter, decimal }
      const slow = await seen(path, given, { plain: false })
      if ('columns' in slow) read++
      expect(await seen(path, given, { size })).toEqual(slow)
      expect(await seen(path, given, {})).toEqual(slow)
    }),
    { numRuns: 600, seed: 11 },
  )
  // Most tables of the test can be read.
  expect(read).toBeGreaterThan(180)
}, 60_000)

test('everything in quotes, as R and Excel write it', async () => {
  const quoted = fc.oneof(
    fc.double({ noDefaultInfinity: true, noNaN: true }).map(String),
    fc.constantFrom('1', '-2.5', 'NA', '', ' 3', '4 ', 'a', 'Zürich', 'b ""c""', '""', 'x, y', 'a;b', '1e5', '\u00a05'),
    fc.constantFrom('two\nlines', 'two\r\nlines'),
  )
  const cells = fc.tuple(quoted, fc.constantFrom('"', '"', '"', ' "'), fc.constantFrom('"', '"', '" '))
  const tables = fc.record({
    rows: fc.array(fc.array(cells, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 12 }),
    same: fc.array(fc.constantFrom(0, 1, 2), { minLength: 12, maxLength: 12 }),
    end: fc.constantFrom('\n', '\r\n'),
    delimiter: fc.constantFrom(',', ';', '\t'),
    missing: fc.constantFrom<NonNullable<CsvOptions['missing']>>('error', 'category', 'drop'),
    size: fc.constantFrom(16, 1 << 20),
  })
  let read = 0
  await fc.assert(
    fc.asyncProperty(tables, async ({ rows, same, end, delimiter, missing, size }) => {
      // Columns of numbers, of texts, and of anything.
      const line = (row: [string, string, string][], i: number) =>
        row.map(([text, open, close], k) => {
          const value = same[k] === 0 ? String(i / 7) : same[k] === 1 ? `t${i % 3}` : text
          return `${open}${value}${close}`
        })
      const path = file(`${rows.map((row, i) => line(row, i).join(delimiter)).join(end)}${end}`)
      const slow = await seen(path, { delimiter, missing }, { plain: false })
      if ('columns' in slow) read++
      expect(await seen(path, { delimiter, missing }, { size })).toEqual(slow)
    }),
    { numRuns: 400, seed: 3 },
  )
  expect(read).toBeGreaterThan(40)
}, 60_000)

test('pieces end where records end, whatever the size of a read', async () => {
  const rows = Array.from({ length: 4000 }, (_, i) => `${i},"a ""b""\r\n${i % 7}",${i / 3}\r\n${i},"",${-i}`)
  const path = file(`n,text,v\r\n${rows.join('\r\n')}\r\n`)
  const whole = await seen(path, { missing: 'category' }, {})
  expect(whole).toMatchObject({ length: 8000 })
  for (const size of [1, 100, 1000, 65_537]) expect(await seen(path, { missing: 'category' }, { size })).toEqual(whole)
})

test('30 MB of numbers are read in little more memory than they take', async () => {
  const n = 600_000
  const line = (i: number) => `${(i * 0.001).toFixed(3)},-${i}.25,${(i % 97) / 7}`
  const path = file(Array.from({ length: n }, (_, i) => line(i)).join('\n'))
  const memory = (key: string) =>
    Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'latin1'))![1]) / 1000
  globalThis.gc?.()
  writeFileSync('/proc/self/clear_refs', '5') // the peak starts anew
  const before = memory('VmRSS')
  const set = await csv(path)
  // The numbers twice (while columns move into native memory) are 29 MB; as texts in lists they took 500.
  expect(memory('VmHWM') - before).toBeLessThan(120)
  expect([set.length, set.columns]).toEqual([n, ['column1', 'column2', 'column3']])
  expect(
    set
      .select([0, n - 1])
      .toTensor()
      .toArray(),
  ).toEqual([
    [0, -0.25, 0],
    [(n - 1) / 1000, 0.75 - n, ((n - 1) % 97) / 7],
  ])
})

test('the event loop turns while lines with quotation marks are read', async () => {
  const path = file('"a, b",1\n'.repeat(100_000))
  let turns = 0
  let done = false
  const count = () => {
    turns++
    if (!done) setImmediate(count)
  }
  setImmediate(count)
  expect((await csv(path)).length).toBe(100_000)
  done = true
  // A piece of 16 kB at a time.
  expect(turns).toBeGreaterThan(40)
})

test('many columns and rows do not need many blocks', async () => {
  const width = 1500
  const line = Array.from({ length: width }, (_, k) => k / 8).join(',')
  const set = await csv(file(`${line}\n`.repeat(1500)))
  expect([set.length, set.columns.length]).toEqual([1500, width])
  expect(set.select([1499]).toTensor(['column1', 'column1500']).toArray()).toEqual([[0, 1499 / 8]])
})
