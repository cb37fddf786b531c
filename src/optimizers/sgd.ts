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
 *
 * ```js
 * import { data, Energy, energies, objectives, optimizers, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const optimizer = optimizers.sgd({ lr: 0.05, momentum: 0.9 })
 * const objective = objectives.denoisingScoreMatching({ sigma: 0.3 })
 * const rows = data.toys.moons({ n: 500, seed: 1 })
 * const { history } = await train(model, rows, { objective, optimizer, steps: 100 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
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
