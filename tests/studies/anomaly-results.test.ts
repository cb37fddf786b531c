/** The committed result of the anomaly study. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type AnomalyResult, summarise } from '../../src/studies/anomaly/index.js'

const root = new URL('../../', import.meta.url)
interface Report extends AnomalyResult {
  verdict: { macro: Record<string, { mean: number }>; floor: number; met: boolean; stretch: boolean }
}
const bench = (await import(new URL('scripts/bench/anomaly.mjs', root).href)) as {
  newestResult: () => Report
  renewed: (text: string, report: Report) => string
  ensembleResults: () => (AnomalyResult & { summary: unknown })[]
}

/** The committed result of scripts/bench/anomaly.mjs: what docs/anomaly.md says must be what was measured. */
describe('the committed acceptance result', () => {
  const report = bench.newestResult()

  it('is whole: 26 tables, three detectors, five seeds', () => {
    expect(report.complete).toBe(true)
    expect(report.tables.length).toBe(26)
    expect(report.rows.length).toBe(26 * 3 * 5)
    const keys = new Set(report.rows.map(({ dataset, detector, seed }) => `${dataset} ${detector} ${seed}`))
    expect(keys.size).toBe(26 * 3 * 5)
    for (const { n, anomalies } of report.rows) expect(n).toBeGreaterThan(anomalies)
  })

  it('says what its rows say, and meets the bound', () => {
    const macro = Object.fromEntries(
      summarise(report.rows)
        .filter(({ dataset }) => dataset === undefined)
        .map(({ detector, metrics }) => [detector, metrics.auroc.mean]),
    )
    for (const [detector, mean] of Object.entries(macro)) {
      expect(report.verdict.macro[detector]!.mean).toBeCloseTo(mean, 12)
    }
    const better = Math.max(macro.knn!, macro.mahalanobis!)
    expect(report.verdict.floor).toBeCloseTo(better - 0.01, 12)
    expect(report.verdict.met).toBe(macro.energy! >= better - 0.01)
    expect(report.verdict.stretch).toBe(macro.energy! > better)
    expect(macro.energy!).toBeGreaterThanOrEqual(better - 0.01)
  })

  it('says of the ensemble under each protocol what its rows say', () => {
    const reports = bench.ensembleResults()
    expect(reports.length).toBeGreaterThan(0)
    for (const { rows, seeds, summary, protocol, detectors } of reports) {
      expect(detectors).toEqual(expect.arrayContaining(['knn', 'ensemble']))
      expect(new Set(rows.map(({ seed }) => seed))).toEqual(new Set(seeds))
      expect(JSON.parse(JSON.stringify(summarise(rows)))).toEqual(summary)
      if (protocol !== 'dte') continue
      // Published cells of kNN (Livernoche et al. 2024, README), percent: no seed changes them.
      const cells = {
        '6_cardio': 92.0,
        '7_Cardiotocography': 62.11,
        '20_letter': 35.43,
        '38_thyroid': 98.68,
        '40_vowels': 82.21,
      }
      for (const [name, cell] of Object.entries(cells)) {
        const row = rows.find(({ dataset, detector }) => dataset === name && detector === 'knn')!
        expect(Math.abs(100 * row.auroc - cell)).toBeLessThan(0.05)
      }
    }
  })

  it('is the table in the docs (npm run build:ts, then node scripts/bench/anomaly.mjs --docs)', () => {
    const text = readFileSync(new URL('docs/anomaly.md', root), 'utf8')
    expect(bench.renewed(text, report)).toBe(text)
  })
})
