/** Uniform noise in a box. */
import { bordersBelow, columnsField, defineSpec } from '../spec/index.js'

/** Options of `uniform`. */
export interface UniformOptions {
  /** Lower border: a number, or one per column. */
  low: number | number[]
  /** Upper border: a number, or one per column. */
  high: number | number[]
}

/**
 * The same density everywhere in the box [low, high], none outside: log p = -sum log(high - low).
 * `low`, `high`: one number for every column, or one per column. Every data row must lie inside.
 *
 * ```js
 * import { data, energies, Energy, noises, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.noiseContrastive({ noise: noises.uniform({ low: -4, high: 4 }) })
 * const { history } = await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const uniform = defineSpec('noise', 'uniform', (z) => ({ low: columnsField(z), high: columnsField(z) }), {
  summary: 'Uniform noise on a box that holds the data.',
  check: (options, fail) => bordersBelow(options, fail),
}).options<UniformOptions>()
