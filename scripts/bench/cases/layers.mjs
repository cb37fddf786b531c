/** Microseconds of the gradients for a batch of rows: every layer and activation alone, one thread. */
import { BATCH, contenders, rowsOf } from '../audit/contenders.mjs'
import { layers } from '../audit/layers.mjs'

export const name = 'layers'
export const title =
  'Gradients through every layer, SiLU and a linear one, and through every activation: 4,096 rows of 2 columns, 1,024 of 64, 256 of 900'
export const unit = 'us'
export const threads = [1]
export const resident = true
export const repeats = 5
export { contenders }

export const rows = rowsOf(layers, BATCH, () => 'loop')
