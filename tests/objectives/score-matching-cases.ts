/** Cases of score matching for the comparison with PyTorch. */
import { energies, objectives } from '../../src/index.js'
import {
  BATCH,
  type Case,
  conditional,
  corruption,
  data,
  mlp,
  projections,
  type RunCase,
  smooth,
} from './reference-support.js'

export const scoreMatchingCases: Case[] = [
  {
    name: 'explicitScoreMatching',
    energy: smooth,
    objective: objectives.explicitScoreMatching(),
    x: data,
  },
  {
    name: 'explicitScoreMatching, hutchinson',
    energy: mlp,
    objective: objectives.explicitScoreMatching({ trace: 'hutchinson', projections: 2 }),
    x: data,
    noise: projections('rademacher', 2),
  },
  ...(['rademacher', 'gaussian', 'sphere'] as const).map((law) => ({
    name: `slicedScoreMatching, ${law}`,
    energy: smooth,
    objective: objectives.slicedScoreMatching({ law, projections: 2, varianceReduced: law === 'sphere' }),
    x: data,
    noise: projections(law, 2),
  })),
  {
    name: 'slicedScoreMatching, finite differences',
    energy: mlp,
    objective: objectives.slicedScoreMatching({ projections: 2, finiteDifference: 2 }),
    x: data,
    noise: projections('rademacher', 2),
  },
  {
    name: 'denoisingScoreMatching',
    energy: energies.mlp({ input: 2, hidden: [16, 16], activation: 'tanh' }),
    objective: objectives.denoisingScoreMatching({ sigma: 0.3 }),
    x: data,
    noise: corruption(),
  },
  {
    name: 'denoisingScoreMatching, finite differences',
    energy: mlp,
    objective: objectives.denoisingScoreMatching({ sigma: 0.6, finiteDifference: 2 }),
    x: data,
    noise: [...corruption(), ...projections('rademacher')],
  },
  {
    name: 'denoisingScoreMatching, a ladder',
    energy: conditional,
    objective: objectives.denoisingScoreMatching({ sigma: { from: 2, to: 0.1, levels: 5 } }),
    x: data,
    take: (noisy, y) => ({ noisy, y }),
  },
]

export const scoreMatchingRuns: RunCase[] = [
  {
    name: 'explicitScoreMatching',
    objective: objectives.explicitScoreMatching(),
    noise: () => [],
  },
  {
    name: 'slicedScoreMatching',
    objective: objectives.slicedScoreMatching({ law: 'gaussian' }),
    noise: (s: number) => projections('gaussian', 1, s, BATCH),
  },
  {
    name: 'denoisingScoreMatching',
    objective: objectives.denoisingScoreMatching({ sigma: 0.5 }),
    noise: (s: number) => corruption(s, BATCH),
  },
]
