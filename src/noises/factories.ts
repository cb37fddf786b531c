/** Noises: laws with a known density for noise-contrastive objectives. Every factory is pure, validates at once and returns frozen plain JSON. */

export { dataGaussian } from './data-gaussian.js'
export { dataGaussianMixture } from './data-gaussian-mixture.js'
export { flow } from './flow.js'
export { gaussian } from './gaussian.js'
export { gaussianMixture } from './gaussian-mixture.js'
export { kde } from './kde.js'
export { uniform } from './uniform.js'
