/**
 * The objectives of the comparison: one table of plain specs. Those whose kind this build does not have are left out, so
 * a new objective is one entry here, or one among those that are not compared. All train the same energy on the same rows for the same number of steps.
 */
import { definitionOf, type SpecValue } from '../../spec/index.js'
import '../../energies/index.js'
import '../../noises/index.js'
import '../../objectives/index.js'
import '../../samplers/index.js'

/** Half the side of the square B = [-b, b]^2 everything is trained and judged in. */
export const B = 3
export const BATCH = 256
/** Rows an objective evaluates for each datum, where that number can be chosen. */
const NEGATIVES = 8

export interface Plan {
  readonly title: string
  readonly objective: SpecValue
  /** What its loss cannot see, or cannot see well: for the reader who has to choose. */
  readonly blind: string
  /** Learning rate at the start, where the common one does not suit. */
  readonly lr?: number
  /** Penalties of train(), where the objective is unstable without them. */
  readonly penalties?: { energy?: number; gradient?: number }
  /** Rough cost of a step relative to noise-contrastive estimation, for the time left. */
  readonly cost: number
}

const box = { low: -B, high: B }
const hidden = [64, 64, 64]
const uniform = { kind: 'uniform', ...box }

/** The energy every objective trains: smooth, and with a broad Gaussian base that makes it integrable. */
export const ENERGY: SpecValue = { kind: 'mlp', input: 2, hidden, gaussianBase: 2 }

/** Metropolis-adjusted steps: what is compared is the objective, not a sampler's bias. */
const chains = { kind: 'mala', steps: 10, stepSize: 0.005, box }
const fresh = { size: BATCH, reinit: 0.05, box }
const tested = { size: BATCH, reinit: 1, reinitFrom: 'uniform', reinitAccept: 'metropolis', box }

const ALL: Readonly<Record<string, Plan>> = {
  'ml-grid': {
    title: 'ML, grid',
    objective: { kind: 'maximumLikelihood', box, cells: 64, jitter: true },
    blind: 'Nothing: it is the reference. It needs a grid, so at most three columns.',
    cost: 2,
  },
  nce: {
    title: 'NCE',
    objective: { kind: 'noiseContrastive', noise: uniform, ratio: NEGATIVES },
    blind:
      'Detail where the noise rarely falls: the noise must cover the data and resemble it; uniform noise fails in many columns.',
    cost: 1,
  },
  'ranking-nce': {
    title: 'Ranking NCE',
    objective: { kind: 'rankingNoiseContrastive', noise: uniform, negatives: NEGATIVES },
    blind: 'As NCE; log Z is not learned.',
    cost: 1,
  },
  cnce: {
    title: 'Conditional NCE',
    objective: { kind: 'conditionalNoiseContrastive', sigma: 0.5, negatives: NEGATIVES },
    blind: 'Weights of modes that the perturbation does not connect; regions it does not reach.',
    cost: 1,
  },
  'energy-discrepancy': {
    title: 'Energy discrepancy',
    objective: { kind: 'energyDiscrepancy', t: 0.25, negatives: NEGATIVES },
    blind: 'Weights of modes further apart than about sqrt(t); regions the perturbed rows do not reach.',
    cost: 1,
  },
  cd: {
    title: 'CD-10',
    objective: { kind: 'contrastiveDivergence', sampler: chains },
    blind:
      'Everything that chains of a few steps from the data do not reach: modes of the model away from the data, weights of separate modes.',
    cost: 2,
  },
  pcd: {
    title: 'PCD',
    objective: { kind: 'persistentContrastiveDivergence', sampler: chains, buffer: fresh },
    blind: 'Weights of modes between which chains do not move: untested restarts set them to the size of the basins.',
    lr: 1e-3,
    cost: 2,
  },
  'pcd-tested': {
    title: 'PCD, tested restarts',
    objective: { kind: 'persistentContrastiveDivergence', sampler: chains, buffer: tested },
    blind: 'Little in the plane; tested uniform restarts are almost never accepted in many columns.',
    cost: 2,
  },
  'pseudo-spherical': {
    title: 'Pseudo-spherical',
    objective: { kind: 'pseudoSpherical', gamma: 0.2, sampler: chains, buffer: tested },
    blind: 'By intent: rows of high energy count less, which helps against outliers and costs faint modes.',
    cost: 2,
  },
  'f-js': {
    title: 'f-EBM, Jensen-Shannon',
    objective: {
      kind: 'fDivergence',
      divergence: 'jensenShannon',
      helper: { kind: 'mlp', input: 2, hidden: [64, 64] },
      helperOptimizer: { kind: 'adam', lr: 3e-3 },
      helperPenalty: 0.05,
      sampler: chains,
      buffer: tested,
    },
    blind:
      'What its helper network has not yet learned to tell apart; two networks train against each other and need both penalties to stay finite.',
    lr: 1e-3,
    penalties: { energy: 0.05 },
    cost: 4,
  },
  'score-matching': {
    title: 'Score matching',
    objective: { kind: 'explicitScoreMatching' },
    blind: 'Weights of modes with empty space between them, and everything in that empty space.',
    lr: 2e-3,
    cost: 10,
  },
  'sliced-score-matching': {
    title: 'Sliced score matching',
    objective: { kind: 'slicedScoreMatching', varianceReduced: true },
    blind: 'As score matching, with more noise and at any number of columns.',
    lr: 2e-3,
    cost: 2.5,
  },
  'denoising-score-matching': {
    title: 'Denoising score matching',
    objective: { kind: 'denoisingScoreMatching', sigma: 0.1 },
    blind: 'Detail finer than sigma (it learns the blurred data), weights of modes further apart than a few sigma.',
    lr: 2e-3,
    cost: 1,
  },
  'stein-discrepancy': {
    title: 'Stein discrepancy',
    objective: { kind: 'steinDiscrepancy' },
    blind: 'Weights of separate modes, as every loss that sees scores alone; differences finer than its kernel.',
    lr: 2e-3,
    cost: 1.5,
  },
}

/** The entries whose objective this build has. */
export function plans(): Record<string, Plan> {
  return Object.fromEntries(
    Object.entries(ALL).filter(([, { objective }]) => definitionOf('objective', objective.kind) !== undefined),
  )
}

/** Objectives that no entry above uses, and why; docs/compare.md says the same. */
export const NOT_COMPARED: Readonly<Record<string, string>> = {
  crossEntropy: 'It needs labels.',
  jointEnergy: 'It needs labels; its density term is persistentContrastiveDivergence.',
  meanSquaredError: 'It fits a function, not a density of all columns.',
  negativeLogLikelihood: 'It fits the density of some columns given the others.',
  structured: 'It ranks answers to given rows and learns no density.',
  minimumProbabilityFlow: 'It is defined on discrete states.',
  pseudoLikelihood: 'It is defined on discrete states.',
  ratioMatching: 'It is defined on discrete states.',
  learnedSteinDiscrepancy: 'No setting of its critic has been chosen for these distributions yet.',
}

/** The kinds of NOT_COMPARED. */
export const notCompared = (): string[] => Object.keys(NOT_COMPARED)
