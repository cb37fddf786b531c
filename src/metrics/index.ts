/** Metrics: of samples, chains, detectors and classifiers. */
export {
  type BinOptions,
  brier,
  type CalibrationOptions,
  classwiseEce,
  ece,
  mce,
  nll,
  type ReliabilityBin,
  reliability,
} from './calibration.js'
export { ess, rhat } from './chains.js'
export { type Estimator, energyDistance, mmd, slicedWasserstein, totalVariation } from './distances.js'
export {
  type AurocComparison,
  aupr,
  auroc,
  compareAuroc,
  fprAtTpr,
  type Positive,
  type RankingOptions,
} from './ranking.js'
export { type KernelSteinOptions, kernelSteinDiscrepancy } from './stein.js'
export { kolmogorovSmirnov, populationStability, type StabilityOptions, type TwoSampleTest } from './two-sample.js'
