/** Detectors of a classifier's logits, and of their gradients. `detectors.*` has them. */
import type { Energy } from '../energy.js'
import { defineSpec } from '../spec/index.js'
import { type ModelOptions, modelField } from './model.js'

const entropySpec = defineSpec('detector', 'entropy', (z) => ({ model: modelField(z) }), {
  summary: 'Entropy of softmax f(x) of a classifier.',
  source: 'Shannon 1948; as a detector Macedo et al. 2021.',
}).options<ModelOptions>()
/**
 * -sum_k p_k log p_k of p = softmax f(x), in nats.
 *
 * ```js
 * import { detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const [h] = (await ood.scores(detectors.entropy(model), [[0, 0]])).toArray()
 * console.log(h > 0 && h <= Math.log(3)) // true
 * ```
 */
export const entropy = (model: Energy) => entropySpec({ model })

const klUniformSpec = defineSpec('detector', 'klUniform', (z) => ({ model: modelField(z) }), {
  summary: '-KL(uniform || softmax f(x)) of a classifier.',
  source: 'The loss that Huang, Geng and Li 2021 differentiate.',
}).options<ModelOptions>()
/**
 * -KL(u || p) = mean_k log p_k + log K of p = softmax f(x) and the uniform law u: at most 0, and 0 where all classes are alike.
 *
 * ```js
 * import { detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const [s] = (await ood.scores(detectors.klUniform(model), [[0, 0]])).toArray()
 * console.log(s <= 0) // true
 * ```
 */
export const klUniform = (model: Energy) => klUniformSpec({ model })

/** Options of `gen`. */
export interface GenOptions {
  /** The energy. */
  model: Energy
  /** The exponent. Default 0.1. */
  gamma?: number | undefined
  /** How many of the largest probabilities count. Default 100. */
  largest?: number | undefined
}

const genSpec = defineSpec(
  'detector',
  'gen',
  (z) => ({
    model: modelField(z),
    gamma: z.number().positive().default(0.1),
    largest: z.number().int().min(1).default(100),
  }),
  {
    summary: 'Generalised entropy of the largest probabilities of a classifier.',
    source: 'Liu, Lochman and Zach 2023, GEN, equations 2 and 3',
  },
).options<GenOptions>()
/**
 * sum over the `largest` (default 100) largest of p_k^gamma (1 - p_k)^gamma of p = softmax f(x), gamma 0.1 by default.
 *
 * ```js
 * import { detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const scores = await ood.scores(detectors.gen(model, { largest: 2 }), [[0, 0], [3, 4]])
 * console.log(scores.shape) // [ 2 ]
 * ```
 */
export const gen = (model: Energy, options: Omit<GenOptions, 'model'> = {}) => genSpec({ ...options, model })

/** Options of `odin`. */
export interface OdinOptions {
  /** The energy. */
  model: Energy
  /** Temperature T. Default 1000. */
  temperature?: number | undefined
  /** How far a row moves, in the units of x. Default 0.0014. */
  epsilon?: number | undefined
}

const odinSpec = defineSpec(
  'detector',
  'odin',
  (z) => ({
    model: modelField(z),
    temperature: z.number().positive().default(1000),
    epsilon: z.number().nonnegative().default(0.0014),
  }),
  {
    summary: '1 - max softmax of logits at a temperature, after a small step towards confidence.',
    source: 'Liang, Li and Srikant 2018, ODIN, equations 1 and 2',
  },
).options<OdinOptions>()
/**
 * 1 - max_k softmax(f(x') / T)_k at x' = x - epsilon sign(-d log max_k softmax(f(x) / T)_k / dx). Defaults T = 1000, epsilon = 0.0014 (in
 * the units of the model: standardised ones where it has `inputs`).
 *
 * ```js
 * import { detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const scores = await ood.scores(detectors.odin(model, { temperature: 10 }), [[0, 0], [3, 4]])
 * console.log(scores.shape) // [ 2 ]
 * ```
 */
export const odin = (model: Energy, options: Omit<OdinOptions, 'model'> = {}) => odinSpec({ ...options, model })

const gradNormSpec = defineSpec('detector', 'gradNorm', (z) => ({ model: modelField(z) }), {
  summary: '-|d KL(uniform || softmax f(x)) / dW| of the last layer of a classifier.',
  source: 'Huang, Geng and Li 2021, On the Importance of Gradients for Detecting Distributional Shifts, section 3',
}).options<ModelOptions>()
/**
 * -|d KL(u || p) / dW|_1 with W the weights of the last layer: -|h(x)|_1 |p - 1 / K|_1 with its inputs h.
 * Errors: ERR_LANGEVIN_UNSUPPORTED where the logits are not made by a linear layer.
 *
 * ```js
 * import { detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const [s] = (await ood.scores(detectors.gradNorm(model), [[0, 0]])).toArray()
 * console.log(s <= 0) // true
 * ```
 */
export const gradNorm = (model: Energy) => gradNormSpec({ model })
