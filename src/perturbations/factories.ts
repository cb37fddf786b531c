/** Perturbations: how energy discrepancy moves rows. Every factory is pure, validates at once and returns frozen plain JSON. */

export { type AbsorbingOptions, absorbing } from './absorbing.js'
export { type BernoulliOptions, bernoulli } from './bernoulli.js'
export { type CyclicOptions, cyclic } from './cyclic.js'
export { type GaussianOptions, gaussian } from './gaussian.js'
export { neighbourhood } from './neighbourhood.js'
export { type OrdinalOptions, ordinal } from './ordinal.js'
export { type StructuredOptions, structured } from './structured.js'
export { type UniformOptions, uniform } from './uniform.js'
