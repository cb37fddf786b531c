#!/usr/bin/env node
// npm run acceptance: the spandrel study with five seeds against its thresholds; a dated JSON file keeps what came out.
//
//   node scripts/acceptance.mjs [--seeds count or list] [--shape names] [--models names] [--out folder]
import { mkdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { choices, interruption, note, ProgressBar, report, seedList } from '../dist/cli/support.js'
import { SHAPES } from '../dist/data/spandrel.js'
import { writeAtomic } from '../dist/io/files.js'
import { writeReport } from '../dist/studies/report.js'
import { MODELS, runSpandrelStudy } from '../dist/studies/spandrel/index.js'

const atMost = (limit) => ({ text: `<= ${limit}`, holds: (v) => v <= limit })
const atLeast = (limit) => ({ text: `>= ${limit}`, holds: (v) => v >= limit })

// Means over seeds. The MLP's are there so that a harness which flatters every model fails too. The classifier and the
// MDN have no threshold: their numbers are reported.
const CRITERIA = [
  ...SHAPES.flatMap((shape) => [
    { shape, model: 'ebm-nce', metric: 'spandrelMass', ...atMost(0.02) },
    { shape, model: 'ebm-nce', metric: 'fpr95', ...atMost(0.01) },
    { shape, model: 'ebm-nce', metric: 'nearFpr95', ...atMost(0.02) },
    { shape, model: 'ebm-nce', metric: 'totalVariation', ...atMost(0.25) },
    { shape, model: 'ebm-pcd', metric: 'totalVariation', ...atMost(0.35) },
    { shape, model: 'mlp', metric: 'spandrelMass', ...atLeast(0.2) },
  ]),
  { shape: 'step', model: 'ebm-nce', metric: 'bridgeMass', ...atMost(0.002) },
  { shape: 'step', model: 'ebm-nce', metric: 'gapRatio', ...atMost(0.05) },
  { shape: 'step', model: 'mlp', metric: 'bridgeMass', ...atLeast(0.01) },
]

function judge(result) {
  return CRITERIA.flatMap(({ shape, model, metric, text, holds }) => {
    const values = result.rows.filter((row) => row.shape === shape && row.model === model).map((row) => row[metric])
    if (values.length === 0) return []
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length
    const worst = text.startsWith('<') ? Math.max(...values) : Math.min(...values)
    return [{ shape, model, metric, limit: text, mean, worst, seeds: values.length, passed: holds(mean) }]
  })
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: 'string', default: '5' },
        shape: { type: 'string', default: SHAPES.join(',') },
        models: { type: 'string', default: MODELS.join(',') },
        out: { type: 'string', default: 'scripts/bench/results' },
      },
    })
    return {
      seeds: seedList(values.seeds),
      shapes: choices(SHAPES)(values.shape),
      models: choices(MODELS)(values.models),
      out: values.out,
    }
  } catch (error) {
    note(error.message)
    process.exit(2)
  }
}

async function main() {
  const { out, ...study } = readOptions()
  mkdirSync(out, { recursive: true })
  const bar = new ProgressBar()
  const { signal, interrupted, release } = interruption()
  let result
  try {
    result = await runSpandrelStudy({
      ...study,
      signal,
      onProgress: ({ done, shape, model, seed }) => bar.update(done, `${shape}, ${model}, seed ${seed}`),
    })
  } finally {
    bar.end()
    release()
  }
  const checks = judge(result)
  for (const { shape, model, metric, limit, mean, worst, passed } of checks) {
    const name = `${shape.padEnd(17)} ${model.padEnd(9)} ${metric.padEnd(15)}`
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${name} mean ${mean.toFixed(4)}  worst ${worst.toFixed(4)}  ${limit}`)
  }
  const date = new Date().toISOString().slice(0, 10)
  const { rows, truth, options, seconds } = result
  const machine = { node: process.version, processor: cpus()[0]?.model ?? 'unknown', cores: cpus().length }
  const kept = { date, machine, seconds, options, checks, truth, rows }
  const path = join(out, `spandrel-${date}.json`)
  await writeAtomic(path, [`${JSON.stringify(kept, null, 1)}\n`])
  mkdirSync('reports', { recursive: true })
  await writeReport('reports', 'spandrel', { spandrel: result }, 'npm run acceptance')
  note(`wrote ${path} and reports/spandrel.html`)
  const failed = checks.filter(({ passed }) => !passed).length
  console.log(`${checks.length - failed} of ${checks.length} hold, ${seconds.toFixed(0)} s`)
  if (interrupted()) process.exitCode = 130
  else if (failed > 0) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  process.exitCode = report(error)
}
