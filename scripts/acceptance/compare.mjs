#!/usr/bin/env node
// The comparison of objectives (npx langevin compare) with its claims checked: dated JSON, the page, and the tables of docs/compare.md.
//
//   node scripts/acceptance/compare.mjs [--seeds count or list] [--steps n] [--data names] [--objectives names] [--out folder] [--docs]
import { mkdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { choices, interruption, note, ProgressBar, report, seedList, wholeNumber } from '../../dist/cli/support.js'
import { versions } from '../../dist/index.js'
import { writeAtomic } from '../../dist/io/files.js'
import {
  compareJson,
  comparePage,
  overall,
  plans,
  runComparison,
  SOURCE_NAMES,
  STEPS,
  textTable,
} from '../../dist/studies/compare/index.js'

const atMost = (limit) => ({ text: `<= ${limit}`, holds: (v) => v <= limit })
const atLeast = (limit) => ({ text: `>= ${limit}`, holds: (v) => v >= limit })

// Means over seeds. What docs/compare.md says of weights: likelihood and NCE see them, scores do not.
const CRITERIA = [
  { objective: 'ml-grid', source: 'unequalModes', metric: 'weightError', ...atMost(0.03) },
  { objective: 'nce', source: 'unequalModes', metric: 'weightError', ...atMost(0.05) },
  { objective: 'score-matching', source: 'unequalModes', metric: 'weightError', ...atLeast(0.1) },
  { objective: 'sliced-score-matching', source: 'unequalModes', metric: 'weightError', ...atLeast(0.1) },
  ...['rings', 'moons', 'eightGaussians', 'pinwheel', 'cosine'].map((source) => ({
    objective: 'nce',
    source,
    metric: 'totalVariation',
    ...atMost(0.25),
  })),
]

const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length

function judge(result) {
  return CRITERIA.flatMap(({ objective, source, metric, text, holds }) => {
    const rows = result.rows.filter((row) => row.objective === objective && row.source === source)
    if (rows.length === 0) return []
    const values = rows.map((row) => row[metric] ?? Number.NaN)
    return [{ objective, source, metric, limit: text, mean: mean(values), passed: holds(mean(values)) }]
  })
}

/** The tables between the marks of docs/compare.md. */
function tables(result, file) {
  const number = (v, digits = 3) => (v === undefined ? '–' : v.toFixed(digits))
  const lines = overall(result)
  const known = plans()
  const first = lines.map(
    ({ objective, rank, totalVariation, kl, weightError, seconds, diverged, runs }) =>
      `| ${known[objective].title} | ${number(rank, 1)} | ${number(totalVariation)} | ${number(kl)} | ${number(weightError?.mean)} | ${number(seconds, 1)} | ${diverged} of ${runs} | ${known[objective].blind} |`,
  )
  const { sources, seeds, steps } = result.options
  const cell = (objective, source) => {
    const values = result.rows
      .filter((row) => row.objective === objective && row.source === source && row.totalVariation !== undefined)
      .map((row) => row.totalVariation)
    return values.length === 0 ? '–' : number(mean(values), 2)
  }
  const second = lines.map(
    ({ objective }) =>
      `| ${known[objective].title} | ${sources.map((source) => cell(objective, source)).join(' | ')} |`,
  )
  return [
    `${seeds.length} seeds, ${steps} steps a run; all numbers in [${file}](../${file}).`,
    '',
    '| objective | mean place | mean TV | mean KL | mode weights off by | s a run | diverged | what it cannot see |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...first,
    '',
    'Total variation to the true density, means over seeds:',
    '',
    `| | ${sources.join(' | ')} |`,
    `| --- |${' --- |'.repeat(sources.length)}`,
    ...second,
  ].join('\n')
}

async function writeDocs(result, file) {
  const path = 'docs/compare.md'
  const text = readFileSync(path, 'utf8')
  const marked = /(<!-- tables -->\n)[\s\S]*?(<!-- end -->)/
  if (!marked.test(text)) throw new Error(`${path} has no marks for the tables`)
  await writeAtomic(path, [text.replace(marked, (_all, start, end) => `${start}${tables(result, file)}\n${end}`)])
  note(`wrote ${path}`)
}

function readOptions() {
  try {
    const text = (value) => ({ type: 'string', default: value })
    const { values } = parseArgs({
      options: {
        seeds: text('3'),
        steps: text(String(STEPS)),
        data: text(SOURCE_NAMES.join(',')),
        objectives: text(Object.keys(plans()).join(',')),
        out: text('scripts/bench/results'),
        docs: { type: 'boolean', default: false },
      },
    })
    return {
      seeds: seedList(values.seeds),
      steps: wholeNumber(1)(values.steps),
      sources: choices(SOURCE_NAMES)(values.data),
      objectives: choices(Object.keys(plans()))(values.objectives),
      out: values.out,
      docs: values.docs,
    }
  } catch (error) {
    note(error.message)
    process.exit(2)
  }
}

async function main() {
  const { out, docs, ...study } = readOptions()
  mkdirSync(out, { recursive: true })
  const bar = new ProgressBar()
  const { signal, interrupted, release } = interruption()
  let result
  try {
    result = await runComparison({
      ...study,
      signal,
      onProgress: ({ done, source, objective, seed }) => bar.update(done, `${source}, ${objective}, seed ${seed}`),
    })
  } finally {
    bar.end()
    release()
  }
  console.log(textTable(result))
  const checks = judge(result)
  for (const { objective, source, metric, limit, mean: value, passed } of checks) {
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${objective} on ${source}: ${metric} ${value.toFixed(4)} ${limit}`)
  }
  const date = new Date().toISOString().slice(0, 10)
  const machine = { node: process.version, processor: cpus()[0]?.model ?? 'unknown', cores: cpus().length }
  const path = join(out, `compare-${date}.json`)
  const kept = { date, machine, torch: versions().torch, checks, ...compareJson(result) }
  await writeAtomic(path, [`${JSON.stringify(kept, null, 1)}\n`])
  mkdirSync('reports', { recursive: true })
  await writeAtomic('reports/compare.html', [comparePage(result, 'node scripts/acceptance/compare.mjs')])
  note(`wrote ${path} and reports/compare.html`)
  if (docs) await writeDocs(result, path)
  const failed = checks.filter(({ passed }) => !passed).length
  console.log(`${checks.length - failed} of ${checks.length} hold, ${result.seconds.toFixed(0)} s`)
  if (interrupted()) process.exitCode = 130
  else if (failed > 0) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  process.exitCode = report(error)
}
