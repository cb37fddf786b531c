/** `langevin table fit`: learns the joint law of the columns of a table, and writes one file. */
import { type Command, Option } from 'commander'
import { NUMBER_TRANSFORMS, type NumberTransform } from '../../columns/index.js'
import type { Dataset } from '../../data/dataset.js'
import { type InferredSchema, schema as schemaOf } from '../../data/index.js'
import { encode } from '../../data/table-coder.js'
import { fitTable } from '../../tables/index.js'
import {
  action,
  interruption,
  makeFolderOf,
  note,
  ProgressBar,
  printJson,
  wholeNumber,
  wholeNumbers,
} from '../support.js'
import {
  Counts,
  described,
  type KindOptions,
  kindOptions,
  policiesOf,
  readWholeTable,
  type TableOptions,
  tableOptions,
} from '../table-data.js'

interface FitOptions extends TableOptions, KindOptions {
  out: string
  numbers: NumberTransform
  hidden: number[]
  embedding: number
  steps: number
  batchSize: number
  negatives: number
  seed: number
  threads?: number
  json?: boolean
}

const EXAMPLES = `
What each column is, and why, is said on stderr: texts are categories, numbers numbers, two values a binary column. Ranks, hours and
codes that look like numbers have to be named. All columns are learned, a class column too: classify then asks for it.

Examples:
  npx langevin table fit people.csv --out people.safetensors
  npx langevin table fit people.csv --columns 'age:numeric,month:cyclic(12),grade:ordinal' --out people.safetensors
  npx langevin table fit people.csv --schema columns.json --missing mean,own-level --out people.safetensors

columns.json: { "columns": { "month": { "kind": "cyclic", "levels": [1, 2, 3, 4] }, "id": "ignore" }, "transform": "standardize" }`

function tell({ reasons, schema }: InferredSchema, table: Dataset): void {
  for (const [name, reason] of Object.entries(reasons)) note(`column '${name}' is ${reason}`)
  const counts = new Counts()
  const { rows, replaced } = encode(table, schema)
  rows.dispose()
  counts.add(replaced)
  counts.tell(schema)
}

async function run(path: string, options: FitOptions): Promise<void> {
  const { out, numbers, hidden, embedding, steps, batchSize, negatives, seed, threads } = options
  const { choices, ignore, rest } = await described(options)
  const { table, form } = await readWholeTable(path, choices, { ...options, ignore })
  const inferred = schemaOf(table, { transform: numbers, ...rest, columns: choices, ...policiesOf(options) })
  tell(inferred, table)
  await makeFolderOf(out)
  const bar = new ProgressBar()
  const { signal, release } = interruption(false)
  try {
    const { schema } = inferred
    const { model, result } = await fitTable(table, {
      schema,
      form: {
        delimiter: form.delimiter,
        header: form.header ?? true,
        missing: schema.missingMarks[0] ?? '',
        decimal: options.decimal ?? '.',
      },
      hidden,
      embedding,
      steps,
      batchSize,
      negatives,
      seed,
      signal,
      ...(threads !== undefined && { threads }),
      onProgress: (done, step) => bar.update(done, `step ${step} of ${steps}`),
    })
    await model.save(out)
    bar.end()
    const loss = result.history.at(-1)!.loss
    note(
      `wrote ${out}: ${table.length} rows, ${schema.columns.length} columns, ${model.energy.parameterCount} parameters, loss ${loss.toFixed(4)}`,
    )
    if (options.json)
      printJson({ out, rows: table.length, columns: inferred.reasons, parameters: model.energy.parameterCount, loss })
    model.dispose()
  } finally {
    bar.end()
    release()
  }
}

/** `langevin table fit data.csv --out model.safetensors` */
export default function register(parent: Command): void {
  const command = parent
    .command('fit')
    .description('learn the joint law of the columns of a table')
    .argument('<rows>', 'a table of text (.csv, .tsv); - for stdin')
    .requiredOption('--out <file>', 'the file to write, such as people.safetensors')
    .addOption(
      new Option('--numbers <transform>', 'how numeric columns are transformed')
        .choices(NUMBER_TRANSFORMS)
        .default('quantile'),
    )
    .option('--hidden <widths>', 'widths of the hidden layers, comma-separated', wholeNumbers(1), [96, 96])
    .option('--embedding <n>', 'numbers that a column with levels enters as', wholeNumber(1), 4)
    .option('--steps <n>', 'steps of the optimiser', wholeNumber(1), 3000)
    .option('--batch-size <n>', 'rows per step', wholeNumber(1), 256)
    .option('--negatives <n>', 'perturbed rows per row', wholeNumber(1), 16)
    .option('--seed <n>', 'fixes the training', wholeNumber(0), 0)
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--json', 'print { out, rows, columns, parameters, loss } as JSON')
  kindOptions(tableOptions(command)).addHelpText('after', EXAMPLES)
  action(command, run)
}
