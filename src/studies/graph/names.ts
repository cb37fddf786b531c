/** What the graph study compares: shifts, scores and networks by the names of its rows. */
import * as scores from '../../graphs/scores/factories.js'
import type { NodeScore } from '../../graphs/scores/node-score.js'
import type { FeatureNoiseOptions } from '../../graphs/shifts/index.js'

/** What a network is trained for: one answers for all shifts of the features. */
export const KINDS = ['leave-out-classes', 'homophily', 'page-rank', 'features'] as const
export type ShiftKind = (typeof KINDS)[number]

export const NOISES: Readonly<Record<string, FeatureNoiseOptions['noise']>> = {
  'bernoulli-0': { bernoulli: 0 },
  'bernoulli-0.5': { bernoulli: 0.5 },
  'bernoulli-1': { bernoulli: 1 },
  'bernoulli-mean': { bernoulli: 'mean' },
  'bernoulli-class-mean': { bernoulli: 'classMean' },
  normal: 'normal',
}

export const SHIFTS = ['leave-out-classes', 'homophily', 'page-rank', ...Object.keys(NOISES)] as const
export type ShiftName = (typeof SHIFTS)[number]
export const kindOf = (shift: ShiftName): ShiftKind => (shift in NOISES ? 'features' : (shift as ShiftKind))

export const NETWORKS = ['gcn', 'appnp', 'sage', 'gat', 'gin', 'mlp'] as const
export type NetworkName = (typeof NETWORKS)[number]

/** Where the answers of a score come from: the network itself, or several passes or networks. */
export type Source = 'outputs' | 'dropout' | 'dropEdge' | 'ensemble'

export interface ScorePlan {
  readonly score: () => NodeScore
  readonly source: Source
  /** Rows of the result by name: which of the tensors that scoring gives. */
  readonly rows: Readonly<Record<string, string>>
}

/** Every score of the study. */
export const PLANS: readonly ScorePlan[] = [
  {
    score: () => scores.gebm(),
    source: 'outputs',
    rows: { gebm: 'energy', 'gebm-independent': 'independent', 'gebm-local': 'local', 'gebm-group': 'group' },
  },
  { score: () => scores.gebm({ gamma: 0 }), source: 'outputs', rows: { 'gebm-unregularised': 'energy' } },
  { score: () => scores.logitEnergy(), source: 'outputs', rows: { 'logit-energy': 'uncertainty' } },
  {
    score: () => scores.logitEnergy({ edges: false }),
    source: 'outputs',
    rows: { 'logit-energy-no-edges': 'uncertainty' },
  },
  { score: () => scores.gnnSafe(), source: 'outputs', rows: { gnnsafe: 'uncertainty' } },
  { score: () => scores.entropy(), source: 'outputs', rows: { entropy: 'uncertainty' } },
  { score: () => scores.maxSoftmax(), source: 'outputs', rows: { 'max-softmax': 'uncertainty' } },
  { score: () => scores.mahalanobis(), source: 'outputs', rows: { mahalanobis: 'uncertainty' } },
  { score: () => scores.mcDropout(), source: 'dropout', rows: { 'mc-dropout': 'uncertainty' } },
  { score: () => scores.dropEdge(), source: 'dropEdge', rows: { 'drop-edge': 'uncertainty' } },
  { score: () => scores.ensemble(), source: 'ensemble', rows: { ensemble: 'uncertainty' } },
]

/** Parts and variants of GEBM: shown, and left out of the ranking, which is one of methods. */
const PARTS = new Set(['gebm-independent', 'gebm-local', 'gebm-group', 'gebm-unregularised'])
export const SCORES: readonly string[] = PLANS.flatMap(({ rows }) => Object.keys(rows))
export const METHODS: readonly string[] = SCORES.filter((name) => !PARTS.has(name))
/** Methods that need the one trained network and nothing else. */
export const POST_HOC: readonly string[] = PLANS.filter(({ source }) => source === 'outputs')
  .flatMap(({ rows }) => Object.keys(rows))
  .filter((name) => !PARTS.has(name))

/** Classes left out on the graphs of the published comparison; elsewhere two fifths of them. */
const LEFT_OUT: readonly (readonly [RegExp, number])[] = [
  [/ms_academic_cs|coauthor.?cs/i, 5],
  [/arxiv/i, 15],
]
export function leftOutOf(graph: string, classes: number): number {
  const known = LEFT_OUT.find(([pattern]) => pattern.test(graph))?.[1]
  const count = known ?? Math.round(0.4 * classes)
  return Math.min(Math.max(count, 1), classes - 1)
}
