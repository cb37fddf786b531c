#!/usr/bin/env node
// Benchmarks: one case a file in scripts/bench/cases; every contender in child processes of its own, pinned to as many cores as
// it has threads, measured in turns; medians with spread. What counts are ratios measured side by side; absolute times belong
// to the machine and its load. docs/performance.md says what is measured and how.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { compareText } from './bench/lib/compare.mjs'
import { shareOfPeak } from './bench/lib/flop.mjs'
import { commit, cores, foreignNow, machine } from './bench/lib/machine.mjs'
import { measureRow } from './bench/lib/measure.mjs'
import { higher, peakMeter } from './bench/lib/peak.mjs'
import { findPeers, root } from './bench/lib/peers.mjs'
import { problems, SCHEMA } from './bench/lib/schema.mjs'

/** More cores than this at work for others, and absolute figures mean little. */
const BUSY = 0.2

const HELP = `usage: npm run bench -- [--case NAME,NAME] [--row TEXT[|TEXT]] [--peer NAME,NAME] [--threads 1,2] [--repeats 7]
                      [--processes 2] [--scale 1] [--torchebm PATH] [--out FILE] [--force] [--list]
       npm run bench -- --compare OLD [NEW]   ratios to peers of two result files; without NEW: runs first, then compares
       npm run bench -- --table FILE[,FILE]   writes the tables and charts of docs/performance.md, runs nothing

--row takes the rows whose label has one of the texts in it, --scale shortens the runs (0.3: three tenths of the steps),
--force measures beside other work on the machine, --list names the cases and their rows.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    case: { type: 'string' },
    row: { type: 'string' },
    peer: { type: 'string' },
    threads: { type: 'string' },
    repeats: { type: 'string', default: '7' },
    processes: { type: 'string', default: '2' },
    scale: { type: 'string', default: '1' },
    torchebm: { type: 'string' },
    out: { type: 'string' },
    compare: { type: 'string' },
    table: { type: 'string' },
    force: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

const number = (key) => {
  const value = Number(values[key])
  if (!(value > 0)) throw new Error(`--${key} must be a number above 0, got ${values[key]}`)
  return value
}
const reading = (path) => JSON.parse(readFileSync(path, 'utf8'))
const note = (text) => console.error(text)

async function cases() {
  const folder = join(root, 'scripts/bench/cases')
  const files = readdirSync(folder).filter((name) => name.endsWith('.mjs'))
  const all = await Promise.all(files.sort().map((file) => import(join(folder, file))))
  const names = values.case?.split(',') ?? all.map(({ name }) => name)
  const unknown = names.find((name) => !all.some((each) => each.name === name))
  if (unknown !== undefined)
    throw new Error(`unknown case '${unknown}'; known: ${all.map(({ name }) => name).join(', ')}`)
  return all.filter(({ name }) => names.includes(name))
}

const wantedRow = ({ label }) => values.row === undefined || values.row.split('|').some((text) => label.includes(text))

/** Thread counts of a case on this machine; undefined once for cases that use the machine as a whole. */
function threadsOf(bench) {
  const wanted = values.threads?.split(',').map(Number)
  const fits = (bench.threads ?? [undefined]).filter((n) => n === undefined || n <= cores().length)
  return wanted === undefined ? fits : fits.filter((n) => n === undefined || wanted.includes(n))
}

function printRow(bench, result) {
  const at = result.threads === undefined ? '' : `, ${result.threads} thread${result.threads > 1 ? 's' : ''}`
  console.log(`${bench.name}: ${result.label}${at}`)
  for (const c of result.contenders) {
    const figures = [
      c.name.padEnd(20),
      `${c.median.toPrecision(4)} ${bench.unit} [${c.lowest.toPrecision(4)}, ${c.highest.toPrecision(4)}]`.padEnd(38),
      c.ratio === undefined ? '' : `${c.ratio.toFixed(2)}x`,
      c.gflops === undefined ? '' : `${c.gflops.toFixed(0)} GFLOP/s`,
      c.shareOfPeak === undefined ? '' : `${(100 * c.shareOfPeak).toFixed(0)} % of peak`,
      c.disturbed > 0 ? `disturbed ${c.disturbed} of ${c.trials.length}` : '',
    ]
    console.log(`    ${figures.filter(Boolean).join('  ')}`)
    for (const [key, value] of Object.entries(c.also ?? {})) console.log(`        ${key} ${value}`)
  }
}

async function run() {
  const foreign = await foreignNow()
  if (foreign > BUSY && !values.force) {
    note(`the machine is busy (${foreign.toFixed(2)} cores work for others): wait, or say --force`)
    process.exit(1)
  }
  const [repeats, processes, scale] = ['repeats', 'processes', 'scale'].map(number)
  const peers = findPeers({ torchebm: values.torchebm })
  const meter = peakMeter()
  const wanted = values.peer?.split(',')
  const peaks = new Map()
  const report = {
    bench: 'langevin',
    schema: SCHEMA,
    date: new Date().toISOString().slice(0, 10),
    commit: commit(root),
    command: commandOf(process.argv.slice(2)),
    machine: machine(),
    versions: { node: process.version, ...(await ownVersions()), ...peers.versions },
    environment: Object.fromEntries(
      Object.entries(process.env).filter(([key]) => /^LANGEVIN_(ISA|EXECUTOR)$/.test(key)),
    ),
    load: { before: loadavg(), foreign },
    repeats,
    processes,
    scale,
    peaks: [],
    cases: [],
  }
  const told = new Set()
  for (const bench of await cases()) {
    const contenders = bench.contenders.filter((c) => {
      if (wanted !== undefined && c.peer !== 'langevin' && !wanted.includes(c.peer)) return false
      const why = peers.missing(c)
      if (why !== undefined && !told.has(c.peer)) note(`${c.peer} left out: ${why}`)
      told.add(why === undefined ? '' : c.peer)
      return why === undefined
    })
    const { name, title, unit, secondsPerUnit } = bench
    const own = bench.repeats === undefined ? repeats : Math.min(bench.repeats, repeats)
    const entry = { name, title, unit, ...(secondsPerUnit && { secondsPerUnit }), repeats: own, rows: [] }
    for (const threads of threadsOf(bench)) {
      const count = threads ?? 1
      const now = meter(count)
      peaks.set(count, peaks.has(count) ? higher(peaks.get(count), now) : now)
      const context = { repeats: own, processes, scale, peers, ...(bench.resident && { residents: new Map() }) }
      try {
        for (const row of bench.rows.filter(wantedRow)) {
          if (row.threads !== undefined && row.threads !== threads) continue
          const result = await measureRow(bench, row, threads, contenders, context, note)
          addShares(result, peaks.get(count))
          printRow(bench, result)
          entry.rows.push(result)
        }
      } finally {
        await Promise.all([...(context.residents?.values() ?? [])].map((child) => child.end()))
      }
    }
    if (entry.rows.length > 0) report.cases.push(entry)
  }
  for (const [count, peak] of peaks) {
    peaks.set(count, higher(peak, meter(count)))
    report.peaks.push(peaks.get(count))
  }
  for (const row of report.cases.flatMap(({ rows }) => rows)) addShares(row, peaks.get(row.threads ?? 1))
  report.load.after = loadavg()
  return report
}

/** The peak is measured before and after; a share is of the higher one. */
function addShares(row, peak) {
  for (const c of row.contenders) {
    const share = shareOfPeak(c, peak)
    if (share !== undefined) c.shareOfPeak = share
  }
}

async function ownVersions() {
  const { langevin, libtorch } = (await import('../dist/index.js')).versions()
  return { langevin, libtorch }
}

/** The command without the paths of the machine it ran on. */
function commandOf(args) {
  const text = args
    .join(' ')
    .replace(/ ?--(out|compare)[ =]\S+/g, '')
    .replace(/(--torchebm)[ =]\S+/, '$1 PATH')
  return `npm run bench${text === '' ? '' : ` -- ${text.trim()}`}`
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
  note(`wrote ${path}`)
}

async function main() {
  if (values.help) return console.log(HELP)
  if (values.list) {
    for (const { name, title, rows } of await cases())
      console.log([`${name}: ${title}`, ...rows.map((r) => `    ${r.label}`)].join('\n'))
    return
  }
  if (values.table !== undefined) {
    const { documents } = await import('./bench/lib/table.mjs')
    const reports = values.table.split(',').map((path) => ({ file: basename(path), report: reading(path) }))
    for (const [path, text] of documents(reports)) write(join(root, path), text)
    return
  }
  const older = values.compare === undefined ? undefined : reading(values.compare)
  if (older !== undefined && positionals.length > 0) {
    console.log(compareText(older, reading(positionals[0])))
    return
  }
  const report = await run()
  if (report.cases.length === 0) throw new Error('no row matches --case, --row and --threads')
  const wrong = problems(report)
  if (wrong.length > 0) throw new Error(`the result is not what it should be: ${wrong.join('; ')}`)
  write(
    values.out ?? join(root, 'scripts/bench/results', `bench-${report.date}.json`),
    `${JSON.stringify(report, null, 1)}\n`,
  )
  if (older !== undefined) console.log(compareText(older, report))
}

try {
  await main()
} catch (error) {
  note(`bench: ${error.message}`)
  process.exitCode = 1
}
