/** Noise-contrastive estimation against perturbed rows. */
import { columnsField, defineSpec } from '../spec/index.js'

/** Options of `conditionalNoiseContrastive`. */
export interface ConditionalNoiseContrastiveOptions {
  /** Standard deviation of the noise around a row: a number, or one per column. */
  sigma: number | number[]
  /** Noise rows for each data row. Default 1. */
  negatives?: number | undefined
}

/**
 * Conditional noise-contrastive estimation: which of two rows is the datum x and which its perturbation x' = x + sigma e.
 * loss = 2 mean softplus(E(x) - E(x')). The perturbation is symmetric, so no noise density is needed and log Z is not
 * learned. For sigma -> 0 the loss tends to 2 log 2 + sigma^2 / 2 times that of explicit score matching, with its
 * blindness to the weights of distant modes; a sigma as wide as the gaps between modes sees them.
 *
 * `sigma`: one number, or one per column. `negatives`: perturbations per row (default 1).
 *
 * ```js
 * import { data, energies, Energy, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.conditionalNoiseContrastive({ sigma: 0.5 })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const conditionalNoiseContrastive = defineSpec(
  'objective',
  'conditionalNoiseContrastive',
  (z) => ({ sigma: columnsField(z), negatives: z.int().positive().default(1) }),
  {
    summary: 'NCE against symmetric perturbations of the data: no noise density, no log Z.',
    source: 'Ceylan and Gutmann 2018, eq. 8.',
    check: ({ sigma }, fail) => {
      if ([sigma].flat().some((s) => !(s > 0))) fail('sigma', 'must be greater than 0')
    },
  },
).options<ConditionalNoiseContrastiveOptions>()
