/** The losses of structured prediction on E(x, y). */
import { type Candidates, candidatesField, checkAnswers } from '../inference/fields.js'
import { defineSpec, type Z } from '../spec/index.js'

/** Losses, and the options that each takes besides the common ones. */
const LOSSES = {
  energy: [],
  perceptron: [],
  hinge: ['margin'],
  log: [],
  lvq2: ['delta', 'cap'],
  mce: [],
  squareSquare: ['margin'],
  squareExponential: ['gamma'],
  nll: ['beta'],
  mee: ['beta'],
} as const satisfies Record<string, readonly string[]>

type Loss = keyof typeof LOSSES

/** Losses that look at the most offending answer, and so at the ball around the right one. */
const OFFENDING: readonly Loss[] = ['hinge', 'log', 'lvq2', 'mce', 'squareSquare', 'squareExponential']

const fields = (z: Z) => ({
  loss: z.enum(Object.keys(LOSSES) as [Loss, ...Loss[]]),
  answers: candidatesField(z).optional(),
  epsilon: z.number().nonnegative().optional(),
  margin: z.number().nonnegative().optional(),
  beta: z.number().positive().optional(),
  gamma: z.number().positive().optional(),
  delta: z.number().positive().optional(),
  cap: z.number().positive().optional(),
})

/** Options of `structured`. */
export interface StructuredOptions {
  /** One of the ten losses of the table. */
  loss:
    | 'energy'
    | 'perceptron'
    | 'hinge'
    | 'log'
    | 'lvq2'
    | 'mce'
    | 'squareSquare'
    | 'squareExponential'
    | 'nll'
    | 'mee'
  /** The other answers: a grid, a list of values, or uniform draws. A class y needs none. */
  answers?: Candidates | undefined
  /** Radius around the right answer in which others do not count as wrong. Default 0. */
  epsilon?: number | undefined
  /** By how much a wrong answer must be higher. Default 1. */
  margin?: number | undefined
  /** Inverse temperature of nll and mee. Default 1. */
  beta?: number | undefined
  /** Weight of the wrong answer in squareExponential. Default 1. */
  gamma?: number | undefined
  /** Scale of lvq2. Default 1. */
  delta?: number | undefined
  /** Largest value of lvq2. Default 1. */
  cap?: number | undefined
}

/**
 * Structured prediction: E(x, y) learns to be lower at the right answer than at the others. With E_C the energy of the right
 * answer and E_I that of the most offending one (the lowest of those farther than `epsilon` from the right one), `loss` is
 *
 * | loss | formula | margin it asks for |
 * | --- | --- | --- |
 * | energy | E_C | none: a flexible E collapses to a constant |
 * | perceptron | E_C - min over all y of E(y) | 0 |
 * | hinge | max(0, `margin` + E_C - E_I) | `margin` |
 * | log | log(1 + exp(E_C - E_I)) | > 0 |
 * | lvq2 | min(`cap`, max(0, (E_C - E_I) / (`delta` E_I))); needs energies of at least 0 | 0 |
 * | mce | 1 / (1 + exp(E_I - E_C)) | > 0 |
 * | squareSquare | E_C^2 + max(0, `margin` - E_I)^2 | `margin` |
 * | squareExponential | E_C^2 + `gamma` exp(-E_I) | > 0 |
 * | nll | E_C + (1 / `beta`) log sum over all y of exp(-`beta` E(y)) | > 0 |
 * | mee | 1 - exp(-`beta` E_C) / sum over all y of exp(-`beta` E(y)) | > 0 |
 *
 * Batch means. `margin`, `beta`, `gamma`, `delta` and `cap` default to 1, `epsilon` to 0.
 *
 * Answers of a class y: all classes. Of a continuous y: `answers`, either a grid { low, high, points } that holds both
 * borders, a list { values }, or { low, high, samples }: that many uniform draws for every row, fresh at every step;
 * and always the right answer itself, once. With samples and loss 'nll' this is InfoNCE with uniform negatives, as
 * implicit behavioural cloning trains (Florence et al. 2021). `answers` may be left out with loss 'energy', which uses
 * E_C alone; given, it lets the monitors `gap` (mean E_I - E_C) and `accuracy` (share of E_C < E_I) show the collapse.
 *
 * At a kink the gradient is the flat side's; answers that tie for a minimum share it equally.
 * ERR_LANGEVIN_INVALID_OPTION when every candidate of a row lies in the ball; _UNSUPPORTED for energies without y.
 *
 * ```js
 * import { Energy, energies, objectives, train } from 'langevin'
 * const x = Array.from({ length: 100 }, (_, i) => [i / 50 - 1])
 * const y = x.map(([v]) => [2 * v])
 * const model = await Energy.create(energies.twoTower({ input: 1, condition: 1, x: { hidden: [16] } }), { seed: 1 })
 * const objective = objectives.structured({ loss: 'nll', answers: { low: -3, high: 3, points: 50 } })
 * const { history } = await train(model, { x, y }, { objective, steps: 100 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const structured = defineSpec('objective', 'structured', fields, {
  summary:
    'Ten losses of structured prediction on E(x, y): energy, perceptron, hinge, log, LVQ2, MCE, square-square, ...',
  source: 'LeCun et al. 2006, section 2 and table 1.',
  check({ loss, answers, epsilon, ...options }, fail) {
    const used: readonly string[] = LOSSES[loss]
    for (const [key, value] of Object.entries(options)) {
      if (value === undefined || used.includes(key)) continue
      const those = used.length === 0 ? 'none' : used.join(', ')
      fail(key, `is not an option of the loss ${loss}; it has ${those}`)
    }
    if (epsilon !== undefined && !OFFENDING.includes(loss) && loss !== 'energy') {
      fail('epsilon', `the loss ${loss} uses all answers, not the most offending one outside a ball`)
    }
    checkAnswers(answers, fail, { samples: true })
  },
}).options<StructuredOptions>()
