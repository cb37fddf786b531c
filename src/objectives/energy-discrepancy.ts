/** Energy discrepancy: negatives by perturbing rows twice. */
import { defineSpec } from '../spec/index.js'

/** Options of `energyDiscrepancy`. */
export interface EnergyDiscrepancyOptions {
  /** The variance of the perturbation, in units of x^2. */
  t: number
  /** Noise rows for each data row. Default 32. */
  negatives?: number | undefined
  /** How much the datum itself counts among the options. Default 1. */
  w?: number | undefined
}

/**
 * Energy discrepancy with a Gaussian perturbation: y = x + sqrt(t) e, x'_j = y + sqrt(t) e_j for M negatives,
 * loss = mean log(w / M + (1 / M) sum_j exp(E(x) - E(x'_j))). No chains, no log Z, no derivatives in x.
 *
 * `t`: the VARIANCE of the perturbation, in units of x^2. `negatives`: M (default 32). `w` (default 1) counts the datum
 * itself among the options; with 1 the minimiser is right for every M and t, below it is too steep and above too flat
 * until M is large (t = 1, M = 4, unit Gaussian: precision 3.1 with w = 0, 0.74 with w = 4). A small t sees what score
 * matching sees and is blind to the weights of modes further apart than about sqrt(t); a large t tends to maximum
 * likelihood, with the variance of an importance sampler.
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
    t: z.number().positive(),
    negatives: z.int().positive().default(32),
    w: z.number().nonnegative().default(1),
  }),
  {
    summary: 'Energy discrepancy: data against what is left of them after a Gaussian blur.',
    source: 'Schroeder et al. 2023, arXiv 2307.06431.',
  },
).options<EnergyDiscrepancyOptions>()
