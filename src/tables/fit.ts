/** Trains the energy of a table by energy discrepancy. */
import type { Schema } from '../columns/index.js'
import type { CsvForm } from '../data/csv-text.js'
import type { Dataset } from '../data/dataset.js'
import { schema as schemaOf } from '../data/index.js'
import { inputs } from '../data/inputs.js'
import { TableCoder } from '../data/table-coder.js'
import { mixed } from '../energies/factories.js'
import { Energy } from '../energy.js'
import { objectives } from '../objectives/index.js'
import { optimizers } from '../optimizers/index.js'
import { perturbations } from '../perturbations/index.js'
import { schedules } from '../schedules/index.js'
import { requireOptions } from '../spec/index.js'
import { Tensor } from '../tensor/index.js'
import { type TrainResult, train } from '../training/index.js'
import { requireTable } from './arguments.js'
import { energyQuantiles, TableModel } from './model.js'

/** Rows that are spread over their ranks anew, up to this many in all and this often. */
const SPREAD_ROWS = 100_000
const MOST_COPIES = 8

/** Options of `tables.fit`. */
export interface TableFitOptions {
  /** What the columns are. Default: what `data.schema` finds, missing cells and unknown levels refused. */
  schema?: Schema
  /** How the table is written as text, so that drawn rows are written likewise. Default: CSV with a header. */
  form?: CsvForm
  /** Widths of the hidden layers. Default [96, 96]. */
  hidden?: number[]
  /** Numbers that a column with levels enters as. Default 4. */
  embedding?: number
  /** Steps of the optimiser. Default 3000. */
  steps?: number
  /** Rows per step. Default 256. */
  batchSize?: number
  /** Perturbed rows per row. Default 16. */
  negatives?: number
  /** Learning rate at the start; it falls to 0 along a cosine. Default 2e-3. */
  lr?: number
  /** Standard deviation of the noise in numbers, as the network sees them. Default 0.3. */
  sd?: number
  /** Time of the perturbation of categories (1 - e^-t: the share drawn anew). Default 0.5. */
  t?: number
  /** Time of the walk between levels of ordinal and cyclic columns, times their number squared. Default 0.02. */
  tBase?: number
  /** Perturbs a random subset of the columns of each row in place of all. Default false. */
  subsets?: boolean
  /** Fixes the training. Default 0. */
  seed?: number
  /** Default: `LANGEVIN_THREADS`, or all cores. */
  threads?: number
  /** Stops the training. */
  signal?: AbortSignal
  /** Called with the share that is done, and the step. */
  onProgress?: (done: number, step: number) => void
}

/** What `tables.fit` gives. */
export interface TableFit {
  /** Whoever asked for it disposes it. */
  model: TableModel
  /** Of the training: its history, findings and warnings. */
  result: TrainResult
}

/** The objective: energy discrepancy with a kernel for every kind of column. */
function objectiveOf({ negatives = 16, sd = 0.3, t = 0.5, tBase = 0.02, subsets = false }: TableFitOptions) {
  return objectives.energyDiscrepancy({ perturbation: perturbations.structured({ sd, t, tBase, subsets }), negatives })
}

/** Whether rows of a column share numbers so often that its quantiles do. */
const hasTies = (column: Schema['columns'][number]) =>
  column.kind === 'numeric' &&
  column.transform.kind === 'quantile' &&
  column.transform.quantiles.some((q, k, all) => k > 0 && q === all[k - 1] && all[0] !== all.at(-1))

/**
 * Encoded rows to train on: those that share a number are spread over their ranks, several times where the table is small, so that no
 * column has spikes.
 */
function trainingRows(coder: TableCoder, table: Dataset, seed: number): Tensor {
  const spread = coder.schema.columns.some(hasTies)
  const copies = spread ? Math.max(1, Math.min(MOST_COPIES, Math.floor(SPREAD_ROWS / table.length))) : 1
  const encoded = Array.from({ length: copies }, (_, k) => {
    const { rows } = coder.encode(table, 'rows', 1, 'float32', seed * MOST_COPIES + k)
    return rows
  })
  if (copies === 1) return encoded[0]!
  const all = Tensor.concat(encoded)
  for (const each of encoded) each.dispose()
  return all
}

const FORM: CsvForm = { delimiter: ',', header: true, missing: '', decimal: '.' }

const OPTIONS = [
  'schema',
  'form',
  'hidden',
  'embedding',
  'steps',
  'batchSize',
  'negatives',
  'lr',
  'sd',
  't',
  'tBase',
  'subsets',
  'seed',
  'threads',
  'signal',
  'onProgress',
] as const

/**
 * Trains an energy of all columns of a table by energy discrepancy, as `langevin table fit` does.
 *
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (an option, a cell that the schema does not take), and what `train` does
 */
export async function fitTable(table: Dataset, options: TableFitOptions = {}): Promise<TableFit> {
  const {
    hidden = [96, 96],
    embedding = 4,
    steps = 3000,
    batchSize = 256,
    lr = 2e-3,
    seed = 0,
    form = FORM,
    threads,
    signal,
  } = requireOptions('tables.fit', options, OPTIONS)
  requireTable('tables.fit', table)
  const schema = options.schema ?? schemaOf(table).schema
  const spec = mixed({ columns: schema, hidden, embedding })
  const energy = await Energy.create(spec, { seed, inputs: inputs(table, { schema }) })
  let rows: Tensor | undefined
  try {
    const coder = new TableCoder(schema)
    rows = trainingRows(coder, table, seed)
    const run = train(energy, rows, {
      objective: objectiveOf(options),
      optimizer: optimizers.adam({ lr: schedules.cosine({ from: lr, to: 0 }) }),
      steps,
      batchSize: Math.min(batchSize, table.length),
      clipNorm: 5,
      ema: { decay: 0.999, warmup: true },
      seed,
      ...(threads !== undefined && { threads }),
      ...(signal && { signal }),
    })
    for await (const event of run) {
      if (event.type === 'progress') options.onProgress?.(event.step / event.steps, event.step)
    }
    const result = await run.done
    using plain = coder.encode(table, 'rows', 1, 'float32').rows
    using energies = await energy.energy(plain, { ...(threads !== undefined && { threads }) })
    const quantiles = energyQuantiles(energies.toTypedArray() as Float32Array)
    const model = new TableModel(energy, { rows: table.length, energies: quantiles, form })
    return { model, result }
  } catch (error) {
    energy.dispose()
    throw error
  } finally {
    rows?.dispose()
  }
}
