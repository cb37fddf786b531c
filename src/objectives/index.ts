/** Objectives: what training minimises. Every factory is pure, validates at once and returns frozen plain JSON. */
export * as objectives from './factories.js'
