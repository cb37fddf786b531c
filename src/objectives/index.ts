/** Objectives: what training minimises. Every factory is pure, validates at once and returns frozen plain JSON. */
import { contrastiveDivergence } from './contrastive-divergence.js'
import { crossEntropy } from './cross-entropy.js'
import { denoisingScoreMatching } from './denoising-score-matching.js'
import { maximumLikelihood } from './maximum-likelihood.js'
import { meanSquaredError } from './mean-squared-error.js'
import { minimumProbabilityFlow } from './minimum-probability-flow.js'
import { negativeLogLikelihood } from './negative-log-likelihood.js'
import { noiseContrastive } from './noise-contrastive.js'
import { persistentContrastiveDivergence } from './persistent-contrastive-divergence.js'

export const objectives = {
  maximumLikelihood,
  contrastiveDivergence,
  persistentContrastiveDivergence,
  noiseContrastive,
  denoisingScoreMatching,
  crossEntropy,
  meanSquaredError,
  negativeLogLikelihood,
  minimumProbabilityFlow,
}
