/** Rows with real and discrete columns: blockwise draws, resumes and trains, against a law in closed form. */
import { describe, expect, it } from 'vitest'
import { Energy, energies, objectives, optimizers, sample, samplers, type Tensor, train } from '../../src/index.js'
import type { SpecValue } from '../../src/spec/index.js'
import { refusal, rejection } from '../helpers/errors.js'

const MEANS = [-2, 0, 3]
const LEVELS = [0.4, 0, 0.9] // E of each colour
/** x = (r, colour one-hot): p(colour) ~ exp(-LEVELS), r given the colour ~ N(MEANS, 1). */
const mixture = energies.expression(
  (x) => {
    const colour = x.slice(1, 4)
    return x.at(0).sub(colour.dot(MEANS)).square().mul(0.5).add(colour.dot(LEVELS))
  },
  {
    input: 4,
    states: [
      { kind: 'real', name: 'size' },
      { kind: 'categorical', levels: 3, name: 'colour' },
    ],
  },
)
const weights = LEVELS.map((e) => Math.exp(-e))
const shares = weights.map((w) => w / weights.reduce((a, b) => a + b))

const rounds = (steps: number, kernels: { on: string; sampler: SpecValue }[]) => samplers.blockwise({ steps, kernels })
const usual = (steps: number) =>
  rounds(steps, [
    { on: 'discrete', sampler: samplers.gibbs({ steps: 1 }) },
    { on: 'real', sampler: samplers.mala({ steps: 2, stepSize: 1 }) },
  ])
const rows = (t: Tensor) => t.toArray() as unknown as number[][]

describe('blockwise', () => {
  it('settles at the joint law, whatever exact kernels take turns', async () => {
    await using model = await Energy.create(mixture)
    const n = 4000
    for (const sampler of [
      usual(150),
      rounds(300, [
        { on: 'size', sampler: samplers.hmc({ steps: 1, stepSize: 0.7, leapfrogSteps: 3 }) },
        { on: 'colour', sampler: samplers.gibbsWithGradients({ steps: 2 }) },
      ]),
    ]) {
      const { samples, diagnostics } = await sample(model, { sampler, chains: n, seed: 3 }).done
      for (const [k, share] of shares.entries()) {
        const of = rows(samples).filter((row) => row[1 + k] === 1)
        // 4.5 standard errors each.
        expect(Math.abs(of.length / n - share)).toBeLessThan(4.5 * Math.sqrt((share * (1 - share)) / n))
        const mean = of.reduce((sum, row) => sum + row[0]!, 0) / of.length
        expect(Math.abs(mean - MEANS[k]!)).toBeLessThan(4.5 / Math.sqrt(of.length))
      }
      expect(diagnostics.effectiveTemperature).toBe(1)
      expect(diagnostics.kernels!.map((kernel) => kernel.sampler)).toHaveLength(2)
      const tested = diagnostics.kernels!.flatMap(({ acceptance }) => (acceptance === null ? [] : [acceptance]))
      expect(tested).toHaveLength(sampler.kernels[0]!.on === 'discrete' ? 1 : 2)
      for (const rate of tested) expect(rate).toBeGreaterThan(0)
    }
  }, 120_000)

  it('is bit-equal at any number of threads and over an interruption', async () => {
    await using model = await Energy.create(mixture)
    for (const sampler of [
      samplers.mala({ steps: 2, stepSize: 1 }),
      samplers.underdampedLangevin({ steps: 2, stepSize: 0.3 }),
      samplers.hmc({ steps: 1, stepSize: 1, leapfrogSteps: 3, warmup: 8 }),
    ]) {
      const of = (steps: number) =>
        rounds(steps, [
          { on: 'real', sampler },
          { on: 'categorical', sampler: samplers.gibbs({ steps: 1 }) },
        ])
      const whole = await sample(model, { sampler: of(12), chains: 300, seed: 5, threads: 1 }).done
      const other = await sample(model, { sampler: of(12), chains: 300, seed: 5, threads: 3 }).done
      expect(rows(other.samples)).toEqual(rows(whole.samples))
      const half = await sample(model, { sampler: of(6), chains: 300, seed: 5 }).done
      const rest = await sample(model, { sampler: of(6), resume: half.state, seed: 5 }).done
      expect(rows(rest.samples)).toEqual(rows(whole.samples))
    }
  })

  it('starts real columns at normal numbers and discrete ones at states, or inside a box', async () => {
    await using model = await Energy.create(mixture)
    const still = rounds(1, [
      { on: 'real', sampler: samplers.mala({ steps: 1, stepSize: 1e-12 }) },
      { on: 'discrete', sampler: samplers.gibbs({ steps: 1 }) },
    ])
    const { samples } = await sample(model, {
      sampler: still,
      chains: 2000,
      seed: 1,
      init: { kind: 'uniform', low: 4, high: 5 },
    }).done
    for (const [r, ...colour] of rows(samples)) {
      expect(r).toBeGreaterThanOrEqual(4 - 1e-4)
      expect(r).toBeLessThanOrEqual(5 + 1e-4)
      expect([...colour].sort()).toEqual([0, 0, 1])
    }
    const boxed = samplers.mala({ steps: 3, stepSize: 0.5, box: { low: -1, high: 1 } })
    const kernels = [
      { on: 'real', sampler: boxed },
      { on: 'discrete', sampler: samplers.gibbs({ steps: 1 }) },
    ]
    const inside = await sample(model, { sampler: rounds(20, kernels), chains: 500, seed: 1 }).done
    for (const [r] of rows(inside.samples)) expect(Math.abs(r!)).toBeLessThanOrEqual(1)
  })

  it('draws the negatives of a mixed energy that is trained', async () => {
    await using truth = await Energy.create(mixture)
    const { samples } = await sample(truth, { sampler: usual(150), chains: 2000, seed: 8 }).done
    const states = mixture.states!
    const spec = energies.mlp({ input: 4, hidden: [16], activation: 'silu', gaussianBase: 3, states })
    await using model = await Energy.create(spec, { seed: 2 })
    const objective = objectives.persistentContrastiveDivergence({ sampler: usual(2), buffer: { size: 512 } })
    const result = await train(model, samples, {
      objective,
      optimizer: optimizers.adam({ lr: 3e-3 }),
      steps: 1500,
      batchSize: 200,
      seed: 4,
    }).done
    expect(result.history.every((point) => Number.isFinite(point.energyUniform ?? 0))).toBe(true)
    const drawn = await sample(model, { sampler: usual(200), chains: 2000, seed: 9 }).done
    for (const [k, share] of shares.entries()) {
      const of = rows(drawn.samples).filter((row) => row[1 + k] === 1)
      expect(Math.abs(of.length / 2000 - share)).toBeLessThan(0.12)
      expect(Math.abs(of.reduce((sum, row) => sum + row[0]!, 0) / of.length - MEANS[k]!)).toBeLessThan(0.8)
    }
  }, 180_000)

  it('refuses kernels and columns that do not fit', async () => {
    const gibbs = samplers.gibbs({ steps: 1 })
    const tempered = samplers.parallelTempering({
      steps: 1,
      temperatures: [1, 2],
      sampler: samplers.mala({ steps: 1, stepSize: 1 }),
    })
    expect(refusal(() => rounds(1, [{ on: 'real', sampler: tempered }])).message).toMatch(
      /kernels\[0\]\.sampler\.kind: 'parallelTempering' cannot take turns/,
    )
    expect(refusal(() => rounds(1, [])).message).toMatch(/kernels/)
    await using model = await Energy.create(mixture)
    const draw = (kernels: { on: string; sampler: SpecValue }[]) =>
      rejection(() => sample(model, { sampler: rounds(1, kernels), chains: 2 }).done)
    const missing = await draw([{ on: 'discrete', sampler: gibbs }])
    expect(missing.message).toMatch(/column 0 \('size'\) would never move/)
    const unknown = await draw([{ on: 'shape', sampler: gibbs }])
    expect(unknown.message).toMatch(/kernels\[0\]\.on: this energy has no columns 'shape'/)
    const wrong = await draw([
      { on: 'colour', sampler: samplers.mala({ steps: 1, stepSize: 1 }) },
      { on: 'real', sampler: gibbs },
    ])
    expect(wrong.code).toBe('ERR_LANGEVIN_UNSUPPORTED')
    expect(wrong.message).toMatch(/mala moves real columns, and columns 1 to 3 \('colour'\)/)
  })
})
