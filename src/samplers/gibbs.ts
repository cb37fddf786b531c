/** Gibbs sampling of discrete states. */
import { defineSpec, type SpecValue } from '../spec/index.js'
import { temperatureField } from './fields.js'

/** Options of `gibbs`. */
export interface GibbsOptions {
  /** Steps of every chain, warm-up included. */
  steps: number
  /**
   * 'blocks' (sites that do not depend on each other at once), 'random' or 'fixed'. Default: 'blocks' where the
   * energy has blocks, else 'random'.
   */
  order?: 'fixed' | 'random' | 'blocks' | undefined
  /** The law is exp(-E / temperature): a number or a schedule. Default 1. */
  temperature?: number | SpecValue<'schedule'> | undefined
}

/**
 * Gibbs sampling of discrete states: every step is a sweep that redraws each site given all others. Exact; there is
 * nothing to tune.
 *
 * `order`: 'blocks' redraws all sites that do not depend on each other at once. Of an `rbm` these are its layers: all hidden
 * units given x, then all of x given them, in two matrix products (at temperature 1 only). Of `ising` and `potts` on a
 * `lattice` they are colours of the lattice: a checkerboard where its sides are even or open, a few more colours where not.
 * 'random': an order drawn for every chain and sweep; 'fixed': column by column. Default: 'blocks' where the energy has
 * blocks, 'random' where it has none. `temperature` (default 1): the law is exp(-E / temperature). Sweeps of ising and potts
 * energies run in one native loop; other energies are evaluated K - 1 times per site with K levels.
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const model = await Energy.create(energies.ising({ lattice: [8, 8], coupling: 0.2 }))
 * const draws = await sample(model, { sampler: samplers.gibbs({ steps: 50 }), chains: 4, seed: 1 }).done
 * console.log(draws.samples.shape) // [ 4, 64 ]
 * ```
 */
export const gibbs = defineSpec(
  'sampler',
  'gibbs',
  (z) => ({
    steps: z.int().positive(),
    order: z.enum(['random', 'fixed', 'blocks']).optional(),
    temperature: temperatureField(z),
  }),
  {
    summary: 'Gibbs sweeps over discrete states, site by site or in blocks that do not interact.',
    source: 'Geman and Geman 1984; in blocks: Hinton 2002.',
  },
).options<GibbsOptions>()
