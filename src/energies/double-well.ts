/** Two wells with a barrier between them. */
import { defineSpec } from '../spec/index.js'
import { inputField } from './fields.js'

/** Options of `doubleWell`. */
export interface DoubleWellOptions {
  /** Columns of x. Default 1. */
  input?: number | undefined
  /** Height of the barrier between the wells. Default 1. */
  barrier?: number | undefined
  /** The wells are at x_1 = +-separation. Default 1. */
  separation?: number | undefined
  /** Slope along x_1. Default 0. */
  tilt?: number | undefined
  /** Curvature of the other columns. Default 1. */
  stiffness?: number | undefined
}

/**
 * E(x) = barrier ((x_1 / separation)^2 - 1)^2 + tilt x_1 + stiffness / 2 sum_{i > 1} x_i^2: two wells at
 * x_1 = +-separation with a barrier of height `barrier` between them (tilt 0). Defaults: input 1, barrier 1,
 * separation 1, tilt 0, stiffness 1.
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.doubleWell({ barrier: 4 }))
 * console.log((await model.energy([[-1], [0], [1]])).toArray()) // [ 0, 4, 0 ]
 * ```
 */
export const doubleWell = defineSpec(
  'energy',
  'doubleWell',
  (z) => ({
    input: inputField(z).default(1),
    barrier: z.number().positive().default(1),
    separation: z.number().positive().default(1),
    tilt: z.number().default(0),
    stiffness: z.number().positive().default(1),
  }),
  { summary: 'barrier ((x_1 / separation)^2 - 1)^2 + tilt x_1 + stiffness / 2 sum_{i > 1} x_i^2.' },
).options<DoubleWellOptions>()
