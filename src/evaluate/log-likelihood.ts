/** The mean log-likelihood of rows under an energy, with baselines. */
import type { Dataset } from '../data/dataset.js'
import { Energy } from '../energy.js'
import * as partition from '../partition/index.js'
import { weightsOf } from '../partition/weights.js'
import { invoke } from '../runtime/index.js'
import { invalid, requireOptions } from '../spec/index.js'
import { type RowsLike, Tensor, toRows } from '../tensor/index.js'

/**
 * Where log Z comes from: how to find it, with the options of `partition.<kind>`; an existing estimate; or
 * its value.
 */
export type LogZ =
  | ({ kind: 'exact' } & partition.ExactOptions)
  | ({ kind: 'grid' } & partition.GridOptions)
  | ({ kind: 'importance' } & partition.ImportanceOptions)
  | ({ kind: 'ais' } & partition.AnnealedOptions)
  | partition.Partition
  | number

export interface LogLikelihoodOptions {
  logZ: LogZ
  /** T of exp(-E / T). Default 1; also that of log Z. */
  temperature?: number
  /** The condition of a conditional energy, one for all rows: log Z is that of one condition. */
  y?: RowsLike
  /** Rows the Gaussian of `baselines` is fitted to: training rows, when `data` are held-out ones. Default: `data`. */
  baseline?: RowsLike | Dataset
  /**
   * What the true density would get: its logarithm at the same rows (such as data.toys.logDensity gives), an energy that is
   * normalised, or the mean itself (minus the entropy of the data).
   */
  truth?: Tensor | Energy | number
  threads?: number
  signal?: AbortSignal
}

export interface LogLikelihood {
  /** Mean log p of the rows, in nats. */
  logLikelihood: number
  /** Of the rows and of log Z together. */
  standardError: number
  /** From the bounds of log Z: two standard errors of the rows to each side of them. null without an upper bound of log Z. */
  lower: number | null
  upper: number
  /** -logLikelihood / (dimension log 2). */
  bitsPerDimension: number
  n: number
  partition: partition.Partition
  baselines: {
    /** Mean log density under a Gaussian with full covariance; null where that is singular. */
    gaussian: number | null
    /** What the true density gets, where `truth` says it. */
    truth: number | null
    /** What the model gives its own samples: minus its entropy, where log Z is exact or on a grid. */
    ownSamples: number | null
  }
  /** The same in words. */
  text: string
}

interface Raw {
  logLikelihood: number
  standardError: number
  n: number
  dimension: number
  gaussian: number | null
  truth: number | null
}

const { exact, grid, importance, ais } = partition
const WAYS = { exact, grid, importance, ais } as Record<
  string,
  (model: Energy, options: never) => Promise<partition.Partition>
>

async function logZOf(model: Energy, how: LogZ, shared: object): Promise<partition.Partition & { entropy?: number }> {
  if (typeof how === 'number') return { logZ: how, standardError: 0, lower: how, upper: how }
  if (typeof how !== 'object' || how === null) {
    invalid('evaluate.logLikelihood', 'logZ', "must be a number, an estimate of partition.*, or { kind: 'grid', ... }")
  }
  if ('logZ' in how) return how
  const { kind, ...options } = how
  const way = WAYS[kind]
  if (way === undefined) {
    invalid('evaluate.logLikelihood', 'logZ.kind', `'${String(kind)}' is not one of ${Object.keys(WAYS).join(', ')}`)
  }
  return way(model, { ...options, ...shared } as never)
}

const nats = (value: number) => value.toFixed(3)

function inWords(result: Omit<LogLikelihood, 'text'>): string {
  const { gaussian, truth, ownSamples } = result.baselines
  const lines = [
    `log-likelihood ${nats(result.logLikelihood)} +- ${nats(result.standardError)} nats per row (${result.n} rows, log Z ${nats(result.partition.logZ)} +- ${nats(result.partition.standardError)})`,
  ]
  if (truth !== null) lines.push(`the true density gets ${nats(truth)}`)
  if (gaussian !== null) lines.push(`a Gaussian gets ${nats(gaussian)}`)
  if (ownSamples !== null) lines.push(`the model gives its own samples ${nats(ownSamples)} (minus its entropy)`)
  if (result.lower === null)
    lines.push('log Z has no upper bound (ais without samples): the log-likelihood may be too high')
  const weights = weightsOf(result.partition)
  if (weights && !weights.reliable) {
    const tail = weights.paretoK === null ? '' : `, Pareto shape ${weights.paretoK.toFixed(2)}`
    lines.push(`log Z is not to be trusted: its weights rest on ${weights.ess.toFixed(1)} draws${tail} (see diagnose)`)
  }
  return lines.join('\n')
}

/** What is made for the call is remembered in `made`. */
function kept(value: RowsLike | Dataset, rows: Tensor, made: Tensor[]): Tensor {
  if (rows !== value) made.push(rows)
  return rows
}

/**
 * Mean log density of rows under exp(-E / T) / Z, with what a Gaussian and (where known) the truth would get.
 *
 * @param data rows [n, d] or a Dataset (its label column is left out), at least 2 rows
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION, _SHAPE, _NON_FINITE, and what the way to log Z throws
 */
export async function logLikelihood(
  model: Energy,
  data: RowsLike | Dataset,
  options: LogLikelihoodOptions,
): Promise<LogLikelihood> {
  const known = ['logZ', 'temperature', 'y', 'baseline', 'truth', 'threads', 'signal']
  const { logZ, temperature, y, baseline, truth, threads, signal } = requireOptions(
    'evaluate.logLikelihood',
    options,
    known,
  )
  const shared = {
    ...(temperature !== undefined && { temperature }),
    ...(y !== undefined && { y }),
    ...(threads !== undefined && { threads }),
    ...(signal !== undefined && { signal }),
  }
  const made: Tensor[] = []
  try {
    const z = await logZOf(model, logZ, shared)
    const condition = y === undefined ? undefined : kept(y, toRows(y, 'y'), made)
    // Of a model with inputs, in the units of the data: E(x) = E(z) + log scale, and a density of x is one of z over the scale.
    const of = async (
      energy: Energy,
      value: number,
      more: { temperature?: number | undefined; y?: Tensor | undefined },
    ) => {
      const x = kept(data, energy.toRows(data, 'data'), made)
      const fitted = baseline === undefined ? undefined : kept(baseline, energy.toRows(baseline, 'baseline'), made)
      const { logScale } = energy.conversion ?? { logScale: 0 }
      const shifted = value + logScale / (more.temperature ?? 1)
      const args = { energy: energy.native(), x, logZ: shifted, baseline: fitted, threads, ...more }
      const raw = await invoke<Raw>('evaluate.logLikelihood', args, { signal })
      return { ...raw, gaussian: raw.gaussian === null ? null : raw.gaussian - logScale }
    }
    const logs = truth instanceof Tensor ? { truth } : {}
    const raw = await of(model, z.logZ, { temperature, y: condition, ...logs })
    const known = truth instanceof Energy ? (await of(truth, 0, {})).logLikelihood : truth
    const result = {
      logLikelihood: raw.logLikelihood,
      standardError: Math.hypot(raw.standardError, z.standardError),
      lower: z.upper === null ? null : raw.logLikelihood + z.logZ - z.upper - 2 * raw.standardError,
      upper: raw.logLikelihood + z.logZ - z.lower + 2 * raw.standardError,
      bitsPerDimension: -raw.logLikelihood / (raw.dimension * Math.LN2),
      n: raw.n,
      partition: z,
      baselines: {
        gaussian: raw.gaussian,
        truth: typeof known === 'number' ? known : raw.truth,
        ownSamples: z.entropy === undefined ? null : -z.entropy,
      },
    }
    return { ...result, text: inWords(result) }
  } finally {
    for (const rows of made) rows.dispose()
  }
}
