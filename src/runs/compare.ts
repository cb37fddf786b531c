/** Several runs side by side: what was set otherwise, and what they measured. */
import { join } from 'node:path'
import type { FoundRun } from './folder.js'
import { metricsLines } from './metrics.js'
import { FILES } from './record.js'
import { type Point, Series } from './series.js'

/** A setting that is not the same in all runs: its path in run.json, and what each says there. */
export interface Difference {
  readonly setting: string
  /** By run; null where it is not set. */
  readonly values: Readonly<Record<string, unknown>>
}

export interface Comparison {
  readonly differences: readonly Difference[]
  /** By run: means over the last tenth of its measurements. */
  readonly measured: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** Names of files differ always and say nothing. */
const UNTOLD = new Set(['out', 'kind'])

/** Leaves of a JSON value by their path; lists are leaves. */
function leaves(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]]
  return Object.entries(value).flatMap(([key, member]) => leaves(member, path === '' ? key : `${path}.${key}`))
}

/** The settings of a run by their path in run.json. */
export const settingsOf = ({ run }: Pick<FoundRun, 'run'>) =>
  new Map(leaves(run, '').filter(([path]) => !UNTOLD.has(path)))

/** What the runs' run.json say differently. */
export function differences(runs: readonly Pick<FoundRun, 'id' | 'run'>[]): Difference[] {
  const settings = runs.map(settingsOf)
  const paths = [...new Set(settings.flatMap((each) => [...each.keys()]))]
  return paths.flatMap((setting) => {
    const said = settings.map((each) => JSON.stringify(each.get(setting) ?? null))
    if (said.every((text) => text === said[0])) return []
    const values = Object.fromEntries(runs.map(({ id }, i) => [id, settings[i]!.get(setting) ?? null]))
    return [{ setting, values }]
  })
}

/** Means over the last tenth of the points, by monitor. */
export function lastMeans(points: readonly Point[]): Record<string, number> {
  const last = points.slice(-Math.max(1, Math.ceil(points.length / 10)))
  const names = [...new Set(last.flatMap((point) => Object.keys(point)))].filter((name) => name !== 'step')
  return Object.fromEntries(
    names.map((name) => {
      const values = last.flatMap((point) => point[name] ?? [])
      return [name, values.reduce((a, b) => a + b, 0) / values.length]
    }),
  )
}

/** The measurements of a run. */
export async function seriesOf(run: FoundRun): Promise<Series> {
  const series = new Series()
  for await (const line of metricsLines(join(run.path, FILES.metrics))) series.add(line)
  return series
}

export async function compareRuns(runs: readonly FoundRun[]): Promise<Comparison> {
  const measured: Record<string, Record<string, number>> = {}
  for (const run of runs) measured[run.id] = lastMeans((await seriesOf(run)).points())
  return { differences: differences(runs), measured }
}
