/** The Rastrigin function as an energy: a grid of local minima. */
import { defineSpec } from '../spec/index.js'
import { inputField } from './fields.js'

/** Options of `rastrigin`. */
export interface RastriginOptions {
  /** Columns of x. Default 2. */
  input?: number | undefined
  /** Height of the ripples. Default 10. */
  a?: number | undefined
  /** Factor of the whole energy. Default 1. */
  scale?: number | undefined
}

/**
 * E(x) = scale [ a d + sum_i (x_i^2 - a cos(2 pi x_i)) ]. Defaults: input 2, a 10, scale 1.
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.rastrigin())
 * console.log((await model.energy([[0, 0], [0.5, 0]])).toArray()) // [ 0, 20.25 ]
 * ```
 */
export const rastrigin = defineSpec(
  'energy',
  'rastrigin',
  (z) => ({
    input: inputField(z).default(2),
    a: z.number().default(10),
    scale: z.number().positive().default(1),
  }),
  { summary: 'scale [ a d + sum_i (x_i^2 - a cos(2 pi x_i)) ].', source: 'Rastrigin 1974.' },
).options<RastriginOptions>()
