/** From a score to a decision: false-alarm rates, contributions of columns, drift, and that a file holds what they need. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as data from '../../src/data/index.js'
import { energies } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import { safetensors } from '../../src/io/index.js'
import * as ood from '../../src/ood/index.js'
import { memoryStats } from '../../src/system.js'
import type { Tensor } from '../../src/tensor/index.js'
import { temporaryFolder } from '../helpers/cli.js'
import { collected } from '../helpers/collector.js'
import { rejection } from '../helpers/errors.js'
import { normals, uniforms } from '../helpers/random.js'

const folder = temporaryFolder('decide')
const table = (next: () => number, n: number, d: number) =>
  Array.from({ length: n }, () => Array.from({ length: d }, next))
const numbers = (values: Tensor) => [...(values.toTypedArray() as Float64Array)]

describe('decide', () => {
  const FITS = 150
  const [d, trained, aside, fresh] = [8, 30, 39, 50]
  const FPR = 0.1

  /** Shares of new normal rows that are refused, one per fit. */
  async function alarms(heldOut: (next: () => number, train: number[][]) => number[][], levels = 0): Promise<number[]> {
    const rates: number[] = []
    for (let k = 0; k < FITS; k++) {
      const normal = normals(1000 + k)
      const next = levels === 0 ? normal : () => Math.round(normal() * levels)
      const train = table(next, trained, d)
      await using fitted = await ood.fit(ood.detectors.mahalanobis(), train, {
        heldOut: heldOut(next, train),
        fpr: FPR,
      })
      const { accept } = await fitted.decide(table(next, fresh, d))
      rates.push(accept.filter((yes) => !yes).length / fresh)
    }
    return rates
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  /** Of the mean over fits, whose rates scatter more than the rows of one fit do. */
  const error = (values: number[]) =>
    Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)) / (values.length - 1))

  test('refuses no more normal rows than it was told, over many fits', async () => {
    const rates = await alarms((next) => table(next, aside, d))
    // Without ties the rate is floor(0.1 * 40) / 40 = 0.1 exactly: within three standard errors on both sides.
    expect(Math.abs(mean(rates) - FPR)).toBeLessThan(3 * error(rates))
  })

  test('also where scores have ties', async () => {
    const rates = await alarms((next) => table(next, aside, d), 1)
    expect(mean(rates)).toBeLessThan(FPR + 3 * error(rates))
  })

  test('would refuse far more with training rows as held-out rows: the control', async () => {
    const rates = await alarms((_, train) => train)
    expect(mean(rates)).toBeGreaterThan(FPR + 10 * error(rates))
  })

  test('agrees with threshold and p-values, and says what it used', async () => {
    const next = normals(5)
    const train = table(next, 100, 2)
    await using fitted = await ood.fit(ood.detectors.mahalanobis(), train, { heldOut: 0.3, seed: 2 })
    const rows = table(next, 60, 2).map(([a, b]) => [a! * 2, b! * 2])
    for (const fpr of [0.05, 0.25]) {
      const { accept, scores, pValues, threshold, ...rest } = await fitted.decide(rows, { fpr })
      expect(rest.fpr).toBe(fpr)
      expect(threshold).toBe(fitted.threshold({ fpr }))
      expect([...scores]).toEqual(numbers(await fitted.scores(rows)))
      for (const [k, score] of scores.entries()) {
        expect(pValues[k]).toBe(fitted.pValue(score))
        expect(accept[k]).toBe(pValues[k]! > fpr)
      }
      expect(accept).toContain(false)
      expect(accept).toContain(true)
    }
    expect((await rejection(() => fitted.decide(rows))).message).toMatch(/fpr: give the share/)
    expect((await rejection(() => fitted.decide(rows, { fpr: 0.001 }))).message).toMatch(/needs at least 999/)
    await using none = await ood.fit(ood.detectors.mahalanobis(), train)
    expect((await rejection(() => none.decide(rows, { fpr: 0.1 }))).message).toMatch(/no held-out rows/)
    const refused = (options: object) => rejection(() => ood.fit(ood.detectors.knn(), train, options))
    expect((await refused({ fpr: 0.1 })).message).toMatch(/read from held-out rows/)
    expect((await refused({ fpr: 0.001, heldOut: 0.3 })).message).toMatch(/needs at least 999/)
    expect((await refused({ reference: -1 })).message).toMatch(/reference: a whole number/)
  })
})

describe('explain', () => {
  test('gives the term of each column less its mean, where the energy is a sum of terms', async () => {
    const mean = [1, -2, 0.5]
    const precision = [
      [4, 0, 0],
      [0, 0.25, 0],
      [0, 0, 2],
    ]
    await using model = await Energy.create(energies.gaussian({ mean, precision }), { dtype: 'float64' })
    const rows = table(uniforms(3), 200, 3)
    await using fitted = await ood.fit(ood.detectors.energy(model), rows)
    expect(fitted.references).toBe(200)
    const term = (j: number, value: number) => (precision[j]![j]! * (value - mean[j]!) ** 2) / 2
    const row = [0.2, 5, -1]
    const { score, contributions } = await fitted.explain(row)
    for (const { column, value, contribution } of contributions) {
      const j = Number(column.slice(-1)) - 1
      const average = rows.reduce((sum, r) => sum + term(j, r[j]!), 0) / rows.length
      expect(value).toBe(row[j])
      // float64 sums of a few hundred numbers below 20
      expect(contribution).toBeCloseTo(term(j, row[j]!) - average, 10)
    }
    expect(contributions.map(({ column }) => column)).toEqual(['column2', 'column3', 'column1'])
    expect(score).toBe(numbers(await fitted.scores([row]))[0])
    const several = await fitted.contributions([row, [1, 1, 1]])
    expect(several.shape).toEqual([2, 3])
    const first = new Map(contributions.map(({ column, contribution }) => [column, contribution]))
    expect(numbers(several).slice(0, 3)).toEqual(['column1', 'column2', 'column3'].map((name) => first.get(name)))
  })

  test('is by its definition for a score that is no sum, in the units of the data', async () => {
    const next = normals(8)
    const names = ['size', 'speed']
    const raw = table(next, 90, 2).map(([a, b]) => ({ size: 1000 + 50 * a!, speed: 0.01 * b! + 0.005 * a! }))
    const train = data.fromRows(raw)
    await using fitted = await ood.fit(ood.detectors.knn(), train, { standardize: true, reference: 40, seed: 3 })
    expect(fitted.references).toBe(40)
    await fitted.save(join(folder, 'explain.safetensors'))
    // The reference rows, from the file: standardised, as the detector sees them.
    const { tensors } = await safetensors.read(join(folder, 'explain.safetensors'))
    const kept = tensors['reference.rows']!.toArray() as number[][]
    const { mean, scale } = fitted.inputs!.transform!
    const row = { speed: 0.2, size: 1010 }
    const { contributions } = await fitted.explain(row)
    for (const [j, name] of names.entries()) {
      const versions = kept.map((r) =>
        [row.size, row.speed].map((v, k) => (k === j ? r[j]! * scale[j]! + mean[j]! : v)),
      )
      const scores = numbers(await fitted.scores(versions))
      const wanted = numbers(await fitted.scores([[row.size, row.speed]]))[0]! - scores.reduce((a, b) => a + b) / 40
      const found = contributions.find(({ column }) => column === name)!
      expect(found.contribution).toBeCloseTo(wanted, 6)
      expect(found.value).toBe(row[name as 'size' | 'speed'])
    }
    expect(contributions[0]!.column).toBe('speed')
  })

  test('needs reference rows, and says so', async () => {
    await using model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: 1 }))
    await using none = await ood.fit(ood.detectors.energy(model))
    expect((await rejection(() => none.explain([1, 2]))).message).toMatch(/explain: this detector keeps no reference/)
    await using few = await ood.fit(ood.detectors.knn(), table(uniforms(1), 30, 2), { reference: 0 })
    expect((await rejection(() => few.contributions([[1, 2]]))).message).toMatch(/keeps no reference rows/)
    await using some = await ood.fit(ood.detectors.knn(), table(uniforms(1), 30, 2))
    expect((await rejection(() => some.explain([1, 2, 3]))).code).toBe('ERR_LANGEVIN_SHAPE')
    expect((await rejection(() => some.explain([1, 2], { references: 0 }))).message).toMatch(
      /references: a whole number/,
    )
    // Held-out rows stand in where there are no training rows.
    await using held = await ood.fit(ood.detectors.energy(model), undefined, { heldOut: table(uniforms(1), 30, 2) })
    expect(held.references).toBe(30)
  })
})

describe('drift', () => {
  const next = normals(31)
  const rows = (n: number, shift = 0) => table(next, n, 3).map(([a, b, c]) => [a!, b! + shift, Math.round(c!)])

  test('names itself where an option is unknown', async () => {
    await using fitted = await ood.fit(ood.detectors.mahalanobis(), rows(90), { heldOut: 0.4, seed: 1 })
    const error = await rejection(() => fitted.drift(rows(9), { thread: 1 } as never))
    expect(error).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION', message: expect.stringContaining('ood.drift') })
  })

  test('names the column that moved, and nothing where nothing did', async () => {
    await using fitted = await ood.fit(ood.detectors.mahalanobis(), rows(900), { heldOut: 0.4, seed: 1 })
    const same = await fitted.drift(rows(200))
    expect(same.rows).toBe(200)
    expect(same.pValue).toBeGreaterThan(0.01)
    expect(same.score!.reference).toBe(360)
    const moved = await fitted.drift(rows(200, 1))
    expect(moved.pValue).toBeLessThan(1e-6)
    const [first, second, third] = moved.columns
    expect(second).toMatchObject({ column: 'column2' })
    expect(second!.ksPValue).toBeLessThan(1e-8)
    expect(second!.psiPValue).toBeLessThan(1e-8)
    for (const other of [first!, third!]) expect(other.ksPValue).toBeGreaterThan(1e-3)
    expect(moved.score!.ksPValue).toBeLessThan(1e-3)
  })

  test('claims drift where there is none with at most the chance it was told', async () => {
    const TRIALS = 200
    let claims = 0
    for (let k = 0; k < TRIALS; k++) {
      await using fitted = await ood.fit(ood.detectors.mahalanobis(), rows(120), { heldOut: 0.5, seed: k })
      if ((await fitted.drift(rows(40))).pValue <= 0.1) claims++
    }
    // Bonferroni: at most 10 %, within three binomial standard errors of 200 trials.
    expect(claims / TRIALS).toBeLessThan(0.1 + 3 * Math.sqrt(0.09 / TRIALS))
    expect(claims).toBeGreaterThan(0)
  })

  test('works with what there is', async () => {
    await using model = await Energy.create(energies.gaussian({ mean: [0, 0, 0], precision: 1 }))
    await using none = await ood.fit(ood.detectors.energy(model))
    expect((await rejection(() => none.drift(rows(9)))).message).toMatch(/drift: this detector keeps no reference rows/)
    await using scores = await ood.fit(ood.detectors.energy(model), undefined, { heldOut: rows(50), reference: 0 })
    expect((await scores.drift(rows(9))).columns).toEqual([])
    await using columns = await ood.fit(ood.detectors.knn(), rows(50))
    const report = await columns.drift(rows(9))
    expect(report.score).toBeUndefined()
    expect(report.columns).toHaveLength(3)
  })
})

describe('the file of a detector', () => {
  test('holds all that a service needs: same decisions, contributions and drift after loading', async () => {
    const next = normals(44)
    const named = (n: number) => data.fromRows(table(next, n, 2).map(([a, b]) => ({ a: 100 + a!, b: b! })))
    const train = named(300)
    const options = { heldOut: 0.4, fpr: 0.05, standardize: true, seed: 6 }
    await using fitted = await ood.fit(ood.detectors.knn(), train, options)
    const path = join(folder, 'service.safetensors')
    await fitted.save(path)
    await using loaded = await ood.load(path)
    expect(loaded.fpr).toBe(0.05)
    expect(loaded.references).toBe(fitted.references)
    const rows = named(50)
    expect(await loaded.decide(rows)).toEqual(await fitted.decide(rows))
    expect(await loaded.drift(rows)).toEqual(await fitted.drift(rows))
    expect(numbers(await loaded.contributions(rows))).toEqual(numbers(await fitted.contributions(rows)))
    expect(await loaded.explain({ b: 1, a: 99 })).toEqual(await fitted.explain({ a: 99, b: 1 }))
    await using again = await ood.fit(ood.detectors.knn(), train, options)
    expect(numbers(await again.contributions(rows))).toEqual(numbers(await fitted.contributions(rows)))
  })

  test('of an earlier langevin, without reference rows and rate, loads', async () => {
    await using fitted = await ood.fit(ood.detectors.knn(), table(uniforms(2), 60, 2), { heldOut: 0.5, fpr: 0.1 })
    const path = join(folder, 'old.safetensors')
    await fitted.save(path)
    const { tensors, metadata } = await safetensors.read(path)
    const { 'reference.rows': _, ...rest } = tensors
    const { fpr: __, ...described } = JSON.parse(metadata['langevin.detector']!)
    await safetensors.write(path, rest, { ...metadata, 'langevin.detector': JSON.stringify(described) })
    await using loaded = await ood.load(path)
    expect([loaded.fpr, loaded.references, loaded.heldOut]).toEqual([undefined, 0, 30])
    expect((await loaded.decide([[0.5, 0.5]], { fpr: 0.1 })).accept).toEqual([true])
  })

  test('and what is made on the way is freed', async () => {
    await using fitted = await ood.fit(ood.detectors.knn(), table(uniforms(2), 60, 2), { heldOut: 0.5 })
    await collected()
    const before = memoryStats().tensors
    await fitted.decide([[0, 1]], { fpr: 0.1 })
    await fitted.explain([0, 1])
    await fitted.drift(table(uniforms(9), 5, 2))
    // Disposed, not left to the collector.
    expect(memoryStats().tensors).toBe(before)
  })
})
