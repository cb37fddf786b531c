/** The models of the spandrel study: one table. Adding one is one entry. */
import { energies } from '../../energies/index.js'
import { noises } from '../../noises/index.js'
import { objectives } from '../../objectives/index.js'
import { optimizers } from '../../optimizers/index.js'
import { samplers } from '../../samplers/index.js'
import { schedules } from '../../schedules/index.js'
import type { SpecValue } from '../../spec/index.js'

export const MODELS = [
  'mlp',
  'mdn',
  'mlp-kde',
  'ebm-nce',
  'ebm-nce-gaussian',
  'ebm-pcd',
  'ebm-ml',
  'classifier',
] as const
export type SpandrelModel = (typeof MODELS)[number]

/** Half the side of the box B = [-b, b]^2. */
export const B = 2
/** Standard deviation of the tube. */
export const SIGMA = 0.05

export interface ModelPlan {
  /** Head of its column in tables and pictures. */
  readonly title: string
  /** One sentence: what it is and how it is trained. */
  readonly summary: string
  readonly energy: () => SpecValue
  readonly objective: () => SpecValue
  readonly optimizer: () => SpecValue
  /** Optimiser steps of the default study. */
  readonly steps: number
  /** Training also reads the branch labels of the rows. */
  readonly labels?: true
  /** The weights of this model are used as they are; nothing of its own is trained. */
  readonly sharesTrainingOf?: SpandrelModel
  /** After training the variance of N(y; f(x), s^2) is set to the mean squared residual. */
  readonly residualVariance?: true
  /** The log-density of x is added: a kernel density of the training rows' x with this bandwidth. */
  readonly marginalBandwidth?: number
  /** Rough cost relative to the others, for the time left. */
  readonly cost: number
}

const box = { low: -B, high: B }
const hidden = [64, 64, 64]

/** Every model gets the same optimiser: Adam, batch 256, learning rate to 1 % of its start along a cosine. */
const adam = (lr: number) => () => optimizers.adam({ lr: schedules.cosine({ from: lr, to: lr / 100 }) })

const regressor = () => energies.regressor({ input: 1, output: 1, hidden, activation: 'relu' })
// No Gaussian base unless a model says so: every density is judged, and sampled, on the box alone.
const plane = (options: { gaussianBase?: number } = {}) => energies.mlp({ input: 2, hidden, ...options })
const nce = () => objectives.noiseContrastive({ noise: noises.uniform(box), ratio: 8 })

export const BATCH = 256
/** Decay of the averaged weights every model is judged by, with warm-up. */
export const EMA = { decay: 0.999, warmup: true }

export const PLANS: Readonly<Record<SpandrelModel, ModelPlan>> = {
  mlp: {
    title: 'MLP',
    summary: 'y = f(x) by mean squared error, a ReLU network; log-score log N(y; f(x), residual variance).',
    energy: regressor,
    objective: () => objectives.meanSquaredError(),
    optimizer: adam(5e-3),
    steps: 2000,
    residualVariance: true,
    cost: 1,
  },
  mdn: {
    title: 'MDN-4',
    summary: 'Mixture density network p(y | x) with 4 Gaussians by maximum likelihood: the strong explicit baseline.',
    // Two hidden layers are narrower because the head is wider: the parameter counts must agree.
    energy: () => energies.mixtureDensity({ input: 1, output: 1, components: 4, hidden: [62, 62, 61] }),
    objective: () => objectives.negativeLogLikelihood(),
    optimizer: adam(5e-3),
    steps: 2000,
    cost: 1.2,
  },
  'mlp-kde': {
    title: 'MLP + KDE',
    summary: `The MLP times a kernel density of x (bandwidth ${SIGMA}): takes extrapolation in x away, leaves bridging.`,
    energy: regressor,
    objective: () => objectives.meanSquaredError(),
    optimizer: adam(5e-3),
    steps: 2000,
    sharesTrainingOf: 'mlp',
    residualVariance: true,
    marginalBandwidth: SIGMA,
    cost: 0.1,
  },
  'ebm-nce': {
    title: 'EBM, NCE',
    summary:
      'Joint energy E(x, y) by noise-contrastive estimation: uniform noise on the box, 8 per datum, learned log Z.',
    energy: () => plane(),
    objective: nce,
    optimizer: adam(5e-3),
    steps: 2000,
    cost: 6,
  },
  'ebm-nce-gaussian': {
    title: 'EBM, NCE + base',
    summary: 'The same with a Gaussian base term |z|^2 / 2 in the energy, so that exp(-E) is integrable.',
    energy: () => plane({ gaussianBase: 1 }),
    objective: nce,
    optimizer: adam(5e-3),
    steps: 2000,
    cost: 6,
  },
  'ebm-pcd': {
    title: 'EBM, PCD',
    summary:
      'Joint energy by persistent contrastive divergence: 256 chains, one Metropolis-tested uniform restart and 10 ' +
      'Metropolis-adjusted Langevin steps (h = 0.002) per update.',
    energy: () => plane(),
    objective: () =>
      objectives.persistentContrastiveDivergence({
        sampler: samplers.mala({ steps: 10, stepSize: 0.002, box }),
        buffer: { size: BATCH, reinit: 1, reinitFrom: 'uniform', reinitAccept: 'metropolis', box },
      }),
    optimizer: adam(5e-3),
    steps: 2500,
    cost: 8,
  },
  'ebm-ml': {
    title: 'EBM, exact ML',
    summary:
      'Joint energy by maximum likelihood with log Z on a 64 x 64 grid, shifted at random each step: the oracle.',
    energy: () => plane(),
    objective: () => objectives.maximumLikelihood({ box, cells: 64, jitter: true }),
    optimizer: adam(1e-2),
    steps: 1000,
    cost: 5,
  },
  classifier: {
    title: 'Classifier',
    summary:
      'Classifies the two branches by cross-entropy; E(x) = -logsumexp of the logits. Never trained as a density: it shows ' +
      'what confidence far from the data looks like.',
    energy: () => energies.classifier({ input: 2, classes: 2, hidden, activation: 'relu' }),
    objective: () => objectives.crossEntropy(),
    optimizer: adam(5e-3),
    steps: 2000,
    labels: true,
    cost: 1,
  },
}
