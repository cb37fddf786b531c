/** Detectors against scikit-learn, and their evaluation. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fromArrays } from '../../src/data/arrays.js'
import { energies } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import * as ood from '../../src/ood/index.js'
import { type Detector, detectors, evaluate, scores } from '../../src/ood/index.js'
import { parseSpec } from '../../src/spec/index.js'
import { tensor } from '../../src/tensor/index.js'
import { reference } from '../helpers/python.js'

function rows(n: number, d: number, seed: number): number[][] {
  let state = seed
  const next = () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 2147483648
  }
  return Array.from({ length: n }, () => Array.from({ length: d }, () => 4 * next() - 2 + next() ** 3))
}
const double = (values: number[][]) => tensor(values, undefined, 'float64')

const train = rows(120, 4, 3)
// The last query is a training row: its nearest neighbour is at distance 0.
const x = [...rows(30, 4, 8), [9, 9, 9, 9], train[5]!]
const cases = [
  { kind: 'mahalanobis', rows: train, shrinkage: 0, x },
  { kind: 'mahalanobis', rows: train, shrinkage: 0.2, x },
  { kind: 'knn', rows: train, k: 1, distance: 'largest', x },
  { kind: 'knn', rows: train, k: 7, distance: 'largest', x },
  { kind: 'knn', rows: train, k: 7, distance: 'mean', x },
  { kind: 'lof', rows: train, k: 20, x },
  { kind: 'lof', rows: [...train, ...train.slice(0, 40)], k: 3, x },
  { kind: 'pca', rows: train, variance: 0.6, x },
  { kind: 'gaussianMixture', rows: train, components: 1, ridge: 0.1, x },
  { kind: 'diffusionTime', rows: train, k: 5, steps: 300, x },
  { kind: 'diffusionTime', rows: train, k: 2, steps: 40, x },
  { kind: 'oneClassSvm', rows: train, nu: 0.5, gamma: 0.25, tolerance: 1e-10, x },
  { kind: 'oneClassSvm', rows: train, nu: 0.1, gamma: 1, tolerance: 1e-10, x },
  { kind: 'columnDensity', rows: train, bins: 200, x },
  // A column that is the same in every row counts in its own unit.
  { kind: 'columnDensity', rows: train.map((row) => [...row, 1]), bins: 30, x: x.map((row, i) => [...row, i % 3]) },
  { kind: 'ecod', rows: train, x },
  { kind: 'copod', rows: train, x },
] as const
// Two clusters ten apart: expectation maximisation has one end there, whatever its start.
const clusters = [...rows(150, 3, 5), ...rows(90, 3, 6).map((row) => row.map((v, j) => 0.5 * v + (j === 0 ? 10 : j)))]
const others = [
  { kind: 'gaussianMixture', rows: clusters, components: 2, ridge: 0.03, x: clusters.slice(140, 160) },
  // (180 + 3 + 1) / 2 = 92 rows lie close together, the others far apart: there is one closest half.
  {
    kind: 'minimumCovarianceDeterminant',
    rows: [...rows(92, 3, 7), ...rows(88, 3, 9).map((row) => row.map((v) => 40 * v + 30))],
    x: clusters.slice(140, 160),
  },
  { kind: 'isolationForest', rows: train, trees: 400, subsample: 64, x },
] as const
const logits = rows(25, 4, 4).map((row) => row.map((v) => 3 * v))
// One request for the whole file: importing scikit-learn takes seconds.
const answers = reference<unknown[]>('detectors.py', [...cases, ...others, { kind: 'logits', logits, temperature: 2 }])
const expected = answers.slice(0, cases.length) as number[][]
const ofOthers = answers.slice(cases.length, -1) as number[][]
const ofLogits = answers.at(-1) as { logitEnergy: number[]; maxSoftmax: number[]; maxLogit: number[] }

describe('detectors of rows against scikit-learn', () => {
  test.each(cases.map((c, i) => [c.kind, i] as const))('%s (case %i)', async (_, i) => {
    const { x: queries, rows: given, ...spec } = cases[i]!
    const detector = parseSpec('detector', { ...spec, rows: double(given as unknown as number[][]) }) as Detector
    const values = (await scores(detector, double(queries as unknown as number[][]))).toArray() as number[]
    for (const [k, value] of expected[i]!.entries()) {
      // scikit-learn expands the squared distance, which leaves about 1e-7 where the distance is 0.
      expect(Math.abs(values[k]! - value)).toBeLessThan(1e-9 * Math.max(1, value) + (value < 1e-6 ? 1e-6 : 0))
    }
    const single = await scores(detector, double(queries as unknown as number[][]), { threads: 1 })
    expect(single.toArray()).toEqual(values)
  })

  test('a mixture whose clusters lie apart ends where scikit-learn ends', async () => {
    const { x: queries, ...options } = others[0]
    const detector = detectors.gaussianMixture({ ...options, tolerance: 0, iterations: 500, seed: 3 } as never)
    const values = (await scores(detector, double([...queries]))).toArray() as number[]
    // Both stop when nothing moves any more.
    for (const [k, value] of ofOthers[0]!.entries()) expect(Math.abs(values[k]! - value)).toBeLessThan(1e-6)
  })

  test('a minimum covariance determinant', async () => {
    const { x: queries, rows: given } = others[1]
    const detector = detectors.minimumCovarianceDeterminant({ rows: double([...given]), shrinkage: 0 })
    const values = (await scores(detector, double([...queries]))).toArray() as number[]
    for (const [k, value] of ofOthers[1]!.entries()) expect(Math.abs(values[k]! / value - 1)).toBeLessThan(1e-6)
    // The middle of the rows far apart is far from the close half; by the covariance of all rows it is not.
    const [robust] = (await scores(detector, [[30, 30, 30]])).toArray() as number[]
    const [plain] = (
      await scores(detectors.mahalanobis({ rows: double([...given]) }), [[30, 30, 30]])
    ).toArray() as number[]
    expect(robust!).toBeGreaterThan(5 * plain!)
  })

  test('an isolation forest scores as that of scikit-learn does, up to its trees', async () => {
    const { x: queries, rows: given, ...options } = others[2]
    const values = (
      await scores(detectors.isolationForest({ ...options, rows: double(given), seed: 1 } as never), double(queries))
    ).toArray() as number[]
    // A depth varies by about 2 from tree to tree, its mean over 400 trees by 0.1; of c(64) = 7.6 that moves a score of
    // 0.5 by 0.5 * ln 2 * 0.1 / 7.6 = 0.005. Two forests, 32 rows: 5 sd of the difference.
    for (const [k, value] of ofOthers[2]!.entries()) expect(Math.abs(values[k]! - value)).toBeLessThan(0.035)
    const again = await scores(
      detectors.isolationForest({ ...options, rows: double(given), seed: 1 } as never),
      double(queries),
      { threads: 1 },
    )
    expect(again.toArray()).toEqual(values)
    const other = await scores(
      detectors.isolationForest({ ...options, rows: double(given), seed: 2 } as never),
      double(queries),
    )
    expect(other.toArray()).not.toEqual(values)
  })

  test('detectors that are fitted to rows are the same from a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'langevin-detectors-'))
    try {
      for (const detector of [
        detectors.lof({ k: 5 }),
        detectors.ecod(),
        detectors.copod(),
        detectors.pca({ variance: 0.6 }),
        detectors.isolationForest({ trees: 10 }),
        detectors.gaussianMixture({ components: 2 }),
        detectors.diffusionTime(),
        detectors.oneClassSvm(),
        detectors.columnDensity(),
        detectors.denoisingScore({ hidden: [8], steps: 20 }),
        detectors.ensemble({
          members: [detectors.knn(), detectors.denoisingScore({ hidden: [8], steps: 20 }), detectors.ecod()],
        }),
        detectors.minimumCovarianceDeterminant(),
      ]) {
        await using fitted = await ood.fit(detector, double(train))
        const path = join(folder, `${detector.kind}.safetensors`)
        await fitted.save(path)
        await using loaded = await ood.load(path)
        expect((await loaded.scores(double(x))).toArray()).toEqual((await fitted.scores(double(x))).toArray())
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('a singular covariance, too few rows, wrong columns', async () => {
    const flat = train.map(([a, b]) => [a!, b!, a! + b!])
    const error = await scores(detectors.mahalanobis({ rows: double(flat), shrinkage: 0 }), double(flat)).catch(
      (e) => e,
    )
    expect(error).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    expect(error.message).toContain('shrinkage')
    expect((await scores(detectors.mahalanobis({ rows: double(flat) }), double(flat))).shape).toEqual([120])
    await expect(scores(detectors.knn({ rows: [[1], [2]], k: 3 }), [[1]])).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
    })
    await expect(scores(detectors.knn({ rows: train }), [[1]])).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
    await expect(scores(detectors.knn({ rows: train }), [[1, 2, 3, Number.NaN]])).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_NON_FINITE',
    })
  })
})

describe('detectors of an energy', () => {
  test('energy, likelihood and score norm of a Gaussian', async () => {
    await using model = await Energy.create(energies.gaussian({ mean: [1], precision: 4 }), { dtype: 'float64' })
    const x = double([[1], [2], [-1]])
    expect((await scores(detectors.energy(model), x)).toArray()).toEqual([0, 2, 8])
    expect((await scores(detectors.likelihood(model, { logZ: 0.5 }), x)).toArray()).toEqual([0.5, 2.5, 8.5])
    expect((await scores(detectors.scoreNorm(model), x)).toArray()).toEqual([0, 4, 8])
    await expect(scores(detectors.maxSoftmax(model), x)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
  })

  test('logits of a classifier against NumPy', async () => {
    // One linear layer with the identity as its weight: the logits are the rows.
    await using model = await Energy.create(energies.classifier({ input: 4, hidden: [], classes: 4 }), {
      dtype: 'float64',
    })
    const names = Object.keys(await model.parameters())
    const identity = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => Number(i === j)))
    const weight = names.find((name) => name.endsWith('weight'))!
    const bias = names.find((name) => name.endsWith('bias'))!
    await model.setParameters({ [weight]: double(identity), [bias]: tensor([0, 0, 0, 0], undefined, 'float64') })
    const x = double(logits)
    const check = async (detector: Parameters<typeof scores>[0], wanted: number[]) => {
      const values = (await scores(detector, x)).toArray() as number[]
      for (const [i, value] of wanted.entries()) expect(values[i]).toBeCloseTo(value, 12)
    }
    await check(detectors.logitEnergy(model, { temperature: 2 }), ofLogits.logitEnergy)
    await check(detectors.maxSoftmax(model), ofLogits.maxSoftmax)
    await check(detectors.maxLogit(model), ofLogits.maxLogit)
    const energy = (await scores(detectors.energy(model), x)).toArray() as number[]
    await check(detectors.logitEnergy(model), energy)
  })
})

describe('ood.evaluate', () => {
  test('reports every set by name, and a box to draw from', async () => {
    await using model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: 1 }), { dtype: 'float64' })
    const inside = fromArrays({
      x: double([
        [0, 0.1],
        [0.2, 0],
        [0, -0.3],
      ]),
      y: [0, 1, 0],
    })
    const report = await evaluate({
      detector: detectors.energy(model),
      inDistribution: inside,
      outOfDistribution: {
        far: [
          [3, 0],
          [0, 4],
        ],
        mixed: double([
          [0, 0],
          [5, 5],
        ]),
        box: { low: [10, 10], high: [11, 12] },
      },
    })
    expect(report.far).toEqual({
      auroc: 1,
      auprIn: 1,
      auprOut: 1,
      fpr95: 0,
      f1: 1,
      positive: 'ood',
      n: 5,
      inDistribution: 3,
      outOfDistribution: 2,
    })
    // (0, 0) has less energy than every in-distribution row: half of the pairs are lost.
    expect(report.mixed.auroc).toBe(0.5)
    expect(report.mixed.fpr95).toBe(1)
    expect([report.box.auroc, report.box.outOfDistribution]).toEqual([1, 3])
    const turned = await evaluate({
      detector: detectors.energy(model),
      inDistribution: inside,
      outOfDistribution: {
        mixed: [
          [0, 0],
          [5, 5],
        ],
      },
      positive: 'id',
    })
    expect([turned.mixed.fpr95, turned.mixed.positive]).toEqual([0.5, 'id'])
  })

  test('an energy with its sign turned gets 1 - AUROC', async () => {
    const sets = {
      inDistribution: rows(40, 2, 5),
      outOfDistribution: { wide: rows(30, 2, 6).map(([a, b]) => [2 * a!, 2 * b!]) },
    }
    await using model = await Energy.create(energies.expression((x) => x.square().sum().mul(0.5), { input: 2 }))
    await using turned = await Energy.create(energies.expression((x) => x.square().sum().mul(-0.5), { input: 2 }))
    const right = await evaluate({ detector: detectors.energy(model), ...sets })
    const wrong = await evaluate({ detector: detectors.energy(turned), ...sets })
    expect(right.wide.auroc).toBeGreaterThan(0.6)
    expect(wrong.wide.auroc).toBeCloseTo(1 - right.wide.auroc, 12)
  })

  test('errors', async () => {
    const knn = detectors.knn({ rows: [[0], [1]], k: 1 })
    await expect(evaluate({ detector: knn, inDistribution: [[0]], outOfDistribution: {} })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
    })
    await expect(
      evaluate({ detector: { kind: 'other' }, inDistribution: [[0]], outOfDistribution: { a: [[1]] } }),
    ).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    expect(() => detectors.knn({ rows: [[0]], k: 0 })).toThrow(
      expect.objectContaining({ code: 'ERR_LANGEVIN_INVALID_OPTION' }),
    )
    // @ts-expect-error a misspelt option
    expect(() => detectors.mahalanobis({ rows: [[0]], shrinkge: 1 })).toThrow(/did you mean 'shrinkage'/)
    expect(Object.isFrozen(knn)).toBe(true)
  })
})
