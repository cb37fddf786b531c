/** Held-out rows of a training run. */
import { LangevinError } from '../errors.js'
import { invokeNow } from '../runtime/index.js'
import { Tensor } from '../tensor/index.js'
import type { TrainSpec } from './spec.js'

/** How the loss on held-out rows went. The model holds the weights of the best measurement. */
export interface ValidationResult {
  /** The lowest loss, and after how many steps it was measured. */
  readonly loss: number
  readonly step: number
  /** Whether `patience` ended the run. */
  readonly stopped: boolean
  readonly history: readonly { readonly step: number; readonly loss: number }[]
}

interface Rows {
  readonly x: object
  readonly y?: Tensor
  readonly unlabelled?: object
}

/**
 * Takes a share of the rows away from training, chosen by the seed. New tensors are added to `made`.
 *
 * @throws ERR_LANGEVIN_UNSUPPORTED for rows that stay as they are stored, _INVALID_OPTION where a part would be empty
 */
export function heldOut(
  rows: Rows,
  validation: TrainSpec['validation'],
  seed: number | bigint,
  made: Tensor[],
): Rows & { validation?: object } {
  if (validation === undefined) return rows
  const { fraction, ...rest } = validation as Required<typeof validation>
  const { x, y, ...beside } = rows
  if (!(x instanceof Tensor)) {
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      'train(): validation: rows of data.rows() stay as they are stored and cannot be split; give a Dataset or a tensor',
    )
  }
  const [n = 0] = x.shape
  const size = Math.round(fraction * n)
  if (size < 1 || size >= n) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      `train(): validation.fraction: ${fraction} of ${n} rows leaves no rows ${size < 1 ? 'to hold out' : 'to train on'}`,
      { details: { path: 'validation.fraction' } },
    )
  }
  const parts = invokeNow<Tensor[]>('data.split', { n, sizes: [n - size, size], seed })
  const taken = parts.map((part) => ({ x: x.index(part), ...(y && { y: y.index(part) }) }))
  for (const each of [...parts, ...taken.flatMap(({ x: a, y: b }) => (b ? [a, b] : [a]))]) made.push(each)
  return { ...taken[0]!, ...beside, validation: { ...taken[1]!, ...rest } }
}
