/** A kernel for every block of columns. */
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'
import { checkSd, sdField } from './fields.js'

/** Options of `structured`. */
export interface StructuredOptions {
  /** Standard deviation of the noise in real columns: a number, or one per real column. Default 0.1. */
  sd?: number | number[] | undefined
  /** Time of `uniform` in binary, spin, categorical and token columns. Default 0.1. */
  t?: number | undefined
  /** Time of `ordinal` and `cyclic` in such columns, times the square of their levels. Default 0.005. */
  tBase?: number | undefined
  /**
   * Kernels of your own: `on`, the columns (a kind, a name or number of a block, or a list of these), and the
   * `perturbation` that moves them. Default: none.
   */
  kernels?: { on: string | number | (string | number)[]; perturbation: SpecValue<'perturbation'> }[] | undefined
  /** Perturbs a random subset of the blocks of each row in place of all. Default false. */
  subsets?: boolean | undefined
}

/**
 * The product of a kernel for every block of columns; all columns are perturbed at once, or with `subsets` some of them. For any `states`: rows of numbers and
 * categories, and the default where columns differ. Real columns have Gaussian noise, ordinal and cyclic columns walk between
 * neighbouring levels, all others are drawn anew.
 *
 * `sd` (default 0.1): of the noise in real columns, in their units; one number, or one per real column. `t` (default 0.1): of
 * `perturbations.uniform`. `tBase` (default 0.005): of `perturbations.ordinal` and `cyclic`, whose width is then a tenth of the range.
 * `subsets` (default false): of each row a random subset of the blocks is perturbed, of 1, 2, ... or all of them equally often, and the
 * others stay. Between absorbing's grid, which learns every column given all others, and all at once:
 * large `sd` and `t`, which would make rows of many columns all noise, then teach conditional laws of one column and of many.
 * `kernels`: `{ on, perturbation }` for blocks that shall have another; `on` as in `samplers.blockwise`. The variants of TabED,
 * with `const kernels = (perturbation) => [{ on: 'discrete', perturbation }]`:
 *
 * | TabED | `perturbations.structured({ ... })` |
 * | --- | --- |
 * | -Uni | `kernels: kernels(perturbations.uniform({ t: 0.1 }))` |
 * | -Grid | `kernels: kernels(perturbations.absorbing({ grid: true }))` |
 * | -Cyc | `kernels: kernels(perturbations.cyclic({ tBase: 0.005 }))` |
 * | -Ord | `kernels: kernels(perturbations.ordinal({ tBase: 0.005 }))` |
 * | -Str | nothing, or `t` and `tBase` (one number for both in the published code) |
 *
 * ```js
 * import { Energy, energies, objectives, perturbations, train } from 'langevin'
 * const states = [{ kind: 'real', name: 'income' }, { kind: 'categorical', levels: 3, name: 'trade' }]
 * const rows = Array.from({ length: 300 }, (_, i) => [i % 3, ...[0, 1, 2].map((k) => Number(k === i % 3))])
 * const model = await Energy.create(energies.mlp({ input: 4, hidden: [32], gaussianBase: 2, states }), { seed: 1 })
 * const objective = objectives.energyDiscrepancy({ perturbation: perturbations.structured({ sd: 0.3, t: 0.5 }) })
 * await train(model, rows, { objective, steps: 300 }).done
 * const [fits, not] = (await model.energy([[2, 0, 0, 1], [2, 1, 0, 0]])).toArray()
 * console.log(fits < not) // true
 * ```
 */
export const structured = defineSpec(
  'perturbation',
  'structured',
  (z) => {
    const columns = z.union([z.string().min(1), z.int().nonnegative()])
    return {
      sd: sdField(z).default(0.1),
      t: z.number().positive().default(0.1),
      tBase: z.number().positive().default(0.005),
      kernels: z
        .array(
          z.strictObject({
            on: z.union([columns, z.array(columns).min(1)]),
            perturbation: specOf(z, 'perturbation'),
          }),
        )
        .optional(),
      subsets: z.boolean().default(false),
    }
  },
  {
    summary: 'A kernel for every block of columns: numbers, categories, orders and rings at once.',
    source: 'TabED: Schroeder et al. 2024, arXiv 2412.01019.',
    check: ({ sd, kernels }, fail) => {
      checkSd(sd, fail)
      for (const [i, { perturbation }] of (kernels ?? []).entries()) {
        if (perturbation.kind === 'structured') {
          fail(`kernels[${i}].perturbation.kind`, 'a structured perturbation has no other one inside')
        }
      }
    },
  },
).options<StructuredOptions>()
