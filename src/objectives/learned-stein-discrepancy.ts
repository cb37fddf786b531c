/** The Stein discrepancy with a learned critic. */
import { SMOOTH_ACTIVATIONS } from '../networks/activations.js'
import { adam } from '../optimizers/adam.js'
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'

/** Options of `learnedSteinDiscrepancy`. */
export interface LearnedSteinDiscrepancyOptions {
  /** Layers of the critic. */
  critic?:
    | { hidden?: number[] | undefined; activation?: 'silu' | 'gelu' | 'tanh' | 'sigmoid' | 'softplus' | undefined }
    | undefined
  /** Updates of the critic per step of the model. Default 5. */
  criticSteps?: number | undefined
  /** Optimizer of the critic. Default adam. */
  criticOptimizer?: SpecValue<'optimizer'> | undefined
  /** Weight of the penalty on the critic. Default 0.5. */
  lambda?: number | undefined
  /** 'exact' (one pass per column) or 'hutchinson' (random directions). Default 'exact'. */
  trace?: 'exact' | 'hutchinson' | undefined
}

/**
 * Learned Stein discrepancy: a critic network g: R^d -> R^d maximises
 * mean [s(x)' g(x) + tr dg/dx] - lambda mean |g(x)|^2 over the data rows, s = -dE/dx, and the energy minimises it. The best
 * critic is (s - grad log p) / (2 lambda); the value is then the Fisher divergence over 4 lambda. The loss shown is the mean
 * without the penalty.
 *
 * `critic`: { hidden (default [64, 64]), activation (default 'silu', a smooth one) }, a networks.mlp with d columns in and out,
 * where `train({ energy, critic }, ...)` gives no network of its own; its weights are `result.networks.critic`. `criticSteps` (default 5) updates per step of the model, by `criticOptimizer` (default
 * adam, lr 1e-3). `lambda` (default 0.5). `trace`: 'exact' (default, d directions) or 'hutchinson' (one, unbiased,
 * noisier). Monitors: `discrepancy`, `criticSquare`, `criticGradientNorm`. The energy must be smooth too.
 *
 * ```js
 * import { data, energies, Energy, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.learnedSteinDiscrepancy({ critic: { hidden: [32] }, criticSteps: 2 })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const learnedSteinDiscrepancy = defineSpec(
  'objective',
  'learnedSteinDiscrepancy',
  (z) => ({
    critic: z
      .strictObject({
        hidden: z.array(z.int().positive()).default([64, 64]),
        activation: z.enum(SMOOTH_ACTIVATIONS).default('silu'),
      })
      .prefault({}),
    criticSteps: z.int().positive().default(5),
    criticOptimizer: specOf(z, 'optimizer').default(() => adam()),
    lambda: z.number().positive().default(0.5),
    trace: z.enum(['exact', 'hutchinson']).default('exact'),
  }),
  {
    summary: 'Learned Stein discrepancy: a critic network in place of a kernel.',
    source:
      'Grathwohl et al. 2020, Learning the Stein Discrepancy for Training and Evaluating Energy-Based Models, algorithm 1.',
  },
).options<LearnedSteinDiscrepancyOptions>()
