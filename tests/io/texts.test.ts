/** Text arrays of .npz archives: their axes and orders. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as data from '../../src/data/index.js'
import { npz } from '../../src/io/index.js'
import { npyBytes, npzBytes, numbersNpy, textsNpy } from '../helpers/npz.js'

let folder: string
const at = (name: string) => join(folder, name)
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'langevin-texts-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('text arrays', () => {
  // Column-major: a, c, b, d lie one after the other.
  const square = [
    ['a', 'bb'],
    ['c', 'd'],
  ]
  const cases: [string, Buffer, unknown][] = [
    ['C order', textsNpy(['a', 'bb', 'c', 'd'], [2, 2]), square],
    ['Fortran order', textsNpy(['a', 'c', 'bb', 'd'], [2, 2], true), square],
    [
      'three axes in Fortran order',
      textsNpy(['0', '3', '1', '4', '2', '5'], [2, 3, 1], true),
      [
        [['0'], ['1'], ['2']],
        [['3'], ['4'], ['5']],
      ],
    ],
    ['one axis', textsNpy(['x', '', 'zz']), ['x', '', 'zz']],
    ['a scalar', textsNpy(['x'], []), 'x'],
    ['no rows', textsNpy([], [0, 2]), []],
    ['zeros inside a text are its own', textsNpy(['a\0b', 'ab']), ['a\0b', 'ab']],
    ['bytes', npyBytes('|S2', [2], Buffer.from('abc\0')), ['ab', 'c']],
  ]

  test.each(cases)('%s', async (_, bytes, wanted) => {
    writeFileSync(at('text.npz'), npzBytes([['t', bytes]]))
    expect((await npz.read(at('text.npz'))).t).toEqual(wanted)
  })

  test('are categories of as many rows as the first axis', async () => {
    for (const [order, texts] of Object.entries({ C: ['a', 'bb', 'c', 'd'], F: ['a', 'c', 'bb', 'd'] })) {
      const text = textsNpy(texts, [2, 2], order === 'F')
      writeFileSync(
        at('text.npz'),
        npzBytes([
          ['t', text],
          ['v', numbersNpy([1, 2])],
        ]),
      )
      const set = await data.npz(at('text.npz'))
      expect([set.length, set.categories.t, set.column('t').toArray()]).toEqual([
        2,
        ['a', 'bb', 'c', 'd'],
        [
          [0, 1],
          [2, 3],
        ],
      ])
    }
    writeFileSync(at('text.npz'), npzBytes([['t', textsNpy(['x'], [])]]))
    await expect(data.npz(at('text.npz'))).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
  })
})
