/** Methods for real columns refuse discrete energies, and the other way round. */
import { describe, expect, test } from 'vitest'
import {
  Energy,
  energies,
  evaluateObjective,
  metrics,
  noises,
  objectives,
  ood,
  partition,
  samplers,
} from '../../src/index.js'
import type { SpecValue } from '../../src/spec/index.js'

const gibbs = samplers.gibbs({ steps: 1 })
const langevin = samplers.langevin({ steps: 1, stepSize: 0.1 })
const critic = { hidden: [4] }
const helper = energies.mlp({ input: 3, hidden: [4] })

/** Objectives that look at E between states. */
const continuous: Record<string, SpecValue> = {
  explicitScoreMatching: objectives.explicitScoreMatching(),
  slicedScoreMatching: objectives.slicedScoreMatching(),
  'slicedScoreMatching by differences': objectives.slicedScoreMatching({ finiteDifference: 0.1 }),
  denoisingScoreMatching: objectives.denoisingScoreMatching({ sigma: 0.1 }),
  'denoisingScoreMatching by differences': objectives.denoisingScoreMatching({ sigma: 0.1, finiteDifference: 0.1 }),
  conditionalNoiseContrastive: objectives.conditionalNoiseContrastive({ sigma: 0.1 }),
  energyDiscrepancy: objectives.energyDiscrepancy({ t: 0.1 }),
  noiseContrastive: objectives.noiseContrastive({ noise: noises.gaussian() }),
  rankingNoiseContrastive: objectives.rankingNoiseContrastive({ noise: noises.gaussian() }),
  steinDiscrepancy: objectives.steinDiscrepancy(),
  learnedSteinDiscrepancy: objectives.learnedSteinDiscrepancy({ critic }),
  maximumLikelihood: objectives.maximumLikelihood({ box: { low: -2, high: 2 } }),
}
/** Objectives that draw from the model: it is the sampler that has to fit. */
const drawing = (sampler: SpecValue): Record<string, SpecValue> => ({
  contrastiveDivergence: objectives.contrastiveDivergence({ sampler }),
  persistentContrastiveDivergence: objectives.persistentContrastiveDivergence({ sampler }),
  pseudoSpherical: objectives.pseudoSpherical({ gamma: 0.1, sampler }),
  fDivergence: objectives.fDivergence({ divergence: 'kl', helper, sampler }),
})

const bits = [
  [0, 1, 0],
  [1, 1, 0],
  [0, 0, 1],
  [1, 0, 1],
]
const DISCRETE: [string, SpecValue, number[][]][] = [
  ['rbm', energies.rbm({ input: 3, hidden: 2 }), bits],
  ['ising', energies.ising({ sites: 3 }), bits.map((row) => row.map((v) => 2 * v - 1))],
  [
    'potts',
    energies.potts({ sites: 1, levels: 3 }),
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [0, 1, 0],
    ],
  ],
  ['mlp', energies.mlp({ input: 3, hidden: [4], activation: 'silu', states: 'binary' }), bits],
]

const rejection = (message: RegExp) => ({ code: 'ERR_LANGEVIN_UNSUPPORTED', message: expect.stringMatching(message) })

describe.each(DISCRETE)('a discrete energy: %s', (kind, spec, x) => {
  test.each(Object.entries(continuous))('refuses %s', async (name, objective) => {
    await using model = await Energy.create(spec)
    const expected = rejection(
      new RegExp(`^${name.split(' ')[0]} .*this ${kind} energy is over .*minimumProbabilityFlow`),
    )
    await expect(evaluateObjective(model, x, { objective })).rejects.toMatchObject(expected)
  })

  test('takes the objectives of discrete states, with a discrete sampler', async () => {
    await using model = await Energy.create(spec)
    const fitting = { ...drawing(gibbs), minimumProbabilityFlow: objectives.minimumProbabilityFlow() }
    for (const objective of Object.values(fitting))
      expect((await evaluateObjective(model, x, { objective })).loss).toSatisfy(Number.isFinite)
    for (const objective of Object.values(drawing(langevin)))
      await expect(evaluateObjective(model, x, { objective })).rejects.toMatchObject(rejection(/gibbsWithGradients/))
  })

  test('refuses what integrates or differentiates, and names what does not', async () => {
    await using model = await Energy.create(spec)
    const box = { low: -2, high: 2 }
    await expect(partition.grid(model, box)).rejects.toMatchObject(rejection(/partition\.grid .*partition\.exact/))
    await expect(partition.importance(model, { rows: x })).rejects.toMatchObject(
      rejection(/partition\.importance .*partition\.ais/),
    )
    await expect(metrics.kernelSteinDiscrepancy(model, x)).rejects.toMatchObject(rejection(/metrics\.mmd/))
    await expect(ood.scores(ood.detectors.scoreNorm(model), x)).rejects.toMatchObject(rejection(/energy detector/))
  })
})

test('an energy over real columns refuses what moves between states', async () => {
  await using model = await Energy.create(energies.mlp({ input: 3, hidden: [4], activation: 'silu' }))
  const real = bits.map((row) => row.map((v) => v + 0.5))
  const flow = objectives.minimumProbabilityFlow()
  await expect(evaluateObjective(model, real, { objective: flow })).rejects.toMatchObject(
    rejection(/minimumProbabilityFlow compares states .*this mlp energy is over real columns.*states: 'binary'/),
  )
  for (const sampler of [
    gibbs,
    samplers.gibbsWithGradients({ steps: 1 }),
    samplers.discreteLangevin({ steps: 1, stepSize: 0.1 }),
  ])
    for (const objective of Object.values(drawing(sampler)))
      await expect(evaluateObjective(model, real, { objective })).rejects.toMatchObject(
        rejection(/langevin, mala or hmc/),
      )
})
