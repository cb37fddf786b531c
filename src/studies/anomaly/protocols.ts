/** Which rows of a table are trained on and which are scored. */
import { invokeNow } from '../../runtime/index.js'
import { type Tensor, tensor } from '../../tensor/index.js'
import type { AnomalyTable } from './tables.js'

/**
 * - `random`: 60 % of the normal rows, drawn at random, are trained on; the others and all anomalies are scored.
 * - `dte`: the semi-supervised protocol of Livernoche et al. 2024 (On Diffusion Modeling for Anomaly Detection) and its published
 *   code: a table of fewer than 1,000 rows is first drawn to 1,000 with replacement; the first half of the normal rows in the
 *   order of the file is trained on; the others and all anomalies are scored.
 * - `unsupervised`: the same source's other one: as many rows as the table has, anomalies among them, are drawn with
 *   replacement and trained on; all rows are scored.
 */
export const PROTOCOLS = ['random', 'dte', 'unsupervised'] as const
export type Protocol = (typeof PROTOCOLS)[number]

/** Larger tables are subsampled to this many rows with each seed. */
export const ROW_LIMIT = 50_000
/** Share of the normal rows that `random` trains on. */
export const TRAIN_SHARE = 0.6
/** Smaller tables are drawn to this many rows with replacement by `dte` and `unsupervised`. */
export const ROWS_AT_LEAST = 1000

export interface Split {
  train: Tensor
  normals: Tensor
  anomalies: Tensor
  dispose(): void
}

/** Row numbers: those that scale and train, and those that are scored. */
interface Chosen {
  scale: Tensor
  train: Tensor
  normals: Tensor
  anomalies: Tensor
}

/** Numbers of rows of a table that take part under `random`, at most `limit` in all. */
export function kept(table: AnomalyTable, limit: number): { normals: number; anomalies: number } {
  const normals = table.normals.size
  const anomalies = table.anomalies.size
  const share = Math.min(1, limit / (normals + anomalies))
  return { normals: Math.round(normals * share), anomalies: Math.round(anomalies * share) }
}

/** `sizes` different rows out of `rows`, shuffled. */
function draw(rows: Tensor, sizes: readonly number[], seed: number): Tensor[] {
  const parts = invokeNow<Tensor[]>('data.split', { n: rows.size, sizes, seed })
  return parts.map((part) => {
    const drawn = rows.index(part)
    part.dispose()
    return drawn
  })
}

function numbersOf(rows: Tensor): number[] {
  const numbers = Array.from(rows.toTypedArray() as ArrayLike<number | bigint>, Number)
  rows.dispose()
  return numbers
}

const indexOf = (rows: readonly number[]) => tensor([...rows], [rows.length], 'int64')

/** `count` of n row numbers with replacement. */
const resampled = (n: number, count: number, seed: number) =>
  numbersOf(invokeNow<Tensor>('data.resample', { n, count, seed }))

/** The number nearest to x; halves go to the even one, as Python's round() has it. */
export const roundEven = (x: number) => (x % 1 === 0.5 && Math.floor(x) % 2 === 0 ? Math.floor(x) : Math.round(x))

function random(table: AnomalyTable, limit: number, seed: number): Chosen {
  const { normals, anomalies } = kept(table, limit)
  const training = Math.round(TRAIN_SHARE * normals)
  const [train, others] = draw(table.normals, [training, normals - training], seed)
  const [odd] = draw(table.anomalies, [anomalies], seed)
  return { scale: train!, train: train!, normals: others!, anomalies: odd! }
}

/** Rows in the order of the file, drawn with replacement where there are few and cut down where there are many. */
function published(table: AnomalyTable, limit: number, seed: number): { order: number[]; odd: Set<number> } {
  const odd = new Set(numbersOf(table.anomalies.slice(0)))
  const all = [...numbersOf(table.normals.slice(0)), ...odd].sort((a, b) => a - b)
  if (all.length < ROWS_AT_LEAST) return { order: resampled(all.length, ROWS_AT_LEAST, seed).map((k) => all[k]!), odd }
  if (all.length <= limit) return { order: all, odd }
  const [drawn] = invokeNow<Tensor[]>('data.split', { n: all.length, sizes: [limit], seed })
  return { order: numbersOf(drawn!).map((k) => all[k]!), odd }
}

function dte(table: AnomalyTable, limit: number, seed: number): Chosen {
  const { order, odd } = published(table, limit, seed)
  const normals = order.filter((row) => !odd.has(row))
  const training = roundEven(normals.length / 2)
  const train = indexOf(normals.slice(0, training))
  const anomalies = indexOf(order.filter((row) => odd.has(row)))
  return { scale: train, train, normals: indexOf(normals.slice(training)), anomalies }
}

function unsupervised(table: AnomalyTable, limit: number, seed: number): Chosen {
  const { order, odd } = published(table, limit, seed)
  // Another seed than the draw above, or a small table would be drawn twice by the same numbers.
  const train = resampled(order.length, order.length, seed + 2 ** 31).map((k) => order[k]!)
  return {
    scale: indexOf(order),
    train: indexOf(train),
    normals: indexOf(order.filter((row) => !odd.has(row))),
    anomalies: indexOf(order.filter((row) => odd.has(row))),
  }
}

const CHOOSE: Record<Protocol, (table: AnomalyTable, limit: number, seed: number) => Chosen> = {
  random,
  dte,
  unsupervised,
}

/**
 * The rows of a table under a protocol, standardised by mean and standard deviation of the rows trained on (`unsupervised`: of
 * all rows); a constant column keeps its unit.
 *
 * @throws ERR_LANGEVIN_NON_FINITE (table, row, column)
 */
export function split(table: AnomalyTable, protocol: Protocol, limit: number, seed: number): Split {
  const chosen = CHOOSE[protocol](table, limit, seed)
  const { scale } = chosen
  const scaled = invokeNow<{ tensor: Tensor; mean: Tensor; sd: Tensor }>('data.standardize', {
    tensor: table.x,
    rows: scale,
    name: table.name,
  })
  const [train, normals, anomalies] = [chosen.train, chosen.normals, chosen.anomalies].map((rows) =>
    scaled.tensor.index(rows),
  ) as [Tensor, Tensor, Tensor]
  const indices = new Set(Object.values(chosen) as Tensor[])
  for (const each of [...indices, ...Object.values(scaled)]) each.dispose()
  const parts = { train, normals, anomalies }
  return {
    ...parts,
    dispose: () => {
      for (const part of Object.values(parts)) part.dispose()
    },
  }
}

/** What the reader must know of the rows that take part. */
export function notesOf(tables: readonly AnomalyTable[], protocol: Protocol, limit: number): string[] {
  return tables.flatMap((table) => {
    const all = table.normals.size + table.anomalies.size
    if (all > limit) {
      const { normals, anomalies } = kept(table, limit)
      const odd = protocol === 'random' ? ` (${anomalies} anomalies)` : ''
      return `${table.name}: ${protocol === 'random' ? normals + anomalies : limit} of ${all} rows, drawn again for each seed${odd}`
    }
    if (protocol === 'random' || all >= ROWS_AT_LEAST) return []
    return `${table.name}: ${ROWS_AT_LEAST} rows drawn from ${all} with replacement, so rows that are scored are among those trained on`
  })
}
