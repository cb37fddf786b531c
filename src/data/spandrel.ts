/** The four shapes of the spandrel study with their densities in closed form (reconstructed; see docs/spandrel.md). */
import { invoke, invokeNow } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { type RowsLike, type Tensor, withRows } from '../tensor/index.js'
import { Dataset } from './dataset.js'

export const SHAPES = ['step', 'split-circle', 'twist', 'kissing-pyramids'] as const
export type SpandrelShape = (typeof SHAPES)[number]

export interface SpandrelOptions {
  /** Number of rows. */
  n: number
  /** Same seed, same rows. Default 0. */
  seed?: number | bigint
  /** Standard deviation of the isotropic Gaussian tube around the curve. Default 0.05; 0 puts rows on the curve. */
  sigma?: number
}

export interface SpandrelDescription {
  name: SpandrelShape
  /** Names of the classes of the label column: the branches. */
  classes: string[]
  /** Rectangles inside the unsampled gaps, at least 4 sigma (of the default 0.05) from every branch. */
  bridges: { low: [number, number]; high: [number, number] }[]
}

/** 'x' float32 [n, 2] and the label column 'y' int64 [n], the branch of the curve. */
export function sample(shape: SpandrelShape, options: SpandrelOptions): Dataset {
  requireOptions('data.spandrel', options, ['n', 'seed', 'sigma'])
  const { x, y } = invokeNow<{ x: Tensor; y: Tensor }>('spandrel.sample', { ...options, shape })
  const columns = { x: { values: x }, y: { values: y, categories: describe(shape).classes } }
  return new Dataset(columns, { label: 'y' })
}

/** x uniform on +-[0.15, 1.2], y = 0.6 sign(x). */
export const step = (options: SpandrelOptions) => sample('step', options)
/** Two unit half circles, the upper one moved by +0.35 in x, the lower one by -0.35. */
export const splitCircle = (options: SpandrelOptions) => sample('split-circle', options)
/** The lemniscate (1.3 cos t, 1.8 sin t cos t) / (1 + sin^2 t), t uniform: it crosses itself. */
export const twist = (options: SpandrelOptions) => sample('twist', options)
/** y = +-(|x| + 0.1), 0.25 < |x| < 1.2: two tents apex to apex, the kink left out. */
export const kissingPyramids = (options: SpandrelOptions) => sample('kissing-pyramids', options)

/** log p*(z) of the tube at points [n, 2]: float64 [n]. Finite everywhere. */
export function logDensity(shape: SpandrelShape, points: RowsLike, options: { sigma?: number } = {}): Promise<Tensor> {
  requireOptions('data.spandrel.logDensity', options, ['sigma'])
  return withRows(points, 'points', (rows) =>
    invoke<Tensor>('spandrel.logDensity', { shape, points: rows, ...options }),
  )
}

/** Distance of points [n, 2] to the curve: float64 [n]. */
export function distance(shape: SpandrelShape, points: RowsLike): Promise<Tensor> {
  return withRows(points, 'points', (rows) => invoke<Tensor>('spandrel.distance', { shape, points: rows }))
}

/** The curve as polylines, one per branch: float64 [points, 2] each. */
export function curve(shape: SpandrelShape, options: { points?: number } = {}): Tensor[] {
  requireOptions('data.spandrel.curve', options, ['points'])
  return invokeNow<Tensor[]>('spandrel.curve', { shape, ...options })
}

/** Classes and bridge rectangles of a shape. */
export function describe(shape: SpandrelShape): SpandrelDescription {
  return invokeNow<SpandrelDescription>('spandrel.describe', { shape })
}
