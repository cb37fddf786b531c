/** Mean squared error of a network's outputs. */
import { defineSpec } from '../spec/index.js'

/**
 * Mean squared error of the network outputs f: loss = mean over rows and columns of (f - y)^2. Targets are y, or, for
 * energies of joint rows (x, y) such as regressor, the last columns of the rows.
 */
export const meanSquaredError = defineSpec('objective', 'meanSquaredError', () => ({}), {
  summary: 'Mean squared error of the network outputs.',
}).options()
