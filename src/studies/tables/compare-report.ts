/** A synthetic table beside the real one, as a page. */
import { histogram } from '../../report/chart.js'
import { type Column, type Html, html, page, type Summary, table } from '../../report/html.js'
import { scoreMatrix } from '../../report/score-matrix.js'
import type { SideColumn, TableComparison, Verdict } from '../../tables/index.js'
import { columnPicture } from './pictures.js'
import { energySummary, JUDGE_NAMES, measureOf, percent, score } from './summary.js'

/** The score whose colour is darkest. */
const DARKEST = 0.7

function answer(result: TableComparison): string {
  const { similarity, control, privacy, judgement } = result
  const controlText = (value: number | null | undefined) =>
    control === undefined ? '' : ` (held-out rows: ${score(value)})`
  const parts = [
    `Columns are alike by ${score(similarity.shapes)}${controlText(control?.shapes)} and pairs of columns by ${score(similarity.trends)}${controlText(control?.trends)}, where 1 is the same.`,
    ...(judgement?.verdicts ?? [])
      .filter(({ learnedFrom }) => learnedFrom === 'synthetic')
      .map((verdict) => {
        const { name, value } = measureOf(verdict)
        const real = judgement!.verdicts.find((each) => each.judge === verdict.judge && each.learnedFrom === 'real')
        return `By ${JUDGE_NAMES[verdict.judge]} that learned from synthetic rows '${judgement!.label}' is told with ${name} ${score(value)}, from real rows with ${score(real && measureOf(real).value)}.`
      }),
    `${percent(privacy.synthetic.copied)} of the synthetic rows are copies of real ones${privacy.heldOut === undefined ? '' : `; of the held-out rows ${percent(privacy.heldOut.copied)} are there as well`}.`,
  ]
  return parts.join(' ')
}

function judgeSection({ judgement }: TableComparison): Html | null {
  if (judgement === undefined) return null
  const { label, verdicts, notes, tested, testRows, task } = judgement
  const columns: Column<Verdict>[] = [
    { title: 'judge', value: ({ judge }) => JUDGE_NAMES[judge] },
    { title: 'learned from', value: ({ learnedFrom }) => `${learnedFrom} rows` },
    { title: 'rows', value: ({ rows }) => rows },
  ]
  const measures: Column<Verdict>[] =
    task === 'classification'
      ? [
          { title: 'AUROC', value: (v) => score(v.auroc), help: 'Mean over the classes, each against the others.' },
          { title: 'accuracy', value: (v) => score(v.accuracy) },
          { title: 'F1', value: (v) => score(v.f1), help: 'Mean over the classes of 2 TP / (2 TP + FP + FN).' },
        ]
      : [
          { title: 'RMSE', value: (v) => score(v.rmse) },
          { title: 'R²', value: (v) => score(v.r2), help: '1 − mean squared error / variance.' },
        ]
  const rows =
    tested === 'held-out'
      ? 'held-out rows'
      : 'real rows, a fifth of the table, which the judge of real rows did not learn from; the synthetic rows may have been made from them'
  return html`<h2>Train on synthetic, test on real</h2>
<p>Judges tell '${label}' from the other columns; all are asked about the same ${testRows} ${rows}.</p>
${verdicts.length > 0 && table(verdicts, [...columns, ...measures], ({ learnedFrom }) => learnedFrom === 'synthetic')}
${notes.map((note) => html`<p class="quiet">${note}</p>`)}`
}

function privacySection({ privacy, rows }: TableComparison): Html {
  const lines = [
    { name: 'synthetic rows', ...privacy.synthetic },
    ...(privacy.heldOut === undefined ? [] : [{ name: 'held-out real rows', ...privacy.heldOut }]),
  ]
  const columns: Column<(typeof lines)[number]>[] = [
    { title: 'of', value: ({ name }) => name },
    { title: 'rows looked at', value: ({ rows }) => rows },
    { title: 'mean', value: ({ mean }) => score(mean) },
    { title: '5 % quantile', value: ({ low }) => score(low) },
    { title: 'median', value: ({ median }) => score(median) },
    {
      title: 'copies',
      value: ({ copied }) => percent(copied),
      help: 'Share of all rows that are a real row, cell by cell.',
    },
  ]
  const nearer = privacy.nearerToReal
  return html`<h2>Distance to the closest real row</h2>
<p>To the nearest of ${rows.real} real rows, by Gower's distance: the mean over the columns of |a − b| / range of numbers, and of 0 or 1 for
the same or another level. Rows that lie nearer than held-out rows do, or more copies than those, say that rows were memorised.</p>
${table(lines, columns)}
${nearer !== undefined && html`<p>${percent(nearer)} of the synthetic rows are nearer to a real row than to a held-out one (as many of both); 50 % where nothing was memorised.</p>`}
${privacy.heldOut === undefined && html`<p class="quiet">No held-out rows were given (--held-out): nothing says how near rows lie by chance.</p>`}`
}

function energySection({ energies }: TableComparison): Html | null {
  if (energies === undefined) return null
  const { real, synthetic, heldOut } = energies
  const { higher } = energySummary(energies)
  const samples = Object.entries({ real, synthetic, ...(heldOut && { 'held-out': heldOut }) })
  return html`<h2>Energies under the model</h2>
<p>Rows that the model drew have the energies of its training rows where it fits and its chains have mixed. The chance that a synthetic
row has a higher energy than a real one is ${score(higher)} (0.5: alike).</p>
<figure>${histogram(
    samples.map(([label, values]) => ({ label, values: [...values] })),
    { title: 'Energies', xLabel: 'energy' },
  )}</figure>`
}

function columnSection({ similarity, control }: TableComparison, sides: readonly SideColumn[]): Html {
  const rows = similarity.columns.map((each, k) => ({ ...each, control: control?.columns[k]?.score }))
  const columns: Column<(typeof rows)[number]>[] = [
    { title: 'column', value: ({ column }) => column },
    { title: 'metric', value: ({ metric }) => metric },
    { title: 'score', value: (row) => score(row.score) },
    ...(control === undefined
      ? []
      : [{ title: 'held-out rows', value: (row: (typeof rows)[number]) => score(row.control) }]),
  ]
  return html`<h2>Columns</h2>
<p>KSComplement of numbers is 1 − the largest difference of the distribution functions, TVComplement of levels 1 − half the sum of the
differences of their shares (definitions of SDMetrics).</p>
${table(rows, columns)}
<div class="pair">${sides.map((side) => html`<figure>${columnPicture(side)}</figure>`)}</div>`
}

function pairSection({ similarity }: TableComparison): Html | null {
  if (similarity.pairs.length === 0) return null
  const names = similarity.columns.map(({ column }) => column)
  const scores = new Map(similarity.pairs.map(({ columns, score }) => [columns.join('\n'), score]))
  const of = (a: string, b: string) => scores.get(`${a}\n${b}`) ?? scores.get(`${b}\n${a}`)
  return html`<h2>Pairs of columns</h2>
<p>CorrelationSimilarity of two numbers, 1 − half the difference of Pearson's correlations; ContingencySimilarity of any other two, 1 −
half the sum of the differences of the shares of all pairs of levels, with numbers in 10 bins of equal width.</p>
<figure>${scoreMatrix(names, of, { title: 'Scores of pairs', low: DARKEST })}<figcaption>White: the same in both tables. Darkest: ${DARKEST} or
less. Empty: a column does not vary.</figcaption></figure>`
}

function summaryOf(result: TableComparison): Summary {
  return {
    question: 'Can the synthetic table stand in for the real one?',
    answer: answer(result),
    reading:
      'Two tables drawn from one law do not score 1: held-out real rows say what can be reached. In the pictures the two tables have the same colours throughout.',
  }
}

/** One self-contained HTML page. `command`: how to make it again. */
export function tableComparePage(result: TableComparison, sides: readonly SideColumn[], command: string): string {
  const { rows } = result
  const heldOut = rows.heldOut === undefined ? '' : `, ${rows.heldOut} held-out rows`
  return page({
    title: 'A synthetic table beside the real one',
    lead: `${rows.synthetic} synthetic rows, ${rows.real} real rows${heldOut}, ${sides.length} columns.`,
    summary: summaryOf(result),
    body: [
      html`${judgeSection(result)}`,
      privacySection(result),
      html`${energySection(result)}`,
      columnSection(result, sides),
      html`${pairSection(result)}`,
    ],
    command,
    made: new Date().toISOString().slice(0, 10),
  })
}
