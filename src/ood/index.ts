/** Out-of-distribution detection: detectors, fitted once or for one call, their scores and their evaluation. */
export * as detectors from './detectors.js'
export { type EvaluateOptions, evaluate, type OodReport, scores } from './evaluate.js'
export type { LoadDetectorOptions } from './file.js'
export { type Detector, type FitOptions, fit, load } from './fit.js'
export { FittedDetector } from './fitted.js'
export type { Box, OodRows } from './rows.js'
