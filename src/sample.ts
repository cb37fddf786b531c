/** sample(): draws samples from an energy. */
import { inspect } from 'node:util'
import type { InputRows } from './data/input-rows.js'
import type { Energy } from './energy.js'
import { invokeNow, type Run, startRun } from './runtime/index.js'
import type { SamplerStatistics } from './samplers/index.js'
import { freeze, parseSpec, requireOneOf, requireOptions, type SpecValue } from './spec/index.js'
import './samplers/index.js'
import {
  type FloatDtype,
  type LastRank,
  type NextRank,
  type RowsLike,
  type Tensor,
  tensor,
  toRows,
} from './tensor/index.js'

/**
 * Where chains start when no rows are given. With a `box` in the sampler the rows are brought into it. An energy over
 * discrete states takes 'uniform' (every state equally likely) or rows that are states; in rows with real and discrete columns
 * these are about the real ones, and the discrete ones start at uniform states.
 */
export type InitSpec =
  | 'normal'
  | 'uniform'
  | { readonly kind: 'normal'; readonly mean?: number; readonly sd?: number }
  | { readonly kind: 'uniform'; readonly low?: number; readonly high?: number }

/**
 * What a later call needs to continue bit-equal: positions, momenta, adapted step sizes, and the number of the next
 * step.
 */
export interface SampleState {
  readonly x: Tensor
  readonly velocity?: Tensor
  readonly adaptation?: Tensor
  /** parallelTempering: the replicas at the higher temperatures; blockwise: what each kernel carries. */
  readonly replicas?: readonly Omit<SampleState, 'nextStep'>[]
  /** parallelTempering: which end of the ladder each state was at last, for its round trips. */
  readonly ends?: Tensor
  readonly nextStep: number | bigint
}

export interface SampleOptions {
  /** A spec of `samplers.*`; its `steps` are taken by every chain, burn-in included. */
  sampler: SpecValue<'sampler'>
  /** How many chains. Left out when `init` (or `resume`) gives the rows. */
  chains?: number
  /**
   * 'normal' (default, standard), 'uniform' (over the sampler's box, else -1 to 1; default for discrete states, over all of
   * them), the same with numbers, or rows [chains, d] or [chains, ...inputShape]. Rows are in the units of the data; with
   * `inputs` of the model the laws are about standardised columns, where 'normal' is as wide as the training rows.
   */
  init?: InitSpec | RowsLike
  /** The condition of E(x, y): one for every chain, or a single one for all (a class number, or one row). */
  y?: RowsLike | number
  /** Fixes every random number (default 0): bit-equal on the CPU at any number of threads. */
  seed?: number | bigint
  /** Threads over tiles of chains (default: every core, or LANGEVIN_THREADS). */
  threads?: number
  /**
   * Steps before the first draw. Default: the sampler's warm-up; with keep 'last' at least half of the steps (there it only
   * bounds what the diagnostics look at).
   */
  burnIn?: number
  /** Every thin-th state after burn-in is a draw (default 1). */
  thin?: number
  /**
   * 'last' (default): the final states. 'trajectory': every draw, [chains, draws, d]. 'moments': mean and covariance of all
   * draws, streamed in constant memory.
   */
  keep?: 'last' | 'trajectory' | 'moments'
  /**
   * false: no draws are traced, so rhat, ess and mcse are null (default true). Tracing costs next to nothing, and the numbers are
   * computed when they are first read where that would take more than a twentieth of the run.
   */
  diagnostics?: boolean
  /** `state` of an earlier result: continues where it stopped, bit-equal to one longer run (constant schedules). */
  resume?: SampleState
  /** Life-time number of the first step (default 0); random numbers are keyed by (seed, chain, step). */
  firstStep?: number | bigint
  /** Stops the run; `done` then rejects with `signal.reason`. */
  signal?: AbortSignal
}

/**
 * Numbers that say how far the draws may be trusted; null where there are too few draws, or nothing varies. A sampler may add
 * its own (`SamplerStatistics`). Those of the traced draws (rhat, ess, mcse, columns, chainReport, energy) may be computed when
 * one of them is first read.
 */
export interface SampleDiagnostics extends SamplerStatistics {
  /** Mean Metropolis acceptance probability after burn-in; null for kernels without a test. */
  acceptance: number | null
  /** For kernels without a test: the mean acceptance one would have given. Far below 1, the step is too large. */
  wouldBeAcceptance: number | null
  /** Rank-normalised split R-hat, the worst column (Vehtari et al. 2021). Mixed chains have less than 1.01. */
  rhat: number | null
  /** Effective draws of the traced chains, the worst column: bulk, and tail (5 % and 95 % quantiles). */
  ess: { bulk: number | null; tail: number | null }
  /** Monte Carlo standard error of the mean, the worst column. */
  mcse: number | null
  /** The same for each traced column. */
  columns: {
    rhat: (number | null)[]
    essBulk: (number | null)[]
    essTail: (number | null)[]
    mcse: (number | null)[]
  }
  /**
   * What rhat, ess and mcse were computed on: at most 64 chains, 512 draws per chain and 16 columns; 256, 4096 and 32 with keep
   * 'trajectory' or 'moments'.
   */
  traced: { chains: number; draws: number; columns: number }
  /** Proposals with a non-finite energy, or (hmc) an energy error above 1000, after burn-in. */
  divergences: number
  burnInDivergences: number
  /** The temperature of the last step; noise^2 / (2 stepSize) for heuristic Langevin. */
  effectiveTemperature: number
  /** Share of chain steps whose gradient was clipped. */
  clippedShare: number
  /** Touches of the box per chain step (kernels that move several times a step may touch more than once). */
  clampedShare: number
  /** Traced chains that behave unlike the others, by number; diagnose() says it in words. */
  chainReport: {
    /** Chains whose traced draws are all one point. */
    stuck: number[]
    /** Two sets of chains that never meet: the gap between their means in a column is wider than the chains are. */
    separated: { column: number; lowMean: number; highMean: number; low: number[]; high: number[] } | null
    /** The column whose halves of the draws differ most, in standard errors over the chains. */
    drift: { column: number; first: number; second: number; z: number } | null
  }
  /**
   * Chains that run away, by number: along the way from their start to their end the energy falls (`falling`), or does not rise
   * (`flat`), a million times as far away. `farthest`: their largest |x| (with `inputs` of the model in standardised units); `chains`: how many were looked at. Null when there are none,
   * with a box, and where chains agree (R-hat at most 1.05): then it is not asked.
   */
  escaping: { falling: number[]; flat: number[]; farthest: number; chains: number } | null
  /** Of the traced draws' energies. */
  energy: { mean: number | null; sd: number | null; rhat: number | null; ess: number | null }
  /** Over the schedule, or over the chains where each has adapted its own; null for kernels without a step size. */
  stepSize: { mean: number; min: number; max: number } | null
  chains: number
  steps: number
  burnIn: number
}

export interface SampleMoments<R extends number = number> {
  /** Rows that went in: chains times draws. */
  count: number
  /** float64 [d], or inputShape. */
  mean: Tensor<'float64', LastRank<R>>
  /** The same shape, divided by count - 1. */
  variance: Tensor<'float64', LastRank<R>>
  /** float64 [d, d], up to 256 columns. */
  covariance?: Tensor<'float64', 2>
}

/** What `sample` gives; R is the rank of rows of the energy, 2 for rows [chains, d]. */
export interface SampleResult<R extends number = number> {
  /** Final states, [chains, d]; [chains, ...inputShape] where a row of the energy has more axes than one. */
  samples: Tensor<FloatDtype, R>
  /** Their energies, [chains]. */
  energy: Tensor<FloatDtype, 1>
  /** keep 'trajectory': [chains, draws, d], or [chains, draws, ...inputShape]. */
  trajectory?: Tensor<FloatDtype, NextRank<R>>
  /** keep 'trajectory': energies of the draws, [chains, draws]. */
  trajectoryEnergy?: Tensor<FloatDtype, 2>
  /** keep 'moments'. */
  moments?: SampleMoments<R>
  /** For `resume`. */
  state: SampleState
  diagnostics: SampleDiagnostics
  /** For trace and rank plots: x float64 [columns, chains, draws] and energy [chains, draws], at most 8, 16, 512 of them. */
  trace?: { readonly x: Tensor<FloatDtype, 3>; readonly energy: Tensor<FloatDtype, 2> }
  /** The sampler that made them, as it was given. */
  sampler: SpecValue<'sampler'>
  /** Wall time of the native job. */
  seconds: number
  /** Which executor ran the steps. */
  executor: string
}

/** What is computed from the traced draws. It may cost more than the sampling did, so it may wait until it is read. */
const FROM_TRACES = ['rhat', 'ess', 'mcse', 'columns', 'chainReport', 'energy'] as const
type FromTraces = Pick<SampleDiagnostics, (typeof FROM_TRACES)[number]>

/** Traced draws [draws, columns, chains] and their energies [draws, chains]. */
interface Traces {
  readonly x: Tensor
  readonly energy: Tensor
}

/** Diagnostics whose numbers from the traces are computed when the first of them is read. */
function late(known: object, traces: Traces, convert: (computed: FromTraces) => FromTraces): SampleDiagnostics {
  // Copies in JavaScript's memory: a native handle that nobody knows of could not be disposed.
  const held = Object.entries(traces).map(([name, t]) => {
    const { shape } = t
    const copy = [name, t.toTypedArray(), shape] as const
    t.dispose()
    return copy
  })
  const diagnostics = { ...known } as SampleDiagnostics
  const compute = (): FromTraces => {
    const args = Object.fromEntries(held.map(([name, data, shape]) => [name, tensor(data, shape)]))
    const computed = convert(invokeNow<FromTraces>('sampler.statistics', args))
    for (const t of Object.values(args)) t.dispose()
    held.length = 0
    for (const name of FROM_TRACES) {
      Object.defineProperty(diagnostics, name, { value: computed[name], enumerable: true, writable: true })
    }
    return computed
  }
  for (const name of FROM_TRACES) {
    Object.defineProperty(diagnostics, name, { get: () => compute()[name], enumerable: true, configurable: true })
  }
  // console.log shows the numbers, not that they are getters.
  Object.defineProperty(diagnostics, inspect.custom, { value: () => ({ ...diagnostics }) })
  return diagnostics
}

const KNOWN = [
  'sampler',
  'chains',
  'init',
  'y',
  'seed',
  'threads',
  'burnIn',
  'thin',
  'keep',
  'diagnostics',
  'resume',
  'firstStep',
  'signal',
] as const satisfies readonly (keyof SampleOptions)[]

/** What the native function returns, in the units of the network; with `traces`, its diagnostics lack what is computed of them. */
type Raw = Omit<SampleResult, 'sampler'> & { traces?: Traces }

/** Draws and energies in the units of the data. The state stays in those of the network, for `resume`. */
function inUnitsOfData(raw: Raw, conversion: InputRows): Raw {
  const { moments, trace, trajectory, trajectoryEnergy } = raw
  return {
    ...raw,
    // The state shares its tensor with the last draws, so what is converted is a copy.
    samples: conversion.values(raw.samples.slice(0)),
    energy: conversion.energies(raw.energy),
    ...(trajectory && { trajectory: conversion.values(trajectory) }),
    ...(trajectoryEnergy && { trajectoryEnergy: conversion.energies(trajectoryEnergy) }),
    ...(moments && { moments: conversion.moments(moments) }),
    ...(trace && { trace: { x: conversion.trace(trace.x), energy: conversion.energies(trace.energy) } }),
  }
}

/** The numbers about the draws in the units of the data. */
function statisticsOfData(d: FromTraces, { scale, mean, logScale }: InputRows): FromTraces {
  const place = (column: number, z: number) => mean[column]! + scale[column]! * z
  const { separated, drift } = d.chainReport
  const mcse = d.columns.mcse.map((error, k) => (error === null ? null : error * scale[k]!))
  const known = mcse.filter((error) => error !== null)
  const raised = (value: number | null) => (value === null ? null : value + logScale)
  return {
    rhat: d.rhat,
    ess: d.ess,
    mcse: known.length === 0 ? null : Math.max(...known),
    columns: { ...d.columns, mcse },
    energy: { ...d.energy, mean: raised(d.energy.mean) },
    chainReport: {
      ...d.chainReport,
      separated: separated && {
        ...separated,
        lowMean: place(separated.column, separated.lowMean),
        highMean: place(separated.column, separated.highMean),
      },
      drift: drift && {
        ...drift,
        first: place(drift.column, drift.first),
        second: place(drift.column, drift.second),
      },
    },
  }
}

function finished(raw: Raw, given: InputRows | undefined, sampler: SpecValue): SampleResult {
  const conversion = given?.transforms ? given : undefined
  const convert = (d: FromTraces) => (conversion ? statisticsOfData(d, conversion) : d)
  const { traces, ...result } = conversion ? inUnitsOfData(raw, conversion) : raw
  const known = result.diagnostics
  return { ...result, diagnostics: traces ? late(known, traces, convert) : { ...known, ...convert(known) }, sampler }
}

function isInitSpec(init: SampleOptions['init']): init is InitSpec {
  return typeof init === 'string' || (typeof init === 'object' && init !== null && 'kind' in init)
}

const INIT = { normal: ['kind', 'mean', 'sd'], uniform: ['kind', 'low', 'high'] } as const
const STATE = [
  'x',
  'velocity',
  'adaptation',
  'replicas',
  'ends',
  'nextStep',
] as const satisfies readonly (keyof SampleState)[]

function requireInit(init: InitSpec): InitSpec {
  if (typeof init === 'string') return init
  requireOneOf('sample', 'init.kind', init.kind, ['normal', 'uniform'])
  return requireOptions('sample: init', init, INIT[init.kind])
}

/**
 * Draws samples: every chain starts at `init` and takes the sampler's `steps`.
 *
 * Of a model with `inputs` draws, moments and energies are in the units of the data; what the sampler is told (`stepSize`, `box`)
 * and `state` are in standardised units, where one step size suits every column.
 *
 * Progress events: { step, steps, stepsPerSecond, seconds, secondsLeft }, at most every 100 ms.
 *
 * @throws ERR_LANGEVIN_INVALID_OPTION (unknown option, bad value), ERR_LANGEVIN_SHAPE (rows that do not fit the energy).
 *   `done` rejects with ERR_LANGEVIN_NON_FINITE (an initial row), ERR_LANGEVIN_DIVERGED (chain and step in `details`),
 *   ERR_LANGEVIN_OUT_OF_MEMORY (before the first step, when a trajectory cannot fit), or the abort reason.
 */
export function sample<R extends number>(model: Energy<R>, options: SampleOptions): Run<SampleResult<R>> {
  const { sampler, init, y, signal, resume, ...numbers } = requireOptions('sample', options, KNOWN)
  const made: Tensor[] = []
  const kept = (value: RowsLike, result: Tensor): Tensor => {
    if (result !== value) made.push(result)
    return result
  }
  const { conversion } = model
  const spec = freeze(parseSpec('sampler', sampler))
  try {
    const condition = typeof y === 'number' ? [y] : y
    return startRun<SampleResult<R>>(
      'sample',
      {
        ...numbers,
        energy: model.native(),
        sampler: spec,
        init: init === undefined ? init : isInitSpec(init) ? requireInit(init) : kept(init, model.toRows(init, 'init')),
        y: condition === undefined ? undefined : kept(condition, toRows(condition, 'y')),
        resume: resume === undefined ? undefined : { ...requireOptions('sample: resume', resume, STATE) },
      },
      { signal, finish: (raw: Raw) => finished(raw, conversion, spec) as SampleResult<R> },
    )
  } finally {
    for (const t of made) t.dispose()
  }
}
