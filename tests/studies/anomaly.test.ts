/** The anomaly study: its tables, recipe, rows and summaries. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { gaussianFit } from '../../src/data/gaussian-fit.js'
import { Energy, energies, tensor } from '../../src/index.js'
import { denoisingScoreMatching } from '../../src/objectives/denoising-score-matching.js'
import { averagedEnergy } from '../../src/ood/detectors.js'
import { scores } from '../../src/ood/evaluate.js'
import {
  type AnomalyRow,
  type AnomalyTable,
  anomalySection,
  anomalyStudy,
  readTable,
  shippedTables,
  summarise,
  textTable,
} from '../../src/studies/anomaly/index.js'
import { evaluateObjective } from '../../src/training/index.js'
import { rejection } from '../helpers/errors.js'
import { reference } from '../helpers/python.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-anomaly-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Standard normal numbers (mulberry32, Box-Muller), the same in every run. */
function normals(count: number, seed: number): number[] {
  let state = seed
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32
  }
  return Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()))
}

/** `good` rows about the origin, then `bad` rows about (shift, ..., shift). */
function made(
  name: string,
  { good, bad, width, shift }: Record<'good' | 'bad' | 'width' | 'shift', number>,
): AnomalyTable {
  const values = normals((good + bad) * width, 7).map((z, i) => (i < good * width ? z : z + shift))
  const numbers = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i)
  return {
    name,
    x: tensor(Float64Array.from(values), [good + bad, width]),
    normals: tensor(numbers(0, good), [good], 'int64'),
    anomalies: tensor(numbers(good, bad), [bad], 'int64'),
    classes: 'made',
  }
}

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const numbersOf = ({ seconds: _, ...rest }: AnomalyRow) => rest

describe('the study', () => {
  it('tells a far cluster apart', async () => {
    const tables = [made('far', { good: 200, bad: 40, width: 4, shift: 6 })]
    const shares: number[] = []
    const onProgress = (done: number) => shares.push(done)
    const { rows, complete } = await anomalyStudy({ tables, seeds: [0], steps: 200, onProgress })
    expect(complete).toBe(true)
    expect(shares[0]).toBe(0)
    expect(shares.at(-1)).toBe(1)
    expect([...shares].sort((a, b) => a - b)).toEqual(shares)
    expect(rows.map(({ detector }) => detector)).toEqual(['ensemble', 'energy', 'knn', 'mahalanobis'])
    for (const row of rows) {
      // The clusters are 12 standard deviations apart along the diagonal: nothing overlaps.
      expect(row.auroc).toBeGreaterThan(0.99)
      expect(row.aupr).toBeGreaterThan(0.99)
      expect(row.fpr95).toBeLessThan(0.01)
      expect([row.n, row.anomalies]).toEqual([80 + 40, 40])
      expect(row.seconds).toBeGreaterThan(0)
    }
  })

  it('finds nothing where there is nothing: rows of one law called anomalies at random', async () => {
    const tables = [made('none', { good: 1200, bad: 800, width: 3, shift: 0 })]
    const { rows } = await anomalyStudy({ tables, seeds: [0], steps: 100 })
    // Under exchangeability AUROC has mean 1/2 and sd sqrt((m + n + 1) / (12 m n)), m = 480, n = 800 (Mann-Whitney).
    const sd = Math.sqrt((480 + 800 + 1) / (12 * 480 * 800))
    for (const row of rows) expect(Math.abs(row.auroc - 0.5)).toBeLessThan(4.5 * sd)
  })

  it('sees what the second moments cannot: a hole in the middle of a ring', async () => {
    const angles = normals(600, 3)
    const ring = angles.flatMap((z) => [3 * Math.cos(9 * z), 3 * Math.sin(9 * z)])
    const values = [...ring.map((v, i) => v + 0.2 * normals(1200, 5)[i]!), ...normals(120, 9).map((z) => 0.3 * z)]
    const index = (first: number, count: number) =>
      tensor(
        Array.from({ length: count }, (_, i) => first + i),
        [count],
        'int64',
      )
    const hole = { name: 'ring', x: tensor(Float64Array.from(values), [660, 2]), classes: 'made' }
    const tables = [{ ...hole, normals: index(0, 600), anomalies: index(600, 60) }]
    const { rows } = await anomalyStudy({ tables, seeds: [1], steps: 400 })
    const of = (name: string) => rows.find(({ detector }) => detector === name)!.auroc
    expect(of('energy')).toBeGreaterThan(0.95)
    // The Mahalanobis distance is smallest in the hole.
    expect(of('mahalanobis')).toBeLessThan(0.05)
  })

  it('is a function of the seed', async () => {
    const tables = [made('far', { good: 60, bad: 20, width: 2, shift: 1 })]
    const run = async (threads: number) =>
      (await anomalyStudy({ tables, seeds: [3, 4], steps: 20, threads })).rows.map(numbersOf)
    const one = await run(1)
    expect(await run(2)).toEqual(one)
    expect(one[0]!.auroc).not.toBe(one[4]!.auroc)
  })

  it('cuts large tables down in proportion and says so', async () => {
    const tables = [made('large', { good: 900, bad: 300, width: 2, shift: 3 })]
    const { rows, notes } = await anomalyStudy({ tables, seeds: [0], detectors: ['mahalanobis'], rowLimit: 400 })
    expect(notes).toEqual(['large: 400 of 1200 rows, drawn again for each seed (100 anomalies)'])
    expect([rows[0]!.n, rows[0]!.anomalies]).toEqual([120 + 100, 100])
  })

  it('keeps the finished rows when it is stopped', async () => {
    const tables = [made('far', { good: 60, bad: 20, width: 2, shift: 1 })]
    const controller = new AbortController()
    const result = await anomalyStudy({
      tables,
      seeds: [0, 1, 2],
      detectors: ['knn', 'energy'],
      steps: 1_000_000,
      signal: controller.signal,
      onRow: () => setTimeout(() => controller.abort(), 20),
    })
    expect(result.complete).toBe(false)
    expect(result.rows.map(({ detector }) => detector)).toEqual(['knn'])
  })

  it('names table, row and column of a cell that is not a number', async () => {
    const table = made('holes', { good: 60, bad: 20, width: 2, shift: 1 })
    const values = table.x.toTypedArray() as Float64Array
    values[2 * 5 + 1] = Number.NaN
    const broken = { ...table, x: tensor(values, [80, 2]) }
    const error = await rejection(() => anomalyStudy({ tables: [broken], seeds: [0], detectors: ['knn'] }))
    expect(error.code).toBe('ERR_LANGEVIN_NON_FINITE')
    expect(error.message).toMatch(/holes.*row 5.*column 1/)
  })
})

describe('summaries', () => {
  const row = (dataset: string, seed: number, auroc: number): AnomalyRow => ({
    dataset,
    detector: 'knn',
    seed,
    auroc,
    aupr: 0.5,
    fpr95: 0.25,
    f1: 0.75,
    n: 10,
    anomalies: 5,
    seconds: 1,
  })
  it('gives mean and sample sd, and macro-averages of complete seeds', () => {
    const lines = summarise([row('a', 0, 0.9), row('a', 1, 0.8), row('b', 0, 0.5), row('b', 1, 0.6), row('a', 2, 0.7)])
    expect(lines.map(({ dataset }) => dataset)).toEqual(['a', 'b', undefined])
    expect(lines[0]!.metrics.auroc.mean).toBeCloseTo(0.8, 12)
    expect(lines[0]!.metrics.auroc.sd).toBeCloseTo(0.1, 12)
    // Seed 2 lacks table b: the macro-average is over seeds 0 and 1, both 0.7.
    expect(lines[2]!.metrics.auroc).toEqual({ mean: expect.closeTo(0.7, 12), sd: expect.closeTo(0, 12), seeds: 2 })
    expect(textTable([row('a', 0, 0.9)])).toMatch(/^data set.*\na +knn +0\.900 +0\.500 +0\.250 +0\.750 +1$/)
  })

  it('make a section of a report', async () => {
    const tables = [made('<far>', { good: 60, bad: 20, width: 2, shift: 4 })]
    const result = await anomalyStudy({ tables, seeds: [0, 1], detectors: ['mahalanobis'] })
    const text = anomalySection(result)
      .map(({ html }) => html)
      .join('')
    expect(text).toContain('&lt;far&gt;')
    expect(text).toContain('<svg')
    expect(text).toMatch(/\d\.\d{3} ± \d\.\d{3}/)
  })
})

describe('readTable', () => {
  const rows = (classes: string[]) => classes.map((name, i) => `${i},${(i * 7) % 5},${name}`).join('\n')
  const good = Array(30).fill('ok')

  it('reads the tables of the package', async () => {
    const [cancer, wine] = await Promise.all(shippedTables().map(({ path, label }) => readTable(path, { label })))
    expect(cancer!.x.shape).toEqual([569, 30])
    expect([cancer!.normals.size, cancer!.anomalies.size]).toEqual([357, 212])
    expect(wine!.x.shape).toEqual([178, 13])
    expect([wine!.normals.size, wine!.anomalies.size]).toEqual([130, 48])
    expect(wine!.classes).toBe("anomaly = target '2' (the rarest class): 48 of 178 rows")
  })

  it('takes the rarer class, the named ones, or all but the normal ones', async () => {
    const path = file('three.csv', `a,b,state\n${rows([...good, 'hot', 'hot', 'cold'])}`)
    const count = async (options: { anomaly?: string[]; normal?: string[] }) =>
      (await readTable(path, { label: 'state', ...options })).anomalies.size
    expect(await count({})).toBe(1)
    expect(await count({ anomaly: ['hot'] })).toBe(2)
    expect(await count({ normal: ['ok'] })).toBe(3)
    const error = await rejection(() => readTable(path, { label: 'state', anomaly: ['hott'] }))
    expect(error.message).toContain("there is no class 'hott'; did you mean 'hot'?")
    expect((await rejection(() => readTable(path, { label: 'state', anomaly: ['hot', 'cold', 'ok'] }))).code).toBe(
      'ERR_LANGEVIN_INVALID_OPTION',
    )
  })

  it.each([
    ['a misspelt label', `a,b,state\n${rows([...good, 'hot'])}`, 'stat', /no column 'stat'; did you mean 'state'/],
    ['no label', `a,b,state\n${rows([...good, 'hot'])}`, undefined, /--label COLUMN/],
    ['one class', `a,b,state\n${rows(good)}`, 'state', /one class only \(ok\)/],
    ['a tie', `a,b,state\n${rows([...good, ...Array(30).fill('hot')])}`, 'state', /equally rare.*--anomaly/],
    [
      'few normal rows',
      `a,b,state\n${rows([...Array(19).fill('ok'), 'hot'])}`,
      'state',
      /19 normal rows are too few, at least 20/,
    ],
    [
      'a number as class',
      `a,b,state\n${rows(Array.from({ length: 101 }, (_, i) => `c${i}`))}`,
      'state',
      /101 different values/,
    ],
  ])('refuses %s', async (what, text, label, message) => {
    const error = await rejection(() => readTable(file(`${what}.csv`, text), { label }))
    expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(error.message).toMatch(message)
  })

  it.each([
    ['a missing cell', `a,b,state\n1,,ok\n${rows(good)}`, /row 1 \(line 2\), column 'b'.*missing/],
    [
      'one text among numbers',
      `a,b,state\n${rows(good)}\nx,1,hot`,
      /row 31 \(line 32\), column 'a': 'x' is not a number/,
    ],
    [
      'a column of texts',
      `a,b,state\n${good.map((name, i) => `${i},w${i},${name}`).join('\n')}`,
      /column 'b' holds texts \('w0', ...\), not numbers; .*--ignore b/,
    ],
  ])('names %s by its place', async (what, text, message) => {
    const error = await rejection(() => readTable(file(`${what}.csv`, text), { label: 'state' }))
    expect(error.code).toBe('ERR_LANGEVIN_FORMAT')
    expect(error.message).toMatch(message)
  })
})

describe('the recipe', () => {
  it('fits a Gaussian', async () => {
    const x = tensor(Float64Array.from([1, 0, -1, 0, 0, 2, 0, -2]), [4, 2])
    const { mean, covariance, precision } = await gaussianFit(x, { ridge: 0.5 })
    expect(mean.toArray()).toEqual([0, 0])
    expect(covariance.toArray()).toEqual([
      [0.5, 0],
      [0, 2],
    ])
    const p = precision.toArray() as number[][]
    expect(p[0]![0]).toBeCloseTo(1, 14)
    expect(p[1]![1]).toBeCloseTo(0.4, 14)
    const flat = tensor(Float64Array.from([1, 1, 2, 1, 3, 1]), [3, 2])
    expect((await rejection(() => gaussianFit(flat))).message).toMatch(/singular.*ridge/)
  })

  it('starts from the Gaussian that denoising score matching would find', async () => {
    const sigma = 0.5
    const z = normals(20_000, 11)
    const x = tensor(
      Float64Array.from(z, (v, i) => (i % 2 === 0 ? 1.5 * v : 0.6 * v + z[i - 1]!)),
      [10_000, 2],
    )
    const { precision } = await gaussianFit(x, { ridge: sigma ** 2 })
    const p = precision.toArray() as number[][]
    const objective = denoisingScoreMatching({ sigma })
    const loss = async (factor: number, turn: number) => {
      const model = await Energy.create(
        energies.gaussian({
          mean: [0, 0],
          precision: [
            [p[0]![0]! * factor, p[0]![1]! + turn],
            [p[1]![0]! + turn, p[1]![1]! * factor],
          ],
          learnable: true,
        }),
        { dtype: 'float64' },
      )
      return (await evaluateObjective(model, x, { objective, seed: 5 })).loss
    }
    const best = await loss(1, 0)
    // Expected excess sigma^2 tr(D (S + sigma^2 I) D) / 2 of a change D of the precision: 5e-3 and 2e-2 here. Data and
    // noise are the same on both sides, so what is left is the slope at the optimum of a finite sample, about
    // 0.75 / sqrt(10,000) per unit of D: 1e-3 and 2e-3.
    for (const [factor, turn] of [
      [1.3, 0],
      [0.7, 0],
      [1, 0.2],
      [1, -0.2],
    ] as const) {
      expect(await loss(factor, turn)).toBeGreaterThan(best)
    }
  })

  it('has an energy that PyTorch computes alike', async () => {
    const spec = energies.mlp({ input: 3, hidden: [5, 4], inputScale: 4, gaussianBase: 'full' })
    const rows = normals(21, 2)
    const x = Array.from({ length: 7 }, (_, i) => rows.slice(3 * i, 3 * i + 3))
    const base = { mean: [0.1, -0.2, 0.3], precision: [2, 0.5, 0.1, 0.5, 1, 0.2, 0.1, 0.2, 3] }
    for (const [dtype, tolerance] of [
      ['float32', 1e-6],
      ['float64', 1e-12],
    ] as const) {
      const model = await Energy.create(spec, { dtype, seed: 9 })
      await model.setParameters({
        'base.mean': tensor(Float64Array.from(base.mean), [3]),
        'base.precision': tensor(Float64Array.from(base.precision), [3, 3]),
      })
      expect(
        model
          .parameterInfo()
          .filter(({ learnable }) => !learnable)
          .map(({ name }) => name),
      ).toEqual(['base.mean', 'base.precision'])
      const parameters = Object.fromEntries(
        Object.entries(await model.parameters()).map(([name, value]) => [name, value.toArray()]),
      )
      const request = { cases: [{ spec, dtype, parameters, x }] }
      const { results } = reference<{ results: { energy: number[]; score: number[][] }[] }>('energies.py', request)
      const input = tensor(Float64Array.from(rows), [7, 3])
      const energy = (await model.energy(input)).toArray() as number[]
      const score = (await model.score(input)).toArray() as number[][]
      const wanted = results[0]!
      const scale = Math.max(1, ...wanted.energy.map(Math.abs), ...wanted.score.flat().map(Math.abs))
      energy.forEach((value, i) => {
        expect(Math.abs(value - wanted.energy[i]!) / scale).toBeLessThan(tolerance)
      })
      score.flat().forEach((value, i) => {
        expect(Math.abs(value - wanted.score.flat()[i]!) / scale).toBeLessThan(tolerance)
      })
    }
  })

  it('averages energies on one scale', async () => {
    const rows = tensor(Float64Array.from([-1, 1, 2]), [3, 1])
    const x = tensor(Float64Array.from([0, 3]), [2, 1])
    const quadratic = (precision: number) =>
      Energy.create(energies.gaussian({ mean: [0], precision }), { dtype: 'float64' })
    const models = [await quadratic(2), await quadratic(200)]
    // E = x^2 on the rows is 1, 1, 4: mean 2, sd sqrt 2. A hundred times that energy gives the same numbers.
    const expected = [(0 - 2) / Math.SQRT2, (9 - 2) / Math.SQRT2]
    for (const list of [models.slice(0, 1), models]) {
      const found = (await scores(averagedEnergy({ models: list, rows }), x)).toArray() as number[]
      found.forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 12)
      })
    }
    const same = tensor(Float64Array.from([1, -1, 1]), [3, 1])
    expect((await rejection(() => scores(averagedEnergy({ models, rows: same }), x))).message).toMatch(
      /same on all 3 rows/,
    )
  })
})
