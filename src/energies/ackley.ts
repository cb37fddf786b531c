/** The Ackley function as an energy: many local minima around one deep one. */
import { defineSpec } from '../spec/index.js'
import { gaussianBaseField, inputField } from './fields.js'

/**
 * E(x) = scale [ -a exp(-b sqrt(mean x_i^2)) - exp(mean cos(c x_i)) + a + e ]. Defaults: input 2, a 20, b 0.2, c 2 pi,
 * scale 1. E is bounded: sample it within a box or with `gaussianBase`. At the origin, a cone, the score is taken as 0.
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
)
