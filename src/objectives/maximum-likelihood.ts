/** Exact maximum likelihood, log Z computed on a grid. */
import { bordersBelow, columnsField, defineSpec, type Region, regionField } from '../spec/index.js'

/** Options of `maximumLikelihood`. */
export interface MaximumLikelihoodOptions {
  /** Where the model lives; it must hold every row. */
  box: Region
  /** Cells of each axis of the grid. Default 100. */
  cells?: number | number[] | undefined
  /** Whether the grid is shifted at random each step. Default false. */
  jitter?: boolean | undefined
}

/**
 * Maximum likelihood with log Z on a grid, in 1 to 3 dimensions: loss = mean E(x) + logsumexp(-E(grid)) + log(cell
 * volume). The model is exp(-E) / Z inside `box` { low, high }, which must hold every data row. `cells`: cells of each
 * axis (default 100; one number or one per axis). `jitter` (default false): shift the grid inside its cells by a random
 * offset each step; the estimate of Z is then unbiased, and structure narrower than a cell is seen.
 *
 * Of a classifier trained on { x, y } it is the likelihood of p(x, y) = exp(-E(x, y)) / Z, with the same Z: what jointEnergy
 * is an estimate of.
 *
 * ```js
 * import { data, energies, Energy, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.maximumLikelihood({ box: { low: -4, high: 4 } })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const maximumLikelihood = defineSpec(
  'objective',
  'maximumLikelihood',
  (z) => ({ box: regionField(z), cells: columnsField(z).default(100), jitter: z.boolean().default(false) }),
  {
    summary: 'Exact maximum likelihood with log Z on a grid, in 1 to 3 dimensions.',
    source: 'Midpoint rule; the oracle that sampled objectives are judged by.',
    check: ({ box, cells }, fail) => {
      bordersBelow(box, fail, 'box')
      if ([cells].flat().some((c) => !Number.isInteger(c) || c < 2)) {
        fail('cells', 'must be whole numbers of at least 2')
      }
    },
  },
).options<MaximumLikelihoodOptions>()
