#!/usr/bin/env node
// The committed result of the graph study: what `langevin graph ... --out FOLDER` wrote, summed up, with a verdict.
//
//   node scripts/bench/graph.mjs FOLDER...  writes results/graph-<date>.json from FOLDER/graph.json and renews docs/graphs.md;
//                                           several folders are parts of one study, each of other graphs
//   node scripts/bench/graph.mjs --docs     renews the tables of docs/graphs.md, runs nothing
//
// Exits 1 where a bound on Cora-ML is missed.
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const results = join(root, 'scripts/bench/results')
const DOCS = join(root, 'docs/graphs.md')
const MARKS = ['<!-- results: begin -->', '<!-- results: end -->']
/** Percent, on Cora-ML: from an independent implementation, 5 splits with 5 seeds. */
const BOUNDS = [
  ['leave-out-classes', 'gebm', 91, 94.5],
  ['leave-out-classes', 'logit-energy', 87, 92.5],
  ['normal', 'gebm', 70, 100],
  ['normal', 'gebm-unregularised', 0, 10],
  ['normal', 'logit-energy', 0, 40],
]
/** How far GEBM must lie above the logit energy where classes are left out. */
const LEAD = 1

function write(path, text) {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

/** Bounds with what was measured; undefined where Cora-ML is not in the result. */
export function judge(lines) {
  const auroc = (shift, score) =>
    lines.find((line) => line.graph === 'cora_ml' && line.shift === shift && line.score === score)?.metrics.auroc.mean *
    100
  const bounds = BOUNDS.map(([shift, score, low, high]) => {
    const value = auroc(shift, score)
    return { shift, score, low, high, value, met: value >= low && value <= high }
  })
  const lead = auroc('leave-out-classes', 'gebm') - auroc('leave-out-classes', 'logit-energy')
  const known = bounds.filter(({ value }) => Number.isFinite(value))
  return { bounds: known, lead: Number.isFinite(lead) ? { value: lead, low: LEAD, met: lead >= LEAD } : undefined }
}

const cell = ({ mean, sd }) => `${(100 * mean).toFixed(1)}${sd === null ? '' : ` ± ${(100 * sd).toFixed(1)}`}`

/** AUROC of the methods on one graph, the best of each column in bold. */
function graphTable(lines, graph, scores) {
  const own = lines.filter((line) => line.graph === graph)
  const shifts = [...new Set(own.map(({ shift }) => shift))]
  const of = (score, shift) => own.find((line) => line.score === score && line.shift === shift)?.metrics.auroc
  const best = Object.fromEntries(
    shifts.map((shift) => [shift, Math.max(...scores.map((score) => of(score, shift)?.mean ?? 0))]),
  )
  const row = (score) => {
    const cells = shifts.map((shift) => {
      const value = of(score, shift)
      if (value === undefined) return '–'
      return value.mean === best[shift] ? `**${cell(value)}**` : cell(value)
    })
    return `| \`${score}\` | ${cells.join(' | ')} |`
  }
  const shown = scores.filter((score) => own.some((line) => line.score === score))
  return [
    `| ${graph} | ${shifts.join(' | ')} |`,
    `| --- | ${shifts.map(() => '---:').join(' | ')} |`,
    ...shown.map(row),
  ].join('\n')
}

/** The committed numbers in Markdown. */
export function markdown(report) {
  const { summary, ranks, settings, date, machine, seconds, verdict, command } = report
  const graphs = [...new Set(summary.map(({ graph }) => graph))]
  const scores = [...new Set(summary.map(({ score }) => score))]
  const best = ranks.postHoc[0]
  const gebm = ranks.postHoc.find(({ score }) => score === 'gebm')
  const judged = [
    ...verdict.bounds.map(
      ({ shift, score, low, high, value, met }) =>
        `${score} under ${shift} ${value.toFixed(1)} (${low} to ${high}): ${met ? 'met' : '**NOT met**'}`,
    ),
    ...(verdict.lead
      ? [
          `gebm over logit-energy ${verdict.lead.value.toFixed(1)} (at least ${LEAD}): ${verdict.lead.met ? 'met' : '**NOT met**'}`,
        ]
      : []),
  ]
  const rank = (list) => list.map(({ score, average }) => `\`${score}\` ${average.toFixed(2)}`).join(', ')
  return [
    `${date}, \`${command}\`: ${settings.splits === 1 ? 'one split' : `${settings.splits} splits`} with ${settings.seeds.length} seeds, ${machine.cpu}, ${machine.cores} cores${seconds ? `, ${(seconds / 60).toFixed(0)} minutes of runs beside other work` : ''}; AUROC in percent, mean ± sd over the runs.`,
    '',
    `Average rank over the ${ranks.places} shifts of ${graphs.length} graphs (1 = best), of the scores that need one trained network: ${rank(ranks.postHoc)}. ${
      best.score === 'gebm'
        ? 'GEBM ranks best.'
        : `GEBM (${gebm.average.toFixed(2)}) does not rank best; ${best.score} (${best.average.toFixed(2)}) does.`
    } Its average rank by shift: ${Object.entries(ranks.gebmByShift)
      .map(([shift, average]) => `${shift} ${average.toFixed(1)}`)
      .join(', ')}. Of all methods: ${rank(ranks.all)}.`,
    '',
    ...(judged.length > 0 ? [`Bounds on Cora-ML: ${judged.join('; ')}.`, ''] : []),
    ...graphs.flatMap((graph) => [graphTable(summary, graph, scores), '']),
  ]
    .join('\n')
    .trimEnd()
}

/** The newest committed result, or undefined. */
export function newestResult(folder = results) {
  const file = readdirSync(folder)
    .filter((name) => /^graph-\d{4}-\d\d-\d\d\.json$/.test(name))
    .sort()
    .at(-1)
  return file === undefined ? undefined : JSON.parse(readFileSync(join(folder, file), 'utf8'))
}

/** docs/graphs.md with its tables made anew. */
export function renewed(text, report) {
  const [begin, end] = MARKS.map((mark) => text.indexOf(mark))
  if (begin < 0 || end < begin) throw new Error(`docs/graphs.md must hold the marks ${MARKS.join(' and ')}`)
  return `${text.slice(0, begin + MARKS[0].length)}\n${markdown(report)}\n${text.slice(end)}`
}

/** What one call of the command wrote. */
function read(folder) {
  const path = join(folder, 'graph.json')
  const result = JSON.parse(readFileSync(path, 'utf8'))
  if (!result.complete)
    throw new Error(`${path} is of a study that was interrupted; run the command again, or with fewer --splits`)
  return { ...result, date: statSync(path).mtime.toISOString().slice(0, 10) }
}

/** Parts of one study, each of other graphs. */
function joined(parts) {
  const [first] = parts
  const names = parts.flatMap(({ graphs }) => graphs.map(({ name }) => name))
  if (new Set(names).size !== names.length) throw new Error(`a graph is in two parts: ${names.join(', ')}`)
  const settings = new Set(parts.map((part) => JSON.stringify(part.settings)))
  if (settings.size > 1) throw new Error(`the parts have other settings: ${[...settings].join(' and ')}`)
  return {
    ...first,
    date: parts
      .map(({ date }) => date)
      .sort()
      .at(-1),
    command: [...new Set(parts.map(({ command }) => command))].join('` and `'),
    rows: parts.flatMap(({ rows }) => rows),
    graphs: parts.flatMap(({ graphs }) => graphs),
    runSeconds: parts.reduce((sum, { runSeconds }) => sum + runSeconds, 0),
  }
}

/** The average rank of a score over graphs, for each shift. */
function byShift({ places, ranks }, score) {
  const own = ranks.find((rank) => rank.score === score).ranks
  const shifts = [...new Set(places.map(({ shift }) => shift))]
  return Object.fromEntries(
    shifts.map((shift) => {
      const values = own.filter((_, k) => places[k].shift === shift)
      return [shift, values.reduce((sum, r) => sum + r, 0) / values.length]
    }),
  )
}

async function commit(folders) {
  const { POST_HOC, ranksOf, summaryOf } = await import('../../dist/studies/graph/index.js')
  const { versions } = await import('../../dist/index.js')
  const result = joined(folders.map(read))
  const summary = summaryOf(result.rows)
  const { places, ranks } = ranksOf(summary)
  const postHoc = ranksOf(summary, POST_HOC)
  const average = (list) => list.map(({ score, average: value }) => ({ score, average: value }))
  const [processor] = cpus()
  const report = {
    bench: 'graph',
    date: result.date,
    command: result.command,
    machine: { cpu: processor.model.trim(), cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) },
    versions: versions(),
    seconds: result.runSeconds,
    settings: result.settings,
    graphs: result.graphs,
    rows: result.rows.length,
    ranks: {
      places: places.length,
      postHoc: average(postHoc.ranks),
      gebmByShift: byShift(postHoc, 'gebm'),
      all: average(ranks),
    },
    verdict: judge(summary),
    summary,
  }
  write(join(results, `graph-${report.date}.json`), `${JSON.stringify(report)}\n`)
  return report
}

const given = process.argv.slice(2)
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const report = given[0] === '--docs' ? newestResult() : await commit(given)
  write(DOCS, renewed(readFileSync(DOCS, 'utf8'), report))
  console.log(markdown(report))
  const { bounds, lead } = report.verdict
  process.exitCode = bounds.every(({ met }) => met) && (lead?.met ?? true) ? 0 : 1
}
