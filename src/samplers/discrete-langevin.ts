/** Langevin proposals for discrete states. */
import { scheduleField } from '../schedules/index.js'
import { defineSpec, type SpecValue } from '../spec/index.js'
import { temperatureField } from './fields.js'

/** Options of `discreteLangevin`. */
export interface DiscreteLangevinOptions {
  /** Steps of every chain, warm-up included. */
  steps: number
  /** Step size a, a number or a schedule; spins want four times that of binary columns. */
  stepSize: number | SpecValue<'schedule'>
  /** The law is exp(-E / temperature): a number or a schedule. Default 1. */
  temperature?: number | SpecValue<'schedule'> | undefined
  /** Whether a Metropolis test makes it exact. Default true. */
  adjusted?: boolean | undefined
}

/**
 * Langevin dynamics of discrete states: in a step every site moves on its own, to level k with probability
 * softmax_k(-d[s, k] / (2 T) - |x' - x|^2 / (2 a)), where d[s, k] = dE/dx . (x' - x) and a = `stepSize`. Squared distances are 1
 * for binary, 4 for spin and 2 for categorical sites: spins want four times the step of binary columns.
 *
 * `adjusted: true` (default, DMALA): the move of all sites is accepted or refused by a Metropolis test whose reverse
 * proposal takes its gradient at x'; exact for any step, aim at an acceptance of about 0.5. `adjusted: false` (DULA): always
 * taken; the law is biased, the less the smaller the step (`diagnostics.wouldBeAcceptance`). As the step goes to 0 the bias of
 * an energy that is linear in each site (ising, potts) goes away; that of another energy, an rbm or a network, does not.
 * `stepSize`, `temperature` (default 1): numbers or schedules.
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const model = await Energy.create(energies.ising({ sites: 10, coupling: 0.05 }))
 * const sampler = samplers.discreteLangevin({ steps: 100, stepSize: 2 })
 * const draws = await sample(model, { sampler, chains: 16, seed: 1 }).done
 * console.log(draws.samples.shape, draws.diagnostics.acceptance > 0.3) // [ 16, 10 ] true
 * ```
 */
export const discreteLangevin = defineSpec(
  'sampler',
  'discreteLangevin',
  (z) => ({
    steps: z.int().positive(),
    stepSize: scheduleField(z),
    temperature: temperatureField(z),
    adjusted: z.boolean().default(true),
  }),
  {
    summary: 'Discrete Langevin proposals for all sites at once, with (DMALA) or without (DULA) a Metropolis test.',
    source: 'Zhang, Liu and Liu 2022.',
  },
).options<DiscreteLangevinOptions>()
