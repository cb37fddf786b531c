/** Means, spreads and ranks of the graph study, and its text for a terminal. */
import { type Summary, summarise } from '../statistics.js'
import { textColumns } from '../text.js'
import { METHODS, SCORES } from './names.js'
import type { GraphRow } from './types.js'

export const METRICS = ['auroc', 'aupr', 'accuracy', 'ece'] as const
export type Metric = (typeof METRICS)[number]

export interface SummaryLine {
  readonly graph: string
  readonly shift: string
  readonly score: string
  readonly metrics: Readonly<Record<Metric, Summary>>
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)]

/** Mean and standard deviation over splits and seeds, for each graph, shift and score in the order of the study. */
export function summaryOf(rows: readonly GraphRow[]): SummaryLine[] {
  return distinct(rows.map((row) => row.graph)).flatMap((graph) => {
    const ofGraph = rows.filter((row) => row.graph === graph)
    return distinct(ofGraph.map((row) => row.shift)).flatMap((shift) =>
      SCORES.flatMap((score) => {
        const own = ofGraph.filter((row) => row.shift === shift && row.score === score)
        if (own.length === 0) return []
        const metrics = METRICS.map((metric) => [metric, summarise(own.map((row) => row[metric]))!])
        return [{ graph, shift, score, metrics: Object.fromEntries(metrics) as Record<Metric, Summary> }]
      }),
    )
  })
}

export interface Rank {
  readonly score: string
  /** 1 = highest mean AUROC; equal ones share the mean of their ranks. */
  readonly average: number
  /** The rank under each graph and shift, in the order of `places`. */
  readonly ranks: readonly number[]
}

/** Ranks of methods by mean AUROC under each graph and shift, and their averages, best first. */
export function ranksOf(
  lines: readonly SummaryLine[],
  methods: readonly string[] = METHODS,
): { places: { graph: string; shift: string }[]; ranks: Rank[] } {
  const shown = methods.filter((score) => lines.some((line) => line.score === score))
  const places = distinct(lines.map(({ graph, shift }) => JSON.stringify({ graph, shift })))
    .map((text) => JSON.parse(text) as { graph: string; shift: string })
    // Where a method is missing (a study that was interrupted), ranks would not be comparable.
    .filter(({ graph, shift }) =>
      shown.every((score) => lines.some((l) => l.graph === graph && l.shift === shift && l.score === score)),
    )
  const auroc = (place: { graph: string; shift: string }, score: string) =>
    lines.find((l) => l.graph === place.graph && l.shift === place.shift && l.score === score)!.metrics.auroc.mean
  const ranks = shown.map((score) => {
    const own = places.map((place) => {
      const value = auroc(place, score)
      const others = shown.map((other) => auroc(place, other))
      return 1 + others.filter((v) => v > value).length + (others.filter((v) => v === value).length - 1) / 2
    })
    return { score, ranks: own, average: own.reduce((sum, r) => sum + r, 0) / own.length }
  })
  return { places, ranks: ranks.sort((a, b) => a.average - b.average) }
}

/** `92.9 ± 0.5`, in percent. */
export function percent(summary: Summary | undefined): string {
  if (summary === undefined) return '–'
  const mean = (100 * summary.mean).toFixed(1)
  return summary.sd === null ? mean : `${mean} ± ${(100 * summary.sd).toFixed(1)}`
}

/** The summary as plain text: AUROC, AUPR and ECE in percent by shift and score, then average ranks. */
export function textTable(rows: readonly GraphRow[]): string {
  const lines = summaryOf(rows)
  const head = ['graph', 'shift', 'score', 'AUROC %', 'AUPR %', 'accuracy %', 'ECE %', 'runs']
  const body = lines.map(({ graph, shift, score, metrics }) => [
    graph,
    shift,
    score,
    percent(metrics.auroc),
    percent(metrics.aupr),
    percent(metrics.accuracy),
    percent(metrics.ece),
    String(metrics.auroc.n),
  ])
  const { places, ranks } = ranksOf(lines)
  const ranked = ranks.map(({ score, average }) => [score, average.toFixed(2)])
  const parts = [textColumns(head, body)]
  if (places.length > 0)
    parts.push(
      `Average rank by AUROC over ${places.length} ${places.length === 1 ? 'shift' : 'shifts of all graphs'} (1 = best):\n${textColumns(['score', 'average rank'], ranked)}`,
    )
  return parts.join('\n\n')
}

/** Who ranks best, and where GEBM does not, in a sentence or two. */
export function headline(rows: readonly GraphRow[], postHoc: readonly string[]): string {
  const { places, ranks } = ranksOf(summaryOf(rows), postHoc)
  const [best, second] = ranks
  if (best === undefined || places.length === 0) return 'No shift was finished.'
  const where =
    places.length === 1 ? `under ${places[0]!.shift} on ${places[0]!.graph}` : `over ${places.length} shifts`
  const gebm = ranks.find(({ score }) => score === 'gebm')
  const beside =
    best.score === 'gebm' || gebm === undefined
      ? second && `; next is ${second.score} (${second.average.toFixed(2)})`
      : `; gebm has ${gebm.average.toFixed(2)}`
  return `Of the scores that need one trained network, ${best.score} has the best average rank by AUROC ${where}: ${best.average.toFixed(2)}${beside ?? ''}.`
}
