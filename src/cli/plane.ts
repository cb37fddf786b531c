/** Rows a run was trained on, as its model takes them, and what its energy is over a plane of two columns. */
import { resolve } from 'node:path'
import type { Dataset } from '../data/dataset.js'
import { grid } from '../data/grid.js'
import type { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import { openData } from './data.js'
import type { RunFile } from './run-file.js'
import { note } from './support.js'

export const SHOWN_ROWS = 1000

/** exp(-E) on a grid, up to a factor: row-major `[cells, cells]`, row 0 has the smallest y. */
export interface Plane {
  values: number[]
  cells: number
  low: [number, number]
  high: [number, number]
}

/** Corners of the box of rows, 15 % wider to each side. */
function boxOf(rows: readonly (readonly number[])[]): { low: [number, number]; high: [number, number] } {
  const side = (k: number) => {
    const values = rows.map((row) => row[k]!)
    const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]
    const margin = 0.15 * (high - low) || 1
    return [low - margin, high + margin] as const
  }
  const [x, y] = [side(0), side(1)]
  return { low: [x[0], y[0]], high: [x[1], y[1]] }
}

/** exp(-E) over the box of the rows; undefined unless x is a plane. */
export async function planeOf(model: Energy, rows: readonly number[][], cells: number): Promise<Plane | undefined> {
  if (rows.length === 0 || rows[0]!.length !== 2) return undefined
  const { low, high } = boxOf(rows)
  // Cells run with the last axis fastest; a picture's rows are y, so the axes are given the other way round and swapped.
  const { points } = grid({ low: [low[1], low[0]], high: [high[1], high[0]], cells })
  const swapped = (points.toArray() as number[][]).map(([y, x]) => [x!, y!])
  using energy = await model.energy(swapped)
  const values = energy.toArray() as number[]
  const least = values.reduce((a, b) => Math.min(a, b))
  return { values: values.map((e) => Math.exp(least - e)), cells, low, high }
}

/** The first rows of a run's data, in the order and the units the model takes; undefined where it takes others. */
export function rowsOfModel(all: Dataset, run: Pick<RunFile, 'y' | 'columns'>, model: Energy): number[][] | undefined {
  const some = all.length > SHOWN_ROWS ? all.batch(0, SHOWN_ROWS) : all
  const others = new Set([run.y ?? some.label ?? []].flat())
  const names = model.inputs?.columns ?? run.columns ?? some.columns.filter((name) => !others.has(name))
  using rows = some.toTensor(names)
  return rows.shape[1] === model.inputWidth ? (rows.toArray() as number[][]) : undefined
}

/**
 * The same, of data that is read for it; undefined where it is gone.
 *
 * @param from the folder that paths of the run are relative to; default: the one this process is in
 */
export async function firstRows(run: RunFile, model: Energy, from?: string): Promise<number[][] | undefined> {
  const data = run.data as Parameters<typeof openData>[0]
  if ('path' in data && ['-', '/dev/stdin'].includes(data.path)) return undefined
  const place = 'path' in data && from !== undefined ? { ...data, path: resolve(from, data.path) } : data
  try {
    return rowsOfModel(await openData(place, run.ignore ?? []), run, model)
  } catch (error) {
    if (!(error instanceof LangevinError)) throw error
    note(`the data of the run cannot be read: ${error.message}`)
    return undefined
  }
}
