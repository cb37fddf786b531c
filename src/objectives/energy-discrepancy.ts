/** Energy discrepancy: negatives by perturbing rows twice. */
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'

/** Options of `energyDiscrepancy`. */
export interface EnergyDiscrepancyOptions {
  /** Short for `perturbations.gaussian({ t })`: the variance of Gaussian noise, in units of x^2. Give this or `perturbation`. */
  t?: number | undefined
  /** A spec of `perturbations.*` that fits the columns of x. */
  perturbation?: SpecValue<'perturbation'> | undefined
  /** Noise rows for each data row. Default 32. */
  negatives?: number | undefined
  /** How much the datum itself counts among the options. Default 1. */
  w?: number | undefined
}

/**
 * Energy discrepancy: a row x is perturbed to y, and y back to M candidates x'_j, each as likely as x to have become y;
 * loss = mean log(w / M + (1 / M) sum_j exp(E(x) - E(x'_j))). No chains, no log Z, no derivatives in x.
 *
 * `perturbation`: any of perturbations.* that fits the columns: `gaussian` for real ones, `uniform`, `ordinal`, `cyclic`, `absorbing`,
 * `bernoulli`, `neighbourhood` for discrete ones, `structured` for rows of both. `t` alone is short for Gaussian noise of that VARIANCE,
 * in units of x^2: y = x + sqrt(t) e, x'_j = y + sqrt(t) e_j. `negatives`: M (default 32). `w` (default 1) counts the datum
 * itself among the options; with 1 the minimiser is right for every M and perturbation, below it is too steep and above too flat
 * until M is large (t = 1, M = 4, unit Gaussian: precision 3.1 with w = 0, 0.74 with w = 4). A small t sees what score
 * matching sees and is blind to the weights of modes further apart than about sqrt(t); a large t tends to maximum
 * likelihood, with the variance of an importance sampler. Kernels of discrete columns have the same range from local to global.
 *
 * ```js
 * import { data, energies, Energy, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.energyDiscrepancy({ t: 0.25, negatives: 16 })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const energyDiscrepancy = defineSpec(
  'objective',
  'energyDiscrepancy',
  (z) => ({
    t: z.number().positive().optional(),
    perturbation: specOf(z, 'perturbation').optional(),
    negatives: z.int().positive().default(32),
    w: z.number().nonnegative().default(1),
  }),
  {
    summary: 'Energy discrepancy: data against what is left of them after a perturbation.',
    source: 'Schroeder et al. 2023, arXiv 2307.06431; discrete and mixed rows 2024, arXiv 2412.01019.',
    check: ({ t, perturbation }, fail) => {
      if ((t === undefined) === (perturbation === undefined)) {
        fail('t', 'give either t, the variance of Gaussian noise, or perturbation')
      }
    },
  },
).options<EnergyDiscrepancyOptions>()
