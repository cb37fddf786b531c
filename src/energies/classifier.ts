/** A classifier whose logits are energies. */
import { checkHead, type HeadOptions, headFields, shapeField } from '../networks/fields.js'
import { defineSpec } from '../spec/index.js'
import { gaussianBaseField } from './fields.js'
import { checkStates, type States, statesField } from './states.js'

/** Options of `classifier`. */
export interface ClassifierOptions extends HeadOptions {
  /** Columns of a row x, or its axes such as [3, 32, 32]. */
  input: number | number[]
  /** Number of classes. */
  classes: number
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
}

/**
 * Logits f(x) read as energies: E(x) = -logsumexp f(x), E(x, y) = -f(x)[y]; p(y | x) = softmax f(x). `logits()` gives f.
 * Parameters are those of the torch.nn.Sequential with the same modules. `gaussianBase` is added to both energies.
 * `input`: columns of x, or the axes of a row such as [3, 32, 32], which is flattened first.
 * `states`: 'binary', 'spin', { levels } or a list of column blocks for x that is not all real (default: real).
 *
 * ```js
 * import { Energy, energies } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const x = [[0.5, -1]]
 * const logits = (await model.logits(x)).toArray()[0]
 * const energy = (await model.energy(x)).toArray()[0] // -logsumexp of the logits
 * console.log(Math.abs(energy + Math.log(logits.reduce((sum, l) => sum + Math.exp(l), 0))) < 1e-5) // true
 * ```
 */
export const classifier = defineSpec(
  'energy',
  'classifier',
  (z) => ({
    input: shapeField(z),
    classes: z.int().min(2),
    ...headFields(z),
    gaussianBase: gaussianBaseField(z),
    states: statesField(z),
  }),
  {
    summary: 'A classifier whose logits are energies: E(x) = -logsumexp f(x), E(x, y) = -f(x)[y].',
    source: 'Grathwohl et al. 2020, equations 5 and 6.',
    check: (options, fail) => {
      checkHead(options, fail)
      checkStates(options, fail)
    },
  },
).options<ClassifierOptions>()
