/** Objectives: what training minimises. Every factory is pure, validates at once and returns frozen plain JSON. */
import { conditionalNoiseContrastive } from './conditional-noise-contrastive.js'
import { contrastiveDivergence } from './contrastive-divergence.js'
import { crossEntropy } from './cross-entropy.js'
import { denoisingScoreMatching } from './denoising-score-matching.js'
import { energyDiscrepancy } from './energy-discrepancy.js'
import { explicitScoreMatching } from './explicit-score-matching.js'
import { fDivergence } from './f-divergence.js'
import { learnedSteinDiscrepancy } from './learned-stein-discrepancy.js'
import { maximumLikelihood } from './maximum-likelihood.js'
import { meanSquaredError } from './mean-squared-error.js'
import { minimumProbabilityFlow } from './minimum-probability-flow.js'
import { negativeLogLikelihood } from './negative-log-likelihood.js'
import { noiseContrastive } from './noise-contrastive.js'
import { persistentContrastiveDivergence } from './persistent-contrastive-divergence.js'
import { pseudoSpherical } from './pseudo-spherical.js'
import { rankingNoiseContrastive } from './ranking-noise-contrastive.js'
import { slicedScoreMatching } from './sliced-score-matching.js'
import { steinDiscrepancy } from './stein-discrepancy.js'
import { structured } from './structured.js'

export const objectives = {
  maximumLikelihood,
  contrastiveDivergence,
  persistentContrastiveDivergence,
  pseudoSpherical,
  fDivergence,
  steinDiscrepancy,
  learnedSteinDiscrepancy,
  noiseContrastive,
  rankingNoiseContrastive,
  conditionalNoiseContrastive,
  explicitScoreMatching,
  slicedScoreMatching,
  denoisingScoreMatching,
  energyDiscrepancy,
  crossEntropy,
  meanSquaredError,
  negativeLogLikelihood,
  structured,
  minimumProbabilityFlow,
}
