/** Mean squared error of a network's outputs. */
import { defineSpec } from '../spec/index.js'

/**
 * Mean squared error of the network outputs f: loss = mean over rows and columns of (f - y)^2. Targets are y, or, for
 * energies of joint rows (x, y) such as regressor, the last columns of the rows.
 *
 * ```js
 * import { Energy, energies, objectives, train } from 'langevin'
 * const rows = Array.from({ length: 200 }, (_, i) => [i / 100 - 1, (i / 100 - 1) ** 2]) // (x, y) with y = x^2
 * const model = await Energy.create(energies.regressor({ input: 1, hidden: [32] }), { seed: 1 })
 * const { history } = await train(model, rows, { objective: objectives.meanSquaredError(), steps: 500 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const meanSquaredError = defineSpec('objective', 'meanSquaredError', () => ({}), {
  summary: 'Mean squared error of the network outputs.',
}).options()
