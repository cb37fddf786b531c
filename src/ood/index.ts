/** Out-of-distribution detection: detectors, their scores and their evaluation. */
export * as detectors from './detectors.js'
export { type Box, type Detector, type EvaluateOptions, evaluate, type OodReport, scores } from './evaluate.js'
