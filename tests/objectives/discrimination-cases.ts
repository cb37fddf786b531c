/** Cases of discriminating objectives for the comparison with PyTorch. */
import { energies, noises, objectives, perturbations } from '../../src/index.js'
import type { SpecValue } from '../../src/spec/index.js'
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

type Columns = [energy: SpecValue<'energy'>, rowOf: (row: number[], i: number) => number[]]
const bitColumns: Columns = [
  energies.rbm({ input: 5, hidden: 7 }),
  ([a, b], i) => [a! > 0, b! > 0, i % 2, i % 3 > 0, a! > b!].map(Number),
]
/** Numbers, an embedded category, an order, a ring. */
export const mixedColumns: Columns = [
  energies.mlp({
    input: 7,
    hidden: [16],
    embedding: 4,
    gaussianBase: 2,
    states: [
      { kind: 'real', columns: 2 },
      { kind: 'categorical', levels: 3, name: 'trade' },
      { kind: 'ordinal', levels: 5 },
      { kind: 'cyclic', levels: 4 },
    ],
  }),
  (row, i) => [...row, ...[0, 1, 2].map((k) => Number(k === i % 3)), i % 5, i % 4],
]
/** What langevin made of the rows goes to PyTorch; the laws of the moves are those of native/tests/perturbations_test.cpp. */
const perturbed = (perturbation: SpecValue<'perturbation'>, name: string = perturbation.kind): Case => {
  const [energy, rowOf] = perturbation.kind === 'structured' ? mixedColumns : bitColumns
  return {
    name: `energyDiscrepancy, ${name}`,
    energy,
    objective: objectives.energyDiscrepancy({ perturbation, negatives: 4, w: 0.7 }),
    x: data.map((row, i) => rowOf(row, i)),
    take: negativesOf,
  }
}

export const discriminationCases: Case[] = [
  perturbed(perturbations.uniform({ t: 0.5 })),
  perturbed(perturbations.cyclic({ t: 0.3 })),
  perturbed(perturbations.ordinal({ tBase: 0.1 })),
  perturbed(perturbations.absorbing({ t: 0.5 })),
  perturbed(perturbations.absorbing({ grid: true }), 'absorbing grid'),
  perturbed(perturbations.bernoulli({ epsilon: 0.1 })),
  perturbed(perturbations.neighbourhood()),
  perturbed(perturbations.structured({ sd: [0.2, 0.3], t: 0.5, tBase: 0.02 })),
  perturbed(
    perturbations.structured({
      kernels: [{ on: ['trade', 'cyclic'], perturbation: perturbations.absorbing({ grid: true }) }],
    }),
    'structured with kernels',
  ),
  {
    name: 'energyDiscrepancy, gaussian',
    energy: mlp,
    objective: objectives.energyDiscrepancy({ perturbation: perturbations.gaussian({ sd: [0.5, 0.8] }) }),
    x: data,
    take: negativesOf,
  },
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
