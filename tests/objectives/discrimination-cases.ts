/** Cases of discriminating objectives for the comparison with PyTorch. */
import { noises, objectives } from '../../src/index.js'
import {
  BATCH,
  type Case,
  conditional,
  corruption,
  data,
  mlp,
  negativesOf,
  normals,
  type RunCase,
  ranking,
} from './reference-support.js'

export const discriminationCases: Case[] = [
  ...[
    noises.gaussianMixture({
      means: [
        [-1, 0],
        [1, 1],
      ],
      weights: [1, 3],
      sigmas: 1.5,
    }),
    noises.kde({ scale: 1.5 }),
  ].map((noise) => ({
    name: `rankingNoiseContrastive, ${noise.kind}`,
    energy: mlp,
    objective: ranking(noise, 3),
    x: data,
    take: negativesOf,
  })),
  {
    name: 'rankingNoiseContrastive, conditional',
    energy: conditional,
    objective: ranking(noises.gaussian({ sd: 1.5 }), 4),
    x: data,
    y: data.map(([a, b]) => [a! * b!]),
    noise: normals(4),
  },
  {
    name: 'conditionalNoiseContrastive',
    energy: mlp,
    objective: objectives.conditionalNoiseContrastive({ sigma: [1, 2], negatives: 3 }),
    x: data,
    noise: normals(3),
  },
  {
    name: 'energyDiscrepancy',
    energy: mlp,
    objective: objectives.energyDiscrepancy({ t: 0.5, negatives: 4, w: 0.7 }),
    x: data,
    noise: [...corruption(), ...normals(4)],
  },
]

/** The bias of the last layer is a number added to the energy, as log Z is. */
const ADDED_NUMBER = ['4.bias']

export const discriminationRuns: RunCase[] = [
  {
    name: 'rankingNoiseContrastive',
    objective: ranking(noises.dataGaussian({ scale: 1.3 }), 3),
    noise: (s: number) => normals(3, s, BATCH),
    free: ADDED_NUMBER,
  },
  {
    name: 'conditionalNoiseContrastive',
    objective: objectives.conditionalNoiseContrastive({ sigma: 0.5, negatives: 2 }),
    noise: (s: number) => normals(2, s, BATCH),
    free: ADDED_NUMBER,
  },
  {
    name: 'energyDiscrepancy',
    objective: objectives.energyDiscrepancy({ t: 0.5, negatives: 4 }),
    noise: (s: number) => [...corruption(s, BATCH), ...normals(4, s, BATCH)],
    free: ADDED_NUMBER,
  },
]
