/** Warnings of the training runs of a study stand in its report. */
import { describe, expect, it } from 'vitest'
import { type AnomalyResult, type AnomalyRow, anomalySection } from '../../src/studies/anomaly/index.js'
import { type RunWarning, warningsOf, warningsSection } from '../../src/studies/warnings.js'

const warning = (run: string, code = 'stuck'): RunWarning => ({
  run,
  code,
  severity: 'warning',
  message: `seen in ${run} <b>`,
  remedy: 'Change it.',
})

describe('warnings of training', () => {
  it('one line for every code, with its runs', () => {
    expect(warningsSection([])).toBeNull()
    const many = Array.from({ length: 8 }, (_, k) => warning(`run ${k}`))
    const { html: text } = warningsSection([...many, warning('other', 'drift')])!
    expect(text).toContain('<b>stuck</b>, 8 runs (run 0; run 1; run 2; run 3; run 4; run 5 and 2 more): seen in run 0')
    expect(text).toContain('<b>drift</b>, 1 run (other)')
    expect(text).toContain('seen in run 0 &lt;b&gt;')
  })

  it('in the report of the anomaly study, where there are any', () => {
    const row: AnomalyRow = {
      dataset: 'wine',
      detector: 'energy',
      seed: 0,
      auroc: 0.9,
      aupr: 0.5,
      fpr95: 0.2,
      f1: 0.5,
      n: 10,
      anomalies: 2,
      seconds: 1,
    }
    const result = (warnings: RunWarning[]): AnomalyResult => ({
      rows: [row],
      seeds: [0],
      protocol: 'random',
      detectors: ['energy'],
      steps: 1,
      tables: [{ name: 'wine', columns: 3, normals: 8, anomalies: 2, classes: 'two' }],
      notes: [],
      warnings,
      complete: true,
    })
    const textOf = (warnings: RunWarning[]) =>
      anomalySection(result(warnings))
        .map(({ html }) => html)
        .join('')
    expect(textOf([])).not.toContain('Warnings of training')
    const seen = { step: 3, monitor: 'gap', value: 1, limit: 0, ...warning('', 'unstable') }
    expect(textOf(warningsOf('wine, seed 0, energy', [seen]))).toContain(
      '<b>unstable</b>, 1 run (wine, seed 0, energy)',
    )
  })
})
