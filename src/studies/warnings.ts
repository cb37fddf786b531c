/** Warnings of the training runs of a study, as a section of its report. */
import { type Html, html } from '../report/html.js'
import type { TrainWarning } from '../runtime/index.js'

/** A warning of one run of a study. */
export interface RunWarning extends Pick<TrainWarning, 'code' | 'severity' | 'message' | 'remedy'> {
  /** Which run: "twist, EBM (NCE), seed 1". */
  readonly run: string
}

/** The warnings of a run under its name. */
export const warningsOf = (run: string, warnings: readonly TrainWarning[]): RunWarning[] =>
  warnings.map(({ code, severity, message, remedy }) => ({ run, code, severity, message, remedy }))

const SHOWN = 6

/** One paragraph for every code: what was seen first, and in which runs; null where nothing was warned of. */
export function warningsSection(warnings: readonly RunWarning[]): Html | null {
  if (warnings.length === 0) return null
  const byCode = new Map<string, RunWarning[]>()
  for (const warning of warnings) byCode.set(warning.code, [...(byCode.get(warning.code) ?? []), warning])
  const items = [...byCode].map(([code, all]) => {
    const runs = [...new Set(all.map(({ run }) => run))]
    const more = runs.length > SHOWN ? ` and ${runs.length - SHOWN} more` : ''
    const { message, remedy } = all[0]!
    return html`<li><b>${code}</b>, ${runs.length === 1 ? '1 run' : `${runs.length} runs`} (${runs.slice(0, SHOWN).join('; ')}${more}): ${message} ${remedy}</li>`
  })
  return html`<h3>Warnings of training</h3><p>Runs that were trained to the end and judged all the same; read their numbers with
this in mind.</p><ul>${items}</ul>`
}
