/** Hamiltonian Monte Carlo. */
import { defineSpec, type SpecValue } from '../spec/index.js'
import {
  checkWarmup,
  commonFields,
  type MoveOptions,
  temperatureField,
  type WarmupOptions,
  warmupFields,
} from './fields.js'

/** Options of `hmc`. */
export interface HmcOptions extends MoveOptions, WarmupOptions {
  /** Share by which each step size is varied at random. Default 0. */
  jitter?: number | undefined
  /** The law is exp(-E / temperature): a number or a schedule. Default 1. */
  temperature?: number | SpecValue<'schedule'> | undefined
  /** Leapfrog steps a step. Default 10. */
  leapfrogSteps?: number | undefined
  /** Steps in which a chain adapts, counted as burn-in. Default 0. */
  warmup?: number | undefined
}

/**
 * Hamiltonian Monte Carlo: `leapfrogSteps` (default 10) steps of the leapfrog integrator with fresh momenta, then a Metropolis
 * test. Exact for any `stepSize`.
 *
 * `warmup` (default 0): in the first `warmup` steps of its life each chain adapts its own step size by dual averaging towards
 * `targetAcceptance` (default 0.8), starting its search at `stepSize`, and its own mass matrix, as `nuts` does; then it keeps
 * both. A step size is then in units of the scales that were found. `metric`: 'diagonal' (default), or 'dense' for columns
 * that are strongly correlated: it needs a window of more than two states a column, and does not go with a box. Those
 * steps count as burn-in; without a warm-up the mass matrix is the identity.
 * `jitter` (default 0): each step multiplies the step size by a uniform number in 1 +- jitter, which breaks the periodic
 * orbits of near-Gaussian targets. Others as `langevin`; with `box` trajectories bounce off the walls.
 * An energy error above 1000 (in units of the temperature) or a non-finite one is a divergence: counted and refused.
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: [1, 100] }))
 * const sampler = samplers.hmc({ steps: 400, stepSize: 0.1, warmup: 200 })
 * const draws = await sample(model, { sampler, chains: 64, seed: 1, keep: 'moments' }).done
 * console.log(draws.moments.variance.toArray().map((v, k) => (v * [1, 100][k]).toFixed(0))) // [ '1', '1' ]
 * ```
 */
export const hmc = defineSpec(
  'sampler',
  'hmc',
  (z) => ({
    ...commonFields(z),
    temperature: temperatureField(z),
    leapfrogSteps: z.int().positive().default(10),
    warmup: z.int().nonnegative().default(0),
    ...warmupFields(z),
    jitter: z.number().min(0).lt(1).default(0),
  }),
  {
    summary:
      'Hamiltonian Monte Carlo with leapfrog steps; each chain adapts its step size and mass matrix in a warm-up.',
    source: 'Duane et al. 1987; Neal 2011; Hoffman and Gelman 2014 (dual averaging).',
    check: (options, fail) => {
      checkWarmup(options, fail)
      if (options.warmup > 0 && typeof options.stepSize !== 'number') {
        fail('stepSize', 'a step size is either adapted (warmup > 0) or follows a schedule, not both')
      }
    },
  },
).options<HmcOptions>()
