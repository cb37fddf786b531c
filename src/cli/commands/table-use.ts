/** `langevin table score | sample | complete | classify`: what a model of a table is asked. */
import type { Command } from 'commander'
import { csvLines } from '../../data/csv-text.js'
import type { Dataset } from '../../data/dataset.js'
import {
  accuracyOf,
  classifyTable,
  completeTable,
  drawTable,
  labelColumn,
  scoreTable,
  TableModel,
} from '../../tables/index.js'
import { action, interruption, note, ProgressBar, printJson, wholeNumber } from '../support.js'
import { Counts, policiesOf, type TableOptions, tableOptions, tableParts, writeTexts } from '../table-data.js'

interface UseOptions extends TableOptions {
  out?: string
  threads?: number
  json?: boolean
}

const threadsOf = ({ threads }: UseOptions) => (threads === undefined ? {} : { threads })
const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
/** Five digits behind the point; of large energies those a float32 has. */
const short = (energy: number) =>
  Math.abs(energy) < 1e9 ? String(Math.round(energy * 1e5) / 1e5) : String(Number(energy.toPrecision(7)))
const probability = (p: number) => String(Number(p.toPrecision(7)))

async function withModel(
  path: string,
  options: UseOptions,
  work: (model: TableModel, signal: AbortSignal) => Promise<void>,
) {
  const loaded = await TableModel.load(path)
  const { signal, release } = interruption(false)
  try {
    await work(loaded.with(policiesOf(options)), signal)
  } finally {
    release()
    loaded.dispose()
  }
}

interface ScoreOptions extends UseOptions {
  contributions?: boolean
}

async function score(path: string, data: string, options: ScoreOptions): Promise<void> {
  const { contributions = false, out } = options
  await withModel(path, options, async (model, signal) => {
    const counts = new Counts()
    const started = performance.now()
    let done = 0
    const names = model.schema.columns.map(({ name }) => name)
    const scored = async (part: Dataset, firstRow: number) => {
      const scores = await scoreTable(model, part, { contributions, firstRow, signal, ...threadsOf(options) })
      part.dispose()
      counts.add(scores.replaced)
      const extra = scores.contributions && names.map((name) => scores.contributions!.get(name)!)
      let text = ''
      for (const [i, energy] of scores.energies.entries()) {
        text += `${firstRow + i},${short(energy)},${Math.round(100 * model.percentile(energy)) / 100}`
        if (extra !== undefined) for (const each of extra) text += `,${short(each[i]!)}`
        text += '\n'
      }
      return text
    }
    async function* lines() {
      yield `${['row', 'energy', 'percentile', ...(contributions ? names : [])].map(quoted).join(',')}\n`
      // While a part is scored the next one is read.
      let before: Promise<string> | undefined
      for await (const part of tableParts(data, model, options)) {
        const now = scored(part, done + 1)
        now.catch(() => undefined) // awaited below
        done += part.length
        if (before !== undefined) yield await before
        before = now
      }
      yield await before!
    }
    await writeTexts(out, lines())
    counts.tell(model.schema)
    const seconds = (performance.now() - started) / 1000
    note(`${done} rows scored in ${seconds.toFixed(1)} s, ${Math.round(done / seconds)} rows/s`)
    if (options.json && out !== undefined) printJson({ out, rows: done, seconds, replaced: counts.counts })
  })
}

interface DrawOptions extends UseOptions {
  rows: number
  rounds: number
  seed: number
}

/** Writes a table as the one that was trained on is written. */
async function writeTable(table: Dataset, { facts }: TableModel, out: string | undefined): Promise<void> {
  await writeTexts(out, csvLines(table, facts.form))
  if (out !== undefined) note(`wrote ${out}: ${table.length} rows`)
}

async function sampleRows(path: string, options: DrawOptions): Promise<void> {
  const { rows, rounds, seed, out } = options
  await withModel(path, options, async (model, signal) => {
    const bar = new ProgressBar()
    const onProgress = (done: number, round: number) => bar.update(done, `round ${round} of ${rounds}`)
    const how = { rounds, seed, signal, onProgress, ...threadsOf(options) }
    const { table, diagnostics } = await drawTable(model, rows, how).finally(() => bar.end())
    await writeTable(table, model, out)
    const { rhat, ess } = diagnostics
    note(`R-hat ${rhat?.toFixed(3) ?? '–'}, bulk ESS ${ess.bulk?.toFixed(0) ?? '–'}`)
  })
}

/** Parts of a table as one. */
async function whole(parts: AsyncGenerator<Dataset>): Promise<Dataset> {
  for await (const part of parts) return part
  throw new Error('a table without rows')
}

async function complete(path: string, data: string, options: DrawOptions): Promise<void> {
  const { rounds, seed, out } = options
  await withModel(path, options, async (model, signal) => {
    const table = await whole(tableParts(data, model, options, { most: Number.POSITIVE_INFINITY }))
    const bar = new ProgressBar()
    const onProgress = (done: number) => bar.update(done, `${table.length} rows`)
    const how = { rounds, seed, signal, onProgress, ...threadsOf(options) }
    const { table: full, filled } = await completeTable(model, table, how).finally(() => bar.end())
    await writeTable(full, model, out)
    for (const [name, count] of Object.entries(filled)) note(`column '${name}': ${count} cells drawn`)
    if (Object.keys(filled).length === 0) note('no cell is missing')
  })
}

interface ClassifyOptions extends UseOptions {
  label: string
}

async function classify(path: string, data: string, options: ClassifyOptions): Promise<void> {
  const { label, out } = options
  await withModel(path, options, async (model, signal) => {
    const { levels } = labelColumn(model, label)
    const known: Float64Array[] = []
    const truth: number[] = []
    let done = 0
    async function* lines() {
      yield `${['row', label, ...levels.map((level) => `p(${level})`)].map(quoted).join(',')}\n`
      for await (const part of tableParts(data, model, options, { optional: [label] })) {
        const found = await classifyTable(model, part, label, { firstRow: done + 1, signal, ...threadsOf(options) })
        part.dispose()
        let text = ''
        for (const [i, p] of found.probabilities.entries()) {
          const best = p.indexOf(Math.max(...p))
          text += `${done + i + 1},${quoted(String(levels[best]))},${Array.from(p, probability).join(',')}\n`
          if (found.truth[i]! < 0) continue
          known.push(p)
          truth.push(found.truth[i]!)
        }
        done += found.probabilities.length
        yield text
      }
    }
    await writeTexts(out, lines())
    const quality = truth.length === 0 ? undefined : accuracyOf(known, truth)
    note(`${done} rows`)
    if (quality) {
      const { accuracy, ece, nll } = quality
      note(
        `of ${truth.length} whose ${label} is known: accuracy ${accuracy.toFixed(4)}, ECE ${ece.toFixed(4)} (15 bins), ${nll.toFixed(4)} nats`,
      )
    }
    if (options.json && out !== undefined)
      printJson({ out, rows: done, ...(quality && { known: truth.length, ...quality }) })
  })
}

const SCORE = `
energy: low where rows are probable. percentile: the share of training rows, in percent, with at most this energy. With --contributions
one more number per column: the energy of the row minus its mean over the values that column might have had; what is high does not fit
the rest of the row.

Examples:
  npx langevin table score people.safetensors more.csv > scores.csv
  npx langevin table score people.safetensors more.csv --range keep --missing mean,own-level --contributions`
const SAMPLE = `
Examples:
  npx langevin table sample people.safetensors --rows 1000 > drawn.csv`
const COMPLETE = `
Each missing cell is drawn from its law given the other cells of the row, which stay as they are. In columns whose missing cells were
given a level of their own, such a cell is a value and stays.

Examples:
  npx langevin table complete people.safetensors gaps.csv > full.csv`
const CLASSIFY = `
p(level | the other cells): a softmax of minus the energies of the row with each level. The column may be missing in the table; where it
is there, accuracy and expected calibration error are said on stderr.

Examples:
  npx langevin table classify people.safetensors more.csv --label income > classes.csv`

function shared(command: Command): Command {
  return command
    .option('--out <file>', 'write there instead of printing')
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
}

const withRounds = (command: Command) =>
  command
    .option(
      '--rounds <n>',
      'rounds of the sampler: each moves the numbers, then every other column',
      wholeNumber(1),
      200,
    )
    .option('--seed <n>', 'fixes the draws', wholeNumber(0), 0)

const MODEL = ['<model.safetensors>', 'what table fit wrote'] as const
const DATA = ['<rows>', 'a table of text (.csv, .tsv); - for stdin'] as const

/** The commands that use a model. */
export default function register(parent: Command): void {
  const scoring = parent
    .command('score')
    .description('energy and percentile of every row')
    .argument(...MODEL)
    .argument(...DATA)
  shared(tableOptions(scoring))
    .option('--contributions', 'also what each column adds')
    .option('--json', 'with --out: print { out, rows, seconds, replaced } as JSON')
    .addHelpText('after', SCORE)
  action(scoring, score)
  const sampling = parent
    .command('sample')
    .description('draw rows, written as the table is')
    .argument(...MODEL)
  withRounds(shared(sampling).option('--rows <n>', 'rows', wholeNumber(1), 1000)).addHelpText('after', SAMPLE)
  action(sampling, sampleRows)
  const completing = parent
    .command('complete')
    .description('fill missing cells')
    .argument(...MODEL)
    .argument(...DATA)
  withRounds(shared(tableOptions(completing))).addHelpText('after', COMPLETE)
  action(completing, complete)
  const classifying = parent
    .command('classify')
    .description('probabilities of the levels of a column')
    .argument(...MODEL)
    .argument(...DATA)
    .requiredOption('--label <column>', 'the column')
  shared(tableOptions(classifying))
    .option('--json', 'with --out: print { out, rows, known, accuracy, ece, nll } as JSON')
    .addHelpText('after', CLASSIFY)
  action(classifying, classify)
}
