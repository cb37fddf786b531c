/** Inference: how infer() looks for the y of lowest energy. Every factory is pure, validates at once and returns frozen plain JSON. */
export { type CoordinateSearchOptions, coordinateSearch } from './coordinate-search.js'
export { type DerivativeFreeOptions, derivativeFree } from './derivative-free.js'
export { type ExhaustiveOptions, exhaustive } from './exhaustive.js'
export { type GradientDescentOptions, gradientDescent } from './gradient-descent.js'
export { type LangevinOptions, langevin } from './langevin.js'
