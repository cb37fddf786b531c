/** Levels drawn anew. */
import { defineSpec } from '../spec/index.js'

/** Options of `uniform`. */
export interface UniformOptions {
  /** The time: a column keeps its level with probability e^-t. */
  t: number
}

/**
 * Every discrete column keeps its level with probability e^-t and is else drawn anew from all of its levels, its own among them;
 * once for y, again for x'. For columns whose levels have no order, tokens too; any number of levels, without a table.
 *
 * `t`: the time, not a probability: 0.1 draws 9.5 % of the entries anew. In rows with real columns: a kernel of
 * `perturbations.structured`.
 *
 * ```js
 * import { Energy, energies, objectives, perturbations, train } from 'langevin'
 * const rows = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]] // the first of three levels in half of the rows
 * const model = await Energy.create(energies.mlp({ input: 3, hidden: [8], states: { levels: 3 } }), { seed: 1 })
 * const objective = objectives.energyDiscrepancy({ perturbation: perturbations.uniform({ t: 1 }) })
 * await train(model, rows, { objective, batchSize: 4, steps: 300 }).done
 * const [often, seldom] = (await model.energy([[1, 0, 0], [0, 1, 0]])).toArray()
 * console.log(often < seldom) // true
 * ```
 */
export const uniform = defineSpec('perturbation', 'uniform', (z) => ({ t: z.number().positive() }), {
  summary: 'Discrete columns are drawn anew, each with probability 1 - e^-t.',
  source: 'Schroeder et al. 2024, arXiv 2412.01019.',
}).options<UniformOptions>()
