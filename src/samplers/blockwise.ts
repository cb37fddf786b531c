/** The blockwise sampler: kernels that take turns on columns of different kinds. */
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'

const KERNELS = [
  'langevin',
  'mala',
  'hmc',
  'nuts',
  'underdampedLangevin',
  'gibbs',
  'gibbsWithGradients',
  'discreteLangevin',
]

/** What the diagnostics of a run of `blockwise` tell besides what every sampler does. */
export interface BlockwiseStatistics {
  /** Of each kernel in the order given; `wouldBeAcceptance` is that of kernels without a Metropolis test. */
  kernels: { sampler: string; acceptance: number | null; wouldBeAcceptance: number | null }[]
}

/** Options of `blockwise`. */
export interface BlockwiseOptions {
  /** Rounds; in each every kernel takes its own sampler's steps. */
  steps: number
  /**
   * Kernels in turn: `on`, the columns (a kind, a name or number of a block, or a list of these), and the `sampler`
   * that moves them.
   */
  kernels: { on: string | number | (string | number)[]; sampler: SpecValue<'sampler'> }[]
  /** Columns that stay as `init` has them, named as in `on`: the others are drawn given these. Default: none. */
  clamp?: string | number | (string | number)[] | undefined
}

/**
 * Samplers that take turns, each moving its own columns while the others are held: for energies whose `states` are a list of
 * blocks. One of the `steps` is a round: every kernel's own `sampler.steps` steps, in the order of the list.
 *
 * `kernels`: `{ on, sampler }` each. `on`: 'real', 'discrete', a kind ('binary', 'categorical', ...), the name of a block, its
 * number in the list (from 0), or a list of these. Every block must be moved by a kernel or clamped; a block may be moved by several.
 * `sampler`: langevin, mala, hmc, nuts, underdampedLangevin for real columns; gibbs, gibbsWithGradients, discreteLangevin for
 * discrete ones. All have the same temperature.
 *
 * `clamp` (default: none): columns that no kernel moves, named as in `on`. They stay, bit by bit, as the rows of `init` have them, and
 * the others are drawn from p(the others | these): completion. A kernel whose columns are all clamped does nothing.
 *
 * Exact when every kernel is: a kernel that leaves the law of its columns given the others as it is leaves the joint law as it
 * is. Diagnostics: `kernels`, the acceptance of each.
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const states = [{ kind: 'real', columns: 2 }, { kind: 'binary' }]
 * const model = await Energy.create(energies.mlp({ input: 3, hidden: [16], gaussianBase: 1, states }), { seed: 1 })
 * const real = { on: 'real', sampler: samplers.mala({ steps: 5, stepSize: 0.5 }) }
 * const bits = { on: 'binary', sampler: samplers.gibbs({ steps: 1 }) }
 * const sampler = samplers.blockwise({ steps: 50, kernels: [real, bits] })
 * const draws = await sample(model, { sampler, chains: 8, seed: 1 }).done
 * console.log(draws.samples.toArray().every(([, , bit]) => bit === 0 || bit === 1)) // true
 * ```
 */
export const blockwise = defineSpec(
  'sampler',
  'blockwise',
  (z) => {
    const columns = z.union([z.string().min(1), z.int().nonnegative()])
    const words = z.union([columns, z.array(columns).min(1)])
    return {
      steps: z.int().positive(),
      kernels: z.array(z.strictObject({ on: words, sampler: specOf(z, 'sampler') })).min(1),
      clamp: words.optional(),
    }
  },
  {
    summary: 'Samplers that take turns on columns of different kinds.',
    source: 'Metropolis within Gibbs: Tierney 1994, section 2.4.',
    check: ({ kernels }, fail) => {
      for (const [i, { sampler }] of kernels.entries()) {
        if (!KERNELS.includes(sampler.kind)) {
          fail(`kernels[${i}].sampler.kind`, `'${sampler.kind}' cannot take turns; use one of ${KERNELS.join(', ')}`)
        }
      }
    },
  },
).options<BlockwiseOptions>()
