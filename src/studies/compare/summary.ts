/** The comparison summed up: numbers an objective reaches on a source, and over all sources. */
import { alignColumns } from '../spandrel/summary.js'
import { type Summary, shortNumber, shortSummary, summarise } from '../statistics.js'
import { plans } from './plans.js'
import { type SourceName, WEIGHTS_SOURCE } from './sources.js'
import type { CompareMetrics, CompareResult, CompareRow } from './study.js'

export const METRICS = [
  {
    key: 'totalVariation',
    title: 'TV',
    better: 'lower',
    help: 'Total variation to the true density on the grid: 0 is the truth, 1 is disjoint.',
  },
  { key: 'kl', title: 'KL', better: 'lower', help: 'KL(truth, model) on the grid, nats: what the model misses.' },
  {
    key: 'mmd',
    title: 'MMD²',
    better: 'lower',
    help: 'Squared maximum mean discrepancy (Gaussian kernel of width 0.2, unbiased) between rows of the model and held-out rows.',
  },
  {
    key: 'logLikelihood',
    title: 'log-likelihood',
    better: 'higher',
    help: 'Mean log-density of held-out rows, normalised over the square.',
  },
] as const satisfies readonly { key: keyof CompareMetrics; title: string; better: string; help: string }[]

export const titleOf = (objective: string): string =>
  objective === 'truth' ? 'truth' : (plans()[objective]?.title ?? objective)

/** Rows of an objective, on one source or on all. */
export function rowsOf(result: CompareResult, objective: string, source?: SourceName): CompareRow[] {
  return result.rows.filter((row) => row.objective === objective && (source === undefined || row.source === source))
}

export function summaryOf(rows: readonly CompareRow[], key: keyof CompareMetrics | 'seconds'): Summary | undefined {
  return summarise(rows.flatMap((row) => (row[key] === undefined ? [] : [row[key]])))
}

export interface Overall {
  objective: string
  /** Means over all finished runs. */
  totalVariation: number | undefined
  kl: number | undefined
  /** Mean rank by total variation among the objectives, over sources and seeds; a diverged run is last. */
  rank: number
  weightError: Summary | undefined
  seconds: number | undefined
  diverged: number
  runs: number
}

/** One line per objective, best mean rank first. */
export function overall(result: CompareResult): Overall[] {
  const places = new Map<string, number[]>()
  const key = ({ source, seed }: CompareRow) => `${source} ${seed}`
  for (const group of new Set(result.rows.map(key))) {
    const rows = result.rows.filter((row) => key(row) === group)
    const value = (row: CompareRow) => row.totalVariation ?? Number.POSITIVE_INFINITY
    for (const row of rows) {
      const place = 1 + rows.filter((other) => value(other) < value(row)).length
      places.set(row.objective, [...(places.get(row.objective) ?? []), place])
    }
  }
  const lines = result.options.objectives.flatMap((objective): Overall[] => {
    const rows = rowsOf(result, objective)
    if (rows.length === 0) return []
    return [
      {
        objective,
        totalVariation: summaryOf(rows, 'totalVariation')?.mean,
        kl: summaryOf(rows, 'kl')?.mean,
        rank: summarise(places.get(objective)!)!.mean,
        weightError: summaryOf(rowsOf(result, objective, WEIGHTS_SOURCE), 'weightError'),
        seconds: summaryOf(rows, 'seconds')?.mean,
        diverged: rows.filter((row) => row.divergedAt !== undefined).length,
        runs: rows.length,
      },
    ]
  })
  return lines.sort((a, b) => a.rank - b.rank)
}

/** The study for a terminal: the line of every objective, then total variation by source. */
export function textTable(result: CompareResult): string {
  const lines = overall(result)
  if (lines.length === 0) return ''
  const head = ['objective', 'rank', 'mean TV', 'mean KL', 'mode weight error', 'seconds per run', 'diverged']
  const first = lines.map((line) => [
    line.objective,
    shortNumber(line.rank),
    shortNumber(line.totalVariation),
    shortNumber(line.kl),
    shortSummary(line.weightError),
    shortNumber(line.seconds),
    `${line.diverged} of ${line.runs}`,
  ])
  const { sources } = result.options
  const second = lines.map(({ objective }) => [
    objective,
    ...sources.map((source) => shortSummary(summaryOf(rowsOf(result, objective, source), 'totalVariation'))),
  ])
  return `${alignColumns([head, ...first])}\n\nTotal variation to the true density\n${alignColumns([['', ...sources], ...second])}`
}
