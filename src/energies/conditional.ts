/** A network over a row and a condition. */
import { checkHead, type HeadOptions, headFields, shapeField } from '../networks/fields.js'
import { defineSpec } from '../spec/index.js'
import { checkOneCondition, gaussianBaseField } from './fields.js'
import { checkStates, type States, statesField } from './states.js'

/** Options of `conditional`. */
export interface ConditionalOptions extends HeadOptions {
  /** Columns of a row x, or its axes such as [3, 32, 32]. */
  input: number | number[]
  /**
   * s adds |x|^2 / (2 s^2), 'full' adds (x - m)' P (x - m) / 2 with the buffers base.mean and base.precision.
   * Default: none; then exp(-E) need not be integrable.
   */
  gaussianBase?: number | 'full' | undefined
  /**
   * What values the columns of x take: 'binary' (0, 1), 'spin' (-1, +1), one-hot blocks of `levels`, or column
   * blocks. Default: real.
   */
  states?: States | undefined
  /** Columns of a continuous y, in place of `classes`. */
  condition?: number | undefined
  /** Number of classes of y, in place of `condition`. */
  classes?: number | undefined
  /** Columns of the learned vector of a class. Default 16. */
  embedding?: number | undefined
}

/**
 * E(x, y): a network over [x, y] for a continuous y of `condition` columns, or over [x, embedding(y)] for a class y in
 * 0 .. `classes` - 1 (`embedding`: columns of the embedding, default 16). Parameters: "embedding.weight", "net.0.weight", ...
 * `input`: columns of x, or the axes of a row, which is flattened first.
 * `states`: 'binary', 'spin', { levels } or a list of column blocks for x that is not all real (default: real).
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.conditional({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const energy = await model.energy([[0.5, -1], [0.5, -1]], { y: [0, 2] }) // E(x, y) of two classes
 * console.log(energy.shape) // [ 2 ]
 * ```
 */
export const conditional = defineSpec(
  'energy',
  'conditional',
  (z) => ({
    input: shapeField(z),
    condition: z.int().positive().optional(),
    classes: z.int().positive().optional(),
    embedding: z.int().positive().optional(),
    ...headFields(z),
    gaussianBase: gaussianBaseField(z),
    states: statesField(z),
  }),
  {
    summary: 'A network over x and a condition y, continuous or a class.',
    check(options, fail) {
      checkHead(options, fail)
      checkStates(options, fail)
      checkOneCondition(options, fail)
      if (options.embedding !== undefined && options.classes === undefined) {
        fail('embedding', 'only a class y is embedded: give classes')
      }
    },
  },
).options<ConditionalOptions>()
