/** `langevin score`: prints the energy of every row of a file. */
import type { Command } from 'commander'
import type { Dataset } from '../../data/dataset.js'
import { Energy } from '../../energy.js'
import { LangevinError } from '../../errors.js'
import { writeAtomic } from '../../io/files.js'
import type { Tensor } from '../../tensor/index.js'
import { readOptions, readRows, type TextStyle } from '../data.js'
import { action, finite, interruption, makeFolderOf, names, note, print, printJson, wholeNumber } from '../support.js'

interface ScoreCommandOptions extends TextStyle {
  columns?: string[]
  ignore?: string[]
  y?: string
  format?: string
  threshold?: number
  out?: string
  threads?: number
  json?: boolean
}

const EXAMPLES = `
Energies are low where rows are probable: p(x) = exp(-E(x)) / Z. A model that was trained on a table takes rows as they are in the
table, and finds its columns by name; a column it does not know has to be left out with --ignore.

Examples:
  npx langevin score rows.safetensors new.csv > energies.csv
  npx langevin score machines.safetensors machines.csv --ignore state --threshold 8.5
  cat new.csv | npx langevin score rows.safetensors - --format csv --json`

/** Kinds of energies that have no value without y. */
const CONDITIONAL = new Set(['conditional', 'twoTower'])

/** y as the model numbers its classes; undefined for an energy of x alone. */
function conditionOf(model: Energy, rows: Dataset, given: string | undefined): Tensor | undefined {
  const own = model.inputs?.y
  if (given === undefined && !(CONDITIONAL.has(model.spec.kind) && own !== undefined)) return undefined
  if (own !== undefined && (given === undefined || (own.length === 1 && own[0] === given)))
    return model.conversion!.condition(rows)
  return rows.withLabel(given).labels()
}

/** The columns that are x: by name where the model knows them, else those that were named, or all but y. */
function chosen(
  model: Energy,
  rows: Dataset,
  { columns, y }: ScoreCommandOptions,
): { x: Dataset | Tensor; names: readonly string[] } {
  if (model.inputs !== undefined) {
    const own = new Set([...(columns ?? rows.columns), ...(model.inputs.y ?? [])])
    const x = columns === undefined ? rows : rows.drop(rows.columns.filter((name) => !own.has(name)))
    return { x: y === undefined ? x : x.withLabel(y), names: model.inputs.columns }
  }
  const listed = columns ?? rows.columns.filter((name) => name !== (y ?? rows.label))
  const width = listed.reduce(
    (n, name) =>
      n +
      rows
        .column(name)
        .shape.slice(1)
        .reduce((a, b) => a * b, 1),
    0,
  )
  if (width !== model.inputWidth) {
    throw new LangevinError(
      'ERR_LANGEVIN_SHAPE',
      `the rows have ${width} numbers (${listed.join(', ')}) and the model takes ${model.inputWidth}; choose columns with --columns or --ignore`,
      { details: { columns: listed } },
    )
  }
  return { x: rows.toTensor(listed), names: listed }
}

function textOf(energies: readonly number[], threshold: number | undefined): string {
  if (threshold === undefined) return ['energy', ...energies].join('\n')
  return ['energy,above', ...energies.map((e) => `${e},${e > threshold ? 1 : 0}`)].join('\n')
}

async function run(path: string, data: string, options: ScoreCommandOptions): Promise<void> {
  using model = await Energy.load(path)
  const { threshold, out } = options
  const rows = await readRows(data, options)
  const { signal, release } = interruption()
  try {
    const y = conditionOf(model, rows, options.y)
    const { x, names: columns } = chosen(model, rows, options)
    const { threads } = options
    using energy = await model.energy(x, { ...(y && { y }), ...(threads !== undefined && { threads }), signal })
    const energies = energy.toArray() as number[]
    const above = threshold === undefined ? {} : { threshold, above: energies.map((e) => e > threshold) }
    if (out !== undefined) {
      await makeFolderOf(out)
      await writeAtomic(out, [`${textOf(energies, threshold)}\n`])
    }
    if (options.json)
      printJson({
        ...(out === undefined ? { energies, ...above } : { out, ...(threshold !== undefined && { threshold }) }),
        rows: energies.length,
      })
    else print(out ?? textOf(energies, threshold))
    note(`${energies.length} rows of ${columns.join(', ')}`)
    if (model.inputs === undefined)
      note('the model does not say what its columns are: they were taken in the order of the file')
    if (threshold !== undefined) note(`${energies.filter((e) => e > threshold).length} rows above ${threshold}`)
  } finally {
    release()
  }
}

/** `langevin score model.safetensors rows.csv`: the energy of every row. */
export default function register(program: Command): void {
  const command = program
    .command('score')
    .description('print the energy of every row of a file')
    .argument('<model.safetensors>', 'what train or Energy.save wrote')
    .argument('<data>', '.csv, .tsv, .npz, .npy, .parquet or .safetensors; - for stdin')
    .option('--columns <names>', 'columns to use, comma-separated (default: all but y)', names)
    .option('--ignore <names>', 'columns to leave out, comma-separated', names)
    .option('--y <name>', 'column of the condition or class y')
    .option('--threshold <E>', 'also say which rows have an energy above this', finite)
    .option('--out <file>', 'write .csv instead of printing rows')
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--json', 'print { energies, rows } as JSON; with --threshold also { threshold, above }')
  readOptions(command).addHelpText('after', EXAMPLES)
  action(command, run)
}
