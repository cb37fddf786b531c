/** The committed result of the calibration of a classifier on adult: what docs/guides/table.md says must be what was measured. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
interface Row {
  seed: number
  objective: string
  accuracy: number
  ece: number
  nll: number
}
type Means = Omit<Row, 'seed' | 'objective'>
interface Verdict {
  alone: Means
  both: Means
  met: boolean
}
const { judge } = (await import(new URL('scripts/bench/calibration.mjs', root).href)) as {
  judge: (rows: readonly Row[]) => Verdict
}

describe('calibration on adult', () => {
  const file = new URL('scripts/bench/results/calibration-2026-12-01.json', root)
  const { rows, verdict } = JSON.parse(readFileSync(file, 'utf8')) as { rows: Row[]; verdict: Verdict }

  it('five seeds of both, with the verdict of its numbers, which is met', () => {
    expect(rows.map(({ seed }) => seed)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    expect(verdict).toEqual(judge(rows))
    expect(verdict.met).toBe(true)
  })

  it('is what the docs say', () => {
    const text = readFileSync(new URL('docs/guides/table.md', root), 'utf8')
    const percent = (value: number) => (100 * value).toFixed(2)
    for (const { accuracy, ece } of [verdict.alone, verdict.both])
      expect(text).toContain(`${percent(ece)} % at an accuracy of ${percent(accuracy)} %`)
  })

  it('a verdict can be missed', () => {
    const worse = rows.map((row) => (row.objective === 'crossEntropy' ? row : { ...row, ece: row.ece + 0.1 }))
    expect(judge(worse).met).toBe(false)
    const less = rows.map((row) => (row.objective === 'crossEntropy' ? row : { ...row, accuracy: row.accuracy - 0.01 }))
    expect(judge(less).met).toBe(false)
  })
})
