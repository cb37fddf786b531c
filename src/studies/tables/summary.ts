/** What a comparison of tables comes to: numbers for JSON, and lines for a terminal. */
import { auroc } from '../../metrics/index.js'
import type { ComparedEnergies, TableComparison, Verdict } from '../../tables/index.js'
import { textColumns } from '../text.js'

export const JUDGE_NAMES = { logistic: 'logistic regression', boosting: 'gradient boosting' } as const

/** Decimals of a score; – where there is none. */
export const score = (value: number | null | undefined) =>
  value === null || value === undefined ? '–' : value.toFixed(4)
export const percent = (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.001 ? 3 : 1)} %`

/** What is said of energies: means, and the chance that a synthetic row has a higher one than a real row. */
export interface EnergySummary {
  readonly real: number
  readonly synthetic: number
  readonly heldOut?: number
  /** 0.5: the energies of synthetic rows are those of real ones; above: they are higher. */
  readonly higher: number
}

export function energySummary({ real, synthetic, heldOut }: ComparedEnergies): EnergySummary {
  const mean = (values: Float32Array) => values.reduce((sum, e) => sum + e / values.length, 0)
  const labels = [...real].map(() => 0).concat([...synthetic].map(() => 1))
  const higher = auroc([...real, ...synthetic], labels, { positive: 'ood' })
  return { real: mean(real), synthetic: mean(synthetic), ...(heldOut && { heldOut: mean(heldOut) }), higher }
}

/** What goes into JSON: all but the energies of single rows. */
export function tableCompareJson({ energies, ...rest }: TableComparison): Record<string, unknown> {
  return { ...rest, ...(energies && { energies: energySummary(energies) }) }
}

/** The measure of a verdict by which real and synthetic rows are compared. */
export const measureOf = ({ auroc, accuracy, r2 }: Verdict) =>
  auroc !== undefined
    ? { name: 'AUROC', value: auroc }
    : accuracy !== undefined
      ? { name: 'accuracy', value: accuracy }
      : { name: 'R²', value: r2 }

/** Lines for a terminal. */
export function tableCompareText(result: TableComparison): string {
  const { similarity, control, privacy, judgement } = result
  const { synthetic, heldOut } = privacy
  const other = (value: string | undefined) => (heldOut === undefined ? [] : [value ?? ''])
  const head = ['', 'synthetic', ...other('held-out')]
  const rows = [
    ['columns alike (1 = the same)', score(similarity.shapes), ...other(score(control?.shapes))],
    ['pairs alike (1 = the same)', score(similarity.trends), ...other(score(control?.trends))],
    ['distance to the closest real row, median', score(synthetic.median), ...other(score(heldOut?.median))],
    ['copies of real rows', percent(synthetic.copied), ...other(heldOut && percent(heldOut.copied))],
    ...(privacy.nearerToReal === undefined
      ? []
      : [['nearer to real rows than to held-out ones', percent(privacy.nearerToReal), ...other('50.0 %')]]),
    ...(result.energies === undefined
      ? []
      : [
          [
            'mean energy less that of real rows',
            score(energySummary(result.energies).synthetic - energySummary(result.energies).real),
            ...other(score(energySummary(result.energies).heldOut! - energySummary(result.energies).real)),
          ],
        ]),
  ]
  const parts = [textColumns(head, rows)]
  if (judgement !== undefined) {
    const { label, verdicts, tested, testRows, notes } = judgement
    const body = verdicts.map((verdict) => {
      const { name, value } = measureOf(verdict)
      return [JUDGE_NAMES[verdict.judge], verdict.learnedFrom, name, score(value), score(verdict.accuracy)]
    })
    const rowsText =
      tested === 'held-out' ? 'held-out rows' : 'real rows, a fifth that the judge of real rows did not see'
    if (body.length > 0)
      parts.push(
        `'${label}' told from the other columns, tested on ${testRows} ${rowsText}:\n${textColumns(['judge', 'learned from', 'measure', 'value', 'accuracy'], body)}`,
      )
    parts.push(...notes)
  }
  return parts.join('\n\n')
}
