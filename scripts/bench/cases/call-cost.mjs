/** Microseconds of a call: of sample() beyond its steps, and of one row's energy and score, asynchronous and at once. */
import { contenders as all, MILLISECONDS } from '../audit/contenders.mjs'

export const name = 'call-cost'
export const title = 'One call: sample() beyond its steps, and the energy or score of one row of 2-64-64-1'
export const unit = 'us'
export const threads = [1]
export const resident = true
export const repeats = 7

const energy = { kind: 'mlp', input: 2, hidden: [64, 64] }
const row = (label, by, rows, more) => ({
  label,
  options: { energy, columns: 2, rows, by, milliseconds: MILLISECONDS, ...more },
})
const langevin = { kind: 'langevin', stepSize: 0.01 }
const sampling = (label, diagnostics) =>
  row(`sample(), 128 chains, ${label}`, 'sample', 128, { sampler: langevin, steps: 100, diagnostics })

export const rows = [
  sampling('bare', false),
  sampling('default diagnostics', true),
  row('energy() of one row', 'energy', 1),
  row('energySync() of one row', 'energySync', 1),
  row('score() of one row', 'score', 1),
  row('scoreSync() of one row', 'scoreSync', 1),
]
/** A call of sample() beyond its steps has no twin: a jitted loop keeps nothing and checks nothing. */
export const contenders = all.map((each) => ({
  ...each,
  also: [],
  for: ({ options }) => each.peer === 'langevin' || options.by !== 'sample',
}))
