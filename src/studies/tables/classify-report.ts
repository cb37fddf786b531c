/** How far the probabilities of a classifier can be trusted, as a page. */
import type { LevelsColumn } from '../../columns/index.js'
import { reliability } from '../../metrics/index.js'
import { PALETTE } from '../../report/chart.js'
import { type Column, type Html, html, page, table } from '../../report/html.js'
import { reliabilityPicture } from '../../report/reliability.js'
import type { ClassQuality } from '../../tables/index.js'
import { tensor } from '../../tensor/index.js'
import { score } from './summary.js'

/** Probabilities of the classes of some rows, by one classifier. */
export interface ClassifiedBy {
  readonly name: string
  /** [rows][classes] */
  readonly probabilities: readonly Float64Array[]
  readonly truth: readonly number[]
  readonly quality: ClassQuality
}

/** Bins of the diagrams, those of the expected calibration error. */
const BINS = 15

function binsOf({ probabilities, truth }: ClassifiedBy) {
  using flat = tensor(Float64Array.from(probabilities.flatMap((p) => [...p])), [truth.length, probabilities[0]!.length])
  using labels = tensor(Float64Array.from(truth))
  return reliability(flat, labels, { bins: BINS })
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`

function qualityTable(all: readonly ClassifiedBy[]): Html {
  const columns: Column<ClassifiedBy>[] = [
    { title: 'by', value: ({ name }) => name },
    { title: 'accuracy', value: ({ quality }) => score(quality.accuracy) },
    {
      title: 'AUROC',
      value: ({ quality }) => score(quality.auroc),
      help: 'Mean over the classes of the area under the ROC curve of each against the others.',
    },
    {
      title: 'F1',
      value: ({ quality }) => score(quality.f1),
      help: 'Mean over the classes of 2 TP / (2 TP + FP + FN).',
    },
    {
      title: 'ECE',
      value: ({ quality }) => percent(quality.ece),
      help: 'Expected calibration error: the mean distance of confidence and accuracy over 15 bins of equal width.',
    },
    { title: 'nats', value: ({ quality }) => score(quality.nll), help: 'Mean of −log p of the class that occurred.' },
  ]
  return table(all, columns)
}

/** One self-contained HTML page. `command`: how to make it again. */
export function classifyPage(all: readonly ClassifiedBy[], { name, levels }: LevelsColumn, command: string): string {
  const [own, other] = all
  const shares = levels.map((_, k) => own!.truth.filter((each) => each === k).length / own!.truth.length)
  const pictures = all.map((each, k) => {
    const series = [{ label: `ECE ${percent(each.quality.ece)}`, bins: binsOf(each), colour: PALETTE[k]! }]
    return reliabilityPicture(series, each.name)
  })
  const beside =
    other === undefined
      ? ''
      : ` By ${other.name}: ${percent(other.quality.ece)} at an accuracy of ${percent(other.quality.accuracy)}.`
  return page({
    title: `How sure '${name}' is told`,
    lead: `p(${name} | the other columns) of ${own!.truth.length} rows whose ${name} is known.`,
    summary: {
      question: 'Do the probabilities say how often the model is right?',
      answer: `They miss by ${percent(own!.quality.ece)} on average, at an accuracy of ${percent(own!.quality.accuracy)}.${beside}`,
      reading:
        'On the dashed line a classifier is as sure as it is right; below it, it is too sure. Larger dots hold more rows. A bin of few rows strays by chance.',
    },
    body: [
      qualityTable(all),
      html`<p class="quiet">The most frequent level alone would be right for ${percent(Math.max(...shares))}.</p>`,
      html`<h2>Reliability</h2><figure><div class="pair">${pictures}</div><figcaption>Accuracy by confidence, the largest probability of a
row, in ${BINS} bins of equal width.</figcaption></figure>`,
    ],
    command,
    made: new Date().toISOString().slice(0, 10),
  })
}
