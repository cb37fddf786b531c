/** log Z = log of the integral (or sum) of exp(-E(x) / T). */
import type { Energy } from '../energy.js'
import { invoke } from '../native/invoke.js'
import { requireOptions } from '../spec/known.js'
import { type RowsLike, toRows } from '../tensor.js'

/** An estimate of log Z in nats. */
export interface Partition {
  logZ: number
  standardError: number
}

interface CommonOptions {
  /** T of exp(-E / T). Default 1. */
  temperature?: number
  /** The condition of a conditional energy: one row, or one class. */
  y?: RowsLike
  /** Threads of the pool; the result does not depend on it. */
  threads?: number
  signal?: AbortSignal
}

async function call<T>(name: string, known: string[], model: Energy, given: CommonOptions): Promise<T> {
  const { signal, y, ...options } = requireOptions(name, given, ['temperature', 'y', 'threads', 'signal', ...known])
  const rows = y === undefined ? undefined : toRows(y, 'y')
  try {
    return await invoke<T>(name, { ...options, energy: model, ...(rows && { y: rows }) }, { signal })
  } finally {
    if (rows !== y) rows?.dispose()
  }
}

export interface GridOptions extends CommonOptions {
  /** Corners of the box: numbers, or one entry an axis (the energy has 1 to 3 of them). */
  low: number | readonly number[]
  high: number | readonly number[]
  /** Cells an axis to begin with. Default 1024, 256, 64 for 1, 2, 3 axes. */
  cells?: number | readonly number[]
  /** Double the cells until log Z moves by at most `tolerance`, or `maxCells` is reached. Default true. */
  refine?: boolean
  /** Default 1e-4. */
  tolerance?: number
  /** Default 2^24. */
  maxCells?: number
}

export interface GridPartition extends Partition {
  /** Probability of the outermost layer of cells: when it is not small, the box cuts the distribution off. */
  borderMass: number
  /** Cells an axis of the last grid. */
  cells: number[]
  /** Whether `standardError` reached `tolerance`. */
  converged: boolean
}

/**
 * log Z over a box by the midpoint rule. `standardError` is the change of log Z from half the cells to these: an estimate
 * of the discretisation error, not of the mass outside the box.
 * Errors: ERR_LANGEVIN_UNSUPPORTED (more than 3 axes), ERR_LANGEVIN_NON_FINITE naming the point, _INVALID_OPTION.
 */
export function grid(model: Energy, options: GridOptions): Promise<GridPartition> {
  return call('partition.grid', ['low', 'high', 'cells', 'refine', 'tolerance', 'maxCells'], model, options)
}

export interface ExactOptions extends CommonOptions {
  /**
   * Values every variable takes, or one list a variable. Default: the states of the energy, [0, 1] where it is over real
   * columns. The variables of one-hot blocks are the sites, their values the levels 0 .. K - 1.
   */
  values?: readonly number[] | readonly (readonly number[])[]
}

/**
 * log Z over discrete states by summing all of them, at most 2^20, in tiles. `standardError` is 0.
 * Errors: ERR_LANGEVIN_UNSUPPORTED (too many states), ERR_LANGEVIN_NON_FINITE naming the state.
 */
export function exact(model: Energy, options: ExactOptions = {}): Promise<Partition & { states: number }> {
  return call('partition.exact', ['values'], model, options)
}

export interface AnnealedOptions extends CommonOptions {
  /** Dimension of x; checked against the energy when given. */
  dim?: number
  /** Default 1000. */
  chains?: number
  /** Number of inverse temperatures, evenly spaced from 0 to 1 (default 200), or the list itself. */
  temperatures?: number | readonly number[]
  /** Standard deviation of the Gaussian base. Default 1. */
  scale?: number
  /** HMC moves at every temperature: leapfrog step (0.1), its number (5), moves (1). */
  stepSize?: number
  leapfrogSteps?: number
  moves?: number
  /** Default 0. */
  seed?: number | bigint
}

export interface AnnealedPartition extends Partition {
  /** (sum w)^2 / sum w^2 of the importance weights: far below `chains`, the estimate is not to be trusted. */
  effectiveSampleSize: number
  /** Mean acceptance of the HMC moves. */
  acceptance: number
}

/**
 * log Z by annealed importance sampling (Neal 2001) from N(0, scale^2 I) along (1 - b) |x|^2 / (2 scale^2) + b E(x) / T.
 * The estimate of Z is unbiased; log Z is biased low by about standardError^2 / 2.
 */
export function ais(model: Energy, options: AnnealedOptions = {}): Promise<AnnealedPartition> {
  const known = ['dim', 'chains', 'temperatures', 'scale', 'stepSize', 'leapfrogSteps', 'moves', 'seed']
  return call('partition.ais', known, model, options)
}
