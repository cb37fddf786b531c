/** `langevin table score | sample | complete`: what a model of a table is asked. */
import type { Command } from 'commander'
import { csvLines } from '../../data/csv-text.js'
import type { Dataset } from '../../data/dataset.js'
import { completeTable, drawTable, scoreTable, type TableModel } from '../../tables/index.js'
import { action, note, ProgressBar, printJson, warn, wholeNumber } from '../support.js'
import { Counts, readLike, tableOptions, tableParts, writeTexts } from '../table-data.js'
import { DATA, MODEL, quoted, shared, threadsOf, type UseOptions, withModel } from '../table-model.js'

/** Five digits behind the point; of large energies those a float32 has. */
const short = (energy: number) =>
  Math.abs(energy) < 1e9 ? String(Math.round(energy * 1e5) / 1e5) : String(Number(energy.toPrecision(7)))

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

/** R-hat above which chains are said not to have mixed. */
const MIXED = 1.1

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
    if (rhat !== null && rhat > MIXED)
      warn(
        `R-hat ${rhat.toFixed(2)}: the chains have not mixed, and these rows are not those of the model; try more --rounds, or leave out one of two columns that say the same`,
      )
  })
}

async function complete(path: string, data: string, options: DrawOptions): Promise<void> {
  const { rounds, seed, out } = options
  await withModel(path, options, async (model, signal) => {
    const table = await readLike(data, model, options)
    const bar = new ProgressBar()
    const onProgress = (done: number) => bar.update(done, `${table.length} rows`)
    const how = { rounds, seed, signal, onProgress, ...threadsOf(options) }
    const { table: full, filled } = await completeTable(model, table, how).finally(() => bar.end())
    await writeTable(full, model, out)
    for (const [name, count] of Object.entries(filled)) note(`column '${name}': ${count} cells drawn`)
    if (Object.keys(filled).length === 0) note('no cell is missing')
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

const withRounds = (command: Command) =>
  command
    .option(
      '--rounds <n>',
      'rounds of the sampler: each moves the numbers, then every other column',
      wholeNumber(1),
      200,
    )
    .option('--seed <n>', 'fixes the draws', wholeNumber(0), 0)

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
}
