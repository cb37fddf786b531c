/** The Rosenbrock function as an energy: a narrow curved valley. */
import { defineSpec } from '../spec/index.js'

/**
 * E(x) = scale sum_{i < d} [ b (x_{i+1} - x_i^2)^2 + (a - x_i)^2 ]. Defaults: input 2, a 1, b 100, scale 1 (scale 0.05
 * is the usual choice for samplers).
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
)
