/** The anomaly study as sections of a report. */
import { energyLadder } from '../../ood/detectors.js'
import { type Html, html, table } from '../../report/html.js'
import { dotPlot } from '../../report/svg.js'
import { warningsSection } from '../warnings.js'
import { type Protocol, TRAIN_SHARE } from './protocols.js'
import type { AnomalyResult, DetectorName } from './study.js'
import { bestOf, formatMeanSd, type SummaryLine, summarise, winners } from './summary.js'

const DESCRIPTIONS: Record<DetectorName, string> = {
  ensemble: 'ensemble',
  ensembleWithoutEnergy: 'ensemble without its trained energy',
  denoisingScore: 'score norm of one energy (noise 0.5)',
  columnDensity: 'density of the columns',
  energy: 'energy',
  knn: 'k nearest neighbours (k = 5)',
  mahalanobis: 'Mahalanobis distance',
  diffusionTime: 'DTE-NP, diffusion time of the nearest rows (k = 5)',
  lof: 'local outlier factor (k = 20)',
  isolationForest: 'isolation forest (100 trees)',
  ecod: 'ECOD',
  copod: 'COPOD',
  pca: 'distance to the leading principal components (90 % of the variance)',
  gaussianMixture: 'mixture of 5 Gaussians',
  minimumCovarianceDeterminant: 'Mahalanobis distance by the minimum covariance determinant',
  oneClassSvm: 'one-class SVM (nu = 0.5, at most 2,000 rows)',
}

const share = Math.round(TRAIN_SHARE * 100)
const DONE: Record<Protocol, string> = {
  random: `${share} % of the normal rows are trained on, without labels; the other normal rows and all anomalies are scored.`,
  dte: `The first half of the normal rows is trained on, without labels; the other normal rows and all anomalies are scored
(the semi-supervised protocol of Livernoche et al. 2024).`,
  unsupervised: `As many rows as the table has, anomalies among them, are drawn with replacement and trained on, without labels;
all rows are scored (the unsupervised protocol of Livernoche et al. 2024).`,
}

function dots(result: AnomalyResult): Html {
  const lines = summarise(result.rows)
  const rows = result.tables
    .filter(({ name }) => lines.some(({ dataset }) => dataset === name))
    .flatMap(({ name }) =>
      result.detectors
        .map((detector) => ({
          label: `${name} · ${detector}`,
          values: result.rows
            .filter((row) => row.dataset === name && row.detector === detector)
            .map((row) => row.auroc),
          mark: bestOf(lines, name).detector === detector,
        }))
        .filter(({ values }) => values.length > 0),
    )
  const least = Math.min(0.9, ...result.rows.map((row) => row.auroc))
  return dotPlot(rows, {
    title: 'AUROC, one dot per seed',
    unit: 'AUROC (1 = every anomaly scores above every normal row, 0.5 = chance)',
    low: Math.floor(least * 20) / 20,
    high: 1,
  })
}

function summaryTable(lines: readonly SummaryLine[]): Html {
  return table(
    lines,
    [
      { title: 'Data set', value: ({ dataset }) => dataset ?? 'mean of all' },
      { title: 'Detector', value: ({ detector }) => DESCRIPTIONS[detector] },
      {
        title: 'AUROC',
        value: ({ metrics }) => formatMeanSd(metrics.auroc),
        help: 'Chance that an anomaly scores above a normal row; mean ± standard deviation over seeds.',
      },
      {
        title: 'AUPR',
        value: ({ metrics }) => formatMeanSd(metrics.aupr),
        help: 'Area under precision-recall (step rule), anomalies positive. Its chance level is the share of anomalies.',
      },
      {
        title: 'FPR95',
        value: ({ metrics }) => formatMeanSd(metrics.fpr95),
        help: 'Share of normal rows above the threshold that catches 95 % of the anomalies; lower is better.',
      },
      {
        title: 'F1',
        value: ({ metrics }) => formatMeanSd(metrics.f1),
        help: 'Of the rows with the highest scores, as many as there are anomalies.',
      },
      { title: 'Seeds', value: ({ metrics }) => metrics.auroc.seeds },
    ],
    (line) => bestOf(lines, line.dataset) === line,
  )
}

/** The study as sections of a report: what was done, the picture, the numbers. */
export function anomalySection(result: AnomalyResult): Html[] {
  const { sigmas } = energyLadder()
  const intro = html`<h2>Anomaly detection on tables</h2>
<p>${DONE[result.protocol]}
Columns are standardised. The energy is the mean of ${sigmas.length} multilayer perceptrons with a
fitted Gaussian base, trained by denoising score matching at noise ${sigmas.join(', ')} (${result.steps} steps each),
the same for every table. An ensemble averages neighbours, densities and the norm of the score of an energy that it trains.</p>
<ul>${result.tables.map(
    ({ name, columns, normals, anomalies, classes }) =>
      html`<li><b>${name}</b>: ${normals + anomalies} rows, ${columns} columns; ${classes}</li>`,
  )}</ul>
${result.notes.length > 0 ? html`<p>Subsampled: ${result.notes.join('; ')}.</p>` : null}
${result.complete ? null : html`<p><b>The study was interrupted; these are the rows that were finished.</b></p>`}`
  if (result.rows.length === 0) return [intro]
  const wins = html`<p><b>${winners(result.rows)}</b> The best of each table is marked.</p>`
  return [
    intro,
    wins,
    html`<figure>${dots(result)}</figure>`,
    summaryTable(summarise(result.rows)),
    html`${warningsSection(result.warnings)}`,
  ]
}
