import { defineSpec, specOf } from '../spec.js'

/**
 * Contrastive divergence CD-k: negatives are `k` steps (default: `sampler.steps`) from the data rows themselves;
 * loss = mean E(x) - mean E(x_k), with x_k held fixed. Any sampler will do. With unadjusted Langevin steps of size h the
 * fixed point is biased: on Gaussian data of variance v the precision P solves v P (1 - h P / 4) = 1.
 */
export const contrastiveDivergence = defineSpec(
  'objective',
  'contrastiveDivergence',
  (z) => ({ sampler: specOf(z, 'sampler'), k: z.int().positive().optional() }),
  { summary: 'CD-k: negatives are short chains from the data.', source: 'Hinton 2002, eq. 4.' },
)
