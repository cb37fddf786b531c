/** Contrastive divergence: negatives from short chains. */
import { bordersBelow, defineSpec, type Region, regionField, type SpecValue, specOf } from '../spec/index.js'
import { type SamplerKlOptions, samplerKlField } from './fields.js'

/** Options of `contrastiveDivergence`. */
export interface ContrastiveDivergenceOptions {
  /** A spec of `samplers.*` that moves the negatives. */
  sampler: SpecValue<'sampler'>
  /** Steps of the chains. Default: `sampler.steps`. */
  k?: number | undefined
  /** 'data' (chains start at data rows) or 'shortRun' (from fresh noise). Default 'data'. */
  mode?: 'data' | 'shortRun' | undefined
  /** Where short runs start. Default: uniform over the data's range, a tenth wider. */
  start?: { from?: 'uniform' | 'normal' | undefined; box?: Region | undefined } | undefined
  /** Adds KL(q || p) through the last steps of the sampler. */
  samplerKl?: SamplerKlOptions | undefined
  /** Continues a share of the chains to `steps` steps and uses their ends as negatives too. */
  longChains?: { steps: number; weight?: number | undefined; fraction?: number | undefined } | undefined
}

/**
 * Contrastive divergence CD-k: negatives are `k` steps (default: `sampler.steps`) from the data rows themselves;
 * loss = mean E(x) - mean E(x_k), with x_k held fixed. Any sampler will do. With unadjusted Langevin steps of size h the
 * fixed point is biased: on Gaussian data of variance v the precision P solves v P (1 - h P / 4) = 1.
 *
 * `mode: 'shortRun'`: the k steps start from fresh noise every time (`start`: { from: 'uniform' (default) or 'normal',
 * box }, by default over the data's range, a tenth wider, or with the data's mean and sd). Such chains do not converge:
 * what is learned is a sampler of k steps from that start, not a density, and a warning event says so.
 *
 * `samplerKl`: { energy: 1, entropy: 1, steps: 1, neighbour: 1 } adds the term of improved contrastive divergence,
 * KL(q || p) of the sampler's law q: energy * mean E(x_k) with the weights of E held fixed, minus entropy * the
 * nearest-neighbour entropy of x_k, differentiated through the sampler's last `steps` steps. It needs the langevin sampler
 * without clip and box, and a smooth energy. Monitors: `samplerKlEnergy`, `entropy`.
 *
 * `longChains`: { steps, weight: 0.5, fraction: 1 } continues chains from x_k to x_l, for `steps` = l steps in all,
 * which must be more than k, and uses their ends as negatives too: loss = mean E(x) - (1 - weight) mean E(x_k) - weight
 * mean E(x_l). Weight 0 is CD-k, 1 is CD-l. A model that has seen short chains only may be right after k steps and let
 * chains drift on into regions of low energy that no short chain reaches; long chains look there. `fraction` is the
 * share of the batch whose chains are continued (the cost is l - k more steps of them). A schedule of the sampler
 * starts again over the further steps, and momenta are drawn again. Monitor `drift`: mean
 * E(x_k) - E(x_l) of those chains, near 0 when short chains have converged; a warning above 1 in absolute value.
 *
 * ```js
 * import { data, energies, Energy, objectives, samplers, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const sampler = samplers.langevin({ steps: 5, stepSize: 0.05 })
 * const objective = objectives.contrastiveDivergence({ sampler })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const contrastiveDivergence = defineSpec(
  'objective',
  'contrastiveDivergence',
  (z) => ({
    sampler: specOf(z, 'sampler'),
    k: z.int().positive().optional(),
    mode: z.enum(['data', 'shortRun']).default('data'),
    start: z
      .strictObject({ from: z.enum(['uniform', 'normal']).default('uniform'), box: regionField(z).optional() })
      .optional(),
    samplerKl: samplerKlField(z),
    longChains: z
      .strictObject({
        steps: z.int().positive(),
        weight: z.number().min(0).max(1).default(0.5),
        fraction: z.number().positive().max(1).default(1),
      })
      .optional(),
  }),
  {
    summary: 'CD-k: negatives are short chains from the data.',
    source:
      'Hinton 2002, eq. 4; shortRun: Nijkamp, Hill, Zhu and Wu 2019; samplerKl: Du, Li, Tenenbaum and Mordatch 2021, eq. 5; longChains: after Nijkamp, Hill, Han, Zhu and Wu 2020, On the anatomy of MCMC-based maximum likelihood learning of energy-based models.',
    check: ({ sampler, k = sampler.steps as number, mode, start, longChains }, fail) => {
      if (longChains !== undefined && longChains.steps <= k) {
        fail('longChains.steps', `must be above the ${k} steps of the short chains, got ${longChains.steps}`)
      }
      if (start === undefined) return
      if (mode !== 'shortRun') fail('start', "is where short runs start: it needs mode: 'shortRun'")
      if (start.box !== undefined) bordersBelow(start.box, fail, 'start.box')
    },
  },
).options<ContrastiveDivergenceOptions>()
