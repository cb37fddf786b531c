/** `langevin anomaly fit`: learns what is normal from the rows of a table, and writes one file that scores new rows. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Schema } from '../../columns/index.js'
import type { Dataset } from '../../data/dataset.js'
import { type SchemaOptions, schema as schemaOf } from '../../data/index.js'
import { LangevinError } from '../../errors.js'
import * as ood from '../../ood/index.js'
import { readTable } from '../../studies/anomaly/index.js'
import { columnOptions, mixedColumns, mixedOption } from '../columns.js'
import { readOptions, readRows, type TextStyle } from '../data.js'
import { refuseCounters } from '../inputs.js'
import { action, interruption, makeFolderOf, names, note, ProgressBar, printJson, wholeNumber } from '../support.js'

const KINDS = ['energyLadder', 'ensemble', 'mahalanobis', 'knn', 'lof', 'isolationForest', 'gaussianMixture'] as const
/** Rates whose thresholds are printed, where there are held-out rows enough. */
const RATES = [0.1, 0.05, 0.01, 0.001]

interface FitCommandOptions extends TextStyle {
  format?: string
  out: string
  columns?: string[]
  ignore?: string[]
  schema?: string
  label?: string
  normal?: string[]
  anomaly?: string[]
  detector: (typeof KINDS)[number]
  heldOut: number
  fpr?: number
  steps?: number
  seed: number
  threads?: number
  json?: boolean
}

const EXAMPLES = `
The rows are taken to be normal; with --label only those of the normal classes are used. A share of them is held out: thresholds
and p-values are read from their scores. The file holds the detector, its columns and their scale, and
a sample of the rows, which explanations and drift compare with.

Examples:
  npx langevin anomaly fit rows.csv --out detector.safetensors
  npx langevin anomaly fit machines.csv --label state --normal ok --out machines.safetensors
  npx langevin anomaly fit customers.csv --label left --schema auto --ignore id,name --detector knn --out customers.safetensors
  npx langevin anomaly fit machines.csv --ignore state --detector mahalanobis --held-out 0.3 --fpr 0.1 --out machines.safetensors`

function share(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value > 0 && value < 1))
    throw new InvalidArgumentError('expected a share between 0 and 1.')
  return value
}

/** The rows of a file, without the columns that are not asked for. */
async function rowsOf(path: string, options: FitCommandOptions): Promise<Dataset> {
  const { columns } = options
  const rows = await readRows(path, { ...options, keepMissing: options.schema !== undefined })
  if (columns === undefined) {
    refuseCounters(rows, rows.columns)
    return rows.withLabel(undefined)
  }
  for (const name of columns) rows.column(name)
  return rows.drop(rows.columns.filter((name) => !columns.includes(name))).withLabel(undefined)
}

/** The normal rows of a table, with the names of their columns. */
async function normalRows(
  path: string,
  options: FitCommandOptions,
  schema: SchemaOptions | undefined,
): Promise<Dataset> {
  const { label, normal, anomaly, columns, ignore } = options
  if (columns !== undefined && ignore !== undefined) {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', 'give either --columns or --ignore, not both')
  }
  if (label === undefined) {
    if (normal === undefined && anomaly === undefined) return rowsOf(path, options)
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', '--label: say which column holds the class')
  }
  const table = await readTable(path, { label, normal, anomaly, columns, ignore, schema })
  note(table.classes)
  return table.columns.select(table.normals)
}

/** The normal rows, and what their columns are where --schema asks for that. */
async function describedRows(path: string, options: FitCommandOptions): Promise<{ rows: Dataset; schema?: Schema }> {
  const mixed = await mixedColumns(options.schema)
  if (mixed === undefined) return { rows: await normalRows(path, options, undefined) }
  const left = [...(options.ignore ?? []), ...mixed.ignore]
  const { ignore: _, ...others } = options
  const asked = { ...others, ...(left.length > 0 && { ignore: left }) }
  const labelled = await normalRows(path, asked, mixed.schema)
  const rows = labelled.label === undefined ? labelled : labelled.drop([labelled.label])
  const { schema, reasons } = schemaOf(rows, { transform: 'standardize', ...mixed.schema })
  for (const [name, reason] of Object.entries(reasons)) note(`column '${name}' is ${reason}`)
  return { rows, schema }
}

function detectorOf({ detector, steps }: FitCommandOptions): ood.Detector {
  if (steps !== undefined && detector !== 'energyLadder') {
    throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', `--steps: is an option of energyLadder, not of ${detector}`)
  }
  return ood.detectors[detector](steps === undefined ? {} : { steps })
}

function thresholdsOf(fitted: ood.FittedDetector): { fpr: number; threshold: number }[] {
  return RATES.filter((fpr) => fpr * (fitted.heldOut + 1) >= 1).map((fpr) => ({
    fpr,
    threshold: fitted.threshold({ fpr }),
  }))
}

async function run(path: string, options: FitCommandOptions): Promise<void> {
  const { out, heldOut, fpr, seed, threads } = options
  const detector = detectorOf(options)
  const { rows, schema } = await describedRows(path, options)
  await makeFolderOf(out)
  const bar = new ProgressBar()
  const { signal, release } = interruption()
  try {
    const onProgress = (done: number) => bar.update(done, `${options.detector} of ${rows.length} rows`)
    const given = { ...(fpr !== undefined && { fpr }), ...(threads !== undefined && { threads }) }
    const how = { heldOut, seed, signal, onProgress, ...given }
    const scale = schema === undefined ? { standardize: true } : { schema }
    await using fitted = await ood.fit(detector, rows, { ...scale, ...how })
    await fitted.save(out, { signal })
    bar.end()
    const { columns } = fitted.inputs!
    const thresholds = thresholdsOf(fitted)
    const trained = rows.length - fitted.heldOut
    note(`wrote ${out}: ${fitted.kind}, ${trained} rows trained on, ${fitted.heldOut} held out`)
    note(`columns: ${columns.join(', ')}`)
    for (const { fpr, threshold } of thresholds) note(`threshold at fpr ${fpr}: ${threshold}`)
    if (options.json) printJson({ out, kind: fitted.kind, columns, rows: trained, heldOut: fitted.heldOut, thresholds })
  } finally {
    bar.end()
    release()
  }
}

/** `langevin anomaly fit rows.csv --out detector.safetensors` */
export default function register(parent: Command): void {
  const command = parent
    .command('fit')
    .description('learn what is normal from the rows of a table and write a detector')
    .argument(
      '<rows>',
      '.csv, .tsv, .npz, .npy, .parquet or .safetensors; - for stdin: normal rows, or a table with a class column',
    )
    .requiredOption('--out <file>', 'the file to write, such as detector.safetensors')
    .option('--label <column>', 'a column that holds a class: only normal rows are used')
    .option('--normal <classes>', 'classes that are normal, comma-separated', names)
    .option('--anomaly <classes>', 'classes that are not, comma-separated (default: the rarest class)', names)
    .addOption(new Option('--detector <kind>', 'the detector').choices(KINDS).default('energyLadder'))
    .option('--held-out <share>', 'share of the rows that thresholds are read from', share, 0.2)
    .option(
      '--fpr <share>',
      'the false-alarm rate the file is made for, such as 0.01: what a service decides by',
      share,
    )
    .option('--steps <n>', 'optimiser steps of each energy of an energyLadder (default 600)', wholeNumber(1))
    .option('--seed <n>', 'fixes which rows are held out, and the training', wholeNumber(0), 0)
    .option('--threads <n>', 'threads (default: LANGEVIN_THREADS or all cores)', wholeNumber(1))
    .option('--json', 'print { out, kind, columns, rows, heldOut, thresholds } as JSON')
  columnOptions(command)
  mixedOption(command)
  readOptions(command).addHelpText('after', EXAMPLES)
  action(command, run)
}
