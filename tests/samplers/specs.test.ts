/** Specs of samplers. */
import { describe, expect, it } from 'vitest'
import { samplers } from '../../src/samplers/index.js'
import { schedules } from '../../src/schedules/index.js'
import { kindsOf, parseSpec } from '../../src/spec/index.js'
import { missing } from '../helpers/coverage.js'
import { refusal } from '../helpers/errors.js'

const MALA = { kind: 'mala', steps: 5, stepSize: 0.1 }

const anySampler = samplers as unknown as Record<string, (options: unknown) => unknown>

describe('sampler specs', () => {
  it('are frozen plain JSON that survives a round trip', () => {
    const specs = [
      samplers.langevin({ steps: 20, stepSize: 0.02 }),
      samplers.langevin({ form: 'heuristic', steps: 20, stepSize: 0.02, noise: 0.005 }),
      samplers.langevin({
        steps: 5,
        stepSize: schedules.geometric({ from: 0.1, to: 0.001 }),
        box: { low: -1, high: 1 },
        clip: 3,
      }),
      samplers.mala({ steps: 5, stepSize: 0.1, temperature: 2 }),
      samplers.hmc({ steps: 5, stepSize: 0.1, leapfrogSteps: 10 }),
      samplers.underdampedLangevin({ steps: 5, stepSize: 0.1, friction: 0.5 }),
      samplers.annealedLangevin({ noiseLevels: { from: 1, to: 0.01, levels: 10 }, stepsPerLevel: 20, stepSize: 2e-5 }),
      samplers.parallelTempering({
        steps: 50,
        temperatures: [1, 2, 4],
        sampler: samplers.mala({ steps: 5, stepSize: 0.1 }),
      }),
      samplers.nuts({ steps: 400 }),
      samplers.gibbs({ steps: 5, order: 'blocks' }),
      samplers.gibbsWithGradients({ steps: 5, temperature: 2 }),
      samplers.discreteLangevin({ steps: 5, stepSize: 0.5 }),
      samplers.blockwise({
        steps: 5,
        kernels: [
          { on: 'discrete', sampler: samplers.gibbs({ steps: 1 }) },
          { on: ['real', 2], sampler: samplers.mala({ steps: 2, stepSize: 0.1 }) },
        ],
      }),
    ]
    for (const spec of specs) {
      expect(Object.isFrozen(spec)).toBe(true)
      expect(parseSpec('sampler', JSON.parse(JSON.stringify(spec)))).toEqual(spec)
    }
    const found = missing(kindsOf('sampler'), {
      family: 'sampler',
      holds: specs.map((spec) => spec.kind),
      no: 'no example of tests/samplers/specs.test.ts',
      add: (kind) => `samplers.${kind}({ ... }) to 'specs' there`,
    })
    expect(found).toEqual([])
    const first = (kind: string) => specs.find((spec) => spec.kind === kind)
    expect(specs[2]).toMatchObject({ form: 'proper', box: { mode: 'reflect' }, stepSize: { kind: 'geometric' } })
    expect(first('hmc')).toMatchObject({ warmup: 0, targetAcceptance: 0.8, metric: 'diagonal', jitter: 0 })
    expect(first('parallelTempering')).toMatchObject({ adapt: 0, sampler: { kind: 'mala', steps: 5 } })
    expect(first('nuts')).toMatchObject({ stepSize: 1, maxDepth: 10, targetAcceptance: 0.8, metric: 'diagonal' })
  })

  it.each([
    ['langevin', { steps: 5, stepSise: 0.1 }, /stepSise.*stepSize/],
    ['langevin', { steps: 0, stepSize: 0.1 }, /steps/],
    ['langevin', { steps: 5, stepSize: 0 }, /stepSize.*greater than 0/],
    ['langevin', { steps: 5, stepSize: 0.1, noise: 0.1 }, /noise.*heuristic/],
    ['langevin', { form: 'heuristic', steps: 5, stepSize: 0.1 }, /noise.*required/],
    ['langevin', { form: 'heuristic', steps: 5, stepSize: 0.1, noise: 0.1, temperature: 1 }, /temperature.*noise\^2/],
    ['langevin', { steps: 5, stepSize: 0.1, box: { low: 1, high: 0 } }, /low must be less than high/],
    ['mala', { steps: 5, stepSize: 0.1, box: { low: 0, high: 1, mode: 'clamp' } }, /clamping/],
    ['hmc', { steps: 5, stepSize: 0.1, leapfrogSteps: 0 }, /leapfrogSteps/],
    ['hmc', { steps: 5, stepSize: { kind: 'linear', from: 1, to: 2 }, leapfrogSteps: 1, warmup: 3 }, /adapted/],
    ['hmc', { steps: 5, stepSize: 0.1, leapfrogSteps: 1, targetAcceptance: 1 }, /targetAcceptance/],
    ['underdampedLangevin', { steps: 5, stepSize: 0.1, friction: -1 }, /friction/],
    ['annealedLangevin', { stepsPerLevel: 5, stepSize: 0.1 }, /either noiseLevels.*or temperatures/],
    ['annealedLangevin', { stepsPerLevel: 5, stepSize: 0.1, temperatures: [1, 2] }, /temperatures.*fall/],
    ['annealedLangevin', { stepsPerLevel: 5, stepSize: 0.1, temperatures: [2, 1], condition: 'sigma' }, /noiseLevels/],
    ['annealedLangevin', { stepsPerLevel: 5, stepSize: 0.1, steps: 4, temperatures: [2, 1] }, /steps.*stepsPerLevel/],
    ['parallelTempering', { steps: 5, temperatures: { from: 4, to: 1, levels: 3 }, sampler: MALA }, /rise/],
    ['parallelTempering', { steps: 5, temperatures: [1, 2], sampler: { kind: 'nuts', steps: 5 } }, /inner kernel/],
    ['parallelTempering', { steps: 5, temperatures: [1, 2] }, /sampler.*required/],
    ['nuts', { steps: 5, maxDepth: 30 }, /maxDepth/],
    ['nuts', { steps: 5, metric: 'dense', box: { low: 0, high: 1 } }, /metric.*diagonal/],
    ['hmc', { steps: 5, stepSize: 1, leapfrogSteps: 3, metric: 'full' }, /metric.*dense/],
    ['nuts', { steps: 5, stepSize: { kind: 'linear', from: 1, to: 2 } }, /stepSize/],
    ['gibbs', { steps: 5, stepSize: 0.1 }, /stepSize.*not an option/],
    ['gibbs', { steps: 5, order: 'block' }, /order.*blocks/],
    ['gibbsWithGradients', { steps: 5, adjusted: false }, /adjusted/],
    ['discreteLangevin', { steps: 5 }, /stepSize.*required/],
    ['blockwise', { steps: 5 }, /kernels.*required/],
    ['blockwise', { steps: 5, kernels: [{ on: 'real', sampler: { kind: 'blockwise' } }] }, /kernels\[0\]/],
    ['blockwise', { steps: 5, kernels: [{ on: [], sampler: MALA }] }, /kernels\[0\]\.on/],
  ])('%s refuses %j', (kind, options, message) => {
    const refused = refusal(() => anySampler[kind]!(options))
    expect(refused.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(refused.message).toMatch(message)
  })
})
