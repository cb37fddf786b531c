/** Masked levels, filled evenly. */
import { defineSpec } from '../spec/index.js'

/** Options of `absorbing`. */
export interface AbsorbingOptions {
  /** The time: each discrete column is masked with probability 1 - e^-t. Give either `t` or `grid`. */
  t?: number | undefined
  /** Exactly one column of a row is masked, the same for all its candidates. Default false. */
  grid?: boolean | undefined
}

/**
 * y is x with some discrete columns masked, x' is y with the masks filled by levels drawn evenly; the rest of the row stays. For any
 * discrete columns, tokens too.
 *
 * `t`: each column is masked by itself, with probability 1 - e^-t. `grid: true`: one column of a row, each as likely, which makes
 * the objective a local one: with many negatives it is (negative log pseudo-likelihood) / columns minus the mean log of their levels.
 *
 * ```js
 * import { Energy, energies, objectives, perturbations, train } from 'langevin'
 * const rows = [[1, 1, -1], [1, 1, 1], [-1, -1, 1], [-1, -1, -1]] // the first two spins agree
 * const model = await Energy.create(energies.ising({ sites: 3 }))
 * const objective = objectives.energyDiscrepancy({ perturbation: perturbations.absorbing({ grid: true }) })
 * await train(model, rows, { objective, batchSize: 4, steps: 200 }).done
 * console.log((await model.parameters()).coupling.toArray()[0][1] > 0) // true
 * ```
 */
export const absorbing = defineSpec(
  'perturbation',
  'absorbing',
  (z) => ({ t: z.number().positive().optional(), grid: z.boolean().default(false) }),
  {
    summary: 'Discrete columns are masked, and the masks filled evenly.',
    source: 'Schroeder et al. 2024, arXiv 2412.01019.',
    check: ({ t, grid }, fail) => {
      if ((t !== undefined) === grid) fail('t', 'give either t, a time, or grid: true, which masks one column a row')
    },
  },
).options<AbsorbingOptions>()
