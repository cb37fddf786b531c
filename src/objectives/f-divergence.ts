/** f-divergences, minimised with a second network. */
import { adam } from '../optimizers/adam.js'
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'
import { type ChainOptions, chainFields, checkChains } from './fields.js'

/** Options of `fDivergence`. */
export interface FDivergenceOptions extends ChainOptions {
  /** Which divergence: its name, or { alpha }. */
  divergence: 'kl' | 'reverseKl' | 'jensenShannon' | 'squaredHellinger' | 'pearson' | 'neyman' | { alpha: number }
  /**
   * An energy spec of the same input for the helper; or give train() the network itself, `train({ energy, helper },
   * ...)`.
   */
  helper?: SpecValue<'energy'> | undefined
  /** Optimizer of the helper. Default adam. */
  helperOptimizer?: SpecValue<'optimizer'> | undefined
  /** Weight of mean H(data)^2 + mean H(negatives)^2. Default 0. */
  helperPenalty?: number | undefined
  /** Size of log p / q up to which the divergence is the one asked for. Default 3. */
  clip?: number | undefined
  /** Steps at the start in which only the penalties are trained. Default 0. */
  warmup?: number | undefined
}

/**
 * f-EBM: minimises an f-divergence D_f(p, q) = E_q f(p / q) between the data p and the model q = exp(-E) / Z, by its
 * variational form with a helper network H on the same rows. With u = H + E and F(u) = f*(f'(e^u)) the value is
 * J = E_p f'(e^u) - E_q F(u): the helper maximises it (then u = log p / q and J = D_f), the model minimises it. Each step
 * updates the helper once, then the model. Negatives are persistent chains (`sampler`, `buffer`, `chains` as in
 * persistentContrastiveDivergence).
 *
 * `divergence`: 'kl' (f = t log t), 'reverseKl' (-log t), 'jensenShannon' (t log t - (t + 1) log((t + 1) / 2)),
 * 'squaredHellinger' ((sqrt t - 1)^2), 'pearson' ((t - 1)^2), 'neyman' ((1 - t)^2 / t), or { alpha }
 * ((t^alpha - 1 - alpha (t - 1)) / (alpha (alpha - 1)); -1 is half of neyman).
 * `helper`: an energy spec of the same input; or leave it out and give train() the network itself,
 * `train({ energy, helper }, ...)`. Its weights are `result.networks.helper`, by parameter name.
 * `helperOptimizer` (default adam, lr 1e-3).
 *
 * Stabilisers: `clip` (default 3) is the size of log p / q up to which the divergence is the one asked for. Beyond it another
 * one goes on, whose forces on H are steady: data still pull u up from below -clip, negatives still pull it down from above
 * clip, and no exponential grows. H + E may be far from 0 at the start; where log p / q at the optimum stays within the clip, the
 * optimum is the same. A larger clip is sharper where densities differ by more than e^3 = 20 and unstable for divergences whose
 * weights grow fast ('pearson': e^(2u), 'neyman': e^(-2u), { alpha } below 0 or above 1). `helperPenalty` (default 0) is the
 * weight of mean H(data)^2 + mean H(negatives)^2, as train's `penalties: { energy }` is for E; during the first `warmup` steps
 * (default 0) only these penalties are trained.
 *
 * On the one-dimensional toy of the paper all nine divergences end within 0.01 of their exact optimum with three seeds
 * (`npm run acceptance -- divergences`): 6,000 steps of 1,000 rows, adam 3e-3 and helper 5e-3 along a cosine to a hundredth. For
 * 'pearson' a clip of 2 also makes the helper good (rms error 0.05 in place of 0.2). There the clip itself moves the optimum
 * by at most 0.0013 (pearson: 0.0021).
 *
 * A `divergence` that turns negative and stays there means that the helper has failed: D_f is never below 0. Try
 * smaller learning rates, a smaller `clip`, larger batches.
 *
 * Monitors: `divergence` is J, a lower bound of D_f (the loss itself means nothing: it holds terms whose gradient is all that
 * counts), and `helperGradientNorm`.
 *
 * ```js
 * import { data, energies, Energy, objectives, samplers, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const helper = energies.mlp({ input: 2, hidden: [16] })
 * const sampler = samplers.langevin({ steps: 5, stepSize: 0.05 })
 * const objective = objectives.fDivergence({ divergence: 'kl', helper, sampler })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const fDivergence = defineSpec(
  'objective',
  'fDivergence',
  (z) => ({
    divergence: z.union([
      z.enum(['kl', 'reverseKl', 'jensenShannon', 'squaredHellinger', 'pearson', 'neyman']),
      z.strictObject({ alpha: z.number() }),
    ]),
    helper: specOf(z, 'energy').optional(),
    helperOptimizer: specOf(z, 'optimizer').default(() => adam()),
    helperPenalty: z.number().nonnegative().default(0),
    clip: z.number().positive().default(3),
    warmup: z.int().nonnegative().default(0),
    ...chainFields(z),
  }),
  {
    summary: 'f-EBM: any f-divergence, by a helper network that learns the log density ratio.',
    source:
      'Yu, Song, Song and Ermon 2020, Training Deep Energy-Based Models with f-Divergence Minimization, algorithm 1.',
    check: (options, fail) => {
      checkChains(options, fail)
      if (typeof options.divergence === 'string') return
      const { alpha } = options.divergence
      if (alpha === 0) fail('divergence.alpha', "must not be 0: the limit is 'reverseKl'")
      if (alpha === 1) fail('divergence.alpha', "must not be 1: the limit is 'kl'")
    },
  },
).options<FDivergenceOptions>()
