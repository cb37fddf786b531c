/** Calibrators: maps of logits to probabilities, fitted to labelled rows and saved with their model. */
export { Calibrator } from './calibrator.js'
export * as calibrators from './factories.js'
