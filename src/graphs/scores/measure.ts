/** How much several answers for a node disagree. */
import type { Z } from '../../spec/index.js'

/** Options of scores of several answers. */
export interface MeasureOptions {
  /**
   * 'mutualInformation': the entropy of the mean probabilities minus the mean entropy, which is how much the answers disagree;
   * 'predictiveEntropy': the entropy of the mean probabilities; 'expectedEntropy': the mean of the entropies. In nats.
   * Default 'mutualInformation'.
   */
  measure?: 'mutualInformation' | 'predictiveEntropy' | 'expectedEntropy' | undefined
}

export const measureField = (z: Z) => ({
  measure: z.enum(['mutualInformation', 'predictiveEntropy', 'expectedEntropy']).default('mutualInformation'),
})
