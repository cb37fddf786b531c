/** `langevin score`: prints the energy of every row of a file. */
import type { Command } from 'commander'
import { Energy } from '../../energy.js'
import { readRows } from '../data.js'
import { action, interruption, note, print, printJson, wholeNumber } from '../support.js'

interface ScoreCommandOptions {
  columns?: string[]
  y?: string
  threads?: number
  json?: boolean
}

const EXAMPLES = `
Energies are low where rows are probable: p(x) = exp(-E(x)) / Z.

Examples:
  npx langevin score rings.safetensors rows.csv > energies.csv
  npx langevin score model.safetensors table.csv --columns width,height --json
  npx langevin score conditional.safetensors digits.npz --columns x --y y`

const names = (text: string) => text.split(',').map((word) => word.trim())

async function run(path: string, data: string, options: ScoreCommandOptions): Promise<void> {
  using model = await Energy.load(path)
  const rows = await readRows(data)
  const { signal, release } = interruption()
  try {
    const y = options.y === undefined ? {} : { y: rows.withLabel(options.y).labels()! }
    const columns = options.columns ?? rows.columns.filter((name) => name !== (options.y ?? rows.label))
    const threads = options.threads === undefined ? {} : { threads: options.threads }
    using energy = await model.energy(rows.toTensor(columns), { ...y, ...threads, signal })
    const energies = energy.toArray() as number[]
    if (options.json) printJson({ energies, rows: energies.length })
    else print(['energy', ...energies].join('\n'))
    note(`${energies.length} rows of ${columns.join(', ')}`)
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
    .argument('<data>', '.csv, .tsv, .npz, .npy, .parquet or .safetensors')
    .option('--columns <names>', 'columns that are x, comma-separated (default: all but the label)', names)
    .option('--y <name>', 'column of the condition or class y')
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--json', 'print { energies, rows } as JSON')
    .addHelpText('after', EXAMPLES)
  action(command, run)
}
