/** Perturbations: how energy discrepancy moves rows. Pure factories of frozen plain JSON. */
export * as perturbations from './factories.js'
