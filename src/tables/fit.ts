/** Trains the energy of a table by energy discrepancy. */
import type { Schema } from '../columns/index.js'
import type { CsvForm } from '../data/csv-text.js'
import type { Dataset } from '../data/dataset.js'
import { inputs } from '../data/inputs.js'
import { mixed } from '../energies/factories.js'
import { Energy } from '../energy.js'
import { objectives } from '../objectives/index.js'
import { optimizers } from '../optimizers/index.js'
import { perturbations } from '../perturbations/index.js'
import { schedules } from '../schedules/index.js'
import type { Tensor } from '../tensor/index.js'
import { type TrainResult, train } from '../training/index.js'
import { energyQuantiles, TableModel } from './model.js'

export interface TableFitOptions {
  /** Widths of the hidden layers. Default [256, 256]. */
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
  /** Fixes the training. Default 0. */
  seed?: number
  threads?: number
  signal?: AbortSignal
  onProgress?: (done: number, step: number) => void
}

export interface TableFit {
  model: TableModel
  result: TrainResult
}

/** The objective: energy discrepancy with a kernel for every kind of column. */
function objectiveOf({ negatives = 16, sd = 0.3, t = 0.5, tBase = 0.02 }: TableFitOptions) {
  return objectives.energyDiscrepancy({ perturbation: perturbations.structured({ sd, t, tBase }), negatives })
}

/**
 * Trains an energy of all columns of a table.
 *
 * @param form how the table is written, so that drawn rows are written likewise
 * @throws (rejects) what `train` does
 */
export async function fitTable(
  table: Dataset,
  schema: Schema,
  form: CsvForm,
  options: TableFitOptions = {},
): Promise<TableFit> {
  const {
    hidden = [256, 256],
    embedding = 4,
    steps = 3000,
    batchSize = 256,
    lr = 2e-3,
    seed = 0,
    threads,
    signal,
  } = options
  const spec = mixed({ columns: schema, hidden, embedding })
  const energy = await Energy.create(spec, { seed, inputs: inputs(table, { schema }) })
  let rows: Tensor | undefined
  try {
    rows = energy.toRows(table)
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
    using energies = await energy.energy(rows, { ...(threads !== undefined && { threads }) })
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
