/** `langevin anomaly`: fits a detector to a table, scores rows with it, and compares detectors on tables with known anomalies. */
import { type Command, Option } from 'commander'
import { LangevinError } from '../../errors.js'
import { prepareFolder } from '../../report/folder.js'
import {
  type AnomalyResult,
  type AnomalyTable,
  anomalyStudy,
  DEFAULT_DETECTORS,
  DETECTORS,
  type DetectorName,
  PROTOCOLS,
  type Protocol,
  rankText,
  readTable,
  shippedTables,
  textTable,
} from '../../studies/anomaly/index.js'
import { writeReport } from '../../studies/report.js'
import { columnOptions, mixedColumns, mixedOption } from '../columns.js'
import {
  action,
  choices,
  interruption,
  names,
  note,
  ProgressBar,
  print,
  printJson,
  seedList,
  wholeNumber,
} from '../support.js'
import registerFit from './anomaly-fit.js'
import registerScore from './anomaly-score.js'

interface AnomalyCommandOptions {
  label?: string
  anomaly?: string[]
  normal?: string[]
  columns?: string[]
  ignore?: string[]
  schema?: string
  seeds: number[]
  detectors: DetectorName[]
  protocol: Protocol
  steps?: number
  threads?: number
  out?: string
  json?: boolean
}

const OVERVIEW = `
fit and score are for use: fit learns what is normal from a table and writes one file, score applies it to new rows. compare
is a study: how well detectors find anomalies that are known. Without one of these words compare is meant.
Each has a help of its own: anomaly fit --help.

Examples:
  npx langevin anomaly fit rows.csv --out detector.safetensors
  npx langevin anomaly score detector.safetensors new.csv --fpr 0.1
  npx langevin anomaly compare machines.csv --label state --normal ok`

const EXAMPLES = `
A file is a CSV table with a class column, or a .npz archive with arrays X and y. Without a file the two tables of the
package are used. Protocols: random, 60 % of the normal rows are trained on, the others and all anomalies are scored; dte, the
first half of the normal rows in the order of the file is trained on, after tables below 1,000 rows were drawn to 1,000 with
replacement; unsupervised, rows drawn from the whole table are trained on, and all are scored (the last two as Livernoche et al. 2024).

Examples:
  npx langevin anomaly compare
  npx langevin anomaly compare machines.csv --label state --normal ok
  npx langevin anomaly compare a.npz b.npz --anomaly 1 --seeds 41,42 --json > rows.json
  npx langevin anomaly compare a.npz b.npz --anomaly 1 --protocol dte --detectors knn,diffusionTime,lof
  npx langevin anomaly compare data.csv --label target --detectors knn,mahalanobis --out report
  npx langevin anomaly compare customers.csv --label left --schema auto --ignore id,name`

/** Files of the same name are named by their paths. */
function withDistinctNames(tables: AnomalyTable[], paths: readonly string[]): AnomalyTable[] {
  const twice = (name: string) => tables.filter((table) => table.name === name).length > 1
  return tables.map((table, k) => (twice(table.name) ? { ...table, name: paths[k]! } : table))
}

async function readTables(files: readonly string[], options: AnomalyCommandOptions): Promise<AnomalyTable[]> {
  const { label, anomaly, normal, columns } = options
  const mixed = await mixedColumns(options.schema)
  const left = [...(options.ignore ?? []), ...(mixed?.ignore ?? [])]
  const ignore = left.length > 0 ? left : undefined
  if (files.length === 0 && label !== undefined) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      '--label: name the file it is about: anomaly FILE --label COLUMN',
    )
  }
  const sources = files.length > 0 ? [...new Set(files)].map((path) => ({ path, label })) : shippedTables()
  const tables: AnomalyTable[] = []
  for (const source of sources)
    tables.push(
      await readTable(source.path, { label: source.label, anomaly, normal, columns, ignore, schema: mixed?.schema }),
    )
  const named = withDistinctNames(
    tables,
    sources.map(({ path }) => path),
  )
  for (const { name, classes } of named) note(`${name}: ${classes}`)
  return named
}

async function run(files: string[], options: AnomalyCommandOptions): Promise<void> {
  if (options.out !== undefined) await prepareFolder(options.out)
  const tables = await readTables(files, options)
  const bar = new ProgressBar()
  const { signal, interrupted, release } = interruption()
  let result: AnomalyResult
  try {
    result = await anomalyStudy({
      tables,
      seeds: options.seeds,
      detectors: options.detectors,
      protocol: options.protocol,
      ...(options.steps !== undefined && { steps: options.steps }),
      ...(options.threads !== undefined && { threads: options.threads }),
      signal,
      onProgress: (done, text) => bar.update(done, text),
    })
  } finally {
    bar.end()
    release()
  }
  for (const text of result.notes) note(text)
  if (options.out !== undefined) {
    const command = `npx langevin ${process.argv.slice(2).join(' ')}`
    const paths = await writeReport(options.out, 'anomaly', { anomaly: result }, command)
    for (const path of paths) note(`wrote ${path}`)
  }
  if (options.json) printJson({ rows: result.rows })
  else if (result.rows.length > 0) {
    const ranked = rankText(result.rows)
    print(ranked === '' ? textTable(result.rows) : `${textTable(result.rows)}\n\n${ranked}`)
  }
  if (interrupted()) {
    note(`interrupted: ${result.rows.length} finished rows were kept`)
    process.exitCode = 130
  }
}

/** `langevin anomaly compare`: an energy, k nearest neighbours and the Mahalanobis distance on tables with known anomalies. */
function registerCompare(parent: Command): void {
  const command = parent
    .command('compare', { isDefault: true })
    .description('how well an energy, kNN and other detectors find the anomalies of a table whose anomalies are known')
    .argument('[files...]', 'CSV tables or .npz archives (default: the tables of the package)')
    .option('--label <column>', 'the column that holds the class (default for .npz: y)')
    .option('--anomaly <classes>', 'classes that are anomalies, comma-separated (default: the rarest class)', names)
    .option('--normal <classes>', 'classes that are normal, comma-separated; all others are anomalies', names)
    .option('--seeds <count or list>', 'a number of seeds, or the seeds themselves (41,42)', seedList, seedList('5'))
    .option('--detectors <names>', `some of ${DETECTORS.join(',')}`, choices(DETECTORS), [...DEFAULT_DETECTORS])
    .addOption(
      new Option('--protocol <name>', 'which rows are trained on and which are scored')
        .choices(PROTOCOLS)
        .default('random'),
    )
    .option('--steps <n>', 'optimiser steps of each energy (default 600)', wholeNumber(1))
    .option('--threads <n>', 'threads a run may use (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--out <folder>', 'write anomaly.html and anomaly.json there')
    .option('--json', 'print { rows } as JSON')
    .addHelpText('after', EXAMPLES)
  columnOptions(command)
  mixedOption(command)
  action(command, run)
}

/** `langevin anomaly`: fit, score, and compare, which is meant where none is named. */
export default function register(program: Command): void {
  const parent = program
    .command('anomaly')
    .description('find rows of a table that are unlike the others: fit a detector, score rows, compare detectors')
    .addHelpText('after', OVERVIEW)
  registerFit(parent)
  registerScore(parent)
  registerCompare(parent)
}
