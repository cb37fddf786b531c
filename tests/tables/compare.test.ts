/** Synthetic tables beside real ones: similarity and distances against NumPy and SciPy, judges against what is known. */
import { beforeAll, describe, expect, it } from 'vitest'
import { textColumn } from '../../src/data/categories.js'
import type { Column } from '../../src/data/dataset.js'
import { Dataset, data, tensor } from '../../src/index.js'
import { boosting } from '../../src/tables/boosting.js'
import { featuresOf } from '../../src/tables/features.js'
import { compareTables, sideBySide, similarityOf } from '../../src/tables/index.js'
import { judge } from '../../src/tables/judge.js'
import { logisticRegression } from '../../src/tables/logistic.js'
import { privacyOf } from '../../src/tables/privacy.js'
import { missingModule, reference } from '../helpers/python.js'
import { normals, uniforms } from '../helpers/random.js'

type Row = Record<string, number | string>
const JOBS = ['clerk', 'cook', 'smith']

/** Pay depends on the job, rent on pay; y on both. `shift` moves the law. */
function people(n: number, seed: number, { shift = 0, gaps = 0 } = {}): Row[] {
  const [uniform, normal] = [uniforms(seed), normals(seed + 1000)]
  return Array.from({ length: n }, () => {
    const job = JOBS[uniform() < 0.2 + shift ? 0 : uniform() < 0.5 ? 1 : 2]!
    const pay = Math.round(20 + 6 * JOBS.indexOf(job) + 3 * normal() + 4 * shift)
    const rent = Math.round(10 * (0.3 * pay + normal())) / 10
    const y = uniform() < 1 / (1 + Math.exp(-(pay - 26) / 2 - (job === 'cook' ? 1 : 0))) ? 'yes' : 'no'
    const gap = () => gaps > 0 && uniform() < gaps
    return { pay: gap() ? '' : pay, rent, job: gap() ? '' : job, town: uniform() < 0.5 ? 'a' : 'b', y }
  })
}

/** As the reader of tables makes it: a missing number is NaN, a missing text a mark. */
const tableOf = (rows: readonly Row[]): Dataset =>
  new Dataset(
    new Map(
      Object.keys(rows[0]!).map((name): [string, Column] => {
        const cells = rows.map((row) => row[name]!)
        if (name !== 'pay' && name !== 'rent') return [name, textColumn(cells as string[])]
        return [name, { values: tensor(Float64Array.from(cells, (x) => (x === '' ? Number.NaN : Number(x)))) }]
      }),
    ),
  )
const cellsOf = (rows: readonly Row[]) =>
  Object.fromEntries(
    Object.keys(rows[0]!).map((name) => [name, rows.map((row) => (row[name] === '' ? null : row[name]))]),
  )
const schemaOf = (table: Dataset) =>
  data.schema(table, { missing: ['own-level', 'mean', 'mode'], unseen: 'mode', columns: { y: 'binary' } }).schema

const real = people(400, 1, { gaps: 0.05 })
const synthetic = [...people(280, 2, { shift: 0.15, gaps: 0.1 }), ...real.slice(0, 20)]
const complete = people(3000, 4)
const heldOut = people(1500, 5)

interface Reference {
  columns: Record<string, number>
  pairs: Record<string, number>
  closest: number[]
  copied: number
  logistic: number[][]
}
let expected: Reference

beforeAll(() => {
  const tables = { real: cellsOf(real), synthetic: cellsOf(synthetic), complete: cellsOf(complete) }
  const request = { ...tables, heldOut: cellsOf(heldOut), numbers: ['pay', 'rent'], label: 'y' }
  expected = reference<Reference>('table_compare.py', request)
}, 60_000)

const similarity = () => {
  const [a, b] = [tableOf(real), tableOf(synthetic)]
  return similarityOf(sideBySide(schemaOf(a), [a, b]))
}

describe('similarity', () => {
  it.each(['columns', 'pairs'] as const)('of %s is that of NumPy and SciPy', (what) => {
    const scores = similarity()[what] as readonly { column?: string; columns?: readonly string[]; score: number }[]
    const found = Object.fromEntries(scores.map(({ column, columns, score }) => [column ?? columns!.join(' '), score]))
    expect(Object.keys(found)).toEqual(Object.keys(expected[what]))
    // Sums of float64.
    for (const [name, score] of Object.entries(expected[what]))
      expect(Math.abs(found[name]! - score)).toBeLessThan(1e-12)
    expect(Math.min(...Object.values(found))).toBeLessThan(0.9)
  })

  it('of a table with itself is 1, of tables that share nothing 0', () => {
    const a = data.fromRows([1, 2, 3, 4].map((x) => ({ x, z: -x, c: x < 3 ? 'p' : 'q' })))
    const b = data.fromRows([11, 12, 13, 14].map((x) => ({ x, z: x, c: 'r' })))
    const { schema } = data.schema(a)
    const same = similarityOf(sideBySide(schema, [a, a]))
    expect([same.shapes, same.trends, same.overall]).toEqual([1, 1, 1])
    const other = similarityOf(sideBySide(schema, [a, b]))
    expect(other.columns.map(({ score }) => score)).toEqual([0, 0, 0])
    // Correlations -1 and 1.
    expect(other.pairs.map(({ score }) => score)).toEqual([0, 0, 0])
  })

  it('says null where a column of numbers does not vary', () => {
    const a = data.fromRows([1, 2, 3, 4].map((x) => ({ x, z: x * x })))
    const b = data.fromRows([1, 2, 3, 4].map((x) => ({ x, z: 7 })))
    const { pairs, trends, overall, shapes } = similarityOf(sideBySide(data.schema(a).schema, [a, b]))
    expect(pairs[0]!.score).toBeNull()
    expect(trends).toBeNull()
    expect(overall).toBe(shapes)
  })
})

describe('privacy', () => {
  it('distances and copies are those of NumPy', async () => {
    const [a, b] = [tableOf(real), tableOf(synthetic)]
    const { synthetic: own } = await privacyOf(sideBySide(schemaOf(a), [a, b]), [real.length, synthetic.length])
    const sorted = [...expected.closest].sort((p, q) => p - q)
    expect(own.rows).toBe(synthetic.length)
    expect(own.mean).toBeCloseTo(
      sorted.reduce((sum, d) => sum + d / sorted.length, 0),
      12,
    )
    expect(own.median).toBeCloseTo(sorted[Math.floor(sorted.length / 2)]!, 12)
    expect(own.low).toBeCloseTo(sorted[Math.floor(0.05 * sorted.length)]!, 12)
    expect(own.copied).toBeCloseTo(expected.copied, 12)
    expect(own.copied).toBeGreaterThanOrEqual(20 / 300)
  })

  it('tells memorised rows from new ones by the held-out rows', async () => {
    const [train, test, fresh] = [11, 12, 13].map((seed) => tableOf(people(500, seed))) as [Dataset, Dataset, Dataset]
    const of = async (made: Dataset) =>
      await privacyOf(sideBySide(schemaOf(train), [train, made, test]), [500, made.length, 500])
    const good = await of(fresh)
    // A share of 500 pairs of distances about one half: 4.5 standard errors.
    expect(Math.abs(good.nearerToReal! - 0.5)).toBeLessThan(4.5 * Math.sqrt(0.25 / 500))
    const bad = await of(train)
    expect(bad.nearerToReal).toBeGreaterThan(0.75)
    expect(bad.synthetic.copied).toBe(1)
    expect(bad.heldOut).toEqual(good.heldOut)
  })
})

describe('judges', () => {
  it('logistic regression is that of scikit-learn', async () => {
    const schema = schemaOf(tableOf(complete))
    const learned = featuresOf(schema, tableOf(complete), 'y')
    const asked = featuresOf(schema, tableOf(heldOut), 'y')
    const found = await logisticRegression(learned, asked, { seed: 1 })
    const worst = Math.max(...found.map((p, i) => Math.abs(p[1]! - expected.logistic[i]![1]!)))
    // Stochastic steps against the exact optimum; the standard error of a probability learned from 3,000 rows is about 0.02.
    expect(worst).toBeLessThan(0.01)
  })

  it('from rows of the same law tell as much as real ones, from rows with shuffled labels nothing', async () => {
    const [train, made] = [tableOf(people(1500, 21)), people(1500, 22)]
    const schema = schemaOf(train)
    const next = uniforms(3)
    const shuffled = made.map((row) => ({ ...row, y: next() < 0.5 ? 'yes' : 'no' }))
    const of = async (rows: Row[]) =>
      await judge(
        schema,
        { real: train, synthetic: tableOf(rows), heldOut: tableOf(heldOut) },
        { label: 'y', judges: ['logistic'] },
      )
    const verdicts = async (rows: Row[]) => (await of(rows)).verdicts.map(({ auroc }) => auroc!)
    const [[fromReal, fromSame], [, fromNone]] = [await verdicts(made), await verdicts(shuffled)]
    // The standard error of an AUROC of 1,500 rows is about 0.01.
    expect(fromReal).toBeGreaterThan(0.85)
    expect(Math.abs(fromReal! - fromSame!)).toBeLessThan(0.01)
    // Weights of noise may by chance point along the truth: 1,500 labels leave about 0.1 of it.
    expect(fromNone).toBeLessThan(0.75)
  })

  it.skipIf(missingModule('sklearn'))(
    'boosting answers in probabilities, for classes that were not learned 0',
    async () => {
      const schema = schemaOf(tableOf(complete))
      const all = featuresOf(schema, tableOf(complete), 'job')
      const some = featuresOf(schema, tableOf(complete.filter(({ job }) => job !== 'smith')), 'job')
      const asked = featuresOf(schema, tableOf(heldOut), 'job')
      const { answers } = await boosting([all, some], asked)
      const rowsOf = (flat: Float64Array) =>
        Array.from({ length: asked.rows }, (_, i) => flat.subarray(3 * i, 3 * i + 3))
      for (const flat of answers)
        for (const p of rowsOf(flat)) expect(p.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 9)
      expect(rowsOf(answers[1]!).every(([, , smith]) => smith === 0)).toBe(true)
      const right = rowsOf(answers[0]!).filter((p, i) => p.indexOf(Math.max(...p)) === asked.y[i]).length / asked.rows
      // The pay of jobs differs by two standard deviations: the most probable of three by its pay is right for about 0.75.
      expect(right).toBeGreaterThan(0.65)
    },
  )

  it.skipIf(missingModule('sklearn'))('boosting tells numbers', async () => {
    const [train, made] = [tableOf(people(800, 31)), tableOf(people(800, 32))]
    const { task, tested, testRows, verdicts, notes } = await judge(
      schemaOf(train),
      { real: train, synthetic: made },
      { label: 'rent' },
    )
    expect([task, tested, testRows]).toEqual(['regression', 'part', 160])
    expect(notes).toEqual(["logistic: 'rent' is a column of numbers, which it does not tell"])
    // rent = 0.3 pay + normal: r2 at best is 0.09 var(pay) / (0.09 var(pay) + 1), about 0.7.
    for (const { r2 } of verdicts) expect(r2).toBeGreaterThan(0.5)
    expect(verdicts.map(({ learnedFrom }) => learnedFrom)).toEqual(['real', 'synthetic'])
  })

  it('one that is not there is named with what to install; the rest of the comparison comes', async () => {
    const [train, made] = [tableOf(people(200, 41)), tableOf(people(200, 42))]
    const result = await compareTables(train, made, { label: 'y', python: '/nowhere/python3' })
    expect(result.judgement!.verdicts.map(({ judge }) => judge)).toEqual(['logistic', 'logistic'])
    expect(result.judgement!.notes[0]).toContain('/nowhere/python3: no such program')
    expect(result.judgement!.notes[0]).toContain('pip install scikit-learn')
    expect(result.similarity.overall).toBeGreaterThan(0.8)
  })

  it('refuses a label that is not there, and too few rows', async () => {
    const train = tableOf(people(200, 41))
    await expect(compareTables(train, train, { label: 'z' })).rejects.toThrow(
      /there is no column 'z'; the columns are pay/,
    )
    const few = tableOf(people(5, 42))
    await expect(compareTables(train, few, { label: 'y', judges: ['logistic'] })).rejects.toThrow(
      "of the synthetic rows 5 have a 'y', too few to judge by",
    )
  })
})
