/** Scores of rows by what was fitted. */
import { invoke } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import type { Tensor } from '../tensor/index.js'
import type { Fit, JobOptions } from './parts.js'
import { Made, type OodRows } from './rows.js'

/** Scores float64 [n] of rows in the units of the models. */
export function scoresOfRows({ core, state }: Fit, x: Tensor, { threads, signal }: JobOptions): Promise<Tensor> {
  const args = { detector: core, state, x, ...(threads !== undefined && { threads }) }
  return invoke<Tensor>('ood.scores', args, { signal })
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
