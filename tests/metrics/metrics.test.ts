/** Ranking, calibration, distances and chain diagnostics against scikit-learn and NumPy. */
import { describe, expect, test } from 'vitest'
import * as metrics from '../../src/metrics/index.js'
import { tensor } from '../../src/tensor/index.js'
import { reference } from '../helpers/python.js'

/** A small linear congruential generator: cases only need to be varied and repeatable. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 2147483648
  }
}

const rankings = Array.from({ length: 8 }, (_, k) => {
  const next = numbers(k + 1)
  const n = [20, 60, 200, 400][k % 4]!
  const labels = Array.from({ length: n }, (_, i) => (i < 2 ? i : Number(next() < (k < 4 ? 0.5 : 0.1))))
  // Rounded scores have many ties; the last case has a single value.
  const scores = labels.map((y) => (k === 7 ? 1 : Math.round((y + 3 * next()) * (k % 2 === 0 ? 4 : 1e6)) / 4))
  return { kind: 'ranking', scores, labels }
})
const calibrations = [3, 5].map((classes, k) => {
  const next = numbers(70 + k)
  const logits = Array.from({ length: 150 }, () => Array.from({ length: classes }, () => 6 * next() - 3))
  return { kind: 'calibration', logits, labels: logits.map(() => Math.floor(next() * classes)), bins: 10 + 5 * k }
})
const samples = [1, 3].map((d, k) => {
  const next = numbers(90 + k)
  const rows = (n: number, shift: number) =>
    Array.from({ length: n }, () => Array.from({ length: d }, () => next() + shift))
  return { kind: 'distances', x: rows(40, 0), y: rows(k === 0 ? 40 : 33, 0.3), order: 2 }
})
const comparisons = [1, 2, 3].map((k) => {
  const next = numbers(30 + k)
  const labels = Array.from({ length: 90 }, (_, i) => Number(i % 3 === 0))
  // Of one detector and a noisier one; in the third case both have few values, so many ties.
  const first = labels.map((y) => y + 2 * next())
  const second = first.map((s) => s + k * next())
  const rounded = (values: number[]) => (k === 3 ? values.map((v) => Math.round(2 * v)) : values)
  return { kind: 'delong', first: rounded(first), second: rounded(second), labels }
})
// biome-ignore lint/suspicious/noExplicitAny: the answers of four kinds of cases
const answers = reference<any[]>('metrics.py', [...rankings, ...calibrations, ...samples, ...comparisons])

describe('the areas of two detectors compared, against all pairs', () => {
  test.each(comparisons.map((c, k) => [k, c] as const))('case %i', (k, { first, second, labels }) => {
    const expected = answers[rankings.length + calibrations.length + samples.length + k]
    const found = metrics.compareAuroc(first, second, labels)
    for (const name of ['first', 'second', 'standardError', 'z', 'pValue'] as const)
      expect(found[name]).toBeCloseTo(expected[name], 11)
    expect(found.difference).toBeCloseTo(expected.first - expected.second, 12)
    expect(found.first).toBeCloseTo(metrics.auroc(first, labels, { positive: 'ood' }), 12)
    const turned = metrics.compareAuroc(second, first, labels)
    expect([turned.z, turned.pValue]).toEqual([-found.z, found.pValue])
  })

  test('a detector against itself, and one row of a class', () => {
    const [c] = comparisons
    expect(metrics.compareAuroc(c!.first, c!.first, c!.labels)).toMatchObject({ difference: 0, z: 0, pValue: 1 })
    expect(() => metrics.compareAuroc([1, 2, 3], [1, 2, 3], [1, 0, 0])).toThrow(/two rows of each class/)
  })

  test('is right as often as it says: 5 % of pairs of equal detectors differ at 5 %', () => {
    const next = numbers(99)
    const labels = Array.from({ length: 120 }, (_, i) => Number(i % 2))
    const noisy = () => labels.map((y) => y + 3 * next())
    let called = 0
    for (let i = 0; i < 400; i++) if (metrics.compareAuroc(noisy(), noisy(), labels).pValue < 0.05) called++
    // 20 of 400 expected, standard deviation 4.4: 4.5 of them, and not none.
    expect(called).toBeGreaterThan(0)
    expect(called).toBeLessThan(40)
  })
})

describe('ranking metrics against scikit-learn, with ties', () => {
  test.each(rankings.map((c, k) => [k, c] as const))('case %i', (k, { scores, labels }) => {
    for (const positive of ['ood', 'id'] as const) {
      const expected = answers[k][positive]
      expect(metrics.auroc(scores, labels, { positive })).toBeCloseTo(expected.auroc, 12)
      expect(metrics.aupr(scores, labels, { positive, rule: 'step' })).toBeCloseTo(expected.auprStep, 12)
      expect(metrics.aupr(scores, labels, { positive, rule: 'trapezoid' })).toBeCloseTo(expected.auprTrapezoid, 12)
      expect(metrics.fprAtTpr(scores, labels, { positive, rule: 'first' })).toBeCloseTo(expected.fprFirst, 12)
      expect(metrics.fprAtTpr(scores, labels, { positive, rule: 'nearest' })).toBeCloseTo(expected.fprNearest, 12)
    }
  })
})

describe('calibration against scikit-learn', () => {
  test.each(calibrations.map((c, k) => [k, c] as const))('case %i', (k, { logits, labels, bins }) => {
    const expected = answers[rankings.length + k]
    const options = { from: 'logits', bins } as const
    expect(metrics.ece(logits, labels, options)).toBeCloseTo(expected.ece, 12)
    expect(metrics.mce(logits, labels, options)).toBeCloseTo(expected.mce, 12)
    expect(metrics.classwiseEce(logits, labels, options)).toBeCloseTo(expected.classwise, 12)
    const mass = { ...options, binning: 'mass' } as const
    expect(metrics.ece(logits, labels, mass)).toBeCloseTo(expected.eceMass, 12)
    expect(metrics.mce(logits, labels, mass)).toBeCloseTo(expected.mceMass, 12)
    expect(metrics.classwiseEce(logits, labels, mass)).toBeCloseTo(expected.classwiseMass, 12)
    const sizes = metrics.reliability(logits, labels, mass).map(({ count }) => count)
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(3)
    expect(metrics.brier(logits, labels, { from: 'logits' })).toBeCloseTo(expected.brier, 12)
    expect(metrics.nll(logits, labels, { from: 'logits' })).toBeCloseTo(expected.nll, 12)
    const diagram = metrics.reliability(logits, labels, options)
    expect(diagram.reduce((sum, bin) => sum + bin.count, 0)).toBe(150)
    const ece = diagram.reduce((sum, bin) => sum + (bin.count / 150) * Math.abs(bin.accuracy - bin.confidence), 0)
    expect(ece).toBeCloseTo(expected.ece, 12)
  })

  test('classes that the largest probability hides: ece sees none of it, classwiseEce does', () => {
    // Right half the time with probability 0.5, and the rest is never of class 1, which is given 0.3.
    const p = Array.from({ length: 10 }, () => [0.5, 0.3, 0.2])
    const labels = Array.from({ length: 10 }, (_, i) => (i < 5 ? 0 : 2))
    expect(metrics.ece(p, labels)).toBeCloseTo(0, 14)
    expect(metrics.classwiseEce(p, labels)).toBeCloseTo((0 + 0.3 + 0.3) / 3, 14)
  })

  test('rows that tie stay in one bin of equal mass', () => {
    const bins = metrics.reliability([0.6, 0.6, 0.6, 0.6, 0.9, 0.95], [1, 0, 1, 0, 1, 1], { bins: 3, binning: 'mass' })
    expect(bins.map(({ count }) => count)).toEqual([4, 0, 2])
    expect(bins[0]).toMatchObject({ low: 0.6, high: 0.6, accuracy: 0.5, confidence: 0.6 })
    expect(metrics.mce([0.6, 0.6, 0.6, 0.6, 0.9, 0.95], [1, 0, 1, 0, 1, 1], { bins: 3, binning: 'mass' })).toBeCloseTo(
      0.1,
      12,
    )
  })

  test('a confidence of exactly 1 belongs to the last bin; [n] is P(class 1)', () => {
    const bins = metrics.reliability(
      [
        [1, 0],
        [0, 1],
      ],
      [0, 0],
      { bins: 15 },
    )
    expect(bins.at(-1)).toEqual({ low: 14 / 15, high: 1, count: 2, accuracy: 0.5, confidence: 1 })
    expect(metrics.brier([0.9, 0.2], [1, 1])).toBeCloseTo((0.01 + 0.64) / 2, 14)
    expect(metrics.nll([0.9, 0.2], [1, 0])).toBeCloseTo(-(Math.log(0.9) + Math.log(0.8)) / 2, 14)
    expect(metrics.nll([1], [0])).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('sample distances against NumPy', () => {
  test.each(samples.map((c, k) => [k, c] as const))('case %i', async (k, { x, y }) => {
    const expected = answers[rankings.length + calibrations.length + k]
    expect(await metrics.energyDistance(x, y)).toBeCloseTo(expected.energy, 12)
    expect(await metrics.energyDistance(x, y, { estimator: 'unbiased' })).toBeCloseTo(expected.energyUnbiased, 12)
    const biased = await metrics.mmd(x, y)
    expect(biased.bandwidth).toBeCloseTo(expected.bandwidth, 12)
    expect(biased.squared).toBeCloseTo(expected.mmd, 12)
    const unbiased = await metrics.mmd(x, y, { estimator: 'unbiased', bandwidth: biased.bandwidth })
    expect(unbiased.squared).toBeCloseTo(expected.mmdUnbiased, 12)
    if (expected.wasserstein1d !== undefined) {
      expect(await metrics.slicedWasserstein(x, y, { projections: 4 })).toBeCloseTo(expected.wasserstein1d, 10)
    }
  })

  test('results do not depend on threads, equal samples are at distance 0', async () => {
    const { x, y } = samples[1]!
    expect(await metrics.slicedWasserstein(x, y, { threads: 1, seed: 3 })).toBe(
      await metrics.slicedWasserstein(x, y, { threads: 2, seed: 3 }),
    )
    expect(await metrics.energyDistance(x, x)).toBe(0)
    expect((await metrics.mmd(x, x)).squared).toBe(0)
    expect(await metrics.slicedWasserstein(x, x)).toBe(0)
    expect(metrics.totalVariation([1, 1, 2], [0, 0.5, 0.5])).toBe(0.25)
  })
})

describe('chains', () => {
  test('rhat and ess tell mixed chains from stuck ones', async () => {
    const next = numbers(5)
    // Sums of twelve uniforms are close enough to normal draws.
    const draw = () => Array.from({ length: 12 }, next).reduce((a, b) => a + b) - 6
    const mixed = Array.from({ length: 4 }, () => Array.from({ length: 400 }, draw))
    const stuck = mixed.map((chain, k) => chain.map((v) => v + 3 * k))
    expect(await metrics.rhat(mixed)).toBeLessThan(1.02)
    expect(await metrics.rhat(stuck)).toBeGreaterThan(1.5)
    expect(await metrics.ess(mixed)).toBeGreaterThan(800)
    expect(await metrics.ess(stuck)).toBeLessThan(100)
    expect(await metrics.ess(mixed, { of: 'tail' })).toBeGreaterThan(600)
    const three = mixed.map((chain) => chain.map((v) => [v, -v]))
    expect(await metrics.rhat(three)).toHaveLength(2)
  })
})

describe('bad input is a coded error', () => {
  const code = (code: string) => expect.objectContaining({ code })
  const options = { positive: 'ood' } as const
  test('ranking', () => {
    expect(() => metrics.auroc([1, 2], [0, 0], options)).toThrow(code('ERR_LANGEVIN_INVALID_OPTION'))
    expect(() => metrics.auroc([1, 2], [0, 2], options)).toThrow(code('ERR_LANGEVIN_INVALID_OPTION'))
    expect(() => metrics.auroc([1, 2, 3], [0, 1], options)).toThrow(code('ERR_LANGEVIN_SHAPE'))
    expect(() => metrics.auroc([1, Number.NaN], [0, 1], options)).toThrow(code('ERR_LANGEVIN_NON_FINITE'))
    expect(() => metrics.auroc([], [], options)).toThrow(code('ERR_LANGEVIN_INVALID_OPTION'))
    // @ts-expect-error the positive class must be said
    expect(() => metrics.auroc([1, 2], [0, 1], {})).toThrow(code('ERR_LANGEVIN_INVALID_OPTION'))
    // @ts-expect-error the rule must be said
    expect(() => metrics.aupr([1, 2], [0, 1], options)).toThrow(code('ERR_LANGEVIN_INVALID_OPTION'))
    const gone = tensor([1, 2])
    gone.dispose()
    expect(() => metrics.auroc(gone, [0, 1], options)).toThrow(code('ERR_LANGEVIN_DISPOSED'))
  })

  test('calibration and distances', async () => {
    expect(() => metrics.ece([[0.5, 0.4]], [0])).toThrow(code('ERR_LANGEVIN_INVALID_OPTION'))
    expect(() => metrics.ece([[0.5, 0.5]], [2])).toThrow(code('ERR_LANGEVIN_INVALID_OPTION'))
    expect(() => metrics.ece([[0.5, 0.5]], [0], { bins: 0 })).toThrow(code('ERR_LANGEVIN_INVALID_OPTION'))
    expect(() => metrics.totalVariation([1, 2], [1, 2, 3])).toThrow(code('ERR_LANGEVIN_SHAPE'))
    expect(() => metrics.totalVariation([1, -1], [1, 1])).toThrow(code('ERR_LANGEVIN_INVALID_OPTION'))
    await expect(metrics.mmd([[1, 2]], [[1]])).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
    await expect(metrics.mmd([[1]], [[1]])).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    await expect(metrics.energyDistance([[1]], [[2]], { estimator: 'unbiased' })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_SHAPE',
    })
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(metrics.energyDistance([[1]], [[2]], { signal })).rejects.toThrow('enough')
  })
})
