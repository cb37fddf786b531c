#!/usr/bin/env node
// The acceptance of the anomaly study: every .npz of a folder (the 26 ADBench tables), 5 seeds, at most 50,000 rows.
//
//   node scripts/bench/anomaly.mjs [--data FOLDER] [--protocol random|dte|unsupervised] [--detectors NAME,NAME] [--seeds 5]
//                                  [--sets 2_annthyroid,6_cardio] [--steps N] [--out FILE]
//   node scripts/bench/anomaly.mjs --merge PART.json,PART.json     joins runs over different --sets
//   node scripts/bench/anomaly.mjs --docs                          renews the table of docs/anomaly.md, runs nothing
//
// Writes a dated JSON file with machine, load, versions and command, prints the table, and exits 1 when the energy's
// macro-average AUROC falls below the better baseline minus 0.01.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandLine } from '../setup/arguments.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const results = join(root, 'scripts/bench/results')
const DOCS = join(root, 'docs/anomaly.md')
const MARKS = ['<!-- results: begin -->', '<!-- results: end -->']
const ENSEMBLE_MARKS = ['<!-- ensemble: begin -->', '<!-- ensemble: end -->']
/** The tables on which the ensemble was chosen; all others only report (docs/anomaly.md). */
const CHOOSE = new Set([
  '2_annthyroid',
  '5_campaign',
  '7_Cardiotocography',
  '12_fault',
  '15_Hepatitis',
  '20_letter',
  '24_mnist',
  '26_optdigits',
  '28_pendigits',
  '30_satellite',
  '32_shuttle',
  '38_thyroid',
  '43_WDBC',
])
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

/** The newest committed comparison of the ensemble with kNN under each protocol there is one of. */
export function ensembleResults(folder = results) {
  const named = readdirSync(folder).filter((name) =>
    /^anomaly-(random|dte|unsupervised)-\d{4}-\d\d-\d\d\.json$/.test(name),
  )
  const newest = new Map(named.sort().map((name) => [name.split('-')[1], name]))
  return [...newest].map(([protocol, name]) => ({ protocol, ...JSON.parse(readFileSync(join(folder, name), 'utf8')) }))
}

/** AUROC and AUPR in percent: means over tables of means over seeds; undefined without a table. */
function means(report, detector, wanted) {
  const lines = report.summary.filter(
    (line) => line.dataset !== undefined && line.detector === detector && wanted(line.dataset),
  )
  const mean = (metric) => (100 * lines.reduce((sum, { metrics }) => sum + metrics[metric].mean, 0)) / lines.length
  return lines.length === 0 ? undefined : { tables: lines.length, auroc: mean('auroc'), aupr: mean('aupr') }
}

/** Of the tables that `dte` takes as they are, without drawing rows. */
const wholeOf =
  ({ tables }) =>
  (dataset) => {
    const { normals, anomalies } = tables.find(({ name }) => name === dataset)
    return normals + anomalies >= 1000 && normals + anomalies <= 50_000
  }

/** The ensemble against kNN, table by table and on average, as Markdown. */
export function ensembleMarkdown(reports) {
  const names = [...new Set(reports.flatMap(({ tables }) => tables.map(({ name }) => name)))]
  names.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  const cell = (report, detector, name) => {
    const line = report.summary.find(({ dataset, detector: own }) => dataset === name && own === detector)
    return line === undefined ? 'not run' : (100 * line.metrics.auroc.mean).toFixed(2)
  }
  const heads = reports.flatMap(({ protocol }) => [`${protocol} kNN`, `${protocol} ensemble`])
  const rows = names.map((name) => {
    const cells = reports.flatMap((report) => ['knn', 'ensemble'].map((detector) => cell(report, detector, name)))
    return `| ${name} | ${CHOOSE.has(name) ? 'choose' : 'report'} | ${cells.join(' | ')} |`
  })
  const parts = [
    ['all', () => () => true],
    ['choose', () => (name) => CHOOSE.has(name)],
    ['report only', () => (name) => !CHOOSE.has(name)],
    ['1,000 to 50,000 rows', wholeOf],
  ]
  const averages = reports.flatMap((report) =>
    parts.map(([title, wanted]) => {
      const [knn, ensemble] = ['knn', 'ensemble'].map((detector) => means(report, detector, wanted(report)))
      const numbers = [knn, ensemble].flatMap(({ auroc, aupr }) => [auroc.toFixed(2), aupr.toFixed(2)])
      return `| ${report.protocol} | ${title} | ${knn.tables} | ${numbers.join(' | ')} | ${(ensemble.auroc - knn.auroc).toFixed(2)} |`
    }),
  )
  return [
    '| protocol | tables | how many | AUROC kNN | AUPR kNN | AUROC ensemble | AUPR ensemble | AUROC, difference |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...averages,
    '',
    `| AUROC, percent | | ${heads.join(' | ')} |`,
    `| --- | --- | ${heads.map(() => '---:').join(' | ')} |`,
    ...rows,
    '',
    ...reports.map(
      ({ date, command, machine, load, seeds }) =>
        `${date}, \`${command}\`, ${machine.cpu}, ${machine.cores} cores, load ${load.before[0].toFixed(1)} before and ${load.after[0].toFixed(1)} after, seeds ${seeds.join(', ')}.`,
    ),
  ].join('\n')
}

function between(text, [first, last], body) {
  const [begin, end] = [text.indexOf(first), text.indexOf(last)]
  if (begin < 0 || end < begin) throw new Error(`docs/anomaly.md must hold the marks ${first} and ${last}`)
  return `${text.slice(0, begin + first.length)}\n${body}\n${text.slice(end)}`
}

/** docs/anomaly.md with its tables made anew. */
export function renewed(text, report, reports = ensembleResults()) {
  return between(between(text, MARKS, markdown(report)), ENSEMBLE_MARKS, ensembleMarkdown(reports))
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
  const same = ({ seeds, steps, protocol, detectors, versions, machine }) =>
    JSON.stringify({ seeds, steps, protocol, detectors, versions, machine })
  const odd = parts.findIndex((part) => !part.complete || same(part) !== same(parts[0]))
  if (odd >= 0) throw new Error(`${paths[odd]} is not complete, or has other seeds, steps, versions or machine`)
  const order = (name) => Number.parseInt(name, 10)
  const join = (key, by) => parts.flatMap((part) => part[key]).sort((a, b) => order(a[by]) - order(b[by]))
  const tables = join('tables', 'name')
  if (new Set(tables.map(({ name }) => name)).size !== tables.length) throw new Error('a table stands in two parts')
  const highest = (when) => parts.map(({ load }) => load[when]).sort((a, b) => b[0] - a[0])[0]
  const report = {
    ...parts[0],
    command: commandOf({ protocol: 'random', ...parts[0], sets: undefined, steps: undefined }),
    parts: parts.map(({ seconds, load, tables: own, steps }) => ({
      command: commandOf({ ...parts[0], sets: own.map(({ name }) => name), steps }),
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
  const { values } = commandLine(import.meta.url, {
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
