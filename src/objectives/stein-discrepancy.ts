/** The kernel Stein discrepancy between data and model. */
import { defineSpec } from '../spec/index.js'

/** Options of `steinDiscrepancy`. */
export interface SteinDiscrepancyOptions {
  /** Length of the kernel, or 'median', the median distance of the rows. Default 'median'. */
  scale?: number | 'median' | undefined
  /** Exponent of the kernel, between -1 and 0. Default -0.5. */
  beta?: number | undefined
  /** 'unbiased', or 'biased', which keeps the pairs i = j. Default 'unbiased'. */
  estimator?: 'unbiased' | 'biased' | undefined
}

/**
 * Kernel Stein discrepancy between the data and the model: loss = mean over pairs of rows i != j of the Stein kernel
 * u(x, y) = s(x)' s(y) k + s(x)' grad_y k + s(y)' grad_x k + tr grad_x grad_y k, with s = -dE/dx and the inverse
 * multiquadric k(x, y) = (1 + |x - y|^2 / scale^2)^beta. It needs neither Z nor samples, and its minimum over all laws is the
 * data's. Like every method on scores it barely sees the weights of well separated modes.
 *
 * `scale`: a number, or 'median' (default), the median distance of the data rows (of 4,000 evenly spaced ones when
 * there are more), reported in `result.statistics.scale`. `beta` (default -0.5) between -1 and 0. `estimator`:
 * 'unbiased' (default), or 'biased', which keeps the pairs i = j. Needs a smooth energy (silu, gelu, tanh, softplus);
 * time and memory grow with the square of the batch.
 *
 * ```js
 * import { data, energies, Energy, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.steinDiscrepancy({ scale: 'median' })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const steinDiscrepancy = defineSpec(
  'objective',
  'steinDiscrepancy',
  (z) => ({
    scale: z.union([z.number().positive(), z.literal('median')]).default('median'),
    beta: z.number().gt(-1).lt(0).default(-0.5),
    estimator: z.enum(['unbiased', 'biased']).default('unbiased'),
  }),
  {
    summary: 'Kernel Stein discrepancy with the inverse multiquadric kernel.',
    source: 'Liu, Lee and Jordan 2016; kernel: Gorham and Mackey 2017; as an objective: Barp et al. 2019.',
  },
).options<SteinDiscrepancyOptions>()
