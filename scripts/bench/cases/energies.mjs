/** Microseconds of a value and its gradient for a batch of rows: every energy kind in 2, 64 and 900 columns, one thread. */
import { BATCH, COLUMNS, columns, contenders, MILLISECONDS } from '../audit/contenders.mjs'
import { kinds } from '../audit/energies.mjs'

export const name = 'energies'
export const title = 'Gradients of every energy kind: 4,096 rows of 2 columns, 1,024 of 64, 256 of 900'
export const unit = 'us'
export const threads = [1]
export const resident = true
export const repeats = 5
export { contenders }

/** Real columns in a loop of gradient steps; states in calls of `score`, since no such step leaves a state. */
const rowOf = (kind, d) => {
  const subject = kinds[kind](d)
  const by = subject.states === undefined ? 'loop' : 'score'
  const options = { columns: d, ...subject, rows: BATCH[d], by, milliseconds: MILLISECONDS }
  return { label: `${kind}, ${columns(options.columns)}`, options }
}
export const rows = Object.keys(kinds).flatMap((kind) => COLUMNS.map((d) => rowOf(kind, d)))
