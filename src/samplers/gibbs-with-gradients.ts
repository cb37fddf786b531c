/** Single-site moves of discrete states, guided by the gradient. */
import { defineSpec, type SpecValue } from '../spec/index.js'
import { temperatureField } from './fields.js'

/** Options of `gibbsWithGradients`. */
export interface GibbsWithGradientsOptions {
  /** Steps of every chain, warm-up included. */
  steps: number
  /** The law is exp(-E / temperature): a number or a schedule. Default 1. */
  temperature?: number | SpecValue<'schedule'> | undefined
}

/**
 * Metropolis moves of one site per step, proposed where the gradient says that the energy falls: with the estimates
 * d[s, k] = dE/dx . (x' - x) for every site s and other level k, the proposal is softmax(-d / (2 T)), and a move is
 * accepted with min(1, exp(-(E(x') - E(x)) / T) q(x | x') / q(x' | x)). Exact; one gradient per step, whatever the
 * number of sites.
 *
 * `steps`: proposals; each site is visited at most `steps` / sites times on average. `temperature` (default 1).
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const model = await Energy.create(energies.rbm({ input: 8, hidden: 4 }), { seed: 1 })
 * const draws = await sample(model, { sampler: samplers.gibbsWithGradients({ steps: 100 }), chains: 16, seed: 1 }).done
 * console.log(draws.samples.shape, draws.diagnostics.acceptance > 0.5) // [ 16, 8 ] true
 * ```
 */
export const gibbsWithGradients = defineSpec(
  'sampler',
  'gibbsWithGradients',
  (z) => ({ steps: z.int().positive(), temperature: temperatureField(z) }),
  {
    summary: 'Gradient-informed moves of one discrete site, with a Metropolis test.',
    source: 'Grathwohl, Swersky, Hashemi, Duvenaud and Maddison 2021, algorithm 1.',
  },
).options<GibbsWithGradientsOptions>()
