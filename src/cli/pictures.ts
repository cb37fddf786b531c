/** Pictures of a run for the page that watches it: a density of two columns, or histograms of energies. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Energy } from '../energy.js'
import { ceiling } from '../report/density.js'
import { COLOURS, shadeOf } from '../report/heatmap.js'
import { FILES, type FoundRun, newestCheckpoint } from '../runs/index.js'
import type { Picture } from '../ui/index.js'
import { firstRows, planeOf } from './plane.js'
import { parseRunFile } from './run-file.js'

/** Enough for the eye, and few enough that training does not notice. */
const CELLS = 96
const POINTS = 500
const BINS = 40

function densityPicture(
  plane: NonNullable<Awaited<ReturnType<typeof planeOf>>>,
  names: readonly string[] | undefined,
  rows: readonly number[][],
  step: number,
): Picture {
  const { values, cells, low, high } = plane
  const range = [0, ceiling(values)] as const
  return {
    kind: 'density',
    step,
    names: [names?.[0] ?? 'x[0]', names?.[1] ?? 'x[1]'],
    low,
    high,
    cells,
    shades: Buffer.from(values.map((value) => shadeOf(value, range))).toString('base64'),
    colours: COLOURS,
    points: rows.slice(0, POINTS),
  }
}

/** Rows with the values of these columns that do not belong together: each value is taken from another row. */
function shuffled(rows: readonly number[][]): number[][] {
  return rows.map((row, i) => row.map((_, k) => rows[(i * 7 + k * 13 + 1) % rows.length]![k]!))
}

function binned(values: readonly number[], low: number, high: number): number[] {
  const counts = Array<number>(BINS).fill(0)
  for (const value of values) {
    const bin = Math.floor(((value - low) / (high - low)) * BINS)
    counts[Math.min(BINS - 1, Math.max(0, bin))]!++
  }
  return counts
}

/** Energies of the data, and of rows whose columns were shuffled, which no longer belong together. */
async function energiesPicture(model: Energy, rows: number[][], step: number): Promise<Picture> {
  using data = await model.energy(rows)
  using other = await model.energy(shuffled(rows))
  const energies = { data: data.toArray() as number[], 'columns shuffled': other.toArray() as number[] }
  const sorted = Object.values(energies)
    .flat()
    .filter(Number.isFinite)
    .sort((a, b) => a - b)
  // A few far values count in the outermost bins.
  const at = (q: number) => sorted[Math.floor(q * (sorted.length - 1))] ?? 0
  const [low, high] = [at(0.005), Math.max(at(0.995), at(0.005) + 1e-6)]
  return {
    kind: 'energies',
    step,
    edges: Array.from({ length: BINS + 1 }, (_, i) => low + (i * (high - low)) / BINS),
    counts: Object.fromEntries(Object.entries(energies).map(([name, values]) => [name, binned(values, low, high)])),
  }
}

/** What an energy looks like at some rows of its data; undefined for E(x, y). */
export async function pictureOf(model: Energy, rows: number[][], step: number): Promise<Picture | undefined> {
  if ((model.spec as { kind: string }).kind === 'conditional' || rows.length === 0) return undefined
  const plane = await planeOf(model, rows, CELLS)
  return plane === undefined
    ? await energiesPicture(model, rows, step)
    : densityPicture(plane, model.inputs?.columns, rows, step)
}

/** Pictures of runs in their folders, of the model or the newest checkpoint. The rows of each run are read once. */
export function picturesOfFolders(): (run: FoundRun) => Promise<Picture | undefined> {
  const known = new Map<string, number[][] | undefined>()
  return async (run) => {
    const model = join(run.path, FILES.model)
    const done = run.state === 'done' && existsSync(model)
    const checkpoint = done ? undefined : await newestCheckpoint(run)
    if (!done && checkpoint === undefined) return undefined
    using energy = await Energy.load(checkpoint?.path ?? model)
    if (!known.has(run.id)) {
      known.set(run.id, await firstRows(parseRunFile(run.run, run.path), energy, run.record.folder))
    }
    const rows = known.get(run.id)
    return rows && (await pictureOf(energy, rows, checkpoint?.step ?? run.step))
  }
}
