/** Optimisers. Every factory is pure, validates at once and returns frozen plain JSON. */
export { type AdamOptions, adam } from './adam.js'
export { type AdamwOptions, adamw } from './adamw.js'
export { type SgdOptions, sgd } from './sgd.js'
