/** Scores of rows by what was fitted. */
import { invoke, invokeNumbers } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { exactRows, type Tensor } from '../tensor/index.js'
import type { Fit, JobOptions } from './parts.js'
import { Made, type OodRows } from './rows.js'

/** Scores float64 [n] of rows in the units of the models. */
export function scoresOfRows({ core, state }: Fit, x: Tensor, { threads, signal }: JobOptions): Promise<Tensor> {
  const args = { detector: core, state, x, ...(threads !== undefined && { threads }) }
  return invoke<Tensor>('ood.scores', args, { signal })
}

/** The same as an array. */
export async function scoreArray(fit: Fit, x: Tensor, job: JobOptions): Promise<Float64Array> {
  using scores = await scoresOfRows(fit, x, job)
  return scores.toTypedArray() as Float64Array
}

/** Rows [n, width] of numbers laid flat. */
export interface FlatRows {
  readonly numbers: Float32Array | Float64Array
  readonly count: number
  readonly width: number
}

/**
 * Rows that need nothing done to them, for `scoresOfFlat`; undefined for everything else, which `Made.read` takes (and which then
 * says what is wrong). Numbers that are laid flat already are not copied.
 */
export function flatRows({ detector, inputs }: Fit, x: OodRows): FlatRows | undefined {
  const width = detector.model?.inputWidth
  if (width === undefined || width === 0 || inputs !== undefined) return undefined
  const numbers = exactRows(x, width)
  return numbers && { numbers, count: numbers.length / width, width }
}

/** As `scoresOfRows`, bit by bit, without Tensors on the way. The numbers are copied at once. */
export function scoresOfFlat(
  { core, state }: Fit,
  { numbers, width }: FlatRows,
  { threads, signal }: JobOptions,
): Promise<Float64Array> {
  const args = { detector: core, state, x: numbers, columns: width, ...(threads !== undefined && { threads }) }
  return invokeNumbers<Float64Array>('ood.scores', args, { signal })
}

/** Scores float64 [n] of rows in the units of the data. */
export async function scoresOf(fit: Fit, x: OodRows, options: JobOptions): Promise<Tensor> {
  const job = requireOptions('ood.scores', options, ['threads', 'signal'])
  const made = new Made()
  try {
    return await scoresOfRows(fit, made.read(x, 'x', fit.inputs), job)
  } finally {
    made.dispose()
  }
}
