/** The report of `npm start`: both studies on one page, and its files. */
import { join } from 'node:path'
import { writeAtomic } from '../io/files.js'
import { type Html, html, page, type Summary } from '../report/html.js'
import { type AnomalyResult, anomalySection, winners } from './anomaly/index.js'
import { headline, type SpandrelResult, spandrelSection } from './spandrel/index.js'

export interface StudyResults {
  spandrel?: SpandrelResult | undefined
  anomaly?: AnomalyResult | undefined
}

/** What goes into a JSON file: everything but the pixels. */
export function spandrelJson(result: SpandrelResult): Record<string, unknown> {
  const { rows, truth, warnings, options, seconds, interrupted, skippedSeeds } = result
  return { rows, truth, warnings, options, seconds, interrupted, skippedSeeds }
}

/** Question, answer and how to read the page; undefined where nothing was finished. */
function summaryOf({ spandrel, anomaly }: StudyResults): Summary | undefined {
  const answers = [
    spandrel && headline(spandrel),
    anomaly && anomaly.rows.length > 0 ? winners(anomaly.rows) : undefined,
  ].filter((answer) => answer !== undefined)
  if (answers.length === 0) return undefined
  return {
    question: 'Does a model know where it has seen no data?',
    answer: answers.join(' '),
    reading: html`${
      spandrel &&
      'In the pictures of densities, colour away from the red curve is probability where there is no data (a spandrel). '
    }${anomaly && 'AUROC is the chance that an anomaly scores above a normal row: 1 is perfect, 0.5 is chance.'}`,
  }
}

/** One self-contained HTML page. `command`: how to make it again. */
export function reportPage(results: StudyResults, command: string): string {
  const body: Html[] = []
  if (results.spandrel) body.push(...spandrelSection(results.spandrel))
  if (results.anomaly) body.push(...anomalySection(results.anomaly))
  const both = results.spandrel !== undefined && results.anomaly !== undefined
  const title = both ? 'langevin: energy models evaluated' : results.spandrel ? 'Spandrels' : 'Anomaly detection'
  const lead = both
    ? 'Two studies: densities in the plane against the truth, and anomalies in real tables against two baselines.'
    : results.spandrel
      ? 'Energy models against explicit ones on data with gaps and corners, judged by the true density.'
      : 'Detectors fitted to normal rows alone: energies beside classical ones.'
  return page({ title, lead, summary: summaryOf(results), body, command, made: new Date().toISOString().slice(0, 10) })
}

/**
 * Writes `<name>.html` and one JSON file per study into a folder, each whole or not at all.
 *
 * @returns the paths
 * @throws (rejects) ERR_LANGEVIN_IO
 */
export async function writeReport(
  folder: string,
  name: string,
  results: StudyResults,
  command: string,
): Promise<string[]> {
  const files: [string, string][] = [[`${name}.html`, reportPage(results, command)]]
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
  if (results.spandrel) files.push(['spandrel.json', json(spandrelJson(results.spandrel))])
  if (results.anomaly) files.push(['anomaly.json', json(results.anomaly)])
  const paths: string[] = []
  for (const [file, text] of files) {
    await writeAtomic(join(folder, file), [text])
    paths.push(join(folder, file))
  }
  return paths
}
