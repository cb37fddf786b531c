/** Microseconds of the gradients for a batch of rows: every energy kind in 2, 64 and 900 columns, one thread. */
import { BATCH, contenders, rowsOf } from '../audit/contenders.mjs'
import { kinds } from '../audit/energies.mjs'

export const name = 'energies'
export const title = 'Gradients of every energy kind: 4,096 rows of 2 columns, 1,024 of 64, 256 of 900'
export const unit = 'us'
export const threads = [1]
export const resident = true
export const repeats = 5
export { contenders }

/** Real columns in a loop of gradient steps; states in calls of `score`, since no such step leaves a state. */
export const rows = rowsOf(kinds, BATCH, ({ states }) => (states === undefined ? 'loop' : 'score'))
