/** The Ackley function as an energy: many local minima around one deep one. */
import { defineSpec } from '../spec/index.js'
import { gaussianBaseField, inputField } from './fields.js'

/** Options of `ackley`. */
export interface AckleyOptions {
  /** Columns of x. Default 2. */
  input?: number | undefined
  /** Depth of the funnel. Default 20. */
  a?: number | undefined
  /** How fast the funnel rises with |x|. Default 0.2. */
  b?: number | undefined
  /** Frequency of the ripples. Default 2 pi. */
  c?: number | undefined
  /** Factor of the whole energy. Default 1. */
  scale?: number | undefined
  /**
   * s adds |x|^2 / (2 s^2), 'full' adds (x - m)' P (x - m) / 2 with the buffers base.mean and base.precision.
   * Default: none; then exp(-E) need not be integrable.
   */
  gaussianBase?: number | 'full' | undefined
}

/**
 * E(x) = scale [ -a exp(-b sqrt(mean x_i^2)) - exp(mean cos(c x_i)) + a + e ]. Defaults: input 2, a 20, b 0.2, c 2 pi,
 * scale 1. E is bounded: sample it within a box or with `gaussianBase`. At the origin, a cone, the score is taken as 0.
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.ackley())
 * console.log((await model.energy([[0, 0], [1, 1]])).toArray().map((e) => e.toFixed(3))) // [ '0.000', '3.625' ]
 * ```
 */
export const ackley = defineSpec(
  'energy',
  'ackley',
  (z) => ({
    input: inputField(z).default(2),
    a: z.number().default(20),
    b: z.number().positive().default(0.2),
    c: z.number().default(2 * Math.PI),
    scale: z.number().positive().default(1),
    gaussianBase: gaussianBaseField(z),
  }),
  { summary: 'scale [ -a exp(-b sqrt(mean x_i^2)) - exp(mean cos(c x_i)) + a + e ].', source: 'Ackley 1987.' },
).options<AckleyOptions>()
