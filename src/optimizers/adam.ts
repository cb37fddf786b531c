/** Adam. */
import { defineSpec } from '../spec/index.js'
import { betasField, checkLr, lrField } from './fields.js'

/**
 * Adam, as torch.optim.Adam. `lr`: number or schedule (default 1e-3); `betas` (default [0.9, 0.999]); `epsilon` (default
 * 1e-8); `weightDecay` (default 0) is added to the gradient, see adamw for the decoupled form.
 */
export const adam = defineSpec(
  'optimizer',
  'adam',
  (z) => ({
    lr: lrField(z).default(1e-3),
    betas: betasField(z),
    epsilon: z.number().nonnegative().default(1e-8),
    weightDecay: z.number().nonnegative().default(0),
  }),
  { summary: 'Adam.', source: 'Kingma and Ba 2015, algorithm 1.', check: (options, fail) => checkLr(options, fail) },
)
