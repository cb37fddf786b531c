/** log Z = log of the integral (or sum) of exp(-E(x) / T). */
import type { Dataset } from '../data/dataset.js'
import type { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import { invoke } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import { type RowsLike, type Tensor, toRows } from '../tensor/index.js'

/** An estimate of log Z in nats. */
export interface Partition {
  logZ: number
  /** 0 where states were summed exactly. */
  standardError: number
  /**
   * log Z lies between `lower` and `upper` with about 95 % probability when the estimate is reliable: two standard
   * errors to each side. ais: `lower` from the forward run, `upper` from the reverse one, null without it: forward
   * annealing alone bounds log Z from below only.
   */
  lower: number
  upper: number | null
  /** Importance samples that count, (sum w)^2 / sum w^2. Absent where sums are exact or on a grid. */
  ess?: number
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

/** Options that hold rows. */
const ROWS = ['y', 'rows', 'samples'] as const

async function call<T>(name: string, known: string[], model: Energy, given: CommonOptions): Promise<T> {
  const { signal, ...options } = requireOptions(name, given, ['temperature', 'y', 'threads', 'signal', ...known])
  const args: Record<string, unknown> = { ...options, energy: model.native() }
  const made: Tensor[] = []
  try {
    for (const key of ROWS) {
      const value = args[key] as RowsLike | Dataset | undefined
      if (value === undefined) continue
      const rows = key === 'y' ? toRows(value as RowsLike, key) : model.toRows(value, key)
      if (rows !== value) made.push(rows)
      args[key] = rows
    }
    const { conversion } = model
    if (!conversion?.transforms) return await invoke<T>(name, args, { signal })
    refuseUnconverted(name, args)
    for (const key of ['low', 'high'] as const) {
      if (args[key] !== undefined) args[key] = conversion.border(args[key] as number | number[])
    }
    return inUnitsOfData(await invoke<T>(name, args, { signal }), conversion.logScale, options.temperature ?? 1)
  } finally {
    for (const rows of made) rows.dispose()
  }
}

/** Options that are neither rows nor borders, and would be read in standardised units. */
function refuseUnconverted(name: string, args: Record<string, unknown>): void {
  for (const [key, remedy] of [
    ['proposal', 'give rows, which one is fitted to'],
    ['values', 'sums over states are for discrete columns, which are not standardised'],
    ['levels', 'sums over states are for discrete columns, which are not standardised'],
  ] as const) {
    if (args[key] === undefined) continue
    throw new LangevinError(
      'ERR_LANGEVIN_UNSUPPORTED',
      `${name}: ${key}: the model standardises its inputs, so numbers of x cannot be given here: ${remedy}`,
      { details: { path: key } },
    )
  }
}

/**
 * With c = sum log scale, E(x) = E(z) + c and dx = e^c dz: log Z moves by c (1 - 1 / T), not at all at T = 1; an entropy by c.
 */
function inUnitsOfData<T>(result: T, logScale: number, temperature: number): T {
  const shift = logScale * (1 - 1 / temperature)
  const moved = { ...result } as Record<string, unknown>
  for (const key of ['logZ', 'lower', 'upper']) if (typeof moved[key] === 'number') moved[key] = moved[key] + shift
  for (const key of ['forward', 'reverse']) {
    const way = moved[key] as AnnealedDirection | null | undefined
    if (way) moved[key] = { ...way, logZ: way.logZ + shift }
  }
  if (typeof moved.entropy === 'number') moved.entropy = moved.entropy + logScale
  return moved as T
}

export interface GridOptions extends CommonOptions {
  /** Corners of the box: numbers, or one entry per axis (the energy has 1 to 3 of them). */
  low: number | readonly number[]
  high: number | readonly number[]
  /** Cells per axis to begin with. Default 1024, 256, 64 for 1, 2, 3 axes. */
  cells?: number | readonly number[]
  /** Double the cells until log Z moves by at most `tolerance` twice in a row, or `maxCells` is reached. Default true. */
  refine?: boolean
  /** Default 1e-4. */
  tolerance?: number
  /** Default 2^24. */
  maxCells?: number
}

export interface GridPartition extends Partition {
  upper: number
  /** -E[log p] in nats, of the law on the box: minus the log-likelihood the model gives its own samples, on average. */
  entropy: number
  /** Probability of the outermost layer of cells: when it is not small, the box cuts the distribution off. */
  borderMass: number
  /** Cells per axis of the last grid. */
  cells: number[]
  /** How log Z moved from every grid to the next, from a quarter of the first `cells` on: how stable it is. */
  changes: number[]
  /** Whether the last two changes are at most `tolerance`. */
  converged: boolean
}

/**
 * log Z over a box by the midpoint rule. `standardError` is the size of the last change: an estimate of the discretisation
 * error, not of the mass outside the box. A mode narrower than a cell of the finest grid is not seen at all.
 * Errors: ERR_LANGEVIN_UNSUPPORTED (more than 3 axes, discrete states), ERR_LANGEVIN_NON_FINITE naming the point, _INVALID_OPTION.
 */
export function grid(model: Energy, options: GridOptions): Promise<GridPartition> {
  return call('partition.grid', ['low', 'high', 'cells', 'refine', 'tolerance', 'maxCells'], model, options)
}

export interface ExactOptions extends CommonOptions {
  /**
   * Values every variable takes, or one list per variable. Default: the states of the energy, [0, 1] where it is over
   * real columns. The variables of one-hot blocks are the sites, their values the levels 0 .. K - 1.
   */
  values?: readonly number[] | readonly (readonly number[])[]
  /**
   * In place of `values`, for categories given as numbers: k for the levels 0 .. k - 1 of every variable, or one k per
   * variable.
   */
  levels?: number | readonly number[]
}

export interface ExactPartition extends Partition {
  upper: number
  /** -E[log p] in nats, of the law on the states. */
  entropy: number
  states: number
}

/**
 * log Z over discrete states by summing all of them, at most 2^20, in tiles. `standardError` is 0.
 * Errors: ERR_LANGEVIN_UNSUPPORTED (too many states), ERR_LANGEVIN_NON_FINITE naming the state.
 */
export function exact(model: Energy, options: ExactOptions = {}): Promise<ExactPartition> {
  return call('partition.exact', ['values', 'levels'], model, options)
}

/** A mixture of Gaussians, as energies.gaussianMixture takes it. */
export interface MixtureProposal {
  means: readonly (readonly number[])[]
  /** Positive, scaled to sum 1. Default: equal. */
  weights?: readonly number[]
  /** Standard deviation of round components: one number, or one per component. Give this or `covariances`. */
  sigmas?: number | readonly number[]
  /** A number, d numbers (the diagonal) or a symmetric matrix per component. */
  covariances?: readonly (number | readonly number[] | readonly (readonly number[])[])[]
}

export interface ImportanceOptions extends CommonOptions {
  /** The proposal itself; or `rows`, which one is fitted to. */
  proposal?: MixtureProposal
  /** Rows [n, d] like the model's samples (samples, or its training data): a mixture is fitted by expectation-maximisation. */
  rows?: RowsLike | Dataset
  /** Gaussians of the fit. Default 1. */
  components?: number
  /** The fitted covariances are multiplied by this. Default 1.2: a proposal narrower than the model has unbounded weights. */
  inflate?: number
  /** Share of one more Gaussian with the mean and four times the covariance of the fit. Default 0.1. */
  defensive?: number
  /** Draws from the proposal. Default 10,000. */
  draws?: number
  /** Default 0. */
  seed?: number | bigint
}

export interface ImportancePartition extends Partition {
  upper: number
  ess: number
  /**
   * Shape of a Pareto law fitted to the largest weights (Vehtari et al. 2024): above min(1 - 1 / log10(draws), 0.7) neither
   * `logZ` nor `standardError` is to be trusted. null where there is no tail.
   */
  paretoK: number | null
  draws: number
}

/**
 * log Z = log E_q[exp(-E(x) / T) / q(x)] by importance sampling from a mixture of Gaussians q. Only what q reaches is
 * counted: a mode that `rows` do not show is missed without a trace in `standardError`.
 * Errors: ERR_LANGEVIN_SHAPE (too few rows), ERR_LANGEVIN_NON_FINITE naming the point, _INVALID_OPTION (a proposal so narrow
 * that the energy cannot tell its draws apart, as a fit to equal rows is, among others), _UNSUPPORTED (discrete states).
 */
export function importance(model: Energy, options: ImportanceOptions): Promise<ImportancePartition> {
  const known = ['proposal', 'rows', 'components', 'inflate', 'defensive', 'draws', 'seed']
  return call('partition.importance', known, model, options)
}

export interface AnnealedOptions extends CommonOptions {
  /** Dimension of x; checked against the energy when given. */
  dim?: number
  /** Default 1000. */
  chains?: number
  /** Number of inverse temperatures b from 0 to 1 (default 200; with ladder 'adaptive' the most it may take, default 10,000), or the list itself. */
  temperatures?: number | readonly number[]
  /**
   * 'linear' (default): evenly spaced. 'sigmoid': denser at both ends (Grosse et al. 2013). 'adaptive': each next b leaves
   * `stepEss` of the pilot chains effective.
   */
  ladder?: 'linear' | 'sigmoid' | 'adaptive'
  /** Default 0.995. */
  stepEss?: number
  /**
   * Mean (0) and standard deviation (1) of the Gaussian base: numbers, or one per column; of a model with `inputs` in standardised
   * units. Of bits `mean` is the probability of 1 of every column, usually the mean of the training rows (within 0.01 ... 0.99): the
   * base is then the law of such independent bits. Default there: all states are equally likely.
   */
  mean?: number | readonly number[]
  scale?: number | readonly number[]
  /**
   * What moves chains at every b: 'hmc' (default), or 'mala', which is one leapfrog step; over discrete states 'gibbs' (default), a
   * sweep over all sites, or 'gibbsWithGradients', one site at the cost of two evaluations of E whatever their number.
   */
  transition?: 'hmc' | 'mala' | 'gibbs' | 'gibbsWithGradients'
  /** The same step everywhere (hmc: leapfrog step; mala: h). Left out, every b and column gets its own from a pilot. */
  stepSize?: number
  /** Leapfrog steps of a move (hmc, 5). */
  leapfrogSteps?: number
  /** Moves at every b (1). */
  moves?: number
  /** What the pilot adapts to. Default 0.8 for hmc, 0.574 for mala. */
  targetAcceptance?: number
  /** Chains of the pilot, thrown away afterwards. Default 128. */
  pilotChains?: number
  /**
   * Exact or nearly exact samples of the model, [n, d]: each starts a reverse chain, and log Z gets an upper bound.
   * Samples of anything else make the bound worthless.
   */
  samples?: RowsLike | Dataset
  /** Default 0. */
  seed?: number | bigint
}

/** One direction of annealing. */
export interface AnnealedDirection {
  logZ: number
  standardError: number
  ess: number
  /** As in ImportancePartition; the limit is 0.7. */
  paretoK: number | null
}

export interface AnnealedPartition extends Partition {
  ess: number
  /** From the base up to the model: at most log Z on average, and with probability 1 - e^-c at most log Z + c. */
  forward: AnnealedDirection
  /** From `samples` down to the base: at least log Z on average. null without samples. */
  reverse: AnnealedDirection | null
  /** Mean acceptance of the forward moves; null when the ladder has none. */
  acceptance: number | null
  /** The inverse temperatures. */
  temperatures: number[]
}

/**
 * log Z by annealed importance sampling (Neal 2001) from N(mean, scale^2) along (1 - b) E_0(x) + b E(x) / T. The estimate
 * of Z is unbiased; log Z is biased low by about standardError^2 / 2, and by more when weights are few (`ess`).
 *
 * With `samples` the same path is also run backwards (Grosse, Ghahramani and Adams 2015; Burda, Grosse and Salakhutdinov
 * 2015): `lower` and `upper` then enclose log Z, and `logZ` is Bennett's acceptance ratio (1976) of both sets of weights.
 * A wide bracket asks for more temperatures or moves; an `upper` below `lower` says that the samples are not the model's.
 *
 * Over discrete states the base is the uniform law, or of bits with `mean` independent ones, and the moves are Gibbs sweeps or
 * those of gibbsWithGradients; an rbm at T = 1, from the uniform law by sweeps, is annealed together with its hidden units, one
 * layer after the other (Salakhutdinov and Murray 2008). Of the options `scale`, `stepEss` and those of steps and pilot do not
 * apply there and are refused, as is the adaptive ladder.
 * Errors: ERR_LANGEVIN_INVALID_OPTION, _SHAPE, _NON_FINITE (weights), _UNSUPPORTED (an adaptive ladder out of rungs).
 */
export function ais(model: Energy, options: AnnealedOptions = {}): Promise<AnnealedPartition> {
  const known = [
    'dim',
    'chains',
    'temperatures',
    'ladder',
    'stepEss',
    'mean',
    'scale',
    'transition',
    'stepSize',
    'leapfrogSteps',
    'moves',
    'targetAcceptance',
    'pilotChains',
    'samples',
    'seed',
  ]
  return call('partition.ais', known, model, options)
}
