/**
 * The anomaly study: an energy trained on normal rows, compared with k nearest neighbours and other detectors.
 */

import * as ood from '../../ood/index.js'
import type { TrainWarning } from '../../runtime/index.js'
import { type RunWarning, warningsOf } from '../warnings.js'
import { notesOf, type Protocol, ROW_LIMIT, type Split, split } from './protocols.js'
import type { AnomalyTable } from './tables.js'

/** What can be compared. */
export const DETECTORS = [
  'ensemble',
  'energy',
  'knn',
  'mahalanobis',
  'diffusionTime',
  'lof',
  'isolationForest',
  'ecod',
  'copod',
  'pca',
  'gaussianMixture',
  'oneClassSvm',
  'minimumCovarianceDeterminant',
  'columnDensity',
  'denoisingScore',
  'ensembleWithoutEnergy',
] as const
/** What is compared unless the caller says otherwise. */
export const DEFAULT_DETECTORS: readonly DetectorName[] = ['ensemble', 'energy', 'knn', 'mahalanobis']
export type DetectorName = (typeof DETECTORS)[number]

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
  /** F1 of the rows with the highest scores, as many as there are anomalies. */
  readonly f1: number
  /** Rows scored, and anomalies among them. */
  readonly n: number
  readonly anomalies: number
  /** Training and scoring, wall clock. */
  readonly seconds: number
}

export interface AnomalyOptions {
  tables: readonly AnomalyTable[]
  seeds: readonly number[]
  /** Which rows are trained on and which are scored. Default 'random'. */
  protocol?: Protocol
  /** Default: ensemble, energy, knn, mahalanobis. */
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
  readonly protocol: Protocol
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

/** What a detector takes of the time, roughly: training against a look at the rows. */
const weightOf = (name: DetectorName) => (name === 'energy' || name === 'ensemble' ? 20 : 1)

interface How {
  seed: number
  steps: number | undefined
}

/** The ensemble without its trained energy: what that adds. */
const withoutEnergy = () => {
  const { knn, lof, gaussianMixture, columnDensity } = ood.detectors
  const mixture = gaussianMixture({ components: 15, iterations: 30, tolerance: 0.01 })
  return [knn({ k: 1 }), knn({ k: 5, distance: 'mean' }), lof({ k: 20 }), mixture, columnDensity()]
}

const SPECS: Record<DetectorName, (how: How) => ood.Detector> = {
  ensemble: ({ steps }) =>
    ood.detectors.ensemble(
      steps === undefined ? {} : { members: [...withoutEnergy(), ood.detectors.denoisingScore({ steps })] },
    ),
  ensembleWithoutEnergy: () => ood.detectors.ensemble({ members: withoutEnergy() }),
  denoisingScore: ({ steps }) => ood.detectors.denoisingScore(steps === undefined ? {} : { steps }),
  columnDensity: () => ood.detectors.columnDensity(),
  energy: ({ steps }) => ood.detectors.energyLadder(steps === undefined ? {} : { steps }),
  knn: () => ood.detectors.knn(),
  mahalanobis: () => ood.detectors.mahalanobis(),
  diffusionTime: () => ood.detectors.diffusionTime(),
  lof: () => ood.detectors.lof(),
  isolationForest: ({ seed }) => ood.detectors.isolationForest({ seed }),
  ecod: () => ood.detectors.ecod(),
  copod: () => ood.detectors.copod(),
  pca: () => ood.detectors.pca(),
  gaussianMixture: ({ seed }) => ood.detectors.gaussianMixture({ seed }),
  oneClassSvm: ({ seed }) => ood.detectors.oneClassSvm({ seed }),
  minimumCovarianceDeterminant: ({ seed }) => ood.detectors.minimumCovarianceDeterminant({ seed }),
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
  const detector = await ood.fit(SPECS[name]({ seed, steps: options.steps }), train, how)
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
    const { auroc, auprOut: aupr, fpr95, f1, n, outOfDistribution } = anomaly
    return { detector: name, seed, auroc, aupr, fpr95, f1, n, anomalies: outOfDistribution, seconds }
  } finally {
    detector.dispose()
  }
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
    protocol = 'random',
    detectors = DEFAULT_DETECTORS,
    steps = ood.detectors.energyLadder().steps,
    rowLimit = ROW_LIMIT,
    signal,
  } = options
  const rows: AnomalyRow[] = []
  const warnings: RunWarning[] = []
  const result = (complete: boolean): AnomalyResult => ({
    rows,
    seeds,
    protocol,
    detectors,
    steps,
    tables: tables.map(({ name, x, normals, anomalies, classes }) => ({
      name,
      columns: x.shape[1]!,
      normals: normals.size,
      anomalies: anomalies.size,
      classes,
    })),
    notes: notesOf(tables, protocol, rowLimit),
    warnings,
    complete,
  })
  const total = tables.length * seeds.length * detectors.reduce((sum, name) => sum + weightOf(name), 0)
  let finished = 0
  for (const table of tables) {
    for (const seed of seeds) {
      const parts = split(table, protocol, rowLimit, seed)
      try {
        for (const name of detectors) {
          const text = `${table.name}, seed ${seed}, ${name}`
          const tell = (done: number) => options.onProgress?.((finished + done * weightOf(name)) / total, text)
          tell(0)
          signal?.throwIfAborted()
          const hooks = {
            onProgress: tell,
            onWarning: (warning: TrainWarning) => void warnings.push(...warningsOf(text, [warning])),
          }
          const row: AnomalyRow = { dataset: table.name, ...(await measure(name, parts, seed, options, hooks)) }
          finished += weightOf(name)
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
