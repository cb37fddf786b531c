/** `langevin table classify`: probabilities of the levels of a column, and how far they can be trusted. */
import type { Command } from 'commander'
import { LangevinError } from '../../errors.js'
import { writeAtomic } from '../../io/files.js'
import { type ClassifiedBy, classifyPage } from '../../studies/tables/index.js'
import {
  accuracyOf,
  type ClassQuality,
  classifyTable,
  type Features,
  featuresOf,
  joinedFeatures,
  labelColumn,
  logisticRegression,
  type TableModel,
} from '../../tables/index.js'
import { action, makeFolderOf, note, printJson } from '../support.js'
import { readLike, tableOptions, tableParts, writeTexts } from '../table-data.js'
import { DATA, MODEL, quoted, shared, threadsOf, type UseOptions, withModel } from '../table-model.js'

interface ClassifyOptions extends UseOptions {
  label: string
  report?: string
  beside?: string
}

const CLASSIFY = `
p(level | the other cells): a softmax of minus the energies of the row with each level. The column may be missing in the table; where it
is there, accuracy, AUROC and expected calibration error are said on stderr, and --report draws a reliability diagram. With --beside
logistic regression learns the column from the rows of that table, such as those the model was fitted to, and is asked the same.

Examples:
  npx langevin table classify people.safetensors more.csv --label income > classes.csv
  npx langevin table classify people.safetensors more.csv --label income --beside people.csv --report income.html --out classes.csv`

const probability = (p: number) => String(Number(p.toPrecision(7)))

function tell(name: string, { accuracy, auroc, ece, nll }: ClassQuality): void {
  const ranked = auroc === undefined ? '' : `AUROC ${auroc.toFixed(4)}, `
  note(`${name}: accuracy ${accuracy.toFixed(4)}, ${ranked}ECE ${ece.toFixed(4)} (15 bins), ${nll.toFixed(4)} nats`)
}

/** What is known of the rows whose class is known. */
interface Known {
  readonly probabilities: Float64Array[]
  readonly truth: number[]
  /** For those that are compared with the model. */
  readonly features: Features[]
  /** All rows, those without a class among them. */
  rows: number
}

/** Classifies the rows part by part; the lines of the answer. */
async function* linesOf(data: string, model: TableModel, options: ClassifyOptions, known: Known, signal: AbortSignal) {
  const { label, beside } = options
  const { levels } = labelColumn(model, label)
  yield `${['row', label, ...levels.map((level) => `p(${level})`)].map(quoted).join(',')}\n`
  let done = 0
  for await (const part of tableParts(data, model, options, { optional: [label] })) {
    const found = await classifyTable(model, part, label, { firstRow: done + 1, signal, ...threadsOf(options) })
    if (beside !== undefined && part.columns.includes(label)) known.features.push(featuresOf(model.schema, part, label))
    part.dispose()
    let text = ''
    for (const [i, p] of found.probabilities.entries()) {
      const best = p.indexOf(Math.max(...p))
      text += `${done + i + 1},${quoted(String(levels[best]))},${Array.from(p, probability).join(',')}\n`
      if (found.truth[i]! < 0) continue
      known.probabilities.push(p)
      known.truth.push(found.truth[i]!)
    }
    done += found.probabilities.length
    yield text
  }
  known.rows = done
  note(`${done} rows`)
}

/** Logistic regression learned from another table, asked about the same rows. */
async function besides(model: TableModel, options: ClassifyOptions, { features, truth }: Known, signal: AbortSignal) {
  const { label, beside } = options
  const learned = featuresOf(model.schema, await readLike(beside!, model, options), label)
  const probabilities = await logisticRegression(learned, joinedFeatures(features), { signal, ...threadsOf(options) })
  return { name: 'logistic regression', probabilities, truth, quality: accuracyOf(probabilities, truth) }
}

async function run(path: string, data: string, options: ClassifyOptions): Promise<void> {
  const { label, out, report, beside } = options
  await withModel(path, options, async (model, signal) => {
    const known: Known = { probabilities: [], truth: [], features: [], rows: 0 }
    await writeTexts(out, linesOf(data, model, options, known, signal))
    const { probabilities, truth } = known
    if (truth.length === 0) {
      if (options.json && out !== undefined) printJson({ out, rows: known.rows })
      if (report === undefined && beside === undefined) return
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `--${report === undefined ? 'beside' : 'report'}: no row of ${data} has a known '${label}', so that nothing can be compared`,
      )
    }
    const own: ClassifiedBy = { name: 'the energy', probabilities, truth, quality: accuracyOf(probabilities, truth) }
    note(`of ${truth.length} rows whose ${label} is known:`)
    tell(own.name, own.quality)
    const all = beside === undefined ? [own] : [own, await besides(model, options, known, signal)]
    for (const each of all.slice(1)) tell(each.name, each.quality)
    if (report !== undefined) {
      await makeFolderOf(report)
      const command = `npx langevin ${process.argv.slice(2).join(' ')}`
      await writeAtomic(report, [classifyPage(all, labelColumn(model, label), command)])
      note(`wrote ${report}`)
    }
    if (options.json && out !== undefined) {
      const logistic = all[1] && { logistic: all[1].quality }
      printJson({ out, rows: known.rows, known: truth.length, ...own.quality, ...logistic })
    }
  })
}

/** `langevin table classify model.safetensors rows.csv --label income` */
export default function register(parent: Command): void {
  const command = parent
    .command('classify')
    .description('probabilities of the levels of a column')
    .argument(...MODEL)
    .argument(...DATA)
    .requiredOption('--label <column>', 'the column')
  shared(tableOptions(command))
    .option('--report <file>', 'write a page with a reliability diagram, such as income.html')
    .option('--beside <rows>', 'a table that logistic regression learns the column from, to compare with')
    .option('--json', 'with --out: print { out, rows, known, accuracy, auroc, f1, ece, nll, logistic } as JSON')
    .addHelpText('after', CLASSIFY)
  action(command, run)
}
