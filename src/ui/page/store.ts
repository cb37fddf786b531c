/** What the page knows of each run: its measurements and what the server said of it. */
import type { DetailMessage, Hello, PointsMessage, RunSummary, RunsMessage } from '../messages.js'

/** The measurements of a run, as columns of one length. */
export interface Columns {
  generation: number
  length: number
  values: Record<string, (number | null)[]>
  tail: Record<string, number> | null
}

/** All that is known. */
export interface Store {
  hello: Hello | undefined
  runs: RunSummary[]
  others: RunsMessage['others']
  /** The runs that are shown, in the order they were chosen. */
  shown: string[]
  points: Map<string, Columns>
  details: Map<string, DetailMessage>
}

export const store: Store = { hello: undefined, runs: [], others: [], shown: [], points: new Map(), details: new Map() }

/** Adds measurements, or takes all of them anew. */
export function take({ run, generation, from, columns, tail }: PointsMessage): void {
  const old = store.points.get(run)
  const known = from > 0 && old?.generation === generation && old.length >= from ? old : undefined
  const length = from + (columns.step?.length ?? 0)
  const names = new Set([...Object.keys(known?.values ?? {}), ...Object.keys(columns)])
  const gap = (count: number): null[] => Array<null>(count).fill(null)
  const values: Columns['values'] = {}
  for (const name of names) {
    const before = known?.values[name]?.slice(0, from) ?? gap(from)
    values[name] = [...before, ...(columns[name] ?? gap(length - from))]
  }
  store.points.set(run, { generation, length, values, tail })
}

/** Steps and values of a monitor, the newest included. */
export function curve(run: string, monitor: string): { x: number[]; y: (number | null)[] } {
  const known = store.points.get(run)
  const y = known?.values[monitor]
  if (known === undefined || (y === undefined && known.tail?.[monitor] === undefined)) return { x: [], y: [] }
  const x = (known.values.step ?? []) as number[]
  const before = y ?? x.map(() => null)
  if (known.tail === null || known.tail.step === x.at(-1)) return { x, y: before }
  return { x: [...x, known.tail.step!], y: [...before, known.tail[monitor] ?? null] }
}

/** The newest value of a monitor. */
export function newest(run: string, monitor: string): number | null {
  return curve(run, monitor).y.findLast((value) => value !== null) ?? null
}
