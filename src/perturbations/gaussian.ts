/** Gaussian noise in real columns. */
import { defineSpec } from '../spec/index.js'
import { checkSd, sdField } from './fields.js'

/** Options of `gaussian`. */
export interface GaussianOptions {
  /** The variance of the noise, in units of x^2. Give either `t` or `sd`. */
  t?: number | undefined
  /** Its standard deviation: a number, or one per column. */
  sd?: number | number[] | undefined
}

/**
 * Gaussian noise, twice: y = x + sqrt(t) e, x' = y + sqrt(t) e'. For real columns.
 *
 * `t`: the VARIANCE of the noise, in units of x^2; or `sd`, its standard deviation, one number or one per column. A small one sees
 * what score matching sees; a large one tends to maximum likelihood, with the variance of an importance sampler.
 *
 * ```js
 * import { data, energies, Energy, objectives, perturbations, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.energyDiscrepancy({ perturbation: perturbations.gaussian({ sd: [0.5, 0.3] }) })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const gaussian = defineSpec(
  'perturbation',
  'gaussian',
  (z) => ({ t: z.number().positive().optional(), sd: sdField(z).optional() }),
  {
    summary: 'Gaussian noise in real columns.',
    source: 'Schroeder et al. 2023, arXiv 2307.06431.',
    check: ({ t, sd }, fail) => {
      if ((t === undefined) === (sd === undefined)) fail('t', 'give either t, the variance of the noise, or sd')
      checkSd(sd, fail)
    },
  },
).options<GaussianOptions>()
