/** Samplers: Markov kernels with their options. Every factory is pure, validates at once and returns frozen plain JSON. */
import { annealedLangevin } from './annealed-langevin.js'
import { type BlockwiseStatistics, blockwise } from './blockwise.js'
import { discreteLangevin } from './discrete-langevin.js'
import { gibbs } from './gibbs.js'
import { gibbsWithGradients } from './gibbs-with-gradients.js'
import { hmc } from './hmc.js'
import { langevin } from './langevin.js'
import { mala } from './mala.js'
import { type NutsStatistics, nuts } from './nuts.js'
import { type ParallelTemperingStatistics, parallelTempering } from './parallel-tempering.js'
import { underdampedLangevin } from './underdamped-langevin.js'

/** What single samplers add to the diagnostics of a run, each declared beside the sampler that tells it. */
export interface SamplerStatistics
  extends Partial<NutsStatistics>,
    Partial<ParallelTemperingStatistics>,
    Partial<BlockwiseStatistics> {}

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
