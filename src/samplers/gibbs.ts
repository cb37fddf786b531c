/** Gibbs sampling of discrete states. */
import { defineSpec } from '../spec/index.js'
import { temperatureField } from './fields.js'

/**
 * Gibbs sampling of discrete states: every step is a sweep that redraws each site given all others. Exact; there is
 * nothing to tune.
 *
 * `order`: 'random' (default, an order drawn for every chain and sweep), 'fixed' (column by column), or 'blocks' for an rbm:
 * all hidden units given x, then all of x given them, in two matrix products (at temperature 1 only). `temperature`
 * (default 1): the law is exp(-E / temperature). Sweeps of ising and potts energies run in one native loop over local
 * fields; other energies are evaluated K - 1 times per site with K levels.
 */
export const gibbs = defineSpec(
  'sampler',
  'gibbs',
  (z) => ({
    steps: z.int().positive(),
    order: z.enum(['random', 'fixed', 'blocks']).default('random'),
    temperature: temperatureField(z),
  }),
  {
    summary: 'Gibbs sweeps over discrete states, site by site or layer by layer.',
    source: 'Geman and Geman 1984; in blocks: Hinton 2002.',
    check(options, fail) {
      if (options.order === 'blocks' && options.temperature !== undefined) {
        fail('temperature', "order 'blocks' works at temperature 1 only (the hidden units are summed out there)")
      }
    },
  },
)
