import { defineSpec, specOf } from '../spec.js'
import { bufferField, checkBuffer } from './fields.js'

/**
 * Persistent contrastive divergence: negatives are chains that live on in a replay buffer from step to step;
 * loss = mean E(x) - mean E(x-). Each step draws `chains` of them without replacement (default: the batch size),
 * restarts a share, and runs `sampler.steps` steps.
 *
 * `buffer`: { size: 10000, reinit: 0.05, reinitFrom: 'uniform' | 'normal' | 'data' | shares,
 * reinitAccept: 'always' | 'metropolis', blur: 0, box, strategy: 'chains' | 'reservoir' | 'classBlocks', temper }.
 */
export const persistentContrastiveDivergence = defineSpec(
  'objective',
  'persistentContrastiveDivergence',
  (z) => ({ sampler: specOf(z, 'sampler'), buffer: bufferField(z), chains: z.int().positive().optional() }),
  {
    summary: 'PCD: negatives are persistent chains in a replay buffer, a share of which restarts.',
    source: 'Tieleman 2008; restarts: Du and Mordatch 2019.',
    check: (options, fail) => {
      checkBuffer(options, fail)
      if (options.chains !== undefined && options.chains > options.buffer.size) {
        fail('chains', `a buffer of ${options.buffer.size} chains cannot give ${options.chains} a step`)
      }
    },
  },
)
