/** The scorer gives the bits of the whole package, for every kind of energy that the fused kernels cover. */
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { Energy } from '../../src/energy.js'
import { data, energies, type RowsLike } from '../../src/index.js'
import { loadScorer } from '../../src/scorer/index.js'
import { kindsOf } from '../../src/spec/index.js'
import { tensor } from '../../src/tensor/index.js'
import { numbers, subjects, widthOf } from '../energies/parity-subjects.js'
import { refusal } from '../helpers/errors.js'
import { sameBits, scratchFolder } from './support.js'

const folder = scratchFolder()
const path = join(folder, 'model.scorer')
const DTYPES = ['float32', 'float64'] as const
const open: Energy[] = []
afterEach(() => {
  for (const model of open.splice(0)) model.dispose()
})

async function made(spec: Parameters<typeof Energy.create>[0], options: object = {}): Promise<Energy> {
  const model = await Energy.create(spec, { seed: 3, ...options })
  open.push(model)
  return model
}

/** Rows of every kind of y that a subject has. */
function condition({ classes, condition: width }: (typeof subjects)[number], rows: number) {
  if (classes) return Array.from({ length: rows }, (_, r) => (r * 7 + 3) % classes)
  return width ? numbers(rows, width, 100) : undefined
}

describe('the scorer and the whole package', () => {
  const cases = subjects.flatMap((subject) =>
    DTYPES.map((dtype) => ({ name: `${subject.name}, ${dtype}`, subject, dtype })),
  )

  it.each(cases)('$name', async ({ subject, dtype }) => {
    const model = await made(subject.spec, { dtype })
    const { executor, instructionSet } = model.explain()
    // Every kind is covered today; one that is not would have to be refused (see refusals.test.ts).
    expect(executor).toBe('fused-cpu')
    await model.exportScorer(path)
    using scorer = loadScorer(path)
    expect(scorer.info).toMatchObject({ family: 'energy', kind: subject.spec.kind, dtype, instructionSet })
    // One row, a part of a block, and several tiles whose last is no whole block.
    for (const rows of [1, 37, 1000]) {
      const x = numbers(rows, widthOf(subject.spec), rows)
      const y = condition(subject, rows)
      using given = tensor(x, undefined, dtype)
      const options = y === undefined ? {} : { y: Array.isArray(y[0]) ? tensor(y, undefined, dtype) : tensor(y) }
      using energy = await model.energy(given, options as { y?: RowsLike })
      using score = await model.score(given, options as { y?: RowsLike })
      const more = y === undefined ? {} : { y: y as number[] }
      expect(sameBits(scorer.energy(x, more), energy.toTypedArray())).toBe(true)
      expect(sameBits(scorer.energy(x, { ...more, threads: 2 }), energy.toTypedArray())).toBe(true)
      expect(sameBits(scorer.score(x, more), score.toTypedArray())).toBe(true)
    }
  })

  it('have every kind of energy among them', () => {
    expect(new Set(subjects.map(({ spec }) => spec.kind))).toEqual(new Set(kindsOf('energy')))
  })

  it.each([1, 2, 7, 8, 13, 100])('agree on rows of width %i, and on wide layers', async (input) => {
    for (const dtype of DTYPES) {
      const model = await made(energies.mlp({ input, hidden: [129, 67] }), { dtype })
      await model.exportScorer(path)
      using scorer = loadScorer(path)
      const x = numbers(5001, input, input)
      using energy = await model.energy(x)
      expect(sameBits(scorer.energy(x), energy.toTypedArray())).toBe(true)
      // The same rows laid flat, and with their shape.
      const laid = dtype === 'float32' ? Float32Array.from(x.flat()) : Float64Array.from(x.flat())
      expect(sameBits(scorer.energy(laid), energy.toTypedArray())).toBe(true)
      expect(sameBits(scorer.energy({ data: laid, shape: [5001, input] }), energy.toTypedArray())).toBe(true)
    }
  })

  it('agree on rows whose tiles are cut by their cost', async () => {
    const model = await made(energies.mlp({ input: 300, hidden: [400, 300] }))
    await model.exportScorer(path)
    using scorer = loadScorer(path)
    const x = numbers(700, 300, 5)
    using energy = await model.energy(x)
    expect(sameBits(scorer.energy(x), energy.toTypedArray())).toBe(true)
    expect(sameBits(scorer.energy(x, { threads: 3 }), energy.toTypedArray())).toBe(true)
  })

  it('differ when one weight does', async () => {
    const model = await made(energies.mlp({ input: 3, hidden: [16] }))
    const x = numbers(10, 3, 1)
    await model.exportScorer(path)
    using before = loadScorer(path)
    const { '0.weight': weight } = await model.parameters()
    const values = weight!.toArray() as number[][]
    values[0]![0] = values[0]![0]! + 0.01
    await model.setParameters({ '0.weight': values })
    await model.exportScorer(path)
    using after = loadScorer(path)
    expect(sameBits(before.energy(x), after.energy(x))).toBe(false)
    using energy = await model.energy(x)
    expect(sameBits(after.energy(x), energy.toTypedArray())).toBe(true)
  })

  it.each(DTYPES)('agree on rows in the units of the data, by name and in order, %s', async (dtype) => {
    const table = Array.from({ length: 60 }, (_, i) => ({ time: 1.7e9 + i * 3.1, temp: Math.sin(i) * 9, on: i % 3 }))
    using set = data.fromRows(table)
    const model = await made(energies.mlp({ input: 3, hidden: [16] }), { dtype, inputs: data.inputs(set) })
    await model.exportScorer(path)
    using scorer = loadScorer(path)
    expect(scorer.info.columns).toEqual(['time', 'temp', 'on'])
    using energy = await model.energy(set)
    using score = await model.score(set)
    const turned = table.map(({ time, temp, on }) => ({ on, temp, time }))
    expect(sameBits(scorer.energy(turned), energy.toTypedArray())).toBe(true)
    expect(sameBits(scorer.score(turned), score.toTypedArray())).toBe(true)
    const listed = table.map(({ time, temp, on }) => [time, temp, on])
    expect(sameBits(scorer.energy(listed), energy.toTypedArray())).toBe(true)
    using small = model.energySync(listed.slice(0, 3))
    expect(sameBits(scorer.energy(listed.slice(0, 3)), small.toTypedArray())).toBe(true)
  })

  it('agree on a column of several numbers, given as a list and under names of their own', async () => {
    using set = data.toys.rings({ n: 40, seed: 1 })
    const model = await made(energies.mlp({ input: 2, hidden: [8] }), { inputs: data.inputs(set) })
    await model.exportScorer(path)
    using scorer = loadScorer(path)
    const rows = set.toTensor().toArray() as [number, number][]
    using energy = await model.energy(set)
    expect(sameBits(scorer.energy(rows.map((x) => ({ x }))), energy.toTypedArray())).toBe(true)
    expect(sameBits(scorer.energy(rows.map(([x1, x2]) => ({ x2, x1 }))), energy.toTypedArray())).toBe(true)
    expect(refusal(() => scorer.energy([{ x1: 1 }])).message).toMatch(/no 'x2'; the columns are x1, x2/)
    expect(refusal(() => scorer.energy([{ x: [1] }])).message).toMatch(/list of 2 numbers/)
  })

  it('give the same for the bytes of a file as for its path, wherever they lie in memory', async () => {
    const { readFileSync } = await import('node:fs')
    const model = await made(energies.gaussian({ mean: [0.5, -1], precision: [4, 1] }), { dtype: 'float64' })
    await model.exportScorer(path)
    const bytes = readFileSync(path)
    const moved = new Uint8Array(bytes.length + 3)
    moved.set(bytes, 3)
    using one = loadScorer(path)
    using two = loadScorer(moved.subarray(3))
    const x = numbers(9, 2, 2)
    expect(sameBits(one.energy(x), two.energy(x))).toBe(true)
  })
})

describe('a disposed scorer', () => {
  it('says so', async () => {
    const model = await made(energies.mlp({ input: 2, hidden: [4] }))
    await model.exportScorer(path)
    const scorer = loadScorer(path)
    scorer.dispose()
    scorer.dispose()
    expect(refusal(() => scorer.energy([[1, 2]])).code).toBe('ERR_LANGEVIN_DISPOSED')
  })
})
