/** Stochastic gradient descent with momentum. */
import { defineSpec, type SpecValue } from '../spec/index.js'
import { checkLr, lrField } from './fields.js'

/** Options of `sgd`. */
export interface SgdOptions {
  /** Learning rate, a number or a schedule over the run. */
  lr: number | SpecValue<'schedule'>
  /** Momentum. Default 0. */
  momentum?: number | undefined
  /** Nesterov's form of the momentum. Default false. */
  nesterov?: boolean | undefined
  /** Weight decay. Default 0. */
  weightDecay?: number | undefined
}

/**
 * Stochastic gradient descent, as torch.optim.SGD: g = grad + weightDecay w; v = momentum v + g; w -= lr v, or
 * lr (g + momentum v) with `nesterov`. `lr`: number or schedule. `momentum`, `weightDecay`: default 0.
 */
export const sgd = defineSpec(
  'optimizer',
  'sgd',
  (z) => ({
    lr: lrField(z),
    momentum: z.number().min(0).lt(1).default(0),
    nesterov: z.boolean().default(false),
    weightDecay: z.number().nonnegative().default(0),
  }),
  {
    summary: 'Stochastic gradient descent with momentum.',
    source: 'Sutskever et al. 2013; torch.optim.SGD.',
    check: (options, fail) => {
      checkLr(options, fail)
      if (options.nesterov && options.momentum === 0) fail('nesterov', "Nesterov's step needs a momentum above 0")
    },
  },
).options<SgdOptions>()
