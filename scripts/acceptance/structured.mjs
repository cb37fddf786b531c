#!/usr/bin/env node
// The y = x^2 experiment of the tutorial on energy-based learning: ten losses, two architectures, means over seeds against
// their thresholds. A dated JSON file keeps what came out; docs/structured.md shows it.
//
//   node scripts/acceptance/structured.mjs [--seeds count or list] [--out folder]
import { mkdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { interruption, note, ProgressBar, report, seedList } from '../../dist/cli/support.js'
import { versions } from '../../dist/index.js'
import { writeAtomic } from '../../dist/io/files.js'
import { fitParabola, PARABOLA_LOSSES } from '../../dist/studies/parabola.js'

const atMost = (limit) => ({ text: `<= ${limit}`, holds: (v) => v <= limit })
const atLeast = (limit) => ({ text: `>= ${limit}`, holds: (v) => v >= limit })

// Means over seeds. The last two say that the collapse is there: a harness in which every loss works fails.
const CRITERIA = [
  { architecture: 'regression', loss: 'energy', number: 'error', ...atMost(0.03) },
  { architecture: 'implicit', loss: 'squareSquare', number: 'error', ...atMost(0.03) },
  { architecture: 'implicit', loss: 'squareExponential', number: 'error', ...atMost(0.03) },
  { architecture: 'implicit', loss: 'nll', number: 'error', ...atMost(0.08) },
  { architecture: 'implicit', loss: 'energy', number: 'margin', ...atMost(0.1) },
  { architecture: 'implicit', loss: 'energy', number: 'error', ...atLeast(0.08) },
]

const PAIRS = ['regression', 'implicit'].flatMap((architecture) =>
  PARABOLA_LOSSES.map((loss) => ({ architecture, loss })),
)
const NUMBERS = ['error', 'range', 'margin']

const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length
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

function judge(rows) {
  return CRITERIA.flatMap(({ text, holds, number, ...pair }) => {
    const values = matching(rows, pair).map((row) => row[number])
    if (values.length === 0) return []
    return [{ ...pair, number, limit: text, mean: mean(values), values, passed: holds(mean(values)) }]
  })
}

function readOptions() {
  try {
    const options = {
      seeds: { type: 'string', default: '3' },
      out: { type: 'string', default: 'scripts/bench/results' },
    }
    const { values } = parseArgs({ options })
    return { seeds: seedList(values.seeds), out: values.out }
  } catch (error) {
    note(error.message)
    process.exit(2)
  }
}

async function main() {
  const { seeds, out } = readOptions()
  mkdirSync(out, { recursive: true })
  const bar = new ProgressBar()
  const { signal, interrupted, release } = interruption()
  const began = performance.now()
  const rows = []
  try {
    const tasks = seeds.flatMap((seed) => PAIRS.map((pair) => ({ ...pair, seed })))
    for (const [i, { architecture, loss, seed }] of tasks.entries()) {
      bar.update(i / tasks.length, `${architecture}, ${loss}, seed ${seed}`)
      rows.push(await fitParabola(architecture, loss, { seed, signal }))
    }
  } catch (error) {
    if (!interrupted()) throw error
  } finally {
    bar.end()
    release()
  }
  const checks = judge(rows)
  const table = summary(rows)
  const digits = (v) => v.toFixed(4).padStart(8)
  for (const { architecture, loss, error, range, margin, worstError } of table) {
    console.log(
      `${architecture.padEnd(11)} ${loss.padEnd(18)} error ${digits(error)} (worst ${digits(worstError)})  ` +
        `range ${digits(range)}  margin ${digits(margin)}`,
    )
  }
  for (const { architecture, loss, number, limit, mean: value, passed } of checks) {
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${architecture}, ${loss}: ${number} ${value.toFixed(4)} ${limit}`)
  }
  const date = new Date().toISOString().slice(0, 10)
  const machine = { node: process.version, processor: cpus()[0]?.model ?? 'unknown', cores: cpus().length }
  const kept = { date, machine, torch: versions().torch, seeds, checks, table, rows }
  const path = join(out, `structured-${date}.json`)
  await writeAtomic(path, [`${JSON.stringify(kept, null, 1)}\n`])
  const failed = checks.filter(({ passed }) => !passed).length
  note(`wrote ${path}`)
  console.log(
    `${checks.length - failed} of ${checks.length} hold, ${((performance.now() - began) / 1000).toFixed(0)} s`,
  )
  if (interrupted()) process.exitCode = 130
  else if (failed > 0) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  process.exitCode = report(error)
}
