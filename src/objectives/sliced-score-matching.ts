/** Score matching along random directions. */
import { defineSpec } from '../spec/index.js'

/** Options of `slicedScoreMatching`. */
export interface SlicedScoreMatchingOptions {
  /** Random directions per row. Default 1. */
  projections?: number | undefined
  /** Law of the directions. Default 'rademacher'. */
  law?: 'gaussian' | 'rademacher' | 'sphere' | undefined
  /** |s|^2 / 2 in place of (v . s)^2 / 2. Default false. */
  varianceReduced?: boolean | undefined
  /** Step epsilon of differences of energies, in units of x, in place of derivatives. */
  finiteDifference?: number | undefined
}

/**
 * Sliced score matching: loss = mean (v . s)^2 / 2 + v' (ds/dx) v over rows and random directions v, s = -dE/dx. Its
 * minimiser is explicit score matching's; the cost of a step does not grow with the columns.
 *
 * `projections`: directions per row (default 1). `law`: 'rademacher' (signs, default), 'gaussian' or 'sphere' (of
 * radius sqrt(d)); all have E[v v'] = I. `varianceReduced` (default false): |s|^2 / 2 in place of (v . s)^2 / 2.
 * `finiteDifference`: a step epsilon, in the units of x, with which both terms come from the energies at x and x +-
 * epsilon v, without derivatives in x and on the fused path; the error is of order epsilon^2, and in float32
 * differences lose digits as 1e-7 |E| / epsilon^2, so 0.05 to 0.1 of the data's sd is a good size. Needs a smooth
 * energy (silu, gelu, tanh, softplus); piecewise linear ones are refused with ERR_LANGEVIN_UNSUPPORTED.
 *
 * ```js
 * import { data, energies, Energy, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.slicedScoreMatching({ projections: 2 })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const slicedScoreMatching = defineSpec(
  'objective',
  'slicedScoreMatching',
  (z) => ({
    projections: z.int().positive().default(1),
    law: z.enum(['rademacher', 'gaussian', 'sphere']).default('rademacher'),
    varianceReduced: z.boolean().default(false),
    finiteDifference: z.number().positive().optional(),
  }),
  {
    summary: 'Score matching along random directions, by derivatives or by finite differences.',
    source: 'Song, Garg, Shi and Ermon 2019, eqs. 7 and 8; finite differences: Pang et al. 2020.',
    check: ({ varianceReduced, finiteDifference }, fail) => {
      if (varianceReduced && finiteDifference !== undefined) {
        fail('varianceReduced', 'needs |s|^2, which differences of energies do not give')
      }
    },
  },
).options<SlicedScoreMatchingOptions>()
