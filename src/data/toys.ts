/** Toy distributions of the plane, with their densities, and small binary pictures. */
import { invoke, invokeNow } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { type RowsLike, type Tensor, withRows } from '../tensor/index.js'
import { Dataset } from './dataset.js'

export interface ToyOptions {
  /** Number of rows. */
  n: number
  /** Same seed, same rows. Default 0. */
  seed?: number | bigint
  /** Standard deviation of the Gaussian blur; each distribution has its own default. */
  noise?: number
}

/** 'x' float32 [n, 2] and the label column 'y' int64 [n]: which component a row came from. */
function dataset(drawn: { x: Tensor; y: Tensor }): Dataset {
  return new Dataset({ x: { values: drawn.x }, y: { values: drawn.y } }, { label: 'y' })
}

function toy(kind: string): (options: ToyOptions) => Dataset {
  return (options) => {
    requireOptions(`data.toys.${kind}`, options, ['n', 'seed', 'noise'])
    return dataset(invokeNow('toys.sample', { ...options, kind }))
  }
}

/** Four concentric circles of radius 0.5, 1, 1.5 and 2; noise 0.05. */
export const rings = toy('rings')
/** Two interleaved half circles of radius 1 about a common centre; noise 0.1. */
export const moons = toy('moons')
/** Eight modes on a circle of radius 2; noise 0.1. */
export const eightGaussians = toy('eightGaussians')
/** Modes at {-2, -1, 0, 1, 2} x {-2, -1, 0, 1, 2}; noise 0.05. */
export const twentyFiveGaussians = toy('twentyFiveGaussians')
/** Uniform on the eight dark squares of a 4 x 4 board over [-2, 2]^2; noise 0. */
export const checkerboard = toy('checkerboard')
/** Five bent arms (Johnson et al. 2016); noise 0.05 is the width across an arm. */
export const pinwheel = toy('pinwheel')
/** The planar roll t (cos t, sin t), t in [1.5 pi, 4.5 pi], scaled to radius 2; noise 0.05. */
export const swissRoll = toy('swissRoll')
/** Two arms of a spiral that reach radius 2 in one and a half turns; noise 0.05. */
export const twoSpirals = toy('twoSpirals')
/** One and a half periods of a cosine of height 1 over [-2, 2]; noise 0.1. */
export const cosine = toy('cosine')
/** Modes at (-1.5, 0), which holds four fifths of the rows, and (1.5, 0); noise 0.3. */
export const unequalModes = toy('unequalModes')

/**
 * log p of a toy distribution (by its name here, such as 'rings'; 'gaussians' apart) at points [n, 2]: float64 [n]. Curves
 * are summed over nodes an eighth of the noise apart, modes and squares are closed forms. -Infinity where there is nothing.
 *
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (an unknown name; a curve without noise has no density), _SHAPE
 */
export function logDensity(
  kind: string,
  points: RowsLike,
  options: { noise?: number; threads?: number } = {},
): Promise<Tensor> {
  requireOptions('data.toys.logDensity', options, ['noise', 'threads'])
  return withRows(points, 'points', (rows) => invoke<Tensor>('toys.logDensity', { ...options, kind, points: rows }))
}

/** Equally likely isotropic Gaussians about `means` (default one at the origin of the plane) of standard deviation `noise` (1). */
export function gaussians(options: ToyOptions & { means?: readonly (readonly number[])[] }): Dataset {
  requireOptions('data.toys.gaussians', options, ['n', 'seed', 'noise', 'means'])
  return dataset(invokeNow('toys.gaussians', { ...options }))
}

/**
 * Binary pictures of `size` x `size` (default 4) whose rows, or whose columns, are each 0 or 1 by a fair coin: 'x' float32
 * [n, size * size], 'y' 0 for rows and 1 for columns. For energies over binary states, e.g. `rbm` (MacKay 2003, section 43.3).
 */
export function barsAndStripes(options: { n: number; size?: number; seed?: number | bigint }): Dataset {
  requireOptions('data.toys.barsAndStripes', options, ['n', 'size', 'seed'])
  return dataset(invokeNow('toys.barsAndStripes', { ...options }))
}
