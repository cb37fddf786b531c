/** Tries every answer y. */
import { defineSpec } from '../spec/index.js'
import { type Answers, checkAnswers, setField } from './fields.js'

/** Options of `exhaustive`. */
export interface ExhaustiveOptions {
  /** A grid { low, high, points } or a list { values }. A class y needs none. */
  answers?: Answers | undefined
  /** The last columns of y as a latent variable, minimised or summed out. */
  latent?:
    | {
        answers: Answers
        columns?: number | undefined
        reduce?: 'min' | 'freeEnergy' | undefined
        beta?: number | undefined
      }
    | undefined
  /** Whether the result holds the energies of all answers. Default false. */
  table?: boolean | undefined
}

/**
 * All answers are tried: exact on the set that is tried. A class y: all classes, nothing to give. A continuous y: `answers`, a
 * grid { low, high, points } that holds both borders (points per column), or a list { values }.
 *
 * `latent`: { columns, answers, reduce, beta }: the last `columns` columns of y are a latent variable z that takes the values
 * `answers`; `reduce` 'min' (default) takes E(x, y) = min over z, 'freeEnergy' -(1 / beta) log sum over z of exp(-beta E)
 * (`beta`, default 1). For the other methods a latent variable that is minimised over is simply more columns of y.
 * `table` (default false): the result also holds the energies of all answers, [n, m].
 *
 * ```js
 * import { Energy, energies, infer, inferences } from 'langevin'
 * const model = await Energy.create(energies.twoTower({ input: 1, condition: 1, x: { hidden: [16] } }), { seed: 1 })
 * const method = inferences.exhaustive({ answers: { low: -2, high: 2, points: 401 } })
 * const { y } = await infer(model, [[0.5]], { method }) // E = |f(x) - y|
 * console.log((await model.energy([[0.5]], { y })).toArray()[0] < 0.01) // true
 * ```
 */
export const exhaustive = defineSpec(
  'inference',
  'exhaustive',
  (z) => ({
    answers: setField(z).optional(),
    latent: z
      .strictObject({
        columns: z.int().positive().default(1),
        answers: setField(z),
        reduce: z.enum(['min', 'freeEnergy']).default('min'),
        beta: z.number().positive().optional(),
      })
      .optional(),
    table: z.boolean().default(false),
  }),
  {
    summary: 'Tries all answers; latent columns by minimum or free energy.',
    source: 'LeCun et al. 2006.',
    check({ answers, latent }, fail) {
      checkAnswers(answers, fail)
      checkAnswers(latent?.answers, fail, { path: 'latent.answers' })
      if (latent?.beta !== undefined && latent.reduce === 'min') {
        fail('latent.beta', "a minimum has no temperature: use reduce: 'freeEnergy'")
      }
    },
  },
).options<ExhaustiveOptions>()
