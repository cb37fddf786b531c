/** A multilayer perceptron whose output is the energy. */
import { checkActivation, type StackOptions, shapeField, stackFields } from '../networks/fields.js'
import { defineSpec } from '../spec/index.js'
import { bernoulliBaseField, checkBernoulliBase, gaussianBaseField } from './fields.js'
import { checkStates, isLevels, type States, statesField } from './states.js'

/** Options of `mlp`. */
export interface MlpOptions extends StackOptions {
  /** Columns of a row x, or its axes such as [3, 32, 32]. */
  input: number | number[]
  /** The network sees x times this number, the base x itself. Default 1. */
  inputScale?: number | undefined
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
  /** Columns a Linear of its own makes of every categorical variable of `states`, before `hidden`. Default: none. */
  embedding?: number | undefined
  /**
   * 'categorical' (default): other columns enter as they are. 'levels': ordinal and cyclic variables have an embedding too, and
   * `gaussianBase` is of the real columns alone.
   */
  embed?: 'categorical' | 'levels' | undefined
}

/**
 * E(x) = Linear(... activation(Linear(x))), one column. Parameters are those of the torch.nn.Sequential with the same
 * modules: "0.weight", "0.bias", "2.weight", ...; default initialisation too, bit for bit from the same seed.
 *
 * `input`: columns of x, or the axes of a row such as [3, 32, 32], which is flattened first, as by a torch.nn.Flatten (without
 * its index among the modules). `hidden`: widths of the hidden layers ([] for a linear energy). `activation`: default 'silu'.
 * `spectralNorm`: true, or a bound c: every weight is c W / (its largest singular value), as
 * torch.nn.utils.parametrizations.spectral_norm has it, with its parameter names; a tanh network E is then c^layers-Lipschitz.
 * `gaussianBase`: s adds |x|^2 / (2 s^2), 'full' adds (x - m)' P (x - m) / 2 with the buffers "base.mean" and
 * "base.precision" (default: none; then exp(-E) need not be integrable). `bernoulliBase`, of bits: probabilities p, usually the
 * means of the rows (within 0.01 ... 0.99), take x' log(p / (1 - p)) off the energy, so that the network learns what a law of
 * independent bits leaves.
 * `inputScale`: the network sees x times this number, the base x itself (default 1); 1 / sigma puts x into units of the
 * noise of denoising score matching. `states`: 'binary', 'spin', { levels } or a list of column blocks for x that
 * is not all real (default: real). `embedding`: every categorical variable of `states` enters through a Linear(levels, embedding) of
 * its own, named "embeddings.0", "embeddings.1", ... in the order of the columns, and all other columns as they are: the network for
 * tables (default: none, all columns enter as they are). They come first among the parameters, as a torch.nn.ModuleList
 * `embeddings` that is made before the stack. `embed: 'levels'` gives ordinal and cyclic variables such a Linear as well, of 1 at the
 * level of the column and 0 at the others, and keeps `gaussianBase` to the real columns: what `energies.mixed` makes.
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [64, 64], gaussianBase: 2 }), { seed: 1 })
 * console.log(model.parameterCount) // 4417
 * console.log((await model.score([[0, 1], [1, 0]])).shape) // [ 2, 2 ]
 * ```
 */
export const mlp = defineSpec(
  'energy',
  'mlp',
  (z) => ({
    input: shapeField(z),
    ...stackFields(z),
    inputScale: z.number().positive().optional(),
    gaussianBase: gaussianBaseField(z),
    bernoulliBase: bernoulliBaseField(z),
    states: statesField(z),
    embedding: z.int().positive().optional(),
    embed: z.enum(['categorical', 'levels']).optional(),
  }),
  {
    summary: 'A multilayer perceptron with one output, the energy.',
    check: (options, fail) => {
      checkActivation(options, fail)
      checkStates(options, fail)
      checkBernoulliBase(options, fail)
      const { embedding, embed, states, gaussianBase, inputScale } = options
      const kinds = Array.isArray(states) ? states.map(({ kind }) => kind) : isLevels(states) ? ['categorical'] : []
      const embedded = embed === 'levels' ? ['categorical', 'ordinal', 'cyclic'] : ['categorical']
      if (embedding !== undefined && !kinds.some((kind) => embedded.includes(kind)))
        fail('embedding', `is of ${embedded.join(', ')} columns, and states has none`)
      if (embed !== 'levels') return
      if (embedding === undefined) fail('embed', 'says what has an embedding: give that too')
      if (inputScale !== undefined)
        fail('inputScale', "would move levels off their places; leave it out with embed: 'levels'")
      if (gaussianBase !== undefined && !kinds.includes('real'))
        fail('gaussianBase', "is of real columns with embed: 'levels', and states has none")
    },
  },
).options<MlpOptions>()
