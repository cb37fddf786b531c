/** Cross-entropy of a classifier. */
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** An `objectives.energyDiscrepancy` of E(x) = -logsumexp f(x), which is added. Default: none. */
  discrepancy?: SpecValue<'objective'> | undefined
}

/**
 * Cross-entropy of the logits f(x) of a classifier energy: loss = mean (logsumexp f(x) - f(x)[y]), the negative
 * log p(y | x) under E(x, y) = -f(x)[y]. Labels y: whole numbers 0 ... classes - 1.
 *
 * `discrepancy` (default: none): an `objectives.energyDiscrepancy`, taken of E(x) = -logsumexp f(x) on the same rows without their
 * classes; its loss is added. Cross-entropy alone says nothing of E(x); the sum learns p(x) too, which keeps a classifier from
 * being sure where there are few rows, and gives energies that tell odd rows.
 *
 * ```js
 * import { data, Energy, energies, objectives, train } from 'langevin'
 * const x = data.toys.eightGaussians({ n: 800, seed: 1 }).toTensor()
 * const y = x.toArray().map(([first]) => (first > 0 ? 1 : 0))
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 2, hidden: [16] }), { seed: 1 })
 * const { history } = await train(model, { x, y }, { objective: objectives.crossEntropy(), steps: 200 }).done
 * console.log(history.at(-1).loss < history[0].loss) // true
 * ```
 */
export const crossEntropy = defineSpec(
  'objective',
  'crossEntropy',
  (z) => ({ discrepancy: specOf(z, 'objective').optional() }),
  {
    summary: 'Cross-entropy of the logits, and on request the energy discrepancy of their energy beside it.',
    source: 'Grathwohl et al. 2020, eq. 1; with discrepancy Schroeder et al. 2024, arXiv 2412.01019.',
    check: ({ discrepancy }, fail) => {
      if (discrepancy !== undefined && discrepancy.kind !== 'energyDiscrepancy')
        fail('discrepancy.kind', 'must be energyDiscrepancy')
    },
  },
).options<CrossEntropyOptions>()
