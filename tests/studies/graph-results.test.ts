/** The committed result of the graph study: what docs/graphs.md says must be what was measured. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { POST_HOC, ranksOf, SCORES, SHIFTS, type SummaryLine } from '../../src/studies/graph/index.js'

const root = new URL('../../', import.meta.url)
interface Bound {
  shift: string
  score: string
  low: number
  high: number
  value: number
  met: boolean
}
interface Report {
  date: string
  settings: { splits: number; seeds: number[] }
  summary: SummaryLine[]
  ranks: { places: number; postHoc: { score: string; average: number }[] }
  verdict: { bounds: Bound[]; lead: { value: number; met: boolean } }
}
const bench = (await import(new URL('scripts/bench/graph.mjs', root).href)) as {
  newestResult: () => Report
  renewed: (text: string, report: Report) => string
  judge: (lines: readonly SummaryLine[]) => Report['verdict']
}

describe('the committed result of the graph study', () => {
  const report = bench.newestResult()

  it('has every shift and score on six graphs', () => {
    const graphs = new Set(report.summary.map(({ graph }) => graph))
    expect(graphs.size).toBe(6)
    expect(report.summary.length).toBe(6 * SHIFTS.length * SCORES.length)
    for (const { score, metrics } of report.summary)
      expect(metrics.auroc.n).toBe(report.settings.splits * (score === 'ensemble' ? 1 : report.settings.seeds.length))
  })

  it('has the ranks and the verdict of its numbers', () => {
    const { ranks, places } = ranksOf(report.summary, POST_HOC)
    expect(report.ranks.places).toBe(places.length)
    expect(report.ranks.postHoc).toEqual(ranks.map(({ score, average }) => ({ score, average })))
    expect(report.verdict).toEqual(bench.judge(report.summary))
  })

  it('is the tables in the docs (npm run build:ts, then node scripts/bench/graph.mjs --docs)', () => {
    const text = readFileSync(new URL('docs/graphs.md', root), 'utf8')
    expect(bench.renewed(text, report)).toBe(text)
  })
})

it('five splits with five seeds on Cora-ML are within every bound, and are what the docs say', () => {
  const file = new URL('scripts/bench/results/graph-cora-ml-2026-12-01.json', root)
  const { settings, summary, verdict } = JSON.parse(readFileSync(file, 'utf8')) as Report
  expect([settings.splits, settings.seeds.length]).toEqual([5, 5])
  expect(verdict).toEqual(bench.judge(summary))
  expect(verdict.bounds.map(({ met }) => met)).toEqual([true, true, true, true, true])
  expect(verdict.lead.met).toBe(true)
  const text = readFileSync(new URL('docs/graphs.md', root), 'utf8')
  for (const [shift, score] of [
    ['leave-out-classes', 'gebm'],
    ['leave-out-classes', 'logit-energy'],
    ['normal', 'gebm'],
    ['normal', 'gebm-unregularised'],
    ['normal', 'logit-energy'],
  ]) {
    const { mean, sd } = summary.find((line) => line.shift === shift && line.score === score)!.metrics.auroc
    expect(text).toContain(`${(100 * mean).toFixed(1)} ± ${(100 * sd!).toFixed(1)}`)
  }
})

describe('the verdict', () => {
  const line = (shift: string, score: string, mean: number): SummaryLine => {
    const summary = { n: 5, mean, sd: 0.01 }
    return {
      graph: 'cora_ml',
      shift,
      score,
      metrics: { auroc: summary, aupr: summary, accuracy: summary, ece: summary },
    }
  }
  const lines = (gebm: number) => [
    line('leave-out-classes', 'gebm', gebm),
    line('leave-out-classes', 'logit-energy', 0.9),
    line('normal', 'gebm', 0.8),
    line('normal', 'gebm-unregularised', 0.02),
    line('normal', 'logit-energy', 0.3),
  ]
  it('is met, and is not', () => {
    expect(bench.judge(lines(0.925)).bounds.every(({ met }) => met)).toBe(true)
    expect(bench.judge(lines(0.925)).lead.met).toBe(true)
    expect(bench.judge(lines(0.905)).bounds[0]!.met).toBe(false)
    expect(bench.judge(lines(0.905)).lead.met).toBe(false)
  })
})
