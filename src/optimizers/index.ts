/** Optimisers. Every factory is pure, validates at once and returns frozen plain JSON. */
export * as optimizers from './factories.js'
