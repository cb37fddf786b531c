/** Optimisers. Every factory is pure, validates at once and returns frozen plain JSON. */
export { adam } from './adam.js'
export { adamw } from './adamw.js'
export { sgd } from './sgd.js'
