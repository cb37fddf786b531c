/** A restricted Boltzmann machine, its hidden units summed out. */

import { shapeField } from '../networks/fields.js'
import { defineSpec } from '../spec/index.js'

/** Options of `rbm`. */
export interface RbmOptions {
  /** Columns of a row x, or its axes such as [3, 32, 32]. */
  input: number | number[]
  /** Hidden units. */
  hidden: number
}

/**
 * A restricted Boltzmann machine over binary v (0 or 1) with `hidden` binary units h summed out:
 * E(v) = -b'v - sum_j softplus((c + W v)_j) = -log sum_h exp(-E(v, h)), where E(v, h) = -b'v - c'h - h' W v.
 *
 * `input`: columns of v, or the axes of a row, which is flattened first. `logits()` gives c + W v, and p(h = 1 | v) is the
 * sigmoid of it. Parameters: "bias" b [input] (at first 0), and those of torch.nn.Linear(input, hidden): "hidden.weight" W,
 * "hidden.bias" c. Sampler: `gibbs` with order 'blocks'; every discrete sampler will do.
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const model = await Energy.create(energies.rbm({ input: 6, hidden: 4 }), { seed: 1 })
 * const draws = await sample(model, { sampler: samplers.gibbs({ steps: 20 }), chains: 8 }).done
 * console.log(draws.samples.shape) // [ 8, 6 ]
 * ```
 */
export const rbm = defineSpec('energy', 'rbm', (z) => ({ input: shapeField(z), hidden: z.int().positive() }), {
  summary: 'A restricted Boltzmann machine: the free energy of its binary visible units.',
  source: 'Smolensky 1986; Hinton 2002.',
}).options<RbmOptions>()
