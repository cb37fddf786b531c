/** The spandrel study as sections of a report. */
import type { SpandrelShape } from '../../data/spandrel.js'
import { type Column, type Html, html, table } from '../../report/html.js'
import { gallery } from '../../report/run-sections.js'
import { dotPlot } from '../../report/svg.js'
import { shortNumber, shortSummary } from '../statistics.js'
import { warningsSection } from '../warnings.js'
import { differenceTo, METRICS, type MetricKey, rowsFor, summaryOf } from './metrics.js'
import { B, PLANS, SIGMA, type SpandrelModel } from './models.js'
import { panelGrid, titleOf } from './panels.js'
import { CELLS, type SpandrelMetrics, type SpandrelResult, type SpandrelRow, TEST_ROWS, TRAIN_ROWS } from './study.js'

interface Line {
  model: SpandrelModel | 'truth'
  rows: SpandrelRow[]
  truth: SpandrelMetrics | undefined
}

const cell = (line: Line, key: MetricKey): string =>
  line.model === 'truth' ? shortNumber(line.truth?.[key]) : shortSummary(summaryOf(line.rows, key))

function linesOf(result: SpandrelResult, shape: SpandrelShape): Line[] {
  const truth = result.truth[shape]
  const models = result.options.models.map((model) => ({ model, rows: rowsFor(result, shape, model), truth }))
  return [{ model: 'truth' as const, rows: [], truth }, ...models.filter(({ rows }) => rows.length > 0)]
}

const isEnergy = (model: string) => model.startsWith('ebm')

function metricTable(result: SpandrelResult, shape: SpandrelShape): Html {
  const columns: Column<Line>[] = [
    { title: 'model', value: ({ model }) => titleOf(model) },
    { title: 'parameters', value: ({ rows }) => rows[0]?.parameters ?? '–' },
    ...METRICS.map(({ key, title, help }) => ({ title, help, value: (line: Line) => cell(line, key) })),
    {
      title: 'seconds per run',
      value: ({ rows }) => shortNumber(summaryOf(rows, 'seconds')?.mean),
      help: 'Seconds of training and evaluation, mean over seeds. MLP + KDE uses the weights of the MLP.',
    },
  ]
  return table(linesOf(result, shape), columns, ({ model }) => isEnergy(model))
}

const DIFFERENCES = ['spandrelMass', 'fpr95', 'nearFpr95', 'totalVariation', 'logLikelihood'] as const

function differenceTable(result: SpandrelResult, shape: SpandrelShape): Html | null {
  const models = result.options.models.filter(
    (m) => m !== 'mlp' && differenceTo(result, shape, { model: m, reference: 'mlp' }, 'fpr95'),
  )
  if (models.length === 0) return null
  const columns: Column<SpandrelModel>[] = [
    { title: 'model − MLP', value: (model) => titleOf(model) },
    ...DIFFERENCES.map((key) => ({
      title: METRICS.find((metric) => metric.key === key)!.title,
      value: (model: SpandrelModel) => shortSummary(differenceTo(result, shape, { model, reference: 'mlp' }, key)),
    })),
  ]
  return html`<h4>Paired differences to the MLP (same data, seed by seed)</h4>${table(models, columns, isEnergy)}`
}

/** Masses below this are drawn at it: nothing is left to compare. */
const LEAST_MASS = 1e-6

function dots(result: SpandrelResult, shape: SpandrelShape, key: MetricKey, title: string): Html {
  const rows = result.options.models.map((model) => ({
    label: titleOf(model),
    values: rowsFor(result, shape, model).map((row) => row[key] ?? Number.NaN),
    mark: isEnergy(model),
  }))
  const truth = result.truth[shape]?.[key]
  const log = key === 'spandrelMass'
  const positive = rows.flatMap(({ values }) => values).filter((v) => v > 0)
  const least = Math.max(Math.min(...positive, 0.1), LEAST_MASS)
  return dotPlot(
    rows.filter(({ values }) => values.length > 0),
    {
      title,
      unit: `one dot per seed, bar: mean${log ? '; logarithmic' : ''}`,
      low: log ? 10 ** Math.floor(Math.log10(least)) : 0,
      high: 1,
      log,
      width: 690,
      ...(typeof truth === 'number' && { reference: { value: truth, label: `truth ${shortNumber(truth)}` } }),
    },
  )
}

/** One number of every model on every shape. */
function overview(result: SpandrelResult, key: MetricKey): Html {
  const models: (SpandrelModel | 'truth')[] = ['truth', ...result.options.models]
  const columns: Column<SpandrelModel | 'truth'>[] = [
    { title: METRICS.find((metric) => metric.key === key)!.title, value: (model) => titleOf(model) },
    ...result.options.shapes.map((shape) => ({
      title: shape,
      value: (model: SpandrelModel | 'truth') =>
        model === 'truth'
          ? shortNumber(result.truth[shape]?.[key])
          : shortSummary(summaryOf(rowsFor(result, shape, model), key)),
    })),
  ]
  return table(models, columns, isEnergy)
}

function confidence(result: SpandrelResult): Html | null {
  const shapes = result.options.shapes.filter((shape) => rowsFor(result, shape, 'classifier').length > 0)
  if (shapes.length === 0) return null
  const of = (key: keyof SpandrelRow) => (shape: SpandrelShape) =>
    shortSummary(summaryOf(rowsFor(result, shape, 'classifier'), key))
  const rows = table(shapes, [
    { title: 'classifier', value: (shape) => shape },
    {
      title: 'overconfident area',
      value: of('overconfidentArea'),
      help: 'Share of the area farther than 4 sigma from the data, inside the box, with max softmax above 0.95.',
    },
    { title: 'the same outside the box', value: of('overconfidentOutside') },
    { title: 'FPR95, max softmax', value: of('maxSoftmaxFpr95') },
    { title: 'FPR95, energy score', value: of('fpr95') },
  ])
  return html`<h3>The classifier: confident where it has seen nothing</h3>
<p>The share of the empty plane that the classifier assigns to one of the two branches with more than 95 % confidence, and
how well its energy, −logsumexp of the same logits, detects that region. Neither score was trained for this.</p>${rows}`
}

/** What the numbers of this very run say, in one sentence; undefined without an MLP and an energy trained by NCE. */
export function headline(result: SpandrelResult): string | undefined {
  const ratios = result.options.shapes.flatMap((shape) => {
    const [mlp, ebm] = (['mlp', 'ebm-nce'] as const).map(
      (m) => summaryOf(rowsFor(result, shape, m), 'spandrelMass')?.mean,
    )
    return mlp !== undefined && ebm !== undefined && ebm > 0 ? [mlp / ebm] : []
  })
  if (ratios.length === 0) return undefined
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((v) => shortNumber(v))
  const range = least === most ? `${least}` : `${least} to ${most}`
  return `The energy trained by noise contrastive estimation puts ${range} times less probability away from the data than an MLP of the same size.`
}

/** Where the MLP with a density of x is as close to the truth as the energy: the report must say so. */
function exceptions(result: SpandrelResult): Html | null {
  const mean = (shape: SpandrelShape, model: SpandrelModel) =>
    summaryOf(rowsFor(result, shape, model), 'totalVariation')?.mean ?? Number.POSITIVE_INFINITY
  const shapes = result.options.shapes.filter((shape) => mean(shape, 'mlp-kde') <= mean(shape, 'ebm-nce'))
  if (shapes.length === 0) return null
  return html`<p>By total variation the MLP with a density of x is at least as close to the truth as that energy on:
${shapes.join(', ')}. There the energy's advantage over the MLP is the density of x, not the kind of model.</p>`
}

function method(result: SpandrelResult): Html {
  const { seeds, steps, cells } = result.options
  const skipped = result.skippedSeeds
  const done = seeds.filter((seed) => !skipped.includes(seed))
  return html`<h3>What was done</h3>
<p>The data is a curve in the plane blurred by a Gaussian of sigma ${SIGMA}: ${TRAIN_ROWS} training and ${TEST_ROWS}
held-out points, the same for every model of a seed (${done.length === 1 ? 'seed' : 'seeds'} ${done.join(', ')}${
    skipped.length === 0 ? null : `; left out to save time: ${skipped.join(', ')}`
  }). Its
density and the distance to the curve are known in closed form. Every model is evaluated on a grid of ${cells} × ${cells}
cells over the box [−${B}, ${B}]² and as finely over twice the box; its density is the softmax of its log-score over the
box. All have three hidden layers and parameter counts within 2 % of each other, the same optimiser (Adam, batch 256,
cosine decay) and averaged weights${steps === undefined ? null : html`; here every model was given ${steps} steps`}.</p>
<dl>${result.options.models.map(
    (model) =>
      html`<dt>${titleOf(model)}</dt><dd>${PLANS[model].summary}${
        steps === undefined && PLANS[model].sharesTrainingOf === undefined ? ` ${PLANS[model].steps} steps.` : null
      }</dd>`,
  )}</dl>`
}

const CAVEATS = html`<h3>Limitations</h3>
<ul>
<li><b>Reconstructed.</b> The question comes from a discussion article (“OOD and Spandrels, or What you should know about
EBM”, r/MachineLearning, 26 March 2026), which shows pictures but no formulas, seeds, hyper-parameters or numbers.
The curves, the tube width, the box and the way an MLP becomes a density (a Gaussian around its prediction) are this
project's reading. There is no published number to compare with.</li>
<li><b>What it tests.</b> A conditional model must put probability 1 on every x, seen or not: much of the MLP's and the
MDN's mass is extrapolation in x. “MLP + KDE” takes that away by hand and leaves bridging between branches. The sharp
discontinuities of implicit models are the subject of Florence et al. 2021 (arXiv 2109.00137).</li>
<li><b>Counter-evidence.</b> Elflein et al. 2021 (arXiv 2107.08785) find that energy-based models have no consistent
advantage at detecting out-of-distribution data; supervision and architectural bottlenecks help more. A result in the
plane with known support says nothing about images.</li>
<li><b>Inside against outside the box.</b> Noise, chains and grids of the energies live in the box. What an energy says
outside it is extrapolation; the lower line of the picture and “outside FPR95” show it.</li>
<li><b>Tested restarts.</b> The restarts that move PCD chains between branches are accepted in proportion to the
support's share of the box: useful in two dimensions, useless in many.</li>
</ul>`

/** Heads, picture, tables and text of the study; the caller puts a page around them. */
export function spandrelSection(result: SpandrelResult): Html[] {
  const heading = html`<h2>Spandrels: what fills the empty plane</h2>
<p>Models of equal size are fitted to the same points. Where they see probability although there is no data, the picture
is not white.</p>
${result.interrupted ? html`<p><b>This study was stopped before its end: ${result.rows.length} runs were finished and are shown.</b></p>` : null}`
  if (result.rows.length === 0) return [heading]
  const shapes = result.options.shapes.filter((shape) => result.rows.some((row) => row.shape === shape))
  const grid = html`<figure>${panelGrid(result)}<figcaption>Log-density of every model (columns) on every shape (rows),
first over the box the study normalises in, below it over twice that box (grey outline: the box). The first column is
the truth. Colour anywhere else than along the red curve is a spandrel. Seed ${result.options.seeds[0]}.</figcaption></figure>`
  const perShape = shapes.map(
    (shape) => html`<h3>${shape}</h3>${metricTable(result, shape)}
${gallery([dots(result, shape, 'spandrelMass', 'Spandrel mass'), dots(result, shape, 'totalVariation', 'Total variation to the truth')])}
${differenceTable(result, shape)}`,
  )
  const cellsNote = result.options.cells === CELLS ? null : html` (a grid of ${result.options.cells} cells per side)`
  return [
    heading,
    html`<p><b>${headline(result)}</b></p>${exceptions(result)}`,
    grid,
    html`<h3>Probability where there is no data${cellsNote}</h3><p>Mean ± standard deviation over seeds. Read both
tables: a model that drops data also scores low in the first.</p>
<div class="pair"><div>${overview(result, 'spandrelMass')}</div><div>${overview(result, 'totalVariation')}</div></div>`,
    html`${confidence(result)}`,
    ...perShape,
    html`${warningsSection(result.warnings)}`,
    method(result),
    CAVEATS,
  ]
}
