/** The Rastrigin function as an energy: a grid of local minima. */
import { defineSpec } from '../spec/index.js'
import { inputField } from './fields.js'

/** E(x) = scale [ a d + sum_i (x_i^2 - a cos(2 pi x_i)) ]. Defaults: input 2, a 10, scale 1. */
export const rastrigin = defineSpec(
  'energy',
  'rastrigin',
  (z) => ({
    input: inputField(z).default(2),
    a: z.number().default(10),
    scale: z.number().positive().default(1),
  }),
  { summary: 'scale [ a d + sum_i (x_i^2 - a cos(2 pi x_i)) ].', source: 'Rastrigin 1974.' },
)
