/** Any network of one output, read as an energy. */
import { shapeField } from '../networks/fields.js'
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'
import { bernoulliBaseField, checkBernoulliBase, gaussianBaseField } from './fields.js'
import { checkStates, type States, statesField } from './states.js'

/** Options of `scalar`. */
export interface ScalarOptions {
  /** Columns of a row x, or its axes such as [3, 32, 32]. */
  input: number | number[]
  /** A spec of `networks.*` that gives one column. */
  network: SpecValue<'network'>
  /**
   * s adds |x|^2 / (2 s^2), 'full' adds (x - m)' P (x - m) / 2 with the buffers base.mean and base.precision.
   * Default: none; then exp(-E) need not be integrable.
   */
  gaussianBase?: number | 'full' | undefined
  /** Of bits: probabilities p, one or one per column; takes x' log(p / (1 - p)) off the energy. Not trained. Default: none. */
  bernoulliBase?: number | number[] | undefined
  /**
   * What values the columns of x take: 'binary' (0, 1), 'spin' (-1, +1), one-hot blocks of `levels`, or column
   * blocks. Default: real.
   */
  states?: States | undefined
}

/**
 * E(x) = network(x), one column; E(x, y) where the network embeds a class y. Parameters are those of the network.
 *
 * `input`: columns of x, or the axes of a row such as [3, 32, 32]. `network`: a spec from `networks.*`; it takes its `input`
 * from here and gives one column.
 * `gaussianBase`: s adds |x|^2 / (2 s^2), 'full' adds (x - m)' P (x - m) / 2 with the buffers "base.mean" and
 * "base.precision" (default: none; then exp(-E) need not be integrable). `bernoulliBase`, of bits: probabilities p that take
 * x' log(p / (1 - p)) off the energy. `states`: 'binary', 'spin', { levels } or a list of
 * column blocks for x that is not all real (default: real).
 *
 * ```js
 * import { Energy, energies, networks } from 'langevin'
 * const network = networks.mlp({ hidden: [32, 32] })
 * const model = await Energy.create(energies.scalar({ input: 2, network, gaussianBase: 2 }), { seed: 1 })
 * console.log((await model.energy([[0, 1]])).shape) // [ 1 ]
 * ```
 */
export const scalar = defineSpec(
  'energy',
  'scalar',
  (z) => ({
    input: shapeField(z),
    network: specOf(z, 'network'),
    gaussianBase: gaussianBaseField(z),
    bernoulliBase: bernoulliBaseField(z),
    states: statesField(z),
  }),
  {
    summary: 'Any network with one output, the energy.',
    check: (options, fail) => {
      checkStates(options, fail)
      checkBernoulliBase(options, fail)
    },
  },
).options<ScalarOptions>()
