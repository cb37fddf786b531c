/** Rows and options that a scorer refuses, and energies that cannot be exported. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Energy, energies } from '../../src/index.js'
import { loadScorer, type Scorer } from '../../src/scorer/index.js'
import { refusal, rejection } from '../helpers/errors.js'
import { scratchFolder } from './support.js'

const folder = scratchFolder()
let plain: Scorer
let joint: Scorer
let conditional: Scorer
beforeAll(async () => {
  const made = async (name: string, spec: Parameters<typeof Energy.create>[0]) => {
    await using model = await Energy.create(spec)
    await model.exportScorer(join(folder, name))
    return loadScorer(join(folder, name))
  }
  plain = await made('plain', energies.mlp({ input: 3, hidden: [4] }))
  joint = await made('joint', energies.classifier({ input: 3, hidden: [4], classes: 2 }))
  conditional = await made('conditional', energies.conditional({ input: 3, hidden: [4], condition: 2 }))
})
afterAll(() => {
  for (const scorer of [plain, joint, conditional]) scorer.dispose()
})

describe('a scorer', () => {
  const rows = [[0, 1, 2]]
  it.each([
    ['a row of another width', () => plain.energy([[1, 2]]), 'ERR_LANGEVIN_SHAPE', /row 1 has 2 numbers.*3/],
    ['numbers that are no rows', () => plain.energy(new Float32Array(4)), 'ERR_LANGEVIN_SHAPE', /no rows of 3/],
    [
      'a shape that does not fit',
      () => plain.energy({ data: new Float32Array(6), shape: [3, 2] }),
      'ERR_LANGEVIN_SHAPE',
      /\[n, 3\]/,
    ],
    [
      'a text',
      () => plain.energy([[1, 'two', 3] as never]),
      'ERR_LANGEVIN_INVALID_OPTION',
      /row 1, number 2 is string/,
    ],
    ['nothing', () => plain.energy(undefined as never), 'ERR_LANGEVIN_INVALID_OPTION', /rows are lists/],
    [
      'objects without columns',
      () => plain.energy([{ a: 1 }]),
      'ERR_LANGEVIN_INVALID_OPTION',
      /exported without `inputs`/,
    ],
    [
      'NaN',
      () =>
        plain.energy([
          [0, 0, 0],
          [1, Number.NaN, 3],
        ]),
      'ERR_LANGEVIN_NON_FINITE',
      /x is NaN in row 1, column 1/,
    ],
    ['more than float32 holds', () => plain.energy([[1e300, 0, 0]]), 'ERR_LANGEVIN_NON_FINITE', /Infinity in row 0/],
    ['a y that is not asked for', () => plain.energy(rows, { y: [1] }), 'ERR_LANGEVIN_INVALID_OPTION', /no condition/],
    ['a class beyond the classes', () => joint.energy(rows, { y: [2] }), 'ERR_LANGEVIN_INVALID_OPTION', /class 2 of 2/],
    ['a negative class', () => joint.energy(rows, { y: [-1] }), 'ERR_LANGEVIN_INVALID_OPTION', /class -1 of 2/],
    ['half a class', () => joint.energy(rows, { y: [0.5] }), 'ERR_LANGEVIN_INVALID_OPTION', /not a class number/],
    ['too few classes', () => joint.energy([...rows, ...rows], { y: [0] }), 'ERR_LANGEVIN_SHAPE', /1 classes.*2 rows/],
    [
      'too few class numbers',
      () => joint.energy([...rows, ...rows], { y: BigInt64Array.of(0n) }),
      'ERR_LANGEVIN_SHAPE',
      /y/,
    ],
    ['a missing y', () => conditional.energy(rows), 'ERR_LANGEVIN_INVALID_OPTION', /give y/],
    ['too few rows of y', () => conditional.energy([...rows, ...rows], { y: [[1, 2]] }), 'ERR_LANGEVIN_SHAPE', /y/],
    ['no threads', () => plain.energy(rows, { threads: 0 }), 'ERR_LANGEVIN_INVALID_OPTION', /threads/],
    ['a decision by an energy', () => plain.decide(rows, { fpr: 0.1 }), 'ERR_LANGEVIN_UNSUPPORTED', /holds an energy/],
  ] as [string, () => unknown, string, RegExp][])('refuses %s', (_, call, code, message) => {
    const error = refusal(call)
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
  })

  it('takes no rows, and gives no energies', () => {
    expect(plain.energy([])).toEqual(new Float32Array(0))
    expect(plain.score(new Float32Array(0))).toEqual(new Float32Array(0))
  })
})

describe('exportScorer', () => {
  it('refuses an energy that the kernels do not cover, with the reason', async () => {
    await using model = await Energy.create(energies.mlp({ input: 2, hidden: [4] }), { dtype: 'bfloat16' })
    const error = await rejection(() => model.exportScorer(join(folder, 'half')))
    expect(error.code).toBe('ERR_LANGEVIN_UNSUPPORTED')
    expect(error.message).toMatch(/mlp energy: the fused kernels are for float32 and float64, this one is bfloat16/)
  })

  it('refuses a program whose rows take more numbers than a scorer may', async () => {
    await using model = await Energy.create(energies.mlp({ input: 1, hidden: [1 << 20] }))
    const error = await rejection(() => model.exportScorer(join(folder, 'wide')))
    expect([error.code, error.message]).toEqual([
      'ERR_LANGEVIN_UNSUPPORTED',
      expect.stringMatching(/1,048,576 numbers/),
    ])
  })

  it('says where it cannot write', async () => {
    await using model = await Energy.create(energies.mlp({ input: 2, hidden: [4] }))
    const error = await rejection(() => model.exportScorer(join(folder, 'no/such/folder')))
    expect([error.code, error.details.reason]).toEqual(['ERR_LANGEVIN_IO', 'ENOENT'])
  })
})
