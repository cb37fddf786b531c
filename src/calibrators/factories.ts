/** Calibrators: maps of logits to probabilities. Every factory is pure and returns frozen plain JSON. */
export { isotonic } from './isotonic.js'
export { platt } from './platt.js'
export { temperature } from './temperature.js'
export { vectorScaling } from './vector-scaling.js'
