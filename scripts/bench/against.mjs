#!/usr/bin/env node
// Two checkouts of langevin against each other: the benchmark runs in turns in the older and in this one, both built, and
// each row tells the ratio of their times. A row counts as slower when even the lower quartile of its ratios says so.
//
//   node scripts/bench/against.mjs OLDER [--rounds 7] [--out FILE] [-- options of npm run bench]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { commandLine } from '../setup/arguments.mjs'
import { commit, machine } from './lib/machine.mjs'
import { root } from './lib/peers.mjs'

/** A ratio above this in three of four rounds is a slower row. */
const SLOWER = 1.02

const rest = process.argv.indexOf('--')
const own = rest < 0 ? process.argv.slice(2) : process.argv.slice(2, rest)
const options = rest < 0 ? [] : process.argv.slice(rest + 1)
const { values, positionals } = commandLine(import.meta.url, {
  args: own,
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '7' }, out: { type: 'string' } },
})
const rounds = Number(values.rounds)
if (positionals.length !== 1 || !(rounds >= 1)) {
  console.error('usage: node scripts/bench/against.mjs OLDER [--rounds 7] [--out FILE] [-- options of npm run bench]')
  process.exit(1)
}
const older = resolve(positionals[0])
const folder = mkdtempSync(join(tmpdir(), 'langevin-against-'))

/** Medians of one run of the benchmark, by row. */
function measure(checkout) {
  const out = join(folder, 'run.json')
  const args = ['scripts/bench.mjs', ...options, '--peer', 'langevin', '--processes', '1', '--force', '--out', out]
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: checkout, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${checkout}: ${stderr}`)
  const { cases } = JSON.parse(readFileSync(out, 'utf8'))
  return new Map(
    cases.flatMap(({ name, rows }) =>
      rows.flatMap(({ label, threads, contenders }) =>
        contenders.map((c) => [[name, label, `${threads ?? 'all'} threads`, c.name].join(' | '), c.median]),
      ),
    ),
  )
}

const quantile = (sorted, q) => sorted[Math.round(q * (sorted.length - 1))]

function rowsOf(pairs) {
  return [...pairs[0].newer.keys()].map((row) => {
    const ratios = pairs.map((pair) => pair.newer.get(row) / pair.older.get(row)).sort((a, b) => a - b)
    const [lower, median, upper] = [0.25, 0.5, 0.75].map((q) => Number(quantile(ratios, q).toFixed(4)))
    return { row, median, quartiles: [lower, upper], slower: lower > SLOWER }
  })
}

const load = { before: loadavg() }
const pairs = []
for (let round = 0; round < rounds; ++round) {
  // Which one goes first changes with the round: neither always has the warmer machine.
  const first = round % 2 === 0
  const a = measure(first ? older : root)
  const b = measure(first ? root : older)
  pairs.push(first ? { older: a, newer: b } : { older: b, newer: a })
  console.error(`round ${round + 1} of ${rounds}`)
}
rmSync(folder, { recursive: true })
load.after = loadavg()

const rows = rowsOf(pairs)
const geometricMean = Math.exp(rows.reduce((sum, { median }) => sum + Math.log(median), 0) / rows.length)
for (const { row, median, quartiles, slower } of rows)
  console.log(
    `${median.toFixed(3)} [${quartiles.map((q) => q.toFixed(3)).join(', ')}]${slower ? ' slower' : ''}  ${row}`,
  )
console.log(`geometric mean ${geometricMean.toFixed(3)} (time of this checkout / time of the older one)`)
if (values.out) {
  const report = {
    bench: 'langevin against an older checkout',
    date: new Date().toISOString().slice(0, 10),
    commits: { older: commit(older), newer: commit(root) },
    command: `node scripts/bench/against.mjs OLDER --rounds ${rounds} -- ${options.join(' ')}`,
    machine: machine(),
    node: process.version,
    load,
    rounds,
    ratio: 'time of the newer / time of the older, median and quartiles over the rounds',
    geometricMean: Number(geometricMean.toFixed(4)),
    rows,
  }
  writeFileSync(values.out, `${JSON.stringify(report, null, 1)}\n`)
}
