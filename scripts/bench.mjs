#!/usr/bin/env node
// Benchmarks: one case a file in scripts/bench/cases; every trial of every contender in a child process, interleaved, medians with
// spread. The figures that count are ratios measured side by side; absolute times belong to the machine and its load.
//
//   npm run bench -- [--case NAME[,NAME]] [--repeats 7] [--out FILE] [--force]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'scripts/bench/cases')
const { values } = parseArgs({
  options: {
    case: { type: 'string' },
    repeats: { type: 'string', default: '7' },
    out: { type: 'string' },
    force: { type: 'boolean', default: false },
  },
})
const repeats = Number(values.repeats)

const own = join(process.env.LANGEVIN_HOME ?? join(root, '.langevin'), 'venv', 'bin', 'python')
const python = existsSync(own) ? own : 'python3'

const load = loadavg()[0]
if (load > cpus().length * 0.5 && !values.force) {
  console.error(`the machine is busy (load ${load.toFixed(1)} on ${cpus().length} cores): wait, or say --force`)
  process.exit(1)
}

function available({ needs }) {
  return needs === undefined || spawnSync(python, ['-c', `import ${needs}`]).status === 0
}

function trial(contender, options) {
  const command = contender.command === 'python' ? python : process.execPath
  const threads = String(options.threads ?? 1)
  const result = spawnSync(command, [join(root, contender.script), JSON.stringify(options)], {
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: threads, MKL_NUM_THREADS: threads },
  })
  if (result.status !== 0) throw new Error(`${contender.name} failed:\n${result.stderr}`)
  return JSON.parse(result.stdout.trim().split('\n').at(-1))
}

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]

const wanted = values.case?.split(',')
const names = readdirSync(folder).filter((n) => n.endsWith('.mjs'))
const results = []
for (const file of names) {
  const bench = await import(join(folder, file))
  if (wanted && !wanted.includes(bench.name)) continue
  const contenders = bench.contenders.filter((c) => {
    const there = available(c)
    if (!there) console.error(`${c.name} is not installed: left out`)
    return there
  })
  for (const { label, options } of bench.trials) {
    const runs = contenders.map(() => [])
    for (let r = 0; r < repeats; r++) for (const [i, c] of contenders.entries()) runs[i].push(trial(c, options))
    const rows = contenders.map((c, i) => {
      const figures = runs[i].map(c.figure)
      const also = Object.fromEntries((c.also ?? []).map((key) => [key, runs[i].at(-1)[key]]))
      return {
        contender: c.name,
        median: median(figures),
        lowest: Math.min(...figures),
        highest: Math.max(...figures),
        ...also,
      }
    })
    const [ours] = rows
    for (const row of rows) row.ratioToLangevin = row.median / ours.median
    results.push({ case: bench.name, unit: bench.unit, label, rows })
    const text = rows
      .map((r) => `${r.contender} ${r.median.toPrecision(4)} (${r.ratioToLangevin.toFixed(2)}x)`)
      .join('   ')
    console.log(`${bench.name}: ${label}: ${text} ${bench.unit}`)
    for (const key of contenders[0].also ?? []) console.log(`    ${key} ${rows[0][key]}`)
  }
}

const { versions } = await import('../dist/index.js')
const report = {
  date: new Date().toISOString().slice(0, 10),
  command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim(),
  machine: { cpu: cpus()[0].model, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) },
  load: { before: load, after: loadavg()[0] },
  versions: { node: process.version, libtorch: versions().libtorch, langevin: versions().langevin },
  repeats,
  results,
}
const out = values.out ?? join(root, 'scripts/bench/results', `bench-${report.date}.json`)
mkdirSync(dirname(out), { recursive: true })
writeFileSync(`${out}.new`, `${JSON.stringify(report, null, 2)}\n`)
renameSync(`${out}.new`, out)
console.error(`wrote ${out}`)
