/** Adam. */
import { defineSpec, type SpecValue } from '../spec/index.js'
import { betasField, checkLr, lrField } from './fields.js'

/** Options of `adam`. */
export interface AdamOptions {
  /** Learning rate, a number or a schedule over the run. */
  lr?: number | SpecValue<'schedule'> | undefined
  /** Decay rates of the first and second moment. Default [0.9, 0.999]. */
  betas?: [number, number] | undefined
  /** Added to the root of the second moment. Default 1e-08. */
  epsilon?: number | undefined
  /** Weight decay. Default 0. */
  weightDecay?: number | undefined
}

/**
 * Adam, as torch.optim.Adam. `lr`: number or schedule (default 1e-3); `betas` (default [0.9, 0.999]); `epsilon` (default
 * 1e-8); `weightDecay` (default 0) is added to the gradient, see adamw for the decoupled form.
 *
 * ```js
 * import { data, Energy, energies, objectives, optimizers, schedules, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const optimizer = optimizers.adam({ lr: schedules.cosine({ from: 5e-3 }) })
 * const objective = objectives.denoisingScoreMatching({ sigma: 0.3 })
 * const rows = data.toys.moons({ n: 500, seed: 1 })
 * const { history } = await train(model, rows, { objective, optimizer, steps: 100 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
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
).options<AdamOptions>()
