/** The report of `npm start`: both studies on one page, and its files. */
import { join } from 'node:path'
import { writeAtomic } from '../io/files.js'
import { type Html, page } from '../report/html.js'
import { type AnomalyResult, anomalySection } from './anomaly/index.js'
import { type SpandrelResult, spandrelSection } from './spandrel/index.js'

export interface StudyResults {
  spandrel?: SpandrelResult | undefined
  anomaly?: AnomalyResult | undefined
}

/** What goes into a JSON file: everything but the pixels. */
export function spandrelJson(result: SpandrelResult): Record<string, unknown> {
  const { rows, truth, options, seconds, interrupted, skippedSeeds } = result
  return { rows, truth, options, seconds, interrupted, skippedSeeds }
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
      : 'An energy trained on normal rows alone, compared with two classical detectors.'
  return page({ title, lead, body, command, made: new Date().toISOString().slice(0, 10) })
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
