/** Out-of-distribution detection: detectors, fitted once or for one call, their scores and their evaluation. */
export * as detectors from './detectors.js'
export type { Drift, DriftReport } from './drift.js'
export { type EvaluateOptions, evaluate, type OodReport, scores } from './evaluate.js'
export type { RowExplanation } from './explain.js'
export type { LoadDetectorOptions } from './file.js'
export { type Detector, type FitOptions, fit, load } from './fit.js'
export { type Decisions, type ExplainOptions, FittedDetector } from './fitted.js'
export type { Box, OodRows } from './rows.js'
