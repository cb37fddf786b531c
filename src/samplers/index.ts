/** Samplers: Markov kernels with their options. Every factory is pure, validates at once and returns frozen plain JSON. */
import { discreteLangevin } from './discrete-langevin.js'
import { gibbs } from './gibbs.js'
import { gibbsWithGradients } from './gibbs-with-gradients.js'
import { hmc } from './hmc.js'
import { langevin } from './langevin.js'
import { mala } from './mala.js'
import { underdampedLangevin } from './underdamped-langevin.js'

export const samplers = { langevin, mala, hmc, underdampedLangevin, gibbs, gibbsWithGradients, discreteLangevin }
