#!/usr/bin/env node
// The y = x^2 experiment of the tutorial on energy-based learning: ten losses, two architectures, means over seeds against
// their thresholds. A dated JSON file keeps what came out; docs/structured.md shows it.
//
//   node scripts/acceptance/structured.mjs [--seeds count or list] [--out folder]
import { parseArgs } from 'node:util'
import { seedList } from '../../dist/cli/support.js'
import { fitParabola, PARABOLA_LOSSES } from '../../dist/studies/parabola.js'
import { atLeast, atMost, judge, keep, main, mean, optionsOrExit, RESULTS, tell, watched } from './lib/verdicts.mjs'

// Means over seeds. The last two say that the collapse is there: a harness in which every loss works fails.
const CRITERIA = [
  { where: { architecture: 'regression', loss: 'energy' }, metric: 'error', ...atMost(0.03) },
  { where: { architecture: 'implicit', loss: 'squareSquare' }, metric: 'error', ...atMost(0.03) },
  { where: { architecture: 'implicit', loss: 'squareExponential' }, metric: 'error', ...atMost(0.03) },
  { where: { architecture: 'implicit', loss: 'nll' }, metric: 'error', ...atMost(0.08) },
  { where: { architecture: 'implicit', loss: 'energy' }, metric: 'margin', ...atMost(0.1) },
  { where: { architecture: 'implicit', loss: 'energy' }, metric: 'error', ...atLeast(0.08) },
]

const PAIRS = ['regression', 'implicit'].flatMap((architecture) =>
  PARABOLA_LOSSES.map((loss) => ({ architecture, loss })),
)
const NUMBERS = ['error', 'range', 'margin']

const matching = (rows, { architecture, loss }) =>
  rows.filter((row) => row.architecture === architecture && row.loss === loss)

function summary(rows) {
  return PAIRS.flatMap((pair) => {
    const those = matching(rows, pair)
    if (those.length === 0) return []
    const numbers = NUMBERS.map((key) => [key, mean(those.map((row) => row[key]))])
    return [{ ...pair, ...Object.fromEntries(numbers), worstError: Math.max(...those.map((row) => row.error)) }]
  })
}

function readOptions() {
  const { values } = parseArgs({
    options: { seeds: { type: 'string', default: '3' }, out: { type: 'string', default: RESULTS } },
  })
  return { seeds: seedList(values.seeds), out: values.out }
}

function printTable(table) {
  const digits = (v) => v.toFixed(4).padStart(8)
  for (const { architecture, loss, error, range, margin, worstError } of table) {
    console.log(
      `${architecture.padEnd(11)} ${loss.padEnd(18)} error ${digits(error)} (worst ${digits(worstError)})  ` +
        `range ${digits(range)}  margin ${digits(margin)}`,
    )
  }
}

await main(async () => {
  const { seeds, out } = optionsOrExit(readOptions)
  const tasks = seeds.flatMap((seed) => PAIRS.map((pair) => ({ ...pair, seed })))
  const { result: rows, interrupted } = await watched(({ each, signal, bar }) =>
    each(tasks, ({ architecture, loss, seed }, i) => {
      bar.update(i / tasks.length, `${architecture}, ${loss}, seed ${seed}`)
      return fitParabola(architecture, loss, { seed, signal })
    }),
  )
  const table = summary(rows)
  printTable(table)
  const checks = judge(CRITERIA, rows)
  await keep(out, 'structured', { seeds, checks, table, rows })
  return { failed: tell(checks), interrupted }
})
