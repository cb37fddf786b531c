/** Samplers: Markov kernels with their options. Every factory is pure, validates at once and returns frozen plain JSON. */
import type { BlockwiseStatistics } from './blockwise.js'
import type { NutsStatistics } from './nuts.js'
import type { ParallelTemperingStatistics } from './parallel-tempering.js'

/** What single samplers add to the diagnostics of a run, each declared beside the sampler that tells it. */
export interface SamplerStatistics
  extends Partial<NutsStatistics>,
    Partial<ParallelTemperingStatistics>,
    Partial<BlockwiseStatistics> {}

export * as samplers from './factories.js'
