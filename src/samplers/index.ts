/** Samplers: Markov kernels with their options. Every factory is pure, validates at once and returns frozen plain JSON. */
import { annealedLangevin } from './annealed-langevin.js'
import { blockwise } from './blockwise.js'
import { discreteLangevin } from './discrete-langevin.js'
import { gibbs } from './gibbs.js'
import { gibbsWithGradients } from './gibbs-with-gradients.js'
import { hmc } from './hmc.js'
import { langevin } from './langevin.js'
import { mala } from './mala.js'
import { nuts } from './nuts.js'
import { parallelTempering } from './parallel-tempering.js'
import { underdampedLangevin } from './underdamped-langevin.js'

export const samplers = {
  langevin,
  mala,
  hmc,
  underdampedLangevin,
  annealedLangevin,
  parallelTempering,
  nuts,
  gibbs,
  gibbsWithGradients,
  discreteLangevin,
  blockwise,
}
