/** The Rosenbrock function as an energy: a narrow curved valley. */
import { defineSpec } from '../spec/index.js'

/** Options of `rosenbrock`. */
export interface RosenbrockOptions {
  /** Columns of x. Default 2. */
  input?: number | undefined
  /** Place of the minimum. Default 1. */
  a?: number | undefined
  /** Steepness of the valley. Default 100. */
  b?: number | undefined
  /** Factor of the whole energy. Default 1. */
  scale?: number | undefined
}

/**
 * E(x) = scale sum_{i < d} [ b (x_{i+1} - x_i^2)^2 + (a - x_i)^2 ]. Defaults: input 2, a 1, b 100, scale 1 (scale 0.05
 * is the usual choice for samplers).
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.rosenbrock({ scale: 0.05 }))
 * console.log((await model.energy([[1, 1], [0, 0]])).toArray().map((e) => e.toFixed(2))) // [ '0.00', '0.05' ]
 * ```
 */
export const rosenbrock = defineSpec(
  'energy',
  'rosenbrock',
  (z) => ({
    input: z.int().min(2).default(2),
    a: z.number().default(1),
    b: z.number().positive().default(100),
    scale: z.number().positive().default(1),
  }),
  { summary: 'scale sum_{i < d} [ b (x_{i+1} - x_i^2)^2 + (a - x_i)^2 ].', source: 'Rosenbrock 1960.' },
).options<RosenbrockOptions>()
