/** Noises: laws with a known density for noise-contrastive objectives. Every factory is pure, validates at once and returns frozen plain JSON. */

export { type DataGaussianOptions, dataGaussian } from './data-gaussian.js'
export { type DataGaussianMixtureOptions, dataGaussianMixture } from './data-gaussian-mixture.js'
export { type FlowOptions, flow } from './flow.js'
export { type GaussianOptions, gaussian } from './gaussian.js'
export { type GaussianMixtureOptions, gaussianMixture } from './gaussian-mixture.js'
export { type KdeOptions, kde } from './kde.js'
export { type UniformOptions, uniform } from './uniform.js'
