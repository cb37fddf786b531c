/** Objectives: what training minimises. Every factory is pure, validates at once and returns frozen plain JSON. */
export {
  type ConditionalNoiseContrastiveOptions,
  conditionalNoiseContrastive,
} from './conditional-noise-contrastive.js'
export { type ContrastiveDivergenceOptions, contrastiveDivergence } from './contrastive-divergence.js'
export { type CrossEntropyOptions, crossEntropy } from './cross-entropy.js'
export { type DenoisingScoreMatchingOptions, denoisingScoreMatching } from './denoising-score-matching.js'
export { type EnergyDiscrepancyOptions, energyDiscrepancy } from './energy-discrepancy.js'
export { type ExplicitScoreMatchingOptions, explicitScoreMatching } from './explicit-score-matching.js'
export { type FDivergenceOptions, fDivergence } from './f-divergence.js'
export { type JointEnergyOptions, jointEnergy } from './joint-energy.js'
export { type LearnedSteinDiscrepancyOptions, learnedSteinDiscrepancy } from './learned-stein-discrepancy.js'
export { type MaximumLikelihoodOptions, maximumLikelihood } from './maximum-likelihood.js'
export { meanSquaredError } from './mean-squared-error.js'
export { minimumProbabilityFlow } from './minimum-probability-flow.js'
export { negativeLogLikelihood } from './negative-log-likelihood.js'
export { type NoiseContrastiveOptions, noiseContrastive } from './noise-contrastive.js'
export {
  type PersistentContrastiveDivergenceOptions,
  persistentContrastiveDivergence,
} from './persistent-contrastive-divergence.js'
export { type PseudoLikelihoodOptions, pseudoLikelihood } from './pseudo-likelihood.js'
export { type PseudoSphericalOptions, pseudoSpherical } from './pseudo-spherical.js'
export { type RankingNoiseContrastiveOptions, rankingNoiseContrastive } from './ranking-noise-contrastive.js'
export { type RatioMatchingOptions, ratioMatching } from './ratio-matching.js'
export { type SlicedScoreMatchingOptions, slicedScoreMatching } from './sliced-score-matching.js'
export { type SteinDiscrepancyOptions, steinDiscrepancy } from './stein-discrepancy.js'
export { type StructuredOptions, structured } from './structured.js'
