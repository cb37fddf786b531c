/** Specs of objectives, noises and optimisers. */
import { describe, expect, it } from 'vitest'
import { noises, objectives, optimizers, perturbations, samplers, schedules } from '../../src/index.js'
import { parseSpec } from '../../src/spec/index.js'
import { refusal } from '../helpers/errors.js'

const sampler = samplers.langevin({ steps: 10, stepSize: 0.01 })

describe('objective, noise and optimizer specs', () => {
  it('fill in defaults and are frozen plain JSON', () => {
    const pcd = objectives.persistentContrastiveDivergence({ sampler })
    expect(pcd.buffer).toEqual({
      size: 10_000,
      reinit: 0.05,
      reinitFrom: 'uniform',
      reinitAccept: 'always',
      blur: 0,
      strategy: 'chains',
    })
    expect(Object.isFrozen(pcd.buffer)).toBe(true)
    expect(JSON.parse(JSON.stringify(pcd))).toEqual(pcd)
    expect(objectives.noiseContrastive({ noise: noises.gaussian() })).toEqual({
      kind: 'noiseContrastive',
      noise: { kind: 'gaussian', mean: 0, sd: 1 },
      ratio: 1,
      learnLogZ: true,
    })
    expect(optimizers.adam()).toEqual({ kind: 'adam', lr: 1e-3, betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 })
    expect(optimizers.adamw().weightDecay).toBe(0.01)
    expect(objectives.energyDiscrepancy({ t: 0.25 })).toEqual({
      kind: 'energyDiscrepancy',
      t: 0.25,
      negatives: 32,
      w: 1,
    })
    expect(objectives.energyDiscrepancy({ perturbation: perturbations.structured() }).perturbation).toEqual({
      kind: 'structured',
      sd: 0.1,
      t: 0.1,
      tBase: 0.005,
      subsets: false,
    })
    expect(perturbations.absorbing({ grid: true })).toEqual({ kind: 'absorbing', grid: true })
    expect(perturbations.neighbourhood()).toEqual({ kind: 'neighbourhood' })
    expect(objectives.slicedScoreMatching()).toEqual({
      kind: 'slicedScoreMatching',
      projections: 1,
      law: 'rademacher',
      varianceReduced: false,
    })
    expect(noises.kde()).toEqual({ kind: 'kde', scale: 1, centres: 1000 })
    expect(noises.flow()).toEqual({ kind: 'flow', layers: 30, knots: 24, scale: 1 })
    expect(objectives.crossEntropy()).toEqual({ kind: 'crossEntropy' })
    expect(objectives.jointEnergy()).toMatchObject({
      sampler: { kind: 'langevin', form: 'proper', steps: 20, stepSize: 0.02 },
      buffer: { size: 10_000, reinit: 0.05 },
      density: 1,
      classification: 1,
      conditional: 0,
    })
    const published = objectives.jointEnergy({ sampler: 'published' })
    expect(published.sampler).toEqual(samplers.langevin({ form: 'heuristic', steps: 20, stepSize: 1, noise: 0.01 }))
    expect(parseSpec('objective', JSON.parse(JSON.stringify(published)))).toEqual(published)
  })

  it('take schedules as learning rates', () => {
    const lr = schedules.cosine({ from: 1e-3, warmup: 100 })
    expect(optimizers.sgd({ lr }).lr).toEqual({ kind: 'cosine', from: 1e-3, to: 0, warmup: 100 })
  })

  it.each([
    ['a misspelt option', () => objectives.noiseContrastive({ noises: 1 } as never), 'noise'],
    [
      'a nested misspelling',
      () => objectives.persistentContrastiveDivergence({ sampler, buffer: { sise: 3 } as never }),
      'size',
    ],
    ['a share above 1', () => objectives.persistentContrastiveDivergence({ sampler, buffer: { reinit: 2 } }), 'reinit'],
    [
      'no share at all',
      () => objectives.persistentContrastiveDivergence({ sampler, buffer: { reinitFrom: {} } }),
      'share',
    ],
    [
      'a ladder that rises',
      () => objectives.persistentContrastiveDivergence({ sampler, buffer: { temper: [1, 2] } }),
      'buffer.temper',
    ],
    [
      'tested tempered restarts',
      () =>
        objectives.persistentContrastiveDivergence({
          sampler,
          buffer: { temper: [2, 1.5], reinitAccept: 'metropolis' },
        }),
      'buffer.temper',
    ],
    [
      'more chains than the buffer has',
      () => objectives.persistentContrastiveDivergence({ sampler, buffer: { size: 4 }, chains: 5 }),
      'chains',
    ],
    ['no term at all', () => objectives.jointEnergy({ density: 0, classification: 0 }), 'density'],
    ['a sampler of no name', () => objectives.jointEnergy({ sampler: 'fast' as never }), 'sampler'],
    ['a weight below 0', () => objectives.jointEnergy({ conditional: -1 }), 'conditional'],
    [
      'a start without short runs',
      () => objectives.contrastiveDivergence({ sampler, start: { from: 'normal' } }),
      'shortRun',
    ],
    [
      'long chains of no more steps than the short ones',
      () => objectives.contrastiveDivergence({ sampler, k: 4, longChains: { steps: 4 } }),
      'longChains.steps',
    ],
    [
      'long chains of more than all weight',
      () => objectives.contrastiveDivergence({ sampler, longChains: { steps: 100, weight: 1.5 } }),
      'weight',
    ],
    ['a beta of 1', () => objectives.steinDiscrepancy({ beta: 1 }), 'beta'],
    [
      'a rough critic',
      () => objectives.learnedSteinDiscrepancy({ critic: { activation: 'relu' as never } }),
      'activation',
    ],
    ['a gamma of -1', () => objectives.pseudoSpherical({ gamma: -1, sampler }), 'gamma'],
    [
      'more chains than the buffer has, pseudoSpherical',
      () => objectives.pseudoSpherical({ gamma: 0.5, sampler, buffer: { size: 4 }, chains: 5 }),
      'chains',
    ],
    ['borders upside down', () => noises.uniform({ low: [0, 1], high: [1, 1] }), 'high'],
    ['borders of unequal length', () => noises.uniform({ low: [0, 1], high: [1, 2, 3] }), 'high'],
    ['an sd of 0', () => noises.gaussian({ sd: [1, 0] }), 'sd'],
    ['half a cell', () => objectives.maximumLikelihood({ box: { low: 0, high: 1 }, cells: 2.5 }), 'cells'],
    ['sigma 0', () => objectives.denoisingScoreMatching({ sigma: 0 }), 'sigma'],
    [
      'a ladder of one rung',
      () => objectives.denoisingScoreMatching({ sigma: { from: 1, to: 1, levels: 3 } }),
      'sigma.from',
    ],
    [
      'a ladder of one level',
      () => objectives.denoisingScoreMatching({ sigma: { from: 1, to: 0.1, levels: 1 } }),
      'levels',
    ],
    ['projections of an exact trace', () => objectives.explicitScoreMatching({ projections: 2 }), 'hutchinson'],
    ['a law of directions of no kind', () => objectives.slicedScoreMatching({ law: 'gausian' as never }), 'gaussian'],
    [
      'a squared score from differences',
      () => objectives.slicedScoreMatching({ varianceReduced: true, finiteDifference: 0.1 }),
      'varianceReduced',
    ],
    ['no perturbation', () => objectives.conditionalNoiseContrastive({ sigma: [1, 0] }), 'sigma'],
    ['a variance of 0', () => objectives.energyDiscrepancy({ t: 0 }), 't'],
    ['neither t nor a perturbation', () => objectives.energyDiscrepancy({ w: 1 }), 'perturbation'],
    [
      't and a perturbation',
      () => objectives.energyDiscrepancy({ t: 1, perturbation: perturbations.neighbourhood() }),
      'perturbation',
    ],
    ['a noise as perturbation', () => objectives.energyDiscrepancy({ perturbation: { kind: 'kde' } }), 'perturbation'],
    ['a time and a standard deviation', () => perturbations.gaussian({ t: 1, sd: 1 }), 'sd'],
    ['noise of deviation 0', () => perturbations.structured({ sd: [1, 0] }), 'sd'],
    ['no time of a walk', () => perturbations.cyclic({}), 'tBase'],
    ['two times of a walk', () => perturbations.ordinal({ t: 1, tBase: 1 }), 'tBase'],
    ['masks at a time and one by one', () => perturbations.absorbing({ t: 1, grid: true }), 'grid'],
    ['more than every other bit', () => perturbations.bernoulli({ epsilon: 0.6 }), 'epsilon'],
    [
      'a product in a product',
      () => perturbations.structured({ kernels: [{ on: 'real', perturbation: perturbations.structured() }] }),
      'no other one inside',
    ],
    ['a negative w', () => objectives.energyDiscrepancy({ t: 1, w: -1 }), 'w'],
    ['no spread of a mixture', () => noises.gaussianMixture({ means: [[0], [1]] }), 'sigmas'],
    ['a weight too few', () => noises.gaussianMixture({ means: [[0], [1]], sigmas: 1, weights: [1] }), 'weights'],
    ['a spline of three knots', () => noises.flow({ knots: 3 }), 'knots'],
    ['a bandwidth of 0', () => noises.kde({ bandwidth: [0.1, 0] }), 'bandwidth'],
    [
      'a sampler of no kind',
      () => objectives.contrastiveDivergence({ sampler: { kind: 'langevn' } as never }),
      'langevin',
    ],
    ['Nesterov without momentum', () => optimizers.sgd({ lr: 0.1, nesterov: true }), 'momentum'],
    ['a learning rate of 0', () => optimizers.adam({ lr: 0 }), 'lr'],
    ['a beta of 1', () => optimizers.adam({ betas: [0.9, 1] }), 'betas'],
  ])('refuse %s', (_what, make, word) => {
    const error = refusal(make)
    expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(error.message).toContain(word)
  })
})
