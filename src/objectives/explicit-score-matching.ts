/** Score matching with the trace of the Hessian. */
import { defineSpec } from '../spec/index.js'

/** Options of `explicitScoreMatching`. */
export interface ExplicitScoreMatchingOptions {
  /** 'exact' (one pass per column) or 'hutchinson' (random directions). Default 'exact'. */
  trace?: 'exact' | 'hutchinson' | undefined
  /** Random directions per row. Default 1. */
  projections?: number | undefined
}

/**
 * Explicit score matching: loss = mean |s(x)|^2 / 2 + tr ds/dx with s = -dE/dx, the squared distance to the data's own
 * score up to a constant. `trace`: 'exact' (default; one second derivative per column of x) or 'hutchinson', v' (ds/dx)
 * v with `projections` (default 1) random vectors of signs per row. On Gaussian rows the precision found is the inverse
 * of their covariance. Nothing is learned of log Z, nor of the weights of modes that lie far apart. Needs a smooth
 * energy (silu, gelu, tanh, softplus); piecewise linear ones are refused with ERR_LANGEVIN_UNSUPPORTED.
 *
 * ```js
 * import { data, energies, Energy, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.explicitScoreMatching({ trace: 'exact' })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const explicitScoreMatching = defineSpec(
  'objective',
  'explicitScoreMatching',
  (z) => ({ trace: z.enum(['exact', 'hutchinson']).default('exact'), projections: z.int().positive().default(1) }),
  {
    summary: 'Score matching with the exact trace of the Hessian, or an estimate of it.',
    source: 'Hyvarinen 2005, eq. 4; trace estimate: Hutchinson 1990.',
    check: ({ trace, projections }, fail) => {
      if (trace === 'exact' && projections !== 1)
        fail('projections', "are for trace: 'hutchinson'; the exact trace has none")
    },
  },
).options<ExplicitScoreMatchingOptions>()
