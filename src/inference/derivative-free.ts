/** Search for y by resampling, without gradients. */
import { bordersBelow, defineSpec } from '../spec/index.js'
import { type BoxOptions, boxFields } from './fields.js'

/** Options of `derivativeFree`. */
export interface DerivativeFreeOptions extends BoxOptions {
  /** Answers that are kept. Default 256. */
  samples?: number | undefined
  /** Evaluations in all. Default 3. */
  iterations?: number | undefined
  /** Noise, a share of the box's half width. Default 0.33. */
  sigma?: number | undefined
  /** Factor of sigma after each iteration. Default 0.5. */
  shrink?: number | undefined
}

/**
 * The sampling optimiser of implicit behavioural cloning, a cross-entropy method with softmax weights: `samples` (default 256)
 * uniform answers in the box { low, high }; then, `iterations` (default 3) evaluations in all, they are resampled with weights
 * softmax(-E), moved by Gaussian noise of `sigma` (default 0.33, a share of the box's half width) and brought back into the
 * box; sigma shrinks by the factor `shrink` (default 0.5) each time. The lowest answer seen is returned. Needs no gradient
 * and works on discontinuous energies.
 *
 * ```js
 * import { energies, Energy, infer, inferences } from 'langevin'
 * const tower = { input: 1, condition: 1, x: { hidden: [16] }, norm: 'squared' }
 * const model = await Energy.create(energies.twoTower(tower), { seed: 1 })
 * const method = inferences.derivativeFree({ low: -2, high: 2, iterations: 10 })
 * const { y } = await infer(model, [[0.5]], { method }) // E = |f(x) - y|^2
 * console.log((await model.energy([[0.5]], { y })).toArray()[0] < 0.01) // true
 * ```
 */
export const derivativeFree = defineSpec(
  'inference',
  'derivativeFree',
  (z) => ({
    ...boxFields(z),
    samples: z.int().min(2).default(256),
    iterations: z.int().positive().default(3),
    sigma: z.number().positive().default(0.33),
    shrink: z.number().positive().max(1).default(0.5),
  }),
  {
    summary: 'Resampling and shrinking noise, without gradients, as in implicit behavioural cloning.',
    source: 'Florence et al. 2021, the derivative-free optimiser.',
    check: (options, fail) => bordersBelow(options, fail),
  },
).options<DerivativeFreeOptions>()
