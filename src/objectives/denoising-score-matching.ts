/** Score matching on rows with added noise. */
import { defineSpec } from '../spec/index.js'

/** Options of `denoisingScoreMatching`. */
export interface DenoisingScoreMatchingOptions {
  /** Noise level in units of x, or a ladder { from, to, levels } for an energy E(x, log sigma). */
  sigma: number | { from: number; to: number; levels: number }
  /** A step in units of sigma: scores from differences of energies in place of derivatives. */
  finiteDifference?: number | undefined
}

/**
 * Denoising score matching: x~ = x + sigma e, loss = mean |sigma s(x~) + e|^2 / 2 with s = -dE/dx. It fits the data
 * convolved with N(0, sigma^2 I): on Gaussian data of covariance S the precision found is inverse(S + sigma^2 I). Needs a
 * smooth energy (silu, gelu, tanh, softplus); piecewise linear ones are refused with ERR_LANGEVIN_UNSUPPORTED.
 *
 * `sigma`: one noise level, or { from, to, levels }, a geometric ladder: every row draws one level a step, the weight
 * sigma^2 keeps the levels alike, and the energy is E(x, y) with y = log sigma, the natural logarithm, as its one
 * condition column (energies.conditional with condition: 1). The rows are then given without y; afterwards
 * model.energy(x, { y }) with y = log sigma is the energy of the data blurred by sigma.
 *
 * `finiteDifference`: a step f in units of sigma; the residual is projected on random signs v, and sigma v . s(x~) comes
 * from the energies at x~ +- f sigma v, without derivatives in x and on the fused path, to an error of order f^2.
 *
 * ```js
 * import { data, energies, Energy, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.denoisingScoreMatching({ sigma: 0.3 })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const denoisingScoreMatching = defineSpec(
  'objective',
  'denoisingScoreMatching',
  (z) => ({
    sigma: z.union([
      z.number().positive(),
      z.strictObject({ from: z.number().positive(), to: z.number().positive(), levels: z.int().min(2) }),
    ]),
    finiteDifference: z.number().positive().optional(),
  }),
  {
    summary: 'Denoising score matching at one noise level, or at a ladder of them with a noise-conditional energy.',
    source:
      'Vincent 2011, eq. 9; weighted by sigma^2, ladder: Song and Ermon 2019; finite differences: Pang et al. 2020.',
    check: ({ sigma }, fail) => {
      if (typeof sigma === 'object' && sigma.from === sigma.to) {
        fail('sigma.to', 'must differ from sigma.from; for one level give a number')
      }
    },
  },
).options<DenoisingScoreMatchingOptions>()
