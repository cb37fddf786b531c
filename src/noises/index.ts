/** Noises: laws with a known density for noise-contrastive objectives. Pure factories of frozen plain JSON. */
import { dataGaussian } from './data-gaussian.js'
import { dataGaussianMixture } from './data-gaussian-mixture.js'
import { flow } from './flow.js'
import { gaussian } from './gaussian.js'
import { gaussianMixture } from './gaussian-mixture.js'
import { kde } from './kde.js'
import { uniform } from './uniform.js'

export const noises = { uniform, gaussian, dataGaussian, gaussianMixture, dataGaussianMixture, kde, flow }
