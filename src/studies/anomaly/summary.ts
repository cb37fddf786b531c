/** Means over seeds of the anomaly study, and its text for a terminal. */
import { textColumns } from '../text.js'
import { type RankLine, rankTable } from './ranks.js'
import type { AnomalyRow, DetectorName } from './study.js'

export interface MeanSd {
  readonly mean: number
  /** Sample standard deviation over seeds; undefined with one seed. */
  readonly sd: number | undefined
  readonly seeds: number
}

export const METRICS = ['auroc', 'aupr', 'fpr95', 'f1'] as const
export type Metric = (typeof METRICS)[number]

export interface SummaryLine {
  /** A table, or undefined for the macro-average: the mean over tables, whose sd is taken over the seeds. */
  readonly dataset: string | undefined
  readonly detector: DetectorName
  readonly metrics: Readonly<Record<Metric, MeanSd>>
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

function meanSd(values: readonly number[]): MeanSd {
  const mean = sum(values) / values.length
  const sd = values.length < 2 ? undefined : Math.sqrt(sum(values.map((v) => (v - mean) ** 2)) / (values.length - 1))
  return { mean, sd, seeds: values.length }
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}

/**
 * Mean and sd over seeds for each table and detector, then the macro-averages when there are several tables. Only seeds
 * for which every table has a row enter a macro-average, so that an interrupted study compares like with like.
 */
export function summarise(rows: readonly AnomalyRow[]): SummaryLine[] {
  const datasets = distinct(rows.map((row) => row.dataset))
  const detectors = distinct(rows.map((row) => row.detector))
  const line = (
    dataset: string | undefined,
    detector: DetectorName,
    of: (metric: Metric) => number[],
  ): SummaryLine => ({
    dataset,
    detector,
    metrics: Object.fromEntries(METRICS.map((metric) => [metric, meanSd(of(metric))])) as Record<Metric, MeanSd>,
  })
  const lines: SummaryLine[] = []
  for (const dataset of datasets) {
    for (const detector of detectors) {
      const own = rows.filter((row) => row.dataset === dataset && row.detector === detector)
      if (own.length > 0) lines.push(line(dataset, detector, (metric) => own.map((row) => row[metric])))
    }
  }
  if (datasets.length < 2) return lines
  for (const detector of detectors) {
    const own = rows.filter((row) => row.detector === detector)
    const bySeed = distinct(own.map((row) => row.seed))
      .map((seed) => own.filter((row) => row.seed === seed))
      .filter((list) => list.length === datasets.length)
    if (bySeed.length > 0) {
      lines.push(
        line(undefined, detector, (metric) => bySeed.map((list) => sum(list.map((row) => row[metric])) / list.length)),
      )
    }
  }
  return lines
}

/** The detector with the highest mean AUROC on a table, or on the mean of all. */
export function bestOf(lines: readonly SummaryLine[], dataset: string | undefined): SummaryLine {
  const own = lines.filter((line) => line.dataset === dataset)
  return own.reduce((best, line) => (line.metrics.auroc.mean > best.metrics.auroc.mean ? line : best))
}

/** Who wins on which table, in a sentence: highest mean AUROC, with the energy beside it where it is not the energy. */
export function winners(rows: readonly AnomalyRow[]): string {
  const lines = summarise(rows)
  const sentences = distinct(rows.map((row) => row.dataset)).map((dataset) => {
    const best = bestOf(lines, dataset)
    const energy = lines.find((line) => line.dataset === dataset && line.detector === 'energy')
    const beside =
      best.detector === 'energy' || energy === undefined ? '' : ` (energy: ${energy.metrics.auroc.mean.toFixed(3)})`
    return `${dataset}: ${best.detector}, AUROC ${best.metrics.auroc.mean.toFixed(3)}${beside}`
  })
  return `Best detector by mean AUROC. ${sentences.join('; ')}.`
}

/** Fewer tables than this say nothing about ranks: with five, the smallest p of a signed-rank test is 0.06. */
const LEAST_TABLES = 6

/**
 * Detectors ranked by mean AUROC over the tables that all of them finished, compared with the first by mean AUROC; empty when there
 * are too few tables or one detector.
 */
export function ranks(rows: readonly AnomalyRow[]): RankLine[] {
  const lines = summarise(rows).filter(({ dataset }) => dataset !== undefined)
  const detectors = distinct(lines.map(({ detector }) => detector))
  const aurocOf = (dataset: string, detector: string) =>
    lines.find((line) => line.dataset === dataset && line.detector === detector)?.metrics.auroc.mean
  const datasets = distinct(lines.map(({ dataset }) => dataset!)).filter((dataset) =>
    detectors.every((detector) => aurocOf(dataset, detector) !== undefined),
  )
  if (datasets.length < LEAST_TABLES || detectors.length < 2) return []
  const values = Object.fromEntries(
    detectors.map((detector) => [detector, datasets.map((dataset) => aurocOf(dataset, detector)!)]),
  )
  const total = (detector: string) => sum(values[detector]!)
  const best = [...detectors].sort((a, b) => total(b) - total(a))[0]!
  return rankTable(values, best)
}

/** The ranks as a plain text table; empty where there are none. */
export function rankText(rows: readonly AnomalyRow[]): string {
  const lines = ranks(rows)
  const best = lines.find(({ p }) => p === undefined)
  if (best === undefined) return ''
  const body = lines.map(({ detector, meanRank, difference, wins, losses, p }) => [
    detector,
    meanRank.toFixed(2),
    difference.toFixed(4),
    `${wins}/${losses}`,
    p === undefined ? '-' : p.toPrecision(2),
  ])
  return textColumns(['detector', 'mean rank', `AUROC - ${best.detector}`, 'above/below', 'p (Wilcoxon, Holm)'], body)
}

/** `0.984 ± 0.003`. */
export function formatMeanSd({ mean, sd }: MeanSd): string {
  return sd === undefined ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${sd.toFixed(3)}`
}

/** The summary as a plain text table. */
export function textTable(rows: readonly AnomalyRow[]): string {
  const head = ['data set', 'detector', 'AUROC', 'AUPR', 'FPR95', 'F1', 'seeds']
  const body = summarise(rows).map(({ dataset = 'mean of all', detector, metrics }) => [
    dataset,
    detector,
    ...METRICS.map((metric) => formatMeanSd(metrics[metric])),
    String(metrics.auroc.seeds),
  ])
  return textColumns(head, body)
}
