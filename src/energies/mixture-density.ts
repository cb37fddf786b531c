/** A mixture density network as an energy. */
import { checkHead, type HeadOptions, headFields } from '../networks/fields.js'
import { defineSpec } from '../spec/index.js'
import { inputField } from './fields.js'

/** Options of `mixtureDensity`. */
export interface MixtureDensityOptions extends HeadOptions {
  /** Columns of the question x; rows are (x, y). */
  input: number
  /** sigma stays above it. Default 0.001. */
  sigmaFloor?: number | undefined
  /** Columns of y. Default 1. */
  output?: number | undefined
  /** Terms of the mixture. Default 4. */
  components?: number | undefined
}

/**
 * A mixture density network. Rows are (x, y) of `input` + `output` columns (output: default 1);
 * E = -log sum_k pi_k(x) N(y; mu_k(x), sigma_k(x)^2 I) with `components` terms (default 4): a density of y at every x,
 * not normalisable in x. sigma stays above `sigmaFloor` (default 1e-3): log sigma = l + softplus(raw - l), l = log sigmaFloor.
 * `logits()` gives the raw outputs: K weights, K means of `output` columns each, K spreads.
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.mixtureDensity({ input: 1, hidden: [16] }), { seed: 1 })
 * const energy = await model.energy([[0, 0.5]]) // -log p(y = 0.5 | x = 0)
 * console.log(energy.shape) // [ 1 ]
 * ```
 */
export const mixtureDensity = defineSpec(
  'energy',
  'mixtureDensity',
  (z) => ({
    input: inputField(z),
    output: z.int().positive().default(1),
    components: z.int().positive().default(4),
    ...headFields(z),
    sigmaFloor: z.number().positive().default(1e-3),
  }),
  {
    summary: 'A mixture density network: the conditional density of y as an energy of (x, y).',
    source: 'Bishop 1994.',
    check: (options, fail) => checkHead(options, fail),
  },
).options<MixtureDensityOptions>()
