/** `langevin table compare`: a synthetic table beside the real one. */
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Dataset } from '../../data/dataset.js'
import { schema as schemaOf } from '../../data/index.js'
import { LangevinError } from '../../errors.js'
import { writeAtomic } from '../../io/files.js'
import { prepareFolder } from '../../report/folder.js'
import { tableCompareJson, tableComparePage, tableCompareText } from '../../studies/tables/index.js'
import { compareTables, JUDGES, type Judge, sideBySide, type TableComparison, TableModel } from '../../tables/index.js'
import { action, choices, interruption, note, ProgressBar, print, printJson, wholeNumber } from '../support.js'
import {
  described,
  formOptions,
  type KindOptions,
  kindOptions,
  type Likeness,
  readLike,
  readWholeTable,
  type TableOptions,
} from '../table-data.js'

interface CompareOptions extends TableOptions, KindOptions {
  heldOut?: string
  model?: string
  label?: string
  judge?: Judge[]
  python?: string
  seed: number
  threads?: number
  out?: string
  json?: boolean
}

const EXAMPLES = `
real.csv: the rows the synthetic ones were made from. With --held-out, real rows that nothing was trained on: judges are tested on them,
and they are the control of every score (two tables drawn from one law do not score 1). Scores of columns and pairs are those of
SDMetrics' quality report. With --label judges learn to tell that column from the others, from real and from synthetic rows, and are
asked about real rows: logistic (logistic regression, of this package) and boosting (gradient boosting of scikit-learn, in a Python that
has it). Distances to the closest real row are Gower's.

Examples:
  npx langevin table compare people.csv drawn.csv
  npx langevin table compare people.csv drawn.csv --held-out more.csv --label income --out report
  npx langevin table compare people.csv drawn.csv --model people.safetensors --label income --judge logistic --json`

interface Given {
  tables: [Dataset, Dataset, Dataset | undefined]
  like: Likeness
}

/** The tables, all read as the model has them, or as the real one is found to be. */
async function read(paths: [string, string], options: CompareOptions, model: TableModel | undefined): Promise<Given> {
  const { columns, schema, heldOut } = options
  if (model !== undefined && (columns !== undefined || schema !== undefined))
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `--${columns === undefined ? 'schema' : 'columns'}: the model says what its columns are; leave one of the two out`,
    )
  const heldOutLike = async (like: Likeness, left: TableOptions) =>
    heldOut === undefined ? undefined : await readLike(heldOut, like, left, { lenient: true })
  if (model !== undefined) {
    const real = await readLike(paths[0], model, options)
    const synthetic = await readLike(paths[1], model, options, { lenient: true })
    return { tables: [real, synthetic, await heldOutLike(model, options)], like: model }
  }
  const { choices: kinds, ignore, rest } = await described(options)
  const left = { ...options, ignore }
  const { table, form } = await readWholeTable(paths[0], kinds, left)
  const inferred = schemaOf(table, { ...rest, columns: kinds, missing: ['own-level', 'mean', 'mode'], unseen: 'mode' })
  for (const [name, reason] of Object.entries(inferred.reasons)) note(`column '${name}' is ${reason}`)
  const { decimal = '.' } = options
  const facts = { form: { header: form.header ?? true, decimal } }
  const like = { schema: inferred.schema, facts, called: 'the real table' }
  const synthetic = await readLike(paths[1], like, left, { lenient: true })
  return { tables: [table, synthetic, await heldOutLike(like, left)], like }
}

async function write(folder: string, result: TableComparison, { tables, like }: Given): Promise<void> {
  const command = `npx langevin ${process.argv.slice(2).join(' ')}`
  const sides = sideBySide(like.schema, [tables[0], tables[1]])
  const files: [string, string][] = [
    ['table-compare.html', tableComparePage(result, sides, command)],
    ['table-compare.json', `${JSON.stringify(tableCompareJson(result), null, 1)}\n`],
  ]
  for (const [name, text] of files) {
    await writeAtomic(join(folder, name), [text])
    note(`wrote ${join(folder, name)}`)
  }
}

async function run(realPath: string, syntheticPath: string, options: CompareOptions): Promise<void> {
  const { out, label, judge, python, seed, threads } = options
  if (out !== undefined) await prepareFolder(out)
  if (label === undefined && judge !== undefined)
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      '--judge: say which column is told from the others: --label COLUMN',
    )
  const model = options.model === undefined ? undefined : await TableModel.load(options.model)
  const bar = new ProgressBar()
  const { signal, release } = interruption(false)
  try {
    const given = await read([realPath, syntheticPath], options, model)
    const [real, synthetic, heldOut] = given.tables
    const result = await compareTables(real, synthetic, {
      schema: given.like.schema,
      model,
      heldOut,
      label,
      judges: judge,
      python,
      seed,
      threads,
      signal,
      onProgress: (done, text) => bar.update(done, text),
    })
    bar.end()
    if (out !== undefined) await write(out, result, given)
    if (options.json) printJson(tableCompareJson(result))
    else print(tableCompareText(result))
    if (label === undefined) note('To judge by a class column as well: --label COLUMN')
    if (!options.json && out === undefined) note('For pictures of all columns as one HTML page: --out <folder>')
  } finally {
    bar.end()
    release()
    model?.dispose()
  }
}

/** `langevin table compare real.csv synthetic.csv` */
export default function register(parent: Command): void {
  const command = parent
    .command('compare')
    .description('a synthetic table beside the real one: similarity, usefulness, privacy')
    .argument('<real>', 'a table of text (.csv, .tsv): the rows the synthetic ones were made from')
    .argument('<synthetic>', 'a table with the same columns')
    .option('--held-out <rows>', 'real rows that nothing was trained on')
    .option('--model <file>', 'what table fit wrote: its columns, and energies of the rows')
    .option('--label <column>', 'the column that judges tell from the others')
    .option('--judge <names>', `who judges, comma-separated: ${JUDGES.join(', ')} (default: all)`, choices(JUDGES))
    .option('--python <program>', "the Python of the judge boosting (default: set-up's own, else python3)")
    .option('--seed <n>', 'fixes which rows are looked at, and the judges', wholeNumber(0), 0)
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--out <folder>', 'write table-compare.html and table-compare.json there')
    .option('--json', 'print { rows, similarity, control, privacy, judgement, energies } as JSON')
  kindOptions(formOptions(command)).addHelpText('after', EXAMPLES)
  action(command, run)
}
