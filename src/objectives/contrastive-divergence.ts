import { defineSpec, specOf } from '../spec.js'
import { bordersBelow, regionField, samplerKlField } from './fields.js'

/**
 * Contrastive divergence CD-k: negatives are `k` steps (default: `sampler.steps`) from the data rows themselves;
 * loss = mean E(x) - mean E(x_k), with x_k held fixed. Any sampler will do. With unadjusted Langevin steps of size h the
 * fixed point is biased: on Gaussian data of variance v the precision P solves v P (1 - h P / 4) = 1.
 *
 * `mode: 'shortRun'`: the k steps start anew from noise every time (`start`: { from: 'uniform' (default) or 'normal', box },
 * by default over the data's range, a tenth wider, or with the data's mean and sd). Such chains do not converge: what is
 * learned is a sampler of k steps from that start, not a density, and a warning event says so.
 *
 * `samplerKl`: { energy: 1, entropy: 1, steps: 1, neighbour: 1 } adds the term of improved contrastive divergence,
 * KL(q || p) of the sampler's law q: energy * mean E(x_k) with the weights of E held fixed, minus entropy * the
 * nearest-neighbour entropy of x_k, differentiated through the sampler's last `steps` steps. It needs the langevin sampler
 * without clip and box, and a smooth energy. Monitors: `samplerKlEnergy`, `entropy`.
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
  }),
  {
    summary: 'CD-k: negatives are short chains from the data.',
    source:
      'Hinton 2002, eq. 4; shortRun: Nijkamp, Hill, Zhu and Wu 2019; samplerKl: Du, Li, Tenenbaum and Mordatch 2021, eq. 5.',
    check: ({ mode, start }, fail) => {
      if (start === undefined) return
      if (mode !== 'shortRun') fail('start', "is where short runs start: it needs mode: 'shortRun'")
      if (start.box !== undefined) bordersBelow(start.box, fail, 'start.box')
    },
  },
)
