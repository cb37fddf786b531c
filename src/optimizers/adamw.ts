/** Adam with decoupled weight decay. */
import { defineSpec } from '../spec/index.js'
import { betasField, checkLr, lrField } from './fields.js'

/**
 * Adam with decoupled weight decay, as torch.optim.AdamW: w -= lr weightDecay w, then Adam's step. `lr`: number or
 * schedule (default 1e-3); `betas` (default [0.9, 0.999]); `epsilon` (default 1e-8); `weightDecay` (default 0.01).
 */
export const adamw = defineSpec(
  'optimizer',
  'adamw',
  (z) => ({
    lr: lrField(z).default(1e-3),
    betas: betasField(z),
    epsilon: z.number().nonnegative().default(1e-8),
    weightDecay: z.number().nonnegative().default(0.01),
  }),
  {
    summary: 'Adam with decoupled weight decay.',
    source: 'Loshchilov and Hutter 2019, algorithm 2.',
    check: (options, fail) => checkLr(options, fail),
  },
)
