/** Unadjusted Langevin dynamics. */
import { scheduleField } from '../schedules/index.js'
import { defineSpec, type SpecValue } from '../spec/index.js'
import { checkBox, commonFields, type MoveOptions, temperatureField } from './fields.js'

/** Options of `langevin`. */
export interface LangevinOptions extends MoveOptions {
  /** 'proper' (noise sqrt(stepSize temperature)) or 'heuristic' (step size and noise apart). Default 'proper'. */
  form?: 'proper' | 'heuristic' | undefined
  /** The law is exp(-E / temperature): a number or a schedule. Default 1. */
  temperature?: number | SpecValue<'schedule'> | undefined
  /** Noise of form: 'heuristic', a number or a schedule. */
  noise?: number | SpecValue<'schedule'> | undefined
}

/**
 * Unadjusted Langevin dynamics, in two named forms.
 *
 * `form: 'proper'` (default): x' = x - (h/2) grad E + sqrt(h T) xi with h = `stepSize`, T = `temperature` (default 1). Its
 * stationary law is exp(-E / T) up to a bias of order h; on E = P x^2 / 2 the variance is T / (P (1 - h P / 4)).
 * `form: 'heuristic'`: x' = x - `stepSize` grad E + `noise` xi, as much published code has it. Its effective temperature is
 * noise^2 / (2 stepSize), reported as `diagnostics.effectiveTemperature`; with noise 0 it is plain descent.
 *
 * `steps`, `stepSize`, `temperature`, `noise`: numbers or schedules over the steps of the call. `clip`: longest gradient of a
 * chain (default: none; a clipped run has another stationary law). `box`: { low, high, mode: 'reflect' | 'clamp' }.
 * `precision`: 'float32' (default) or 'bfloat16' for the matrix products behind the gradient; state, noise, sums and energies
 * stay float32. It has an effect on float32 energies on the CPU only (`explain()` says what), and about halves the time of
 * wide networks where the processor multiplies bfloat16.
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [3], precision: 1 }))
 * const sampler = samplers.langevin({ steps: 200, stepSize: 0.2 })
 * const draws = await sample(model, { sampler, chains: 1000, seed: 1, burnIn: 100, keep: 'moments' }).done
 * console.log(draws.moments.mean.toArray()[0].toFixed(1)) // 3.0
 * ```
 */
export const langevin = defineSpec(
  'sampler',
  'langevin',
  (z) => ({
    ...commonFields(z),
    form: z.enum(['proper', 'heuristic']).default('proper'),
    temperature: temperatureField(z),
    noise: scheduleField(z, { zero: true }).optional(),
  }),
  {
    summary:
      "Unadjusted Langevin dynamics: 'proper' (step h, temperature T) or 'heuristic' (stepSize and noise apart).",
    source: 'Roberts and Tweedie 1996; the heuristic form: Du and Mordatch 2019, Grathwohl et al. 2020.',
    check: (options, fail) => {
      checkBox(options, fail)
      if (options.form === 'proper' && options.noise !== undefined) {
        fail('noise', "the proper form's noise is sqrt(stepSize * temperature); use form: 'heuristic' to set it")
      }
      if (options.form === 'heuristic' && options.noise === undefined) {
        fail('noise', "is required by form: 'heuristic' (effective temperature noise^2 / (2 stepSize))")
      }
      if (options.form === 'heuristic' && options.temperature !== undefined) {
        fail('temperature', 'the heuristic form has none of its own: it is noise^2 / (2 stepSize); set noise')
      }
    },
  },
).options<LangevinOptions>()
