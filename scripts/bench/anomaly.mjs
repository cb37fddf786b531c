#!/usr/bin/env node
// The acceptance of the anomaly study: every .npz of a folder (the 26 ADBench tables), 5 seeds, at most 50,000 rows.
//
//   node scripts/bench/anomaly.mjs [--data FOLDER] [--seeds 5] [--sets 2_annthyroid,6_cardio] [--out FILE]
//   node scripts/bench/anomaly.mjs --merge PART.json,PART.json     joins runs over different --sets
//   node scripts/bench/anomaly.mjs --docs                          renews the table of docs/anomaly.md, runs nothing
//
// Writes a dated JSON file with machine, load, versions and command, prints the table, and exits 1 when the energy's
// macro-average AUROC falls below the better baseline minus 0.01.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))
const results = join(root, 'scripts/bench/results')
const DOCS = join(root, 'docs/anomaly.md')
const MARKS = ['<!-- results: begin -->', '<!-- results: end -->']
/** How far below the better baseline the energy's macro-average may lie. */
const MARGIN = 0.01

function write(path, text) {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

function tablesIn(folder, wanted) {
  const number = (name) => Number.parseInt(name, 10)
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.npz'))
    .map((name) => basename(name, '.npz'))
    .sort((a, b) => number(a) - number(b))
  const unknown = wanted?.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`there is no ${unknown}.npz in ${folder}`)
  return (wanted ?? names).map((name) => join(folder, `${name}.npz`))
}

/** What the result means: macro-averages, wins, and whether the energy meets its bound. */
function judge(summarise, rows) {
  const lines = summarise(rows)
  const macro = Object.fromEntries(
    lines.filter(({ dataset }) => dataset === undefined).map(({ detector, metrics }) => [detector, metrics.auroc]),
  )
  if (macro.energy === undefined || macro.knn === undefined || macro.mahalanobis === undefined) return { macro }
  const better = Math.max(macro.knn.mean, macro.mahalanobis.mean)
  return {
    macro,
    floor: better - MARGIN,
    met: macro.energy.mean >= better - MARGIN,
    stretch: macro.energy.mean > better,
  }
}

/** The committed numbers as a Markdown table. */
export function markdown(report) {
  const cell = ({ mean, sd }) => `${mean.toFixed(3)} ± ${sd.toFixed(3)}`
  const names = [...new Set(report.summary.map(({ dataset }) => dataset))]
  const of = (dataset, detector) =>
    report.summary.find((line) => line.dataset === dataset && line.detector === detector).metrics
  const body = names.map((dataset) => {
    const auroc = ['energy', 'knn', 'mahalanobis'].map((detector) => of(dataset, detector).auroc)
    const best = Math.max(...auroc.map(({ mean }) => mean))
    const shown = auroc.map((value) => (value.mean === best ? `**${cell(value)}**` : cell(value)))
    const { aupr, fpr95 } = of(dataset, 'energy')
    const table = report.tables.find(({ name }) => name === dataset)
    const sizes = table ? `${table.normals + table.anomalies} | ${table.columns} | ${table.anomalies}` : ' | | '
    return `| ${dataset ?? '**mean of all**'} | ${sizes} | ${shown.join(' | ')} | ${cell(aupr)} | ${cell(fpr95)} |`
  })
  const { floor, met, stretch, macro } = report.verdict
  const verdict = [
    `Bound: ${floor.toFixed(4)} (better baseline - ${MARGIN}); energy ${macro.energy.mean.toFixed(4)}: ${met ? 'met' : 'NOT met'}.`,
    `Above both baselines: ${stretch ? 'yes' : 'no'}.`,
  ]
  return [
    `${report.date}, \`${report.command}\`, ${report.machine.cpu}, ${report.machine.cores} cores, load ${report.load.before[0].toFixed(1)} before and ${report.load.after[0].toFixed(1)} after, LibTorch ${report.versions.libtorch}, Node ${report.versions.node}${report.parts ? `, in ${report.parts.length} parts side by side` : ''}; mean ± sd over ${report.seeds.length} seeds.`,
    '',
    '| data set | rows | columns | anomalies | AUROC energy | AUROC kNN | AUROC Mahalanobis | AUPR energy | FPR95 energy |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...body,
    '',
    ...verdict,
    ...(report.notes.length > 0 ? [`Subsampled: ${report.notes.join('; ')}.`] : []),
  ].join('\n')
}

/** The newest committed result, or undefined. */
export function newestResult(folder = results) {
  const file = readdirSync(folder)
    .filter((name) => /^anomaly-\d{4}-\d\d-\d\d\.json$/.test(name))
    .sort()
    .at(-1)
  return file === undefined ? undefined : JSON.parse(readFileSync(join(folder, file), 'utf8'))
}

/** docs/anomaly.md with its table made anew. */
export function renewed(text, report) {
  const [begin, end] = MARKS.map((mark) => text.indexOf(mark))
  if (begin < 0 || end < begin) throw new Error(`docs/anomaly.md must hold the marks ${MARKS.join(' and ')}`)
  return `${text.slice(0, begin + MARKS[0].length)}\n${markdown(report)}\n${text.slice(end)}`
}

/** What makes the numbers; paths are the reader's own. */
function commandOf({ seeds, sets, steps, protocol, detectors }) {
  const options = [
    `--protocol ${protocol}`,
    `--seeds ${seeds.join(',')}`,
    detectors && `--detectors ${detectors.join(',')}`,
    sets && `--sets ${sets.join(',')}`,
    steps && `--steps ${steps}`,
  ]
  return ['node scripts/bench/anomaly.mjs', ...options.filter(Boolean)].join(' ')
}

async function measure({ data, seeds, sets, out, steps, protocol, detectors }) {
  const { anomalyStudy, readTable, summarise, textTable } = await import('../../dist/studies/anomaly/index.js')
  const { versions } = await import('../../dist/index.js')
  const date = new Date().toISOString().slice(0, 10)
  const load = { before: loadavg() }
  const tables = []
  // In these files y = 1 is the anomaly.
  for (const path of tablesIn(data, sets)) tables.push(await readTable(path, { label: 'y', anomaly: ['1'] }))
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  const began = performance.now()
  const result = await anomalyStudy({
    tables,
    seeds,
    protocol,
    ...(detectors !== undefined && { detectors }),
    ...(steps !== undefined && { steps }),
    signal: controller.signal,
    onRow: (row) =>
      console.error(
        `${((performance.now() - began) / 1000).toFixed(0)} s  ${row.dataset} ${row.detector} seed ${row.seed}: AUROC ${row.auroc.toFixed(4)} in ${row.seconds.toFixed(1)} s`,
      ),
  })
  load.after = loadavg()
  const [processor] = cpus()
  const report = {
    bench: 'anomaly',
    date,
    command: commandOf({ seeds, sets, steps, protocol, detectors }),
    machine: { cpu: processor.model.trim(), cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) },
    load,
    versions: versions(),
    seconds: (performance.now() - began) / 1000,
    ...result,
  }
  finish(report, { summarise, textTable }, out, sets !== undefined)
}

/** Adds summary and verdict, writes the file, prints the table, sets the exit code. */
function finish(report, { summarise, textTable }, out, partial) {
  const whole = { ...report, summary: summarise(report.rows), verdict: judge(summarise, report.rows) }
  mkdirSync(results, { recursive: true })
  const path = out ?? join(results, `anomaly-${whole.date}${whole.complete && !partial ? '' : '-partial'}.json`)
  write(path, `${JSON.stringify(whole, null, 1)}\n`)
  console.log(textTable(whole.rows))
  console.log(JSON.stringify(whole.verdict))
  console.error(`wrote ${path}`)
  if (!whole.complete) process.exitCode = 130
  else if (whole.verdict.met === false) process.exitCode = 1
}

/** Joins complete runs of the same seeds, steps and versions over different tables. */
async function merge(paths, out) {
  const { summarise, textTable } = await import('../../dist/studies/anomaly/index.js')
  const parts = paths.map((path) => JSON.parse(readFileSync(path, 'utf8')))
  const same = ({ seeds, steps, detectors, versions, machine }) =>
    JSON.stringify({ seeds, steps, detectors, versions, machine })
  const odd = parts.findIndex((part) => !part.complete || same(part) !== same(parts[0]))
  if (odd >= 0) throw new Error(`${paths[odd]} is not complete, or has other seeds, steps, versions or machine`)
  const order = (name) => Number.parseInt(name, 10)
  const join = (key, by) => parts.flatMap((part) => part[key]).sort((a, b) => order(a[by]) - order(b[by]))
  const tables = join('tables', 'name')
  if (new Set(tables.map(({ name }) => name)).size !== tables.length) throw new Error('a table stands in two parts')
  const highest = (when) => parts.map(({ load }) => load[when]).sort((a, b) => b[0] - a[0])[0]
  const report = {
    ...parts[0],
    command: commandOf(parts[0]),
    parts: parts.map(({ seconds, load, tables: own, steps }) => ({
      command: commandOf({ seeds: parts[0].seeds, sets: own.map(({ name }) => name), steps }),
      seconds,
      load,
    })),
    load: { before: highest('before'), after: highest('after') },
    seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
    tables,
    rows: join('rows', 'dataset'),
    notes: parts.flatMap(({ notes }) => notes),
  }
  finish(report, { summarise, textTable }, out, false)
}

async function main() {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: join(root, '../shared/data/anomaly') },
      seeds: { type: 'string', default: '5' },
      sets: { type: 'string' },
      steps: { type: 'string' },
      protocol: { type: 'string', default: 'random' },
      detectors: { type: 'string' },
      out: { type: 'string' },
      docs: { type: 'boolean', default: false },
      merge: { type: 'string' },
    },
  })
  if (values.docs) {
    write(DOCS, renewed(readFileSync(DOCS, 'utf8'), newestResult()))
    return
  }
  if (values.merge !== undefined) return merge(values.merge.split(','), values.out)
  const list = values.seeds.split(',').map(Number)
  await measure({
    data: values.data,
    seeds: values.seeds.includes(',') ? list : Array.from({ length: list[0] }, (_, i) => i),
    sets: values.sets?.split(','),
    out: values.out,
    protocol: values.protocol,
    detectors: values.detectors?.split(','),
    ...(values.steps !== undefined && { steps: Number(values.steps) }),
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
