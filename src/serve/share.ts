/** Whether rows of different calls may share one native call. */
import type { Fit } from '../ood/parts.js'
import { modelsIn } from '../ood/units.js'

/** Kinds that solve for all rows at once, in an order that depends on how many there are. */
const TOGETHER = new Set(['mahalanobis'])

/**
 * Whether the score of a row has the same bits whatever other rows are in the call: so it is where a row is computed on its own,
 * by the fused kernels. LibTorch's matrix products add in an order that depends on the number of rows.
 */
export function canShare({ detector }: Fit): boolean {
  if (TOGETHER.has(detector.kind)) return false
  return modelsIn(detector).every((model) => model.explain().executor === 'fused-cpu' && model.dtype === 'float32')
}
