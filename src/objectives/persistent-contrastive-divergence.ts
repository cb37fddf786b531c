/** Persistent contrastive divergence: negatives from a replay buffer. */
import { defineSpec } from '../spec/index.js'
import { type ChainOptions, chainFields, checkChains, type SamplerKlOptions, samplerKlField } from './fields.js'

/** Options of `persistentContrastiveDivergence`. */
export interface PersistentContrastiveDivergenceOptions extends ChainOptions {
  /** Adds KL(q || p) through the last steps of the sampler. */
  samplerKl?: SamplerKlOptions | undefined
}

/**
 * Persistent contrastive divergence: negatives are chains that live on in a replay buffer from step to step;
 * loss = mean E(x) - mean E(x-). Each step draws `chains` of them without replacement (default: the batch size),
 * restarts a share, and runs `sampler.steps` steps.
 *
 * `buffer`: { size: 10000, reinit: 0.05, reinitFrom: 'uniform' | 'normal' | 'data' | shares,
 * reinitAccept: 'always' | 'metropolis', blur: 0, box, strategy: 'chains' | 'reservoir' | 'classBlocks', temper }.
 * `samplerKl`: as in contrastiveDivergence.
 *
 * ```js
 * import { data, energies, Energy, objectives, samplers, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const sampler = samplers.langevin({ steps: 5, stepSize: 0.05 })
 * const objective = objectives.persistentContrastiveDivergence({ sampler })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const persistentContrastiveDivergence = defineSpec(
  'objective',
  'persistentContrastiveDivergence',
  (z) => ({ ...chainFields(z), samplerKl: samplerKlField(z) }),
  {
    summary: 'PCD: negatives are persistent chains in a replay buffer, a share of which restarts.',
    source: 'Tieleman 2008; restarts: Du and Mordatch 2019.',
    check: (options, fail) => checkChains(options, fail),
  },
).options<PersistentContrastiveDivergenceOptions>()
