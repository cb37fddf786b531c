/** Microseconds per step of all chains (a sweep of gibbs, a leapfrog step of nuts, a round of the compound ones), one thread. */
import { CHAINS, contenders, rowsOf } from '../audit/contenders.mjs'
import { samplers } from '../audit/samplers.mjs'

export const name = 'samplers'
export const title = 'One step of every sampler: 256 chains in 2 and 64 columns, 96 in 900; networks are d-64-64-1'
export const unit = 'us'
export const threads = [1]
export const resident = true
export const repeats = 5
export { contenders }

export const rows = rowsOf(samplers, CHAINS, () => 'loop')
