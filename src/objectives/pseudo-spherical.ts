/** Contrastive divergence with importance weights, after the pseudo-spherical score. */
import { defineSpec } from '../spec/index.js'
import { type ChainOptions, chainFields, checkChains } from './fields.js'

/** Options of `pseudoSpherical`. */
export interface PseudoSphericalOptions extends ChainOptions {
  /** Above 0 mode-seeking, below 0 mass-covering; more than -1. */
  gamma: number
}

/**
 * Pseudo-spherical contrastive divergence: maximises the gamma-score
 * (1 / gamma) log E_data exp(-gamma E) - (1 / (gamma + 1)) log of the integral of exp(-(gamma + 1) E), which needs no Z. As a
 * loss: -(1 / gamma) logmeanexp(-gamma E(x)) - sum_j w_j E(x_j-), w = softmax(-gamma E(x-)) held fixed, with negatives x-
 * from persistent chains (`sampler`, `buffer`, `chains` as in persistentContrastiveDivergence).
 *
 * `gamma` > -1. Above 0 rows of high energy count less: robust to contamination, mode-seeking; below 0 they count more:
 * mass-covering, and the loss can be infinite where the data's tails are heavier than the model's. gamma = 0 is the limit:
 * persistent contrastive divergence itself.
 *
 * Start near the data: from gamma = 0.5 on, the score has local optima on narrow modes. On the mixture
 * 0.33 N(-1, 0.25^2) + 0.67 N(2, 2) and a Gaussian model, gamma = 1 has a second optimum at mean -0.99, sd 0.27, and for
 * gamma = 2 a start at mean 0, sd 1 ends in the narrow mode, which is then the better one.
 *
 * Below -0.5 the weights of the negatives have infinite variance under a Gaussian model, and a finite number of them is
 * biased: on the same mixture gamma = -0.9 ends at mean 1.60 to 1.63, sd 1.35 with 4,000 exact negatives, where the optimum is
 * 1.796, 1.401. From -0.5 to 2 every optimum is met within 0.03.
 *
 * Monitors: `effectiveNegatives` and `effectiveData`, 1 / sum w^2. Below 2 negatives a warning says so: the gradient rests on
 * a single row then. Short chains are not the model's law, and the weights amplify that: prefer small |gamma| with them.
 *
 * ```js
 * import { data, energies, Energy, objectives, samplers, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const sampler = samplers.langevin({ steps: 5, stepSize: 0.05 })
 * const objective = objectives.pseudoSpherical({ gamma: 0.5, sampler })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const pseudoSpherical = defineSpec(
  'objective',
  'pseudoSpherical',
  (z) => ({ gamma: z.number().gt(-1), ...chainFields(z) }),
  {
    summary: 'Pseudo-spherical contrastive divergence: CD with importance weights exp(-gamma E) on both sides.',
    source: 'Yu, Song, Song and Ermon 2021, Pseudo-Spherical Contrastive Divergence, algorithm 1.',
    check: (options, fail) => checkChains(options, fail),
  },
).options<PseudoSphericalOptions>()
