/** Inference: how infer() looks for the y of lowest energy. Every factory is pure, validates at once and returns frozen plain JSON. */
export { coordinateSearch } from './coordinate-search.js'
export { derivativeFree } from './derivative-free.js'
export { exhaustive } from './exhaustive.js'
export { gradientDescent } from './gradient-descent.js'
export { langevin } from './langevin.js'
