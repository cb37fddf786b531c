export * as detectors from './detectors.js'
export { type Box, type Detector, type EvaluateOptions, evaluate, type OodReport, scores } from './evaluate.js'
