/** The no-U-turn sampler. */
import { defineSpec, type SpecValue } from '../spec/index.js'
import {
  checkWarmup,
  commonFields,
  type MoveOptions,
  temperatureField,
  type WarmupOptions,
  warmupFields,
} from './fields.js'

/** What the diagnostics of a run of `nuts` tell besides what every sampler does. */
export interface NutsStatistics {
  /** Leapfrog steps per step, on average. */
  leapfrogSteps: number
  /** Share of the steps that maxDepth ended. */
  deepestShare: number
}

/** Options of `nuts`. */
export interface NutsOptions extends Omit<MoveOptions, 'stepSize'>, WarmupOptions {
  /** Step size at which the warm-up starts. Default 1. */
  stepSize?: number | undefined
  /** The law is exp(-E / temperature): a number or a schedule. Default 1. */
  temperature?: number | SpecValue<'schedule'> | undefined
  /** Steps in which a chain adapts, counted as burn-in. Default: half of `steps`. */
  warmup?: number | undefined
  /** At most 2^maxDepth - 1 leapfrog steps a step. Default 10. */
  maxDepth?: number | undefined
}

/**
 * The no-U-turn sampler: Hamiltonian trajectories that double until they turn back, one state drawn from the whole trajectory
 * by its weight. In the first `warmup` steps of its life (default: half of `steps`) each chain adapts its own step size
 * towards `targetAcceptance` (default 0.8), from `stepSize` (default 1), and its own mass matrix, over Stan's windows. Those
 * steps count as burn-in. `metric`: 'diagonal' (default) takes sqrt(var x / var dE/dx) of each column, so columns may differ
 * by any factor; 'dense' takes the covariance, for columns that are strongly correlated: it needs a window of more than two
 * states a column, and does not go with a box. In a box a step is at most half as wide as the box. A chain that starts far
 * above its place goes downhill before its first step.
 *
 * `maxDepth` (default 10): at most 2^maxDepth - 1 leapfrog steps. Diagnostics: `leapfrogSteps` per step, `deepestShare`
 * of steps that were stopped by maxDepth, `divergences` (an energy error above 1000 in units of the temperature).
 * `temperature`, `clip` and `box` as in `hmc`.
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: [1, 1e4] }))
 * const sampler = samplers.nuts({ steps: 400 })
 * const draws = await sample(model, { sampler, chains: 16, seed: 1, keep: 'moments' }).done
 * console.log(draws.moments.variance.toArray().map((v, k) => (v * [1, 1e4][k]).toFixed(0))) // [ '1', '1' ]
 * ```
 */
export const nuts = defineSpec(
  'sampler',
  'nuts',
  (z) => ({
    ...commonFields(z),
    stepSize: z.number().positive().default(1),
    temperature: temperatureField(z),
    warmup: z.int().nonnegative().optional(),
    maxDepth: z.int().positive().max(20).default(10),
    ...warmupFields(z),
  }),
  {
    summary: 'No-U-turn sampler with dual averaging and a mass matrix, diagonal or dense, adapted by each chain.',
    source: 'Hoffman and Gelman 2014; Betancourt 2017; windows: Stan reference manual; metric: Seyboldt et al. 2024.',
    check: (options, fail) => checkWarmup(options, fail),
  },
).options<NutsOptions>()
