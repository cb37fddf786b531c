/** What data.csv refuses says what to do, and that helps. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CsvOptions, csv } from '../../src/data/csv.js'
import { rejection } from '../helpers/errors.js'

let folder: string
let files = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-csv-refusals-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
function file(text: string | Buffer): string {
  const path = join(folder, `${files++}.csv`)
  writeFileSync(path, text)
  return path
}
const rows = async (text: string | Buffer, options: CsvOptions = {}) => {
  const set = await csv(file(text), options)
  return [set.columns, set.toTensor().toArray()]
}
const two = ['column1', 'column2']

describe('numbers written in other ways', () => {
  test.each<[string, string, string, CsvOptions, unknown]>([
    [
      'decimal commas, no header',
      '1,5;2,5\n3,5;4\n',
      "{ decimal: ',' }",
      { decimal: ',' },
      [
        two,
        [
          [1.5, 2.5],
          [3.5, 4],
        ],
      ],
    ],
    ['one row of them', '1,5;2,5', "{ decimal: ',' }", { decimal: ',' }, [two, [[1.5, 2.5]]]],
    ['a header', 'a;b\n1,5;-2,5e3\n', "{ decimal: ',' }", { decimal: ',' }, [['a', 'b'], [[1.5, -2500]]]],
    [
      'behind tabs',
      '1,5\t,5\n3,25\t4\n',
      "{ decimal: ',' }",
      { decimal: ',' },
      [
        two,
        [
          [1.5, 0.5],
          [3.25, 4],
        ],
      ],
    ],
    ['in quotes', 'a,b\n"1,5","2,5"\n', "{ decimal: ',' }", { decimal: ',' }, [['a', 'b'], [[1.5, 2.5]]]],
    ['thousands', 'a;b\n1,000;1\n', "{ thousands: ',' }", { thousands: ',' }, [['a', 'b'], [[1000, 1]]]],
    ['millions', 'a,b\n"1,234,567.5",1\n', "{ thousands: ',' }", { thousands: ',' }, [['a', 'b'], [[1234567.5, 1]]]],
    [
      'German',
      'a;b\n1.234,5;-1\n',
      "{ thousands: '.', decimal: ',' }",
      { thousands: '.', decimal: ',' },
      [['a', 'b'], [[1234.5, -1]]],
    ],
    [
      'French',
      'a;b\n1 234,5;1\n',
      "{ thousands: ' ', decimal: ',' }",
      { thousands: ' ', decimal: ',' },
      [['a', 'b'], [[1234.5, 1]]],
    ],
    ['Swiss', "a;b\n1'234.5;1\n", `{ thousands: "'" }`, { thousands: "'" }, [['a', 'b'], [[1234.5, 1]]]],
    ['percent', 'a,b\n45 %,1\n', 'percent sign; write plain numbers', {}, undefined],
    ['dollars', 'a,b\n$5,1\n', 'currency sign; write plain numbers', {}, undefined],
    ['euros', 'a;b\n5,00 €;1\n', 'currency sign', {}, undefined],
    ['a typographic minus', 'a,b\n−5,1\n', "not the minus sign '-'", {}, undefined],
    ['a point where commas are decimal', 'a;b\n1.5;1\n', 'decimal point', { decimal: ',' }, undefined],
    [
      'cells that are apart by blanks',
      '1 2\n3 4\n',
      '{ delimiter',
      { delimiter: ' ' },
      [
        two,
        [
          [1, 2],
          [3, 4],
        ],
      ],
    ],
    ['a column of decimal commas', 'a\n1,5\n2,5\n', "{ decimal: ',' }", { decimal: ',' }, [['a'], [[1.5], [2.5]]]],
  ])('%s', async (name, text, remedy, options, wanted) => {
    const refused = name.startsWith('a point') ? options : {}
    const error = await rejection(() => csv(file(text), refused))
    expect([error.code, error.message]).toEqual(['ERR_LANGEVIN_FORMAT', expect.stringContaining(remedy)])
    if (wanted !== undefined) expect(await rows(text, options)).toEqual(wanted)
  })

  test('they are categories only where declared', async () => {
    const set = await csv(file('size,v\n5%,1\n95%,2\n'), { header: true, columns: { size: 'categorical' } })
    expect(set.categories).toEqual({ size: ['5%', '95%'] })
    const error = await rejection(() => csv(file('size,v\nlow,1\n95%,2\n')))
    expect([error.message, error.details]).toEqual([
      expect.stringContaining('or declare the column categorical'),
      expect.objectContaining({ row: 2, line: 3, column: 'size', value: '95%' }),
    ])
    // Dates, times, versions and places are texts.
    const texts = 'a,b,c,d\n2020-01-02,10:30,1.2.3,3rd\n'
    expect((await csv(file(texts))).kinds).toMatchObject({ a: 'categorical', b: 'categorical', c: 'categorical' })
  })

  test('options that contradict each other', async () => {
    const path = file('1;2\n')
    for (const options of [
      { decimal: ',', thousands: ',' },
      { delimiter: '::' },
      { delimiter: '"' },
      { thousands: '' },
      { decimal: ';' as ',' },
    ] as CsvOptions[]) {
      expect((await rejection(() => csv(path, options))).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    }
  })

  test('a delimiter that could be either is asked for', async () => {
    const text = 'a,b;c\nd,e;f\n'
    expect((await rejection(() => csv(file(text)))).message).toContain("(',' and ';' may both do); give { delimiter }")
    expect((await csv(file(text), { delimiter: ';', header: false })).columns).toEqual(two)
  })
})

describe('encodings', () => {
  const latin1 = Buffer.from('name,v\nMöller,1\nMuller,2\n', 'latin1')

  test('bytes that are not UTF-8 are named by their place, wherever they are', async () => {
    const error = await rejection(() => csv(file(latin1)))
    expect([error.code, error.message]).toEqual([
      'ERR_LANGEVIN_FORMAT',
      expect.stringMatching(/: not UTF-8 \(byte 8\); save it as UTF-8, for instance: iconv/),
    ])
    expect(error.details).toMatchObject({ offset: 8 })
    const far = Buffer.concat([Buffer.from(`name,v\n${'é,1\n'.repeat(400_000)}`), Buffer.from('é,1\n', 'latin1')])
    expect((await rejection(() => csv(file(far)))).details).toMatchObject({ offset: far.length - 4 })
    const quoted = Buffer.concat([Buffer.from('name,v\n"a,b",1\n'), Buffer.from('"é",1\n', 'latin1')])
    expect((await rejection(() => csv(file(quoted)))).details).toMatchObject({ offset: 16 })
    // Cut off in the middle of a character.
    expect((await rejection(() => csv(file(Buffer.from('a,b\n1,é').subarray(0, 7))))).details).toMatchObject({
      offset: 6,
    })
    expect((await csv(file('name,v\nMöller,1\nMuller,2\n'))).categories.name).toEqual(['Muller', 'Möller'])
  })

  test.each<[string, Buffer, RegExp]>([
    ['UTF-16 with its mark', Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'), /UTF-16, not UTF-8; save it as UTF-8/],
    ['big-endian UTF-16', Buffer.from('\ufeffa,b\n1,2\n', 'utf16le').swap16(), /UTF-16, not UTF-8; save it as UTF-8/],
    ['UTF-16 without a mark', Buffer.from('a,b\n1,2\n', 'utf16le'), /zero byte \(UTF-16\? save it as UTF-8\)/],
    ['a zero byte far down', Buffer.from(`a,b\n${'1,2\n'.repeat(50_000)}1,\0\n`), /zero byte .*\(at byte 200006\)/],
    ['gzip', gzipSync('a,b\n1,2\n'), /compressed with gzip; unpack it first/],
    ['a workbook', Buffer.from('PK\x03\x04 and so on'), /an Excel workbook or a zip archive/],
  ])('%s', async (_, bytes, message) => {
    const error = await rejection(() => csv(file(bytes)))
    expect([error.code, error.message]).toEqual(['ERR_LANGEVIN_FORMAT', expect.stringMatching(message)])
  })
})

describe('what stands above and beside the numbers', () => {
  const plain = [
    ['a', 'b'],
    [
      [1, 2],
      [3, 4],
    ],
  ]

  test.each<[string, string]>([
    ['a blank first line', '\na,b\n1,2\n3,4\n'],
    ['blank lines with blanks, CRLF and a mark', '\ufeff \r\n\r\na,b\r\n1,2\r\n3,4\r\n'],
    ['a comment between blank lines', '\n# measured today\n\na,b\n1,2\n3,4\n'],
    ['blank lines in the middle and at the end', 'a,b\n1,2\n\n3,4\n \n\n'],
  ])('%s', async (_, text) => expect(await rows(text)).toEqual(plain))

  test("a '#' line with as many cells as the rows is not thrown away", async () => {
    const text = '# by savetxt\n# a,b\n1,2\n3,4\n'
    const error = await rejection(() => csv(file(text)))
    expect([error.message, error.details]).toEqual([
      expect.stringContaining("line 2 begins with '#' and has 2 cells as the rows have: if it names the columns, give"),
      expect.objectContaining({ line: 2 }),
    ])
    expect(await rows(text, { header: true })).toEqual(plain)
    expect(await rows(text, { header: false })).toEqual([two, plain[1]])
    expect(await rows('# x, y\na,b\n1,2\n3,4\n')).toEqual(plain)
  })

  test("the index that pandas writes, and R's row names", async () => {
    const text = ',a,b\n0,1,2\n1,3,4\n'
    const error = await rejection(() => csv(file(text)))
    const options: CsvOptions = { header: true, columns: { column1: 'ignore' } }
    expect(error.message).toContain(
      "give { header: true, columns: { column1: 'ignore' } } (on the command line: --header yes --ignore column1), or write the file with index=False",
    )
    expect(await rows(text, options)).toEqual(plain)
    expect(await rows(text, { columns: { column1: 'ignore' } })).toEqual(plain)
    expect((await rejection(() => csv(file(',a,b\nx,y,z\nu,v,w\n')))).message).toContain('index=False')
    const named = await rejection(() => csv(file('a,b\nr1,1,2\nr2,3,4\n')))
    expect(named.message).toContain('line 2 has 3 cells, the first row has 2; if it begins with the name of the row')
  })

  test('lines that end with a delimiter', async () => {
    const text = 'a,b,\n1,2,\n3,4,\n'
    expect((await rejection(() => csv(file(text)))).message).toContain(
      "{ header: true, columns: { column3: 'ignore' } }",
    )
    const empty = await rejection(() => csv(file(text), { header: true }))
    expect(empty.message).toContain(
      'the column is empty (the lines end with a delimiter); leave it out with { columns: { "column3": \'ignore\' } }',
    )
    expect(await rows(text, { header: true, columns: { column3: 'ignore' } })).toEqual(plain)
    expect((await rejection(() => csv(file('a,b\n1,2,\n3,4,\n')))).message).toContain('it ends with a delimiter')
  })

  test('names that are numbers', async () => {
    expect((await rejection(() => csv(file('name,10,2\n5,1,2\n')))).message).toContain('give { header: true }')
    const text = 'name,10,2\nx,1,2\n'
    const set = await csv(file(text), { header: true })
    expect([set.columns, set.toTensor(['10', '2']).toArray()]).toEqual([['name', '10', '2'], [[1, 2]]])
    // Without it the first row is data, and the texts of its first column are no numbers.
    const data = await csv(file(text))
    expect(() => data.toTensor()).toThrow("column 'column1' contains text ('name', row 1)")
    // A label that the first row names says as much.
    expect((await csv(file(text), { label: 'name' })).columns).toEqual(['name', '10', '2'])
  })

  test('rows of different lengths and odd quotation marks are named by line', async () => {
    const cases: [string, RegExp][] = [
      ['a,b\n1,2\n3\n', /line 3 has 1 cell, the first row has 2/],
      ['a,b\n"x\ny",2\n\nz,4,5\n', /line 5 has 3 cells, the first row has 2/],
      ['a,b\n1,2\n"3,4\n5,6\n', /a quotation mark in line \d or below is not closed/],
      ['a,b\n1,2\n3,4" pipe\n', /line 3: a quotation mark inside a cell that does not begin with one/],
      ['a,b\n1,2\n"3"4,5\n', /line 3: text behind a closing quotation mark/],
    ]
    for (const [text, message] of cases) {
      expect((await rejection(() => csv(file(text)))).message).toMatch(message)
    }
  })

  test('a text column says so', async () => {
    const error = await rejection(() => csv(file('id,v\nm0000,1\n'), { columns: { id: 'numeric' } }))
    expect(error.message).toContain("row 1 (line 2), column 'id': 'm0000' is not a number: the column contains text")
  })
})
