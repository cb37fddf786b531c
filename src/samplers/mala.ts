/** The Metropolis-adjusted Langevin algorithm. */
import { defineSpec, type SpecValue } from '../spec/index.js'
import { checkReflectingBox, commonFields, type MoveOptions, temperatureField } from './fields.js'

/** Options of `mala`. */
export interface MalaOptions extends MoveOptions {
  /** The law is exp(-E / temperature): a number or a schedule. Default 1. */
  temperature?: number | SpecValue<'schedule'> | undefined
}

/**
 * Metropolis-adjusted Langevin: the proper Langevin move as a proposal, accepted with the Metropolis-Hastings
 * probability. Exact for any `stepSize`; aim at an acceptance of about 0.57.
 *
 * Options as `langevin`. With `clip` the clipped drift enters the test too, which keeps it exact; with `box` a proposal
 * outside is refused (mode 'clamp' is an error).
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [3], precision: 1 }))
 * const sampler = samplers.mala({ steps: 200, stepSize: 1 })
 * const draws = await sample(model, { sampler, chains: 1000, seed: 1, burnIn: 100, keep: 'moments' }).done
 * console.log(draws.moments.mean.toArray()[0].toFixed(1), draws.diagnostics.acceptance > 0.8) // 3.0 true
 * ```
 */
export const mala = defineSpec('sampler', 'mala', (z) => ({ ...commonFields(z), temperature: temperatureField(z) }), {
  summary: 'Langevin proposals with a Metropolis test.',
  source: 'Besag 1994; Roberts and Tweedie 1996.',
  check: (options, fail) => checkReflectingBox(options, fail),
}).options<MalaOptions>()
