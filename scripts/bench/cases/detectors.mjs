/**
 * Detectors that are fitted to rows: microseconds per scored row, and beside it the seconds of the fit. 2,000 training rows and
 * batches of 2,000 rows from a correlated normal law, at 2, 64 and 900 columns, float32. Where scikit-learn has the detector it runs beside
 * with the same options; the others are alone.
 */
export const name = 'detectors'
export const title = 'Scoring by detectors fitted to 2,000 rows, batches of 2,000 rows, one thread'
export const unit = 'us'
export const threads = [1]
export const repeats = 5
export const resident = true

const KINDS = [
  ['knn', { k: 5 }],
  ['lof', { k: 20 }],
  ['isolationForest', { seed: 1 }],
  ['ecod', {}],
  ['copod', {}],
  ['pca', {}],
  ['gaussianMixture', { seed: 1 }],
  ['oneClassSvm', {}],
  ['mahalanobis', {}],
  ['minimumCovarianceDeterminant', { seed: 1 }],
  ['diffusionTime', {}],
  ['columnDensity', {}],
]
const WIDTHS = [2, 64, 900]
const ROWS = 2000

export const rows = KINDS.flatMap(([kind, detector]) =>
  WIDTHS.map((columns) => ({
    label: `${kind} ${columns}`,
    options: { kind, detector, columns, rows: ROWS, seconds: 0.2 },
  })),
)

export const contenders = [
  { name: 'langevin', peer: 'langevin', script: 'langevin/detectors.mjs', also: ['fitSeconds'] },
  {
    name: 'scikit-learn',
    peer: 'scikit-learn',
    script: 'peers/scikit_learn.py',
    also: ['fitSeconds'],
    // Its fit takes six minutes (381 s beside 7.9 s here, 2026-12-01).
    for: ({ options }) => options.kind !== 'minimumCovarianceDeterminant' || options.columns < 900,
  },
]
