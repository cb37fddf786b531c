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
// biome-ignore lint/suspicious/noExplicitAny: the answers of three kinds of cases
const answers = reference<any[]>('metrics.py', [...rankings, ...calibrations, ...samples])

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
    expect(metrics.brier(logits, labels, { from: 'logits' })).toBeCloseTo(expected.brier, 12)
    expect(metrics.nll(logits, labels, { from: 'logits' })).toBeCloseTo(expected.nll, 12)
    const diagram = metrics.reliability(logits, labels, options)
    expect(diagram.reduce((sum, bin) => sum + bin.count, 0)).toBe(150)
    const ece = diagram.reduce((sum, bin) => sum + (bin.count / 150) * Math.abs(bin.accuracy - bin.confidence), 0)
    expect(ece).toBeCloseTo(expected.ece, 12)
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
