/** Microseconds per step of all chains (a sweep of gibbs, a leapfrog step of nuts, a round of the compound ones), one thread. */
import { CHAINS, COLUMNS, columns, contenders, MILLISECONDS } from '../audit/contenders.mjs'
import { samplers } from '../audit/samplers.mjs'

export const name = 'samplers'
export const title = 'One step of every sampler: 256 chains in 2 and 64 columns, 96 in 900; networks are d-64-64-1'
export const unit = 'us'
export const threads = [1]
export const resident = true
export const repeats = 5
export { contenders }

const rowOf = (kind, d) => {
  const options = { columns: d, ...samplers[kind](d), rows: CHAINS[d], by: 'loop', milliseconds: MILLISECONDS }
  return { label: `${kind}, ${columns(options.columns)}`, options }
}
export const rows = Object.keys(samplers).flatMap((kind) => COLUMNS.map((d) => rowOf(kind, d)))
