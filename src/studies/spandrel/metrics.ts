/** The numbers of the study: how they are called, what they mean, and how rows are summed up. */
import type { SpandrelShape } from '../../data/spandrel.js'
import { pairedDifferences, type Summary, summarise } from '../statistics.js'
import type { SpandrelModel } from './models.js'
import type { SpandrelResult, SpandrelRow } from './study.js'

export const METRICS = [
  {
    key: 'spandrelMass',
    title: 'spandrel mass',
    help: 'Probability farther than 4 sigma from the support curve, of the density normalised over the box. Lower is better.',
  },
  {
    key: 'fpr95',
    title: 'FPR95',
    help: 'Share of the area farther than 4 sigma that scores as high as 95 % of the held-out points do. Lower is better.',
  },
  { key: 'auroc', title: 'AUROC', help: 'Held-out points against uniform points of that area. Higher is better.' },
  { key: 'nearFpr95', title: 'near FPR95', help: 'FPR95 on the ring between 4 and 12 sigma. Lower is better.' },
  {
    key: 'outsideFpr95',
    title: 'outside FPR95',
    help: 'FPR95 on twice the box without the box, where no negative was ever drawn. Lower is better.',
  },
  {
    key: 'bridgeMass',
    title: 'bridge mass',
    help: 'Probability in the unsampled gap between the branches. Shapes without a gap have none. Lower is better.',
  },
  {
    key: 'gapRatio',
    title: 'gap ratio',
    help: 'Largest density in that gap over the median density of the held-out points. Lower is better.',
  },
  {
    key: 'totalVariation',
    title: 'TV',
    help: 'Total variation distance to the true density: 0 is the truth, 1 is disjoint. A model that drops part of the data has no spandrels and a large TV.',
  },
  {
    key: 'logLikelihood',
    title: 'log-likelihood',
    help: 'Mean log-density of the held-out points, normalised over the box. Higher is better.',
  },
] as const satisfies readonly { key: keyof SpandrelRow; title: string; help: string }[]

export type MetricKey = (typeof METRICS)[number]['key']

export function rowsFor(result: SpandrelResult, shape: SpandrelShape, model: SpandrelModel): SpandrelRow[] {
  return result.rows.filter((row) => row.shape === shape && row.model === model)
}

/** Values of a metric by seed; seeds where it does not exist are left out. */
export function bySeed(rows: readonly SpandrelRow[], key: keyof SpandrelRow): Map<number, number> {
  const numbers = rows.flatMap((row): [number, number][] => {
    const value = row[key]
    return typeof value === 'number' ? [[row.seed, value]] : []
  })
  return new Map(numbers)
}

export function summaryOf(rows: readonly SpandrelRow[], key: keyof SpandrelRow): Summary | undefined {
  return summarise([...bySeed(rows, key).values()])
}

/** model - reference, seed by seed (both saw the same data). */
export function differenceTo(
  result: SpandrelResult,
  shape: SpandrelShape,
  models: { model: SpandrelModel; reference: SpandrelModel },
  key: MetricKey,
): Summary | undefined {
  const values = (model: SpandrelModel) => bySeed(rowsFor(result, shape, model), key)
  return summarise(pairedDifferences(values(models.model), values(models.reference)))
}
