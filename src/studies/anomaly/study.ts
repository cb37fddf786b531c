/**
 * The anomaly study: an energy trained on normal rows, compared with k nearest neighbours and the Mahalanobis distance.
 */

import * as ood from '../../ood/index.js'
import type { TrainWarning } from '../../runtime/index.js'
import { invokeNow } from '../../runtime/index.js'
import type { Tensor } from '../../tensor/index.js'
import { type RunWarning, warningsOf } from '../warnings.js'
import type { AnomalyTable } from './tables.js'

export const DETECTORS = ['energy', 'knn', 'mahalanobis'] as const
export type DetectorName = (typeof DETECTORS)[number]

/** Larger tables are subsampled to this many rows with each seed, normal and anomalous rows in proportion. */
export const ROW_LIMIT = 50_000
/** Share of the normal rows that is trained on; the others and all anomalies are scored. */
export const TRAIN_SHARE = 0.6

/** One detector on one table with one seed. */
export interface AnomalyRow {
  readonly dataset: string
  readonly detector: DetectorName
  readonly seed: number
  /** Chance that an anomaly scores above a normal row; ties count half. */
  readonly auroc: number
  /** Area under precision-recall (step rule) with the anomalies as positives. */
  readonly aupr: number
  /** Share of normal rows above the threshold that catches 95 % of the anomalies. */
  readonly fpr95: number
  /** Rows scored, and anomalies among them. */
  readonly n: number
  readonly anomalies: number
  /** Training and scoring, wall clock. */
  readonly seconds: number
}

export interface AnomalyOptions {
  tables: readonly AnomalyTable[]
  seeds: readonly number[]
  /** Default: all three. */
  detectors?: readonly DetectorName[]
  /** Optimiser steps of each energy. Default 600. */
  steps?: number
  rowLimit?: number
  threads?: number
  /** Stops the study; what is finished is kept. */
  signal?: AbortSignal
  /** done: share of the whole study, 0 to 1. */
  onProgress?: (done: number, text: string) => void
  onRow?: (row: AnomalyRow) => void
}

export interface AnomalyResult {
  readonly rows: readonly AnomalyRow[]
  readonly seeds: readonly number[]
  readonly detectors: readonly DetectorName[]
  readonly steps: number
  readonly tables: readonly { name: string; columns: number; normals: number; anomalies: number; classes: string }[]
  /** What the reader must know: subsampled tables. */
  readonly notes: readonly string[]
  /** Of the training runs. */
  readonly warnings: readonly RunWarning[]
  /** False when the study was interrupted. */
  readonly complete: boolean
}

interface Split {
  train: Tensor
  normals: Tensor
  anomalies: Tensor
  dispose(): void
}

/** Numbers of rows of a table that take part, at most `limit` in all. */
function kept(table: AnomalyTable, limit: number): { normals: number; anomalies: number } {
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

/** 60 % of the normal rows to train on; standardised by the mean and standard deviation of these alone. */
function split(table: AnomalyTable, limit: number, seed: number): Split {
  const { normals, anomalies } = kept(table, limit)
  const training = Math.round(TRAIN_SHARE * normals)
  const indices = [
    ...draw(table.normals, [training, normals - training], seed),
    ...draw(table.anomalies, [anomalies], seed),
  ]
  const scaled = invokeNow<{ tensor: Tensor; mean: Tensor; sd: Tensor }>('data.standardize', {
    tensor: table.x,
    rows: indices[0],
    name: table.name,
  })
  const parts = indices.map((index) => scaled.tensor.index(index))
  for (const each of [...indices, ...Object.values(scaled)]) each.dispose()
  const dispose = () => {
    for (const part of parts) part.dispose()
  }
  return { train: parts[0]!, normals: parts[1]!, anomalies: parts[2]!, dispose }
}

/** What a detector takes of the time, roughly: training against a look at the rows. */
const WEIGHT: Record<DetectorName, number> = { energy: 20, knn: 1, mahalanobis: 1 }

const SPECS: Record<DetectorName, (steps: number | undefined) => ood.Detector> = {
  energy: (steps) => ood.detectors.energyLadder(steps === undefined ? {} : { steps }),
  knn: () => ood.detectors.knn(),
  mahalanobis: () => ood.detectors.mahalanobis(),
}

async function measure(
  name: DetectorName,
  { train, normals, anomalies }: Split,
  seed: number,
  options: AnomalyOptions,
  hooks: Required<Pick<ood.FitOptions, 'onProgress' | 'onWarning'>>,
): Promise<Omit<AnomalyRow, 'dataset'>> {
  const { signal, threads } = options
  const job = { ...(threads !== undefined && { threads }), ...(signal !== undefined && { signal }) }
  const began = performance.now()
  // The rows are standardised already, by the training rows.
  const how = { standardize: false, seed, ...hooks, ...job }
  const detector = await ood.fit(SPECS[name](options.steps), train, how)
  try {
    const { anomaly } = await ood.evaluate({
      detector,
      inDistribution: normals,
      outOfDistribution: { anomaly: anomalies },
      positive: 'ood',
      auprRule: 'step',
      fprRule: 'first',
      ...job,
    })
    const seconds = (performance.now() - began) / 1000
    const { auroc, auprOut: aupr, fpr95, n, outOfDistribution } = anomaly
    return { detector: name, seed, auroc, aupr, fpr95, n, anomalies: outOfDistribution, seconds }
  } finally {
    detector.dispose()
  }
}

function notesOf(tables: readonly AnomalyTable[], limit: number): string[] {
  return tables
    .filter((table) => table.normals.size + table.anomalies.size > limit)
    .map((table) => {
      const { normals, anomalies } = kept(table, limit)
      const all = table.normals.size + table.anomalies.size
      return `${table.name}: ${normals + anomalies} of ${all} rows, drawn again for each seed (${anomalies} anomalies)`
    })
}

/**
 * Runs every detector on every table with every seed. A seed fixes the split and every random number of the training.
 * An abort does not reject: the result then holds the finished rows and `complete: false`.
 *
 * @throws (rejects) ERR_LANGEVIN_NON_FINITE (table, row, column), ERR_LANGEVIN_DIVERGED
 */
export async function anomalyStudy(options: AnomalyOptions): Promise<AnomalyResult> {
  const {
    tables,
    seeds,
    detectors = DETECTORS,
    steps = ood.detectors.energyLadder().steps,
    rowLimit = ROW_LIMIT,
    signal,
  } = options
  const rows: AnomalyRow[] = []
  const warnings: RunWarning[] = []
  const result = (complete: boolean): AnomalyResult => ({
    rows,
    seeds,
    detectors,
    steps,
    tables: tables.map(({ name, x, normals, anomalies, classes }) => ({
      name,
      columns: x.shape[1]!,
      normals: normals.size,
      anomalies: anomalies.size,
      classes,
    })),
    notes: notesOf(tables, rowLimit),
    warnings,
    complete,
  })
  const total = tables.length * seeds.length * detectors.reduce((sum, name) => sum + WEIGHT[name], 0)
  let finished = 0
  for (const table of tables) {
    for (const seed of seeds) {
      const parts = split(table, rowLimit, seed)
      try {
        for (const name of detectors) {
          const text = `${table.name}, seed ${seed}, ${name}`
          const tell = (done: number) => options.onProgress?.((finished + done * WEIGHT[name]) / total, text)
          tell(0)
          signal?.throwIfAborted()
          const hooks = {
            onProgress: tell,
            onWarning: (warning: TrainWarning) => void warnings.push(...warningsOf(text, [warning])),
          }
          const row: AnomalyRow = { dataset: table.name, ...(await measure(name, parts, seed, options, hooks)) }
          finished += WEIGHT[name]
          rows.push(row)
          options.onRow?.(row)
        }
      } catch (error) {
        if (signal?.aborted) return result(false)
        throw error
      } finally {
        parts.dispose()
      }
    }
  }
  options.onProgress?.(1, 'done')
  return result(true)
}
