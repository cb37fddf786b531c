/** Metrics: of samples, chains, detectors and classifiers. */
export { brier, type CalibrationOptions, ece, nll, type ReliabilityBin, reliability } from './calibration.js'
export { ess, rhat } from './chains.js'
export { type Estimator, energyDistance, mmd, slicedWasserstein, totalVariation } from './distances.js'
export { aupr, auroc, fprAtTpr, type Positive, type RankingOptions } from './ranking.js'
export { type KernelSteinOptions, kernelSteinDiscrepancy } from './stein.js'
export { kolmogorovSmirnov, populationStability, type StabilityOptions, type TwoSampleTest } from './two-sample.js'
