/** The study as plain text for a terminal. */
import { shortNumber, shortSummary } from '../statistics.js'
import { METRICS, rowsFor, summaryOf } from './metrics.js'
import type { SpandrelResult } from './study.js'

/** Columns padded to equal width, the first to the left. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)))
  const line = (row: readonly string[]) =>
    row.map((text, c) => (c === 0 ? text.padEnd(widths[c]!) : text.padStart(widths[c]!))).join('  ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}

/** One table per shape: the truth, then every model, mean ± sd over seeds. */
export function textTable(result: SpandrelResult): string {
  const head = ['', ...METRICS.map(({ title }) => title), 'seconds per run']
  const tables = result.options.shapes.flatMap((shape) => {
    const truth = result.truth[shape]
    if (truth === undefined) return []
    const lines = result.options.models.flatMap((model) => {
      const rows = rowsFor(result, shape, model)
      if (rows.length === 0) return []
      const cells = METRICS.map(({ key }) => shortSummary(summaryOf(rows, key)))
      return [[model, ...cells, shortNumber(summaryOf(rows, 'seconds')?.mean)]]
    })
    const known = ['truth', ...METRICS.map(({ key }) => shortNumber(truth[key])), '']
    return [alignColumns([[shape, ...head.slice(1)], known, ...lines])]
  })
  return tables.join('\n\n')
}
