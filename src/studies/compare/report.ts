/** The comparison as a page: what to choose, pictures, tables. */
import { heatmap } from '../../report/heatmap.js'
import { type Column, type Html, html, page, table } from '../../report/html.js'
import { dotPlot, element, label, svg } from '../../report/svg.js'
import { shortNumber, shortSummary } from '../statistics.js'
import { warningsSection } from '../warnings.js'
import { B, BATCH, plans } from './plans.js'
import { WEIGHTS_SOURCE } from './sources.js'
import { type CompareResult, TEST_ROWS, TRAIN_ROWS } from './study.js'
import { METRICS, type Overall, overall, rowsOf, summaryOf, titleOf } from './summary.js'

/** Log-densities the colours span (nats per unit of area). */
const RANGE: readonly [number, number] = [-7, 1]
const SIDE = 104
const GAP = 6
const LEFT = 140
const TOP = 104

/** Rows of sources, columns of objectives, the truth first; every log-density of the first seed in one colour range. */
function panelGrid(result: CompareResult): Html {
  const columns = ['truth', ...overall(result).map(({ objective }) => objective)]
  const sources = result.options.sources.filter((source) => result.panels.some((panel) => panel.source === source))
  const parts = columns.map((column, i) => {
    const [x, y] = [LEFT + i * (SIDE + GAP) + 8, TOP - 8]
    return label(x, y, titleOf(column), { 'font-weight': 600, transform: `rotate(-28 ${x} ${y})` })
  })
  sources.forEach((source, r) => {
    const top = TOP + r * (SIDE + GAP)
    parts.push(label(0, top + SIDE / 2, source, { 'font-weight': 600 }))
    columns.forEach((column, i) => {
      const place = { x: LEFT + i * (SIDE + GAP), y: top, width: SIDE, height: SIDE }
      const panel = result.panels.find((each) => each.source === source && each.objective === column)
      if (panel !== undefined) {
        const stride = Math.max(1, Math.floor(panel.side / SIDE))
        const window = { first: 0, count: Math.floor(panel.side / stride), stride }
        const href = heatmap(panel.values, panel.side, panel.side, RANGE, window)
        parts.push(element('image', { ...place, href, preserveAspectRatio: 'none' }))
      } else {
        const centre = { 'text-anchor': 'middle', fill: '#b4502f' }
        parts.push(label(place.x + SIDE / 2, top + SIDE / 2, 'diverged', centre))
      }
      parts.push(element('rect', { ...place, fill: 'none', stroke: '#8b95a3', 'stroke-width': 0.8 }))
    })
  })
  const width = LEFT + columns.length * (SIDE + GAP) + 90
  return svg(width, TOP + sources.length * (SIDE + GAP), parts, 'Log-densities of all objectives on all data')
}

function choice(lines: readonly Overall[]): Html {
  const columns: Column<Overall>[] = [
    { title: 'objective', value: ({ objective }) => titleOf(objective) },
    {
      title: 'mean rank',
      help: 'Rank by total variation among the objectives, mean over data and seeds; a diverged run is last.',
      value: ({ rank }) => shortNumber(rank),
    },
    { title: 'mean TV', value: ({ totalVariation }) => shortNumber(totalVariation) },
    { title: 'mean KL', value: ({ kl }) => shortNumber(kl) },
    {
      title: 'mode weight error',
      help: `On ${WEIGHTS_SOURCE}: |mass the model gives to the left mode − 0.8|. 0.3 is two equal modes.`,
      value: ({ weightError }) => shortSummary(weightError),
    },
    { title: 'seconds per run', help: 'Seconds of training.', value: ({ seconds }) => shortNumber(seconds) },
    { title: 'diverged', value: ({ diverged, runs }) => `${diverged} of ${runs}` },
    {
      title: 'what it cannot see',
      value: ({ objective }) =>
        html`<span style="display:inline-block;min-width:38ch;white-space:normal;text-align:left">${plans()[objective]?.blind}</span>`,
    },
  ]
  return table(lines, columns)
}

function metricTables(result: CompareResult, lines: readonly Overall[]): Html[] {
  const { sources } = result.options
  return METRICS.map(({ key, title, better, help }) => {
    const columns: Column<Overall>[] = [
      { title, value: ({ objective }) => titleOf(objective) },
      ...sources.map((source) => ({
        title: source,
        value: ({ objective }: Overall) => shortSummary(summaryOf(rowsOf(result, objective, source), key)),
      })),
    ]
    const truth =
      key === 'logLikelihood'
        ? html`<p class="quiet">The truth itself: ${sources
            .flatMap((source) => {
              const entropy = result.entropy[source]
              return entropy === undefined ? [] : [`${source} ${shortNumber(-entropy)}`]
            })
            .join(', ')}.</p>`
        : null
    return html`<h3>${title}</h3><p>${help} ${better === 'lower' ? 'Lower' : 'Higher'} is better; mean ± standard
deviation over seeds.</p>${table(lines, columns)}${truth}`
  })
}

function weights(result: CompareResult, lines: readonly Overall[]): Html | null {
  const rows = lines.map(({ objective }) => ({
    label: titleOf(objective),
    values: rowsOf(result, objective, WEIGHTS_SOURCE).flatMap(({ weightError }) => weightError ?? []),
  }))
  const shown = rows.filter(({ values }) => values.length > 0)
  if (shown.length === 0) return null
  return html`<h3>Blind to the weights of modes</h3>
<p>Four fifths of ${WEIGHTS_SOURCE} lie in the left mode, one fifth in the right, with empty space between. Losses that see only
scores, or only the neighbourhood of the data, are equally happy with any split: the log-density may jump where no row is.
The figure shows how far the model's split is from 0.8.</p><figure>${dotPlot(shown, {
    title: 'Mass of the left mode, distance from the truth',
    unit: 'one dot per seed, bar: mean',
    low: 0,
    high: 0.8,
    width: 720,
  })}</figure>`
}

const CAVEATS = html`<h3>Limitations</h3>
<ul>
<li>Equal budgets are equal energies, rows, batches, optimisers and numbers of steps. A step of one objective costs more than
one of another: compare the seconds per run.</li>
<li>Options are one reasonable setting for all data, two (f-EBM, PCD) were picked on unequalModes. A perturbation or a step size that fits one
source better will change the ranks.</li>
<li>Two columns. Uniform noise and tested uniform restarts shine here and fail in many columns; score matching and energy
discrepancy keep their cost.</li>
</ul>`

function heading(result: CompareResult): Html {
  const { seeds, steps, sources, objectives } = result.options
  return html`<h2>Objectives compared</h2>
<p>${objectives.length} objectives on ${sources.length} distributions of the plane with a known density, seeds
${seeds.join(', ')}. Every objective trains the same energy (an MLP of three layers of 64 with a Gaussian base) on the same
${TRAIN_ROWS} rows for ${steps} steps of ${BATCH} rows with Adam along a cosine, and is judged by its averaged weights on a
grid over [−${B}, ${B}]² and ${TEST_ROWS} held-out rows.${
    result.notCompared.length === 0 ? null : ` Not part of it: ${result.notCompared.join(', ')}.`
  }</p>${result.interrupted ? html`<p><b>The comparison was stopped before its end: ${result.rows.length} runs were finished and are shown.</b></p>` : null}`
}

/** The page's body. */
export function compareSection(result: CompareResult): Html[] {
  const lines = overall(result)
  if (lines.length === 0) return [heading(result)]
  const seed = result.options.seeds[0]
  return [
    heading(result),
    html`<figure>${panelGrid(result)}<figcaption>Log-density of every objective (columns, best mean rank first) on every
source (rows), first column the truth. Seed ${seed}.</figcaption></figure>`,
    html`<h3>Which objective to choose</h3>${choice(lines)}`,
    html`${weights(result, lines)}`,
    ...metricTables(result, lines),
    html`${warningsSection(result.warnings)}`,
    CAVEATS,
  ]
}

/** One self-contained HTML page. */
export function comparePage(result: CompareResult, command: string): string {
  return page({
    title: 'Objectives compared',
    lead: 'Which way of training an energy fits which data, and what each of them cannot see.',
    body: compareSection(result),
    command,
    made: new Date().toISOString().slice(0, 10),
  })
}

/** What goes into the JSON: everything but the pixels, and the plans as they were run. */
export function compareJson({ panels: _, ...result }: CompareResult): Record<string, unknown> {
  const known = plans()
  const used = result.options.objectives.map((name) => [name, known[name]!] as const)
  const specs = Object.fromEntries(used.map(([name, { title: _title, cost: _cost, ...plan }]) => [name, plan]))
  return { ...result, plans: specs, overall: overall({ panels: [], ...result }) }
}
