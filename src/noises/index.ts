/** Noises: laws with a known density for noise-contrastive objectives. Pure factories of frozen plain JSON. */
import { dataGaussian } from './data-gaussian.js'
import { gaussian } from './gaussian.js'
import { uniform } from './uniform.js'

export const noises = { uniform, gaussian, dataGaussian }
