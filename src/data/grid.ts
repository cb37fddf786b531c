/** Regular grids over a box. */
import { invokeNow } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import type { Tensor } from '../tensor/index.js'

export interface GridOptions {
  /** Lower and upper corner: numbers for a square box, or one entry per axis. */
  low: number | readonly number[]
  high: number | readonly number[]
  /** Cells along each axis: one number, or one entry per axis. Default 1024, 256, 64 for 1, 2, 3 axes. */
  cells?: number | readonly number[]
  /** Number of axes when low and high are plain numbers. Default 2. */
  dimension?: number
}

/** Centres of the cells of a box, row-major with the last axis fastest: float64 [cells, d], and the volume of one cell. */
export function grid(options: GridOptions): { points: Tensor; cellVolume: number } {
  requireOptions('data.grid', options, ['low', 'high', 'cells', 'dimension'])
  return invokeNow<{ points: Tensor; cellVolume: number }>('data.grid', { ...options })
}
