#!/usr/bin/env node
// What jointEnergy learns of a distribution that is known: three Gaussian classes in the plane. The same network trained by
// cross-entropy alone, by jointEnergy with proper Langevin chains, with averaged weights and step sizes that fall, with the published
// sampler, and by the exact likelihood on a grid; how far p(x) and p(y | x) are from the truth, and what the energies and the
// probabilities say of the far region (scripts/bench/lib/mixture.mjs).
//
//   node scripts/bench/joint-energy.mjs [--seeds 3] [--steps 3000] [--out FILE]
//
// Writes a dated JSON file, prints a line per run, and exits 1 where a bound of judge() is not met. Needs dist/ (npm run build:ts).
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { settings, trained } from './lib/mixture.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

/** Bounds that were fixed before the runs: [setting, what is looked at, bound, whether it is an upper one, over the seeds]. */
const BOUNDS = [
  ['cross-entropy', 'density', 0.9, 'least', Math.min],
  ['cross-entropy', 'classes', 0.01, 'most', Math.max],
  ['proper', 'density', 0.4, 'most', (...values) => median(values)],
  ['proper', 'density', 0.5, 'most', Math.max],
  ['proper', 'classes', 0.01, 'most', Math.max],
  ['proper', 'fpr95', 0.01, 'most', Math.max],
  ['published', 'density', 0.6, 'least', Math.min],
  ['grid likelihood', 'density', 0.05, 'most', Math.max],
  ['grid likelihood', 'classes', 0.01, 'most', Math.max],
]

/** Each bound with what was measured, and whether all are met; the stretch goal is told and does not count. */
export function judge(rows) {
  const of = (name, key) => rows.filter((row) => row.setting === name).map((row) => row[key])
  const bounds = BOUNDS.map(([setting, key, bound, side, over]) => {
    const value = over(...of(setting, key))
    return { setting, key, side, bound, value, met: side === 'most' ? value <= bound : value >= bound }
  })
  const stretch = {
    setting: 'proper, averaged',
    key: 'density',
    bound: 0.15,
    value: median(of('proper, averaged', 'density')),
  }
  return { bounds, met: bounds.every(({ met }) => met), stretch: { ...stretch, met: stretch.value <= stretch.bound } }
}

async function main() {
  const options = { seeds: { default: '3' }, steps: { default: '3000' }, only: {}, out: {} }
  for (const each of Object.values(options)) each.type = 'string'
  const { values } = parseArgs({ options })
  const L = await import(join(root, 'dist/index.js'))
  const steps = Number(values.steps)
  const rows = []
  for (const setting of Object.keys(settings(L, steps))) {
    if (values.only !== undefined && !values.only.split(',').includes(setting)) continue
    for (let seed = 0; seed < Number(values.seeds); seed++) {
      const started = performance.now()
      const found = await trained(L, setting, seed, steps)
      const row = { setting, seed, ...found, seconds: (performance.now() - started) / 1000 }
      rows.push(row)
      console.log(JSON.stringify(row))
    }
  }
  if (values.only !== undefined) return
  const verdict = judge(rows)
  const date = new Date().toISOString().slice(0, 10)
  const machine = { cpu: cpus()[0].model, threads: cpus().length, memory: totalmem() }
  const out = values.out ?? join(root, `scripts/bench/results/joint-energy-${date}.json`)
  writeFileSync(out, `${JSON.stringify({ date, machine, settings: settings(L, steps), rows, verdict })}\n`)
  for (const bound of verdict.bounds) console.log(JSON.stringify(bound))
  console.log(JSON.stringify(verdict.stretch))
  console.log(verdict.met ? 'all bounds are met' : 'some bounds are not met')
  process.exitCode = verdict.met ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
