/** Detectors of a classifier's logits, features and gradients, against PyTorch and NumPy; the protocols of ood.evaluate. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Detector, detectors, Energy, energies, type LangevinError, ood, tensor } from '../../src/index.js'
import { reference } from '../helpers/python.js'

function rows(n: number, d: number, seed: number, scale = 2): number[][] {
  let state = seed
  const next = () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 2147483648
  }
  return Array.from({ length: n }, () => Array.from({ length: d }, () => scale * (next() + next() + next() - 1.5)))
}
const double = (values: number[][]) => tensor(values, undefined, 'float64')

const train = rows(200, 3, 3)
const x = [...rows(40, 3, 8, 6), [9, -9, 9]]
const options = {
  percentile: 90,
  ashPercentile: 65,
  principal: 4,
  gamma: 0.2,
  largest: 3,
  temperature: 10,
  epsilon: 0.01,
}
const made = (model: Energy): Record<string, Detector> => ({
  entropy: detectors.entropy(model),
  klUniform: detectors.klUniform(model),
  gen: detectors.gen(model, { gamma: options.gamma, largest: options.largest }),
  react: detectors.react(model, { percentile: options.percentile }),
  ash: detectors.ash(model, { percentile: options.ashPercentile }),
  vim: detectors.vim(model, { principal: options.principal }),
  fdbd: detectors.fdbd(model),
  relativeMahalanobis: detectors.relativeMahalanobis(model),
  odin: detectors.odin(model, { temperature: options.temperature, epsilon: options.epsilon }),
  gradNorm: detectors.gradNorm(model),
})
const FITTED = new Set(['react', 'vim', 'fdbd', 'relativeMahalanobis'])

const models = await Promise.all(
  (['relu', 'silu'] as const).map(async (activation) => {
    const spec = energies.classifier({ input: 3, classes: 4, hidden: [16, 9], activation })
    const model = await Energy.create(spec, { seed: 2, dtype: 'float64' })
    // Weights three times as large: torch.nn's defaults leave all classes nearly alike.
    const parameters = await model.parameters()
    const larger = Object.entries(parameters).map(([name, t]) => {
      const values = (t.toTypedArray() as Float64Array).map((v) => 3 * v)
      return [name, tensor(values, [...t.shape], 'float64')] as const
    })
    await model.setParameters(Object.fromEntries(larger))
    const of = (part: string) =>
      model
        .parameterInfo()
        .flatMap(({ name }) => (name.endsWith(part) ? [larger.find(([n]) => n === name)![1].toArray()] : []))
    return { activation, model, weights: of('weight'), biases: of('bias') }
  }),
)
const answers = reference<Record<string, number[]>[]>(
  'classifier_detectors.py',
  models.map(({ activation, weights, biases }) => ({
    activation,
    weights,
    biases,
    rows: train,
    x,
    ...options,
  })),
)

describe.each(models.map(({ activation }, i) => [activation, i] as const))('of a %s classifier', (_, i) => {
  const { model } = models[i]!
  const expected = answers[i]!

  test.each(Object.keys(expected))('%s', async (kind) => {
    const detector = made(model)[kind]!
    const fitted = await ood.fit(detector, FITTED.has(kind) ? double(train) : undefined)
    const values = (await fitted.scores(double(x))).toArray() as number[]
    // The tiles of rows multiply in another order than NumPy: 1e-10 of the largest score, and what a pseudo-inverse loses.
    const scale = Math.max(...expected[kind]!.map(Math.abs))
    for (const [k, value] of expected[kind]!.entries()) expect(Math.abs(values[k]! - value)).toBeLessThan(1e-8 * scale)
    expect(new Set(values).size).toBeGreaterThan(30)
    expect((await fitted.scores(double(x), { threads: 1 })).toArray()).toEqual(values)
    const folder = mkdtempSync(join(tmpdir(), 'langevin-classifier-'))
    try {
      const path = join(folder, 'detector.safetensors')
      await fitted.save(path)
      using loaded = await ood.load(path)
      expect((await loaded.scores(double(x))).toArray()).toEqual(values)
    } finally {
      rmSync(folder, { recursive: true })
      fitted.dispose()
    }
  })
})

describe('refusals', () => {
  const failure = async (detector: Detector, given?: number[][]) => {
    try {
      await ood.fit(detector, given === undefined ? undefined : double(given))
    } catch (error) {
      return error as LangevinError
    }
    throw new Error('it resolved')
  }

  test('an energy without logits, a last layer that is none, rows that are missing', async () => {
    using mlp = await Energy.create(energies.mlp({ input: 3, hidden: [4] }), { seed: 1, dtype: 'float64' })
    for (const [kind, detector] of Object.entries(made(mlp))) {
      const error = await failure(detector, FITTED.has(kind) ? train : undefined)
      expect(error.message, kind).toContain('needs an energy with logits (classifier), this one is a mlp')
    }
    const spectral = energies.classifier({ input: 3, classes: 3, hidden: [4], spectralNorm: 1 })
    using normed = await Energy.create(spectral, { seed: 1, dtype: 'float64' })
    expect(await failure(detectors.gradNorm(normed))).toMatchObject({
      code: 'ERR_LANGEVIN_UNSUPPORTED',
      message: expect.stringContaining('last layer is linear'),
    })
    expect((await failure(detectors.vim(models[0]!.model))).message).toContain('fitted to training rows')
    expect((await failure(detectors.vim(models[0]!.model, { principal: 9 }), train)).message).toContain('principal')
  })
})

describe('protocols of ood.evaluate', () => {
  const asked = {
    detector: detectors.maxSoftmax(models[0]!.model),
    inDistribution: double(train),
    outOfDistribution: { wide: double(rows(70, 3, 5, 2.5)) },
  }

  test('are the rules they stand for', async () => {
    const openood = { positive: 'ood', auprRule: 'trapezoid', fprRule: 'first' } as const
    const liu = { positive: 'id', auprRule: 'step', fprRule: 'nearest' } as const
    for (const [protocol, rules] of [
      ['openood', openood],
      ['energy-ood', liu],
    ] as const) {
      const found = await ood.evaluate({ ...asked, protocol })
      expect(found).toEqual(await ood.evaluate({ ...asked, ...rules }))
      expect(found.wide.positive).toBe(rules.positive)
    }
    const [a, b] = [
      await ood.evaluate({ ...asked, protocol: 'openood' }),
      await ood.evaluate({ ...asked, protocol: 'energy-ood' }),
    ]
    expect(a.wide.auroc).toBe(b.wide.auroc)
    expect(a.wide.fpr95).not.toBe(b.wide.fpr95)
  })

  test('are known by name, and stand alone', async () => {
    await expect(ood.evaluate({ ...asked, protocol: 'openOOD' as never })).rejects.toThrow(/known: openood, energy-ood/)
    await expect(ood.evaluate({ ...asked, protocol: 'openood', fprRule: 'nearest' })).rejects.toThrow(/fprRule/)
  })
})
