/** data.csv: what it reads, how it treats missing cells, and what it refuses. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { csv } from '../../src/data/csv.js'

let folder: string
let files = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-csv-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(text: string | Buffer): string {
  const path = join(folder, `${files++}.csv`)
  writeFileSync(path, text)
  return path
}

describe('data.csv reads', () => {
  test('commas, a header, numbers and categories', async () => {
    const data = await csv(file('a,b,kind\n1,2.5,x\n-3,4e2,y\n+5,.5,x\n'), { label: 'kind' })
    expect(data.columns).toEqual(['a', 'b', 'kind'])
    expect(data.length).toBe(3)
    expect(data.toTensor().toArray()).toEqual([
      [1, 2.5],
      [-3, 400],
      [5, 0.5],
    ])
    expect(data.categories).toEqual({ kind: ['x', 'y'] })
    expect(data.labels()!.toArray()).toEqual([0, 1, 0])
  })

  test('semicolons with quotes around text, separators inside quotes', async () => {
    const data = await csv(file('"age";"job";"y"\n58;"man; age, ment";"no"\n44;"a ""quoted"" word";"yes"\n'))
    expect(data.columns).toEqual(['age', 'job', 'y'])
    expect(data.categories.job).toEqual(['a "quoted" word', 'man; age, ment'])
    expect(data.column('age').toArray()).toEqual([58, 44])
  })

  test('tabs, CRLF, a byte-order mark, a blank last line, no header', async () => {
    const data = await csv(file('\ufeff1\t2\r\n3\t4\r\n\r\n'))
    expect(data.columns).toEqual(['column1', 'column2'])
    expect(data.toTensor().toArray()).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  test('blanks after separators and a comment in the first line, as in adult.test', async () => {
    const data = await csv(file('|1x3 Cross validator\n25, Private, <=50K.\n38, State-gov, >50K.\n'))
    expect(data.columns).toEqual(['column1', 'column2', 'column3'])
    expect(data.categories.column2).toEqual(['Private', 'State-gov'])
    expect(data.categories.column3).toEqual(['<=50K.', '>50K.'])
  })

  test('a table of text only: a header is what does not occur again', async () => {
    const withHeader = await csv(file('class, cap\np, x\ne, b\np, b\n'))
    expect(withHeader.columns).toEqual(['class', 'cap'])
    expect(withHeader.length).toBe(3)
    const without = await csv(file('p,x\ne,b\np,b\n'))
    expect(without.columns).toEqual(['column1', 'column2'])
    expect(without.length).toBe(3)
    expect((await csv(file('p,x\ne,b\n'), { header: false })).length).toBe(2)
    expect((await csv(file('1,2\n3,4\n'), { header: ['u', 'v'] })).columns).toEqual(['u', 'v'])
  })

  test('one column, one row', async () => {
    const data = await csv(file('v\n7\n'))
    expect(data.column('v').toArray()).toEqual([7])
  })

  test('digits beyond 2^53 are text, not rounded numbers', async () => {
    const puzzle = '003020600900305001001806400008102900700000008006708200002609500800203009005010300'
    const set = await csv(file(`puzzle,n\n${puzzle},1\n${puzzle.replace('3', '4')},2\n`))
    expect(set.categories.puzzle![0]).toBe(puzzle)
    await expect(csv(file('id\n12345678901234567\n5\n'), { header: true })).rejects.toMatchObject({
      details: { row: 1, column: 'id' },
    })
  })

  test('numbers declared as categories, columns left out', async () => {
    const data = await csv(file('id,zip,v\n1,10,0.5\n2,9,1.5\n'), { columns: { id: 'ignore', zip: 'categorical' } })
    expect(data.columns).toEqual(['zip', 'v'])
    expect(data.categories.zip).toEqual(['10', '9'])
    expect(data.column('zip').toArray()).toEqual([0, 1])
  })
})

describe('missing cells', () => {
  const text = 'a,b\n1,x\nNA,y\n3,?\n'
  test.each(['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'None', '?'])(
    'the mark "%s" is named by row and column',
    async (mark) => {
      const error = await csv(file(`a,b\n1,2\n${mark},4\n5,6\n`)).catch((e) => e)
      expect(error).toMatchObject({
        code: 'ERR_LANGEVIN_FORMAT',
        details: { row: 2, line: 3, column: 'a', value: mark },
      })
      expect(error.message).toContain("row 2 (line 3), column 'a'")
    },
  )

  test('are dropped or made a category only on request', async () => {
    await expect(csv(file(text))).rejects.toMatchObject({ details: { row: 2, column: 'a' } })
    const dropped = await csv(file(text), { missing: 'drop' })
    expect([dropped.length, dropped.dropped]).toEqual([1, 2])
    await expect(csv(file(text), { missing: 'category' })).rejects.toMatchObject({ details: { row: 2, column: 'a' } })
    const category = await csv(file('a,b\n1,x\n3,?\n4,x\n'), { missing: 'category' })
    expect(category.categories.b).toEqual(['?', 'x'])
    const own = await csv(file('a,b\n1,unknown\n3,yes\n'), { missingMarks: ['unknown'], missing: 'drop' })
    expect(own.length).toBe(1)
  })

  test('in a column that is ignored do not matter', async () => {
    expect((await csv(file(text), { columns: { a: 'ignore' }, missing: 'category' })).length).toBe(3)
  })
})

describe('data.csv refuses', () => {
  test.each([
    ['a word among numbers', 'a,b\n1,2\n3,four\n', { row: 2, line: 3, column: 'b', value: 'four' }],
    ['a decimal comma', 'a;b\n1;2\n3;4,5\n', { row: 2, column: 'b', value: '4,5' }],
    ['an infinity', 'a,b\n1,2\n3,inf\n', { row: 2, column: 'b', value: 'inf' }],
    ['hexadecimal', 'a,b\n1,2\n3,0x10\n', { row: 2, column: 'b', value: '0x10' }],
    ['a number beyond float64', 'a,b\n1,2\n3,1e999\n', { row: 2, column: 'b', value: '1e999' }],
  ])('%s', async (_, text, details) => {
    await expect(csv(file(text), { header: true })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_FORMAT', details })
  })

  test.each([
    ['an empty file', ''],
    ['a header alone', 'a,b\n'],
    ['rows of different lengths', 'a,b\n1,2\n3\n'],
    ['an open quote', 'a,b\n1,"2\n3,4\n'],
    ['binary data', Buffer.from([1, 2, 0, 3, 4])],
    ['two columns of one name', 'a,a\n1,2\n'],
    ['blank lines only', '\n\n\n'],
  ])('%s', async (_, text) => {
    const path = file(text)
    await expect(csv(path, { header: true })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_FORMAT', details: { path } })
  })

  test('paths and names that do not exist', async () => {
    await expect(csv(join(folder, 'none.csv'))).rejects.toMatchObject({ code: 'ERR_LANGEVIN_IO' })
    await expect(csv(folder)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_IO' })
    const path = file('a,b\n1,2\n')
    await expect(csv(path, { label: 'c' })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    await expect(csv(path, { columns: { c: 'numeric' } })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
    })
    await expect(csv(path, { header: ['a'] })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
  })

  test('unknown options', async () => {
    const path = file('a,b\n1,2\n')
    // @ts-expect-error a misspelt option
    await expect(csv(path, { seperator: ';' })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    // @ts-expect-error a type that does not exist
    await expect(csv(path, { columns: { a: 'text' } })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
  })
})
