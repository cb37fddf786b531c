/** The energy of a run: with its inputs, a base fitted to the rows, and what energies the rows have at the end. */
import type { Dataset } from '../data/dataset.js'
import { gaussianFit } from '../data/gaussian-fit.js'
import { Energy } from '../energy.js'
import { inputsOf } from './inputs.js'
import type { RunFile } from './run-file.js'

/** A base that covers the rows: their mean and covariance, in the units of the network. */
export async function fitBase(model: Energy, rows: Dataset, { columns, y, objective }: RunFile, signal: AbortSignal) {
  if ((model.spec as { gaussianBase?: unknown }).gaussianBase !== 'full') return
  // Denoising score matching sees the rows blurred by sigma; otherwise a ridge keeps dependent columns harmless.
  const { sigma = 0.1 } = objective as { sigma?: unknown }
  const ridge = typeof sigma === 'number' ? sigma ** 2 : 0.01
  const others = new Set([y ?? rows.label ?? []].flat())
  using x = model.conversion
    ? model.toRows(columns === undefined ? rows : rows.drop(rows.columns.filter((name) => !columns.includes(name))))
    : rows.toTensor(columns ?? rows.columns.filter((name) => !others.has(name)))
  const { mean, covariance, precision } = await gaussianFit(x, { ridge, signal })
  await model.setParameters({ 'base.mean': mean, 'base.precision': precision })
  for (const each of [mean, covariance, precision]) each.dispose()
}

/** The energy of the run with its inputs; they need to know which columns the energy holds as states. */
export async function energyOf(file: RunFile, rows: Dataset, seed: number): Promise<Energy> {
  const { energy, dtype, device } = file
  const bare = await Energy.create(energy, { seed, dtype, device })
  try {
    const inputs = inputsOf(rows, file, bare)
    if (inputs === undefined) return bare
    const model = await Energy.create(energy, { seed, dtype, device, inputs })
    bare.dispose()
    return model
  } catch (error) {
    bare.dispose()
    throw error
  }
}

/** What energies of rows like the training rows are, for the choice of a threshold. */
export interface EnergySpread {
  readonly median: number
  readonly q95: number
  readonly q99: number
  readonly highest: number
}

function spreadOf(sorted: Float64Array): EnergySpread {
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
  return { median: at(0.5), q95: at(0.95), q99: at(0.99), highest: sorted.at(-1)! }
}

/** The energies of the training rows; undefined for E(x, y), and where rows are too many to score in passing. */
export async function dataEnergies(model: Energy, rows: Dataset, { columns }: RunFile, signal: AbortSignal) {
  if (model.conversion === undefined || model.inputs?.y !== undefined) return undefined
  const some = rows.length > 10_000 ? rows.batch(0, 10_000) : rows
  const chosen = columns === undefined ? some : some.drop(some.columns.filter((name) => !columns.includes(name)))
  using energies = await model.energy(chosen, { signal })
  return spreadOf(Float64Array.from(energies.toTypedArray() as Float32Array).sort())
}
