/** Neal's funnel, a hard test for samplers. */
import { defineSpec } from '../spec/index.js'

/** Options of `funnel`. */
export interface FunnelOptions {
  /** Columns of x. Default 10. */
  input?: number | undefined
  /** Standard deviation of the first column. Default 3. */
  sigma?: number | undefined
}

/**
 * Neal's funnel, normalised (log Z = 0): v = x_1 ~ N(0, sigma^2), x_i ~ N(0, e^v) for i > 1. Defaults: input 10, sigma 3.
 * E(x) = v^2 / (2 sigma^2) + e^-v / 2 sum_{i > 1} x_i^2 + (d - 1) v / 2 + log sigma + d / 2 log(2 pi).
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.funnel({ input: 2 }))
 * // log 3 + log(2 pi)
 * console.log((await model.energy([[0, 0]])).toArray()[0].toFixed(4)) // 2.9365
 * ```
 */
export const funnel = defineSpec(
  'energy',
  'funnel',
  (z) => ({ input: z.int().min(2).default(10), sigma: z.number().positive().default(3) }),
  {
    summary: 'v = x_1 ~ N(0, sigma^2), x_i ~ N(0, e^v); normalised.',
    source: 'Neal 2003, section 8.',
  },
).options<FunnelOptions>()
