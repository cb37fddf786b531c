/** Sections that reports of training and of sampling share. */
import type { Diagnosis } from '../diagnose/index.js'
import { type Html, html } from './html.js'

export function findingsSection({ findings, text }: Diagnosis): Html {
  if (findings.length === 0) return html`<h2>Findings</h2><p>${text}</p>`
  const items = findings.map(
    (f) => html`<li class="${f.severity}"><strong>${f.severity}: ${f.code}.</strong> ${f.message}.
<br><span class="quiet">Try: ${f.remedy}.</span></li>`,
  )
  return html`<h2>Findings</h2><ul class="findings">${items}</ul>`
}

/** Names and values in two columns; values that are undefined are left out. */
export function facts(entries: Record<string, string | number | undefined>): Html {
  const rows = Object.entries(entries)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => html`<tr><th scope="row">${name}</th><td class="text">${value}</td></tr>`)
  return html`<div class="scroll"><table><tbody>${rows}</tbody></table></div>`
}

/** mlp(input 2, hidden [64, 64]); inner specs likewise. */
export function specText(spec: object): string {
  const { kind, ...options } = spec as { kind?: string }
  const shown = Object.entries(options).map(([key, value]) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return `${key} ${specText(value)}`
    return `${key} ${typeof value === 'string' ? value : JSON.stringify(value).replaceAll(',', ', ')}`
  })
  return (kind === undefined ? shown.join(', ') : `${kind}(${shown.join(', ')})`).slice(0, 600)
}

/** Four significant digits; – where there is none. */
export const number = (value: number | null | undefined, digits = 4): string =>
  value === null || value === undefined ? '–' : String(Number(value.toPrecision(digits)))

/** Charts side by side, as many as fit. */
export const gallery = (charts: readonly (Html | undefined)[]): Html =>
  html`<div class="pair">${charts.filter((chart) => chart !== undefined).map((chart) => html`<figure>${chart}</figure>`)}</div>`
