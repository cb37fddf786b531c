/** The graph study as an HTML page. */

import { PALETTE } from '../../report/chart.js'
import { type Html, html, page, table } from '../../report/html.js'
import { reliabilityPicture } from '../../report/reliability.js'
import { dotPlot } from '../../report/svg.js'
import { layoutOf } from './layout.js'
import { KINDS, POST_HOC, SCORES, SHIFTS } from './names.js'
import { edgeStep, energyOnGraph } from './picture.js'
import { PER_CLASS, TEST_SHARE } from './protocol.js'
import { BINS } from './scoring.js'
import { DRAWN_NODES, type GraphStudyResult, type NamedGraph } from './study.js'
import { headline, percent, ranksOf, type SummaryLine, summaryOf } from './summary.js'
import type { Bin } from './types.js'

const SCORE_WORDS: Readonly<Record<string, string>> = {
  gebm: 'sum of the three energies of GEBM',
  'gebm-independent': 'its energy of a node by itself',
  'gebm-local': 'its energy of the diffused evidence',
  'gebm-group': 'its diffused energy',
  'gebm-unregularised': 'GEBM without the Gaussian term',
  'logit-energy': 'energy of the logits',
  'logit-energy-no-edges': 'energy of the logits without edges',
  gnnsafe: 'diffused energy of the logits (GNNSafe)',
  entropy: 'entropy of the softmax',
  'max-softmax': '1 - largest class probability',
  mahalanobis: 'distance to the nearest class',
  'mc-dropout': 'mutual information, passes with dropout',
  'drop-edge': 'mutual information, passes over fewer edges',
  ensemble: 'mutual information, networks of all seeds',
}

const SHIFT_WORDS: Readonly<Record<string, string>> = {
  'leave-out-classes': 'the network never sees some classes',
  homophily: 'neighbours of other classes',
  'page-rank': 'nodes of low PageRank',
  'bernoulli-0': 'features all 0',
  'bernoulli-0.5': 'every feature 1 with chance 0.5',
  'bernoulli-1': 'features all 1',
  'bernoulli-mean': 'features as often 1 as in the graph',
  'bernoulli-class-mean': 'features as often 1 as in the class',
  normal: 'features N(0, 1), far away',
}

const shiftsIn = (lines: readonly SummaryLine[]): string[] =>
  SHIFTS.filter((shift) => lines.some((line) => line.shift === shift))

/** Rows are scores, columns shifts, of one graph. */
function metricTable(lines: readonly SummaryLine[], metric: 'auroc' | 'aupr'): Html {
  const scores = SCORES.filter((score) => lines.some((line) => line.score === score))
  const of = (score: string, shift: string) =>
    lines.find((l) => l.score === score && l.shift === shift)?.metrics[metric]
  return table(
    scores,
    [
      { title: 'Score', value: (score) => score },
      ...shiftsIn(lines).map((shift) => ({
        title: shift,
        value: (score: string) => percent(of(score, shift)),
        help: SHIFT_WORDS[shift] ?? '',
      })),
    ],
    (score) => score === 'gebm',
  )
}

function classifierTable(lines: readonly SummaryLine[]): Html {
  const own = lines.filter(({ score }) => score === 'gebm')
  const other = (line: SummaryLine, score: string) =>
    lines.find((l) => l.shift === line.shift && l.score === score)?.metrics
  return table(own, [
    { title: 'Shift', value: ({ shift }) => shift },
    {
      title: 'Accuracy %',
      value: ({ metrics }) => percent(metrics.accuracy),
      help: 'Of the network on in-distribution test nodes of the shifted graph.',
    },
    {
      title: 'ECE %',
      value: ({ metrics }) => percent(metrics.ece),
      help: `Expected calibration error of its softmax, ${BINS} bins.`,
    },
    { title: 'ECE %, MC dropout', value: (line) => percent(other(line, 'mc-dropout')?.ece) },
    { title: 'ECE %, ensemble', value: (line) => percent(other(line, 'ensemble')?.ece) },
  ])
}

function rankSection(lines: readonly SummaryLine[]): Html {
  const { places, ranks } = ranksOf(lines)
  if (places.length === 0 || ranks.length < 2) return html``
  const graphs = [...new Set(places.map(({ graph }) => graph))]
  const meanOver = (score: string, graph: string) => {
    const { ranks: own } = ranks.find((rank) => rank.score === score)!
    const values = own.filter((_, k) => places[k]!.graph === graph)
    return values.reduce((sum, r) => sum + r, 0) / values.length
  }
  const dots = dotPlot(
    ranks.map(({ score, ranks: values }) => ({ label: score, values, mark: score === 'gebm' })),
    {
      title: 'Rank by AUROC, one dot for each graph and shift',
      unit: 'rank (1 = best); the bar is the average',
      low: 0,
      high: ranks.length,
    },
  )
  const ranked = table(
    ranks,
    [
      { title: 'Score', value: ({ score }) => score },
      {
        title: 'Needs',
        value: ({ score }) => (POST_HOC.includes(score) ? 'the network' : 'several passes or networks'),
      },
      {
        title: 'Average rank',
        value: ({ average }) => average.toFixed(2),
        help: `Of ${ranks.length} methods by mean AUROC, averaged over ${places.length} shifts; 1 is best. Parts of GEBM are not ranked.`,
      },
      ...graphs.map((graph) => ({
        title: graph,
        value: ({ score }: { score: string }) => meanOver(score, graph).toFixed(2),
      })),
    ],
    ({ score }) => score === 'gebm',
  )
  return html`<h2>Ranks</h2><figure>${dots}</figure>${ranked}`
}

/** Bins of several runs added up. */
function added(all: readonly (readonly Bin[])[]): Bin[] {
  return (all[0] ?? []).map((_, k) => {
    const bins = all.map((each) => each[k]!)
    const count = bins.reduce((sum, bin) => sum + bin.count, 0)
    const mean = (field: 'accuracy' | 'confidence') =>
      count === 0 ? 0 : bins.reduce((sum, bin) => sum + bin.count * bin[field], 0) / count
    return { count, accuracy: mean('accuracy'), confidence: mean('confidence') }
  })
}

function eceOf(bins: readonly Bin[]): string {
  const total = bins.reduce((sum, { count }) => sum + count, 0)
  const error = bins.reduce((sum, bin) => sum + (bin.count / total) * Math.abs(bin.accuracy - bin.confidence), 0)
  return `${(100 * error).toFixed(1)} %`
}

function reliabilitySection(result: GraphStudyResult): Html {
  const pictures = result.graphs.flatMap(({ name }) => {
    const of = result.runs.filter(({ graph }) => graph === name).flatMap(({ reliability }) => reliability)
    const shift = result.shifts.find((each) => of.some((entry) => entry.shift === each))
    if (shift === undefined) return []
    const own = of.filter((entry) => entry.shift === shift)
    const softmax = added(own.map((entry) => entry.softmax))
    const evidential = added(own.map((entry) => entry.evidential))
    const series = [
      { label: `softmax (${eceOf(softmax)})`, bins: softmax, colour: PALETTE[0] },
      { label: `evidential (${eceOf(evidential)})`, bins: evidential, colour: PALETTE[1] },
    ]
    return [reliabilityPicture(series, `${name}, ${shift}`)]
  })
  if (pictures.length === 0) return html``
  return html`<h2>Reliability</h2>
<p>How often the predicted class is right, by how sure the prediction is, on in-distribution test nodes of all runs; on the dashed
line a network is as sure as it is right. Larger dots hold more nodes; in brackets the expected calibration error. The evidential
prediction is the mean of the Dirichlet distribution that the diffused evidence of GEBM gives.</p>
<figure><div class="pair">${pictures}</div></figure>`
}

function pictureSection(result: GraphStudyResult, graphs: readonly NamedGraph[]): Html {
  const pictures = graphs.flatMap(({ name, graph }) => {
    const runs = KINDS.map((kind) =>
      result.runs.find((run) => run.graph === name && run.kind === kind && run.drawn !== undefined),
    )
    const drawn = runs.find((run) => run !== undefined)?.drawn
    if (drawn === undefined || drawn.energy.length !== graph.nodes) return []
    const [sources, targets] = graph.edges.toArray() as [number[], number[]]
    const layout = layoutOf(graph.nodes, sources, targets, DRAWN_NODES)
    const part =
      layout.nodes.length < graph.nodes
        ? ` Of ${graph.nodes} nodes the ${layout.nodes.length} nearest to the one with most neighbours are drawn.`
        : ''
    const step = edgeStep(layout)
    const thinned = step > 1 ? ` One in ${step} edges is drawn.` : ''
    return [
      html`<h3>${name}, ${drawn.shift}</h3><figure>${energyOnGraph(layout, drawn.energy, drawn.outOfDistribution, `edges-${name.replace(/[^\w-]/g, '-')}`)}
<figcaption>Left: nodes by the rank of their energy, which saw no label of an out-of-distribution node. Right: which they are.${part}${thinned}</figcaption></figure>`,
    ]
  })
  return pictures.length === 0 ? html`` : html`<h2>Energy on the graph</h2>${pictures}`
}

function graphSections(result: GraphStudyResult, lines: readonly SummaryLine[]): Html[] {
  return result.graphs.flatMap(({ name, nodes, edges, features, classes, leftOut }) => {
    const own = lines.filter((line) => line.graph === name)
    if (own.length === 0) return []
    const left = result.shifts.includes('leave-out-classes') ? `; ${leftOut} classes are left out` : ''
    return [
      html`<h2>${name}</h2>
<p>${nodes} nodes, ${edges / 2} edges, ${features} features, ${classes} classes${left}.</p>
<h3>${name}: AUROC, %</h3>${metricTable(own, 'auroc')}
<h3>${name}: AUPR, %</h3>${metricTable(own, 'aupr')}
<h3>${name}: the classifier</h3>${classifierTable(own)}`,
    ]
  })
}

/** One self-contained page. @param graphs as they were read, for the pictures; @param command how to make it again */
export function graphPage(result: GraphStudyResult, graphs: readonly NamedGraph[], command: string): string {
  const lines = summaryOf(result.rows)
  const { network, samples, seeds } = result.settings
  const done = html`<h2>What was done</h2>
<p>A network (${network}, one hidden layer of 64, dropout 0.5; Adam, early stopping on the validation loss) is trained on the
in-distribution nodes alone: ${PER_CLASS} of each class, the others for validation. All test nodes of the shifted graph
(${Math.round(100 * TEST_SHARE)} % of each class, the same in every split) are then scored, and the score is asked to tell the
out-of-distribution ones from the others. ${result.splits} splits, ${seeds.length} initial weights each.
${samples > 0 && `MC dropout and DropEdge: ${samples} passes.`}
${seeds.length > 1 && `Ensembles: the ${seeds.length} networks of a split.`}</p>
${result.complete ? null : html`<p><b>The study was interrupted; these are the runs that were finished.</b></p>`}
<dl>${SCORES.filter((score) => lines.some((line) => line.score === score)).map(
    (score) => html`<dt>${score}</dt><dd>${SCORE_WORDS[score]}</dd>`,
  )}</dl>
<dl>${shiftsIn(lines).map((shift) => html`<dt>${shift}</dt><dd>${SHIFT_WORDS[shift]}</dd>`)}</dl>`
  const none = html`<p>No run was finished.</p>`
  return page({
    title: 'Which nodes not to trust',
    lead: 'Scores of node classifiers under distribution shifts of their graph.',
    summary: {
      question: 'Which score finds the nodes that a node classifier should not be trusted on?',
      answer: headline(result.rows, POST_HOC),
      reading: html`AUROC is the chance that an out-of-distribution node scores above an in-distribution one: 100 is perfect, 50 is
chance, below 50 the strange nodes look the most certain. Numbers are mean ± standard deviation over splits and seeds.`,
    },
    body:
      lines.length === 0
        ? [none]
        : [
            rankSection(lines),
            ...graphSections(result, lines),
            reliabilitySection(result),
            pictureSection(result, graphs),
            done,
          ],
    command,
    made: new Date().toISOString().slice(0, 10),
  })
}
