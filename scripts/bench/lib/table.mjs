/** docs/performance.md and its charts from result files. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { charts } from './chart.mjs'
import { root } from './peers.mjs'
import { geometricMean } from './statistics.mjs'

export const PAGE = 'docs/performance.md'
export const RESULTS = 'scripts/bench/results'
export const MARKS = ['<!-- results: begin -->', '<!-- results: end -->']

/** Three significant digits; no exponent, no digits that were not measured. */
export function figure(value) {
  if (value === 0) return '0'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

const peakOf = (report, threads = 1) => report.peaks.find((p) => p.threads === threads)

/** The least time the counted operations could take, in the case's unit. */
export function floorOf(bench, row, peak) {
  if (row.flop === undefined || peak === undefined) return undefined
  return row.flop / (peak.float32 * 1e9) / bench.secondsPerUnit
}

function cell(c, first) {
  if (c === undefined) return ''
  const spread = `${figure(c.median)} [${figure(c.lowest)}, ${figure(c.highest)}]`
  return c === first || c.ratio === undefined ? spread : `${spread}, ${c.ratio.toFixed(2)}x`
}

/** Figures beside the main ones, where they are numbers: { name, key } of each contender that has them. */
function besides(rows) {
  const found = new Map()
  for (const { name, also } of rows.flatMap(({ contenders }) => contenders)) {
    for (const [key, value] of Object.entries(also ?? {})) {
      if (typeof value === 'number') found.set(`${name}|${key}`, { name, key })
    }
  }
  return [...found.values()]
}

const WORDS = {
  callMicroseconds: 'one call, us',
  wholeCall: 'with the call',
  peakMiB: 'peak MiB',
  stateMiB: 'state, MiB',
  grewMiB: 'grew by, MiB',
  aboveStateMiB: 'grew beyond the state by, MiB',
  stepsPerSecond: 'steps per second',
  p50: 'median delay',
  max: 'longest delay',
}

/** Geometric means of the ratios to each peer, a line for each number of threads. */
function means(bench) {
  const counts = [...new Set(bench.rows.map(({ threads }) => threads))]
  return counts.flatMap((threads) => {
    const rows = bench.rows.filter((row) => row.threads === threads)
    const names = [...new Set(rows.flatMap(({ contenders }) => contenders.slice(1).map(({ name }) => name)))]
    const found = names.map((name) => {
      const ratios = rows.flatMap(({ contenders }) => contenders.filter((c) => c.name === name && c.ratio > 0))
      return `${name} ${geometricMean(ratios.map(({ ratio }) => ratio)).toFixed(2)}x (${ratios.length} rows)`
    })
    if (found.length === 0 || rows.length < 2) return []
    return [`Geometric means${threads ? `, ${threads} thread${threads > 1 ? 's' : ''}` : ''}: ${found.join(', ')}.`]
  })
}

/** One case as a Markdown table. */
export function caseTable(report, bench) {
  const names = [...new Set(bench.rows.flatMap(({ contenders }) => contenders.map(({ name }) => name)))]
  const threads = bench.rows.some((row) => row.threads !== undefined)
  const flop = bench.rows.some((row) => row.flop !== undefined)
  const also = besides(bench.rows)
  const header = [
    '',
    ...(threads ? ['threads'] : []),
    ...(flop ? ['floor', `% of peak`] : []),
    ...names,
    ...also.map(({ name, key }) => `${name}: ${WORDS[key] ?? key}`),
  ]
  const body = bench.rows.map((row) => {
    const ours = row.contenders[0]
    const floor = floorOf(bench, row, peakOf(report, row.threads))
    const share = ours?.shareOfPeak
    return [
      row.label,
      ...(threads ? [row.threads ?? ''] : []),
      ...(flop ? [floor === undefined ? '' : figure(floor), share === undefined ? '' : (100 * share).toFixed(0)] : []),
      ...names.map((name) =>
        cell(
          row.contenders.find((c) => c.name === name),
          ours,
        ),
      ),
      ...also.map(({ name, key }) => {
        const value = row.contenders.find((c) => c.name === name)?.also?.[key]
        return typeof value === 'number' ? figure(value) : ''
      }),
    ]
  })
  const line = (cells) => `| ${cells.join(' | ')} |`
  const disturbed = bench.rows.reduce((sum, row) => sum + row.contenders.reduce((s, c) => s + c.disturbed, 0), 0)
  const trials = bench.rows.reduce((sum, row) => sum + row.contenders.reduce((s, c) => s + c.trials.length, 0), 0)
  return [
    `### ${bench.title} (\`${bench.name}\`, ${bench.unit})`,
    '',
    line(header),
    line(['---', ...header.slice(1).map(() => '---:')]),
    ...body.map(line),
    '',
    ...means(bench),
    `Trials each: ${bench.repeats}${disturbed > 0 ? `; other work ran beside ${disturbed} of ${trials} trials` : ''}.`,
  ].join('\n')
}

function heading(report, file) {
  const { machine, versions, load } = report
  const peaks = report.peaks.map(
    (p) =>
      `${p.threads} thread${p.threads > 1 ? 's' : ''}: float32 ${figure(p.float32)} GFLOP/s` +
      `${p.bfloat16 ? `, bfloat16 ${figure(p.bfloat16)} GFLOP/s` : ''}, triad ${figure(p.triad)} GB/s (${p.isa})`,
  )
  const named = Object.entries(versions).map(([key, value]) => `${key} ${value}`)
  return [
    `${report.date}, commit \`${report.commit.slice(0, 12)}${report.commit.endsWith('+') ? '+' : ''}\`, \`${report.command}\`, ${machine.cpu}, ${machine.cores} cores,`,
    `load ${load.before[0].toFixed(1)} before and ${load.after[0].toFixed(1)} after; ${named.join(', ')}.`,
    `Measured ceilings: ${peaks.join('; ')}.`,
    `Every trial: [${file}](../${RESULTS}/${file}).`,
  ].join('\n')
}

export function markdown(reports) {
  const parts = reports.map(({ file, report }) =>
    [heading(report, file), ...report.cases.map((bench) => caseTable(report, bench))].join('\n\n'),
  )
  return parts.join('\n\n')
}

/** The page with everything between its marks made anew. */
export function renewed(text, reports) {
  const [begin, end] = MARKS.map((mark) => text.indexOf(mark))
  if (begin < 0 || end < begin) throw new Error(`${PAGE} must hold the marks ${MARKS.join(' and ')}`)
  return `${text.slice(0, begin + MARKS[0].length)}\n${markdown(reports)}\n${text.slice(end)}`
}

/** The result files a page was made from, in order. */
export const sources = (text) => [...text.matchAll(/^Every trial: \[([^\]]+)\]/gm)].map(([, file]) => file)

/**
 * Every file that --table writes, as pairs of path and text, from [{ file, report }]. A row of a case that stands in several
 * files, with as many threads, is taken from the last.
 */
export function documents(reports) {
  const keys = ({ report }) =>
    report.cases.flatMap(({ name, rows }) => rows.map((row) => JSON.stringify([name, row.label, row.threads])))
  const kept = reports.map(({ file, report }, i) => {
    const later = new Set(reports.slice(i + 1).flatMap(keys))
    const left = ({ name, rows }) => rows.filter((row) => !later.has(JSON.stringify([name, row.label, row.threads])))
    const cases = report.cases.map((bench) => ({ ...bench, rows: left(bench) })).filter(({ rows }) => rows.length > 0)
    return { file, report: { ...report, cases } }
  })
  const shown = kept.filter(({ report }) => report.cases.length > 0)
  const page = [PAGE, renewed(readFileSync(join(root, PAGE), 'utf8'), shown)]
  return [page, ...shown.flatMap(({ report }) => charts(report))]
}
