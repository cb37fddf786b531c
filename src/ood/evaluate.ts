/** Scores rows with a detector, and measures how well it separates sets of rows. */
import { Dataset } from '../data/dataset.js'
import { LangevinError } from '../errors.js'
import type { Positive } from '../metrics/ranking.js'
import { invoke, invokeNow } from '../runtime/index.js'
import { kindsOf, requireOptions } from '../spec/index.js'
import { type RowsLike, Tensor } from '../tensor/index.js'
import { type Prepared, prepared } from './units.js'

/** Any value of `detectors.*`. */
export type Detector = { readonly kind: string }

/**
 * Rows, a data set (its columns without the label), or, where out-of-distribution rows are meant, a box to draw from.
 */
export type OodRows = RowsLike | Dataset
/** As many uniform rows as there are in-distribution ones: one number for every column, or one entry per column. */
export interface Box {
  low: number | readonly number[]
  high: number | readonly number[]
  /** Default 0. */
  seed?: number | bigint
}

interface JobOptions {
  /** Threads of the pool; the result does not depend on it. */
  threads?: number
  signal?: AbortSignal
}

function isBox(value: OodRows | Box): value is Box {
  return typeof value === 'object' && value !== null && !(value instanceof Dataset) && 'low' in value && 'high' in value
}

/** Tensors made here are freed here. */
class Made {
  readonly #made: Tensor[] = []
  readonly #prepared: Prepared

  constructor(detector: Detector) {
    if (typeof detector !== 'object' || detector === null || !kindsOf('detector').includes(detector.kind)) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `ood: detector: give a value of detectors.*; known: ${kindsOf('detector').join(', ')}`,
      )
    }
    this.#prepared = prepared(detector)
  }

  rows(value: OodRows, what: string): Tensor {
    const rows = this.#prepared.toRows(value, what)
    if (rows !== value) this.#made.push(rows)
    return rows
  }

  box(box: Box, like: Tensor, what: string): Tensor {
    const { low, high, seed = 0 } = requireOptions(what, box, ['low', 'high', 'seed'])
    const width = like.shape.slice(1).reduce((n, size) => n * size, 1)
    const side = (value: number | readonly number[]) =>
      typeof value === 'number' ? Array(width).fill(value) : [...value]
    using drawn = invokeNow<Tensor>('data.uniform', { rows: like.shape[0], low: side(low), high: side(high), seed })
    return this.#keep(this.#prepared.toRows(drawn.slice(0), 'the box'))
  }

  /** The detector as the core takes it: training rows given as arrays become a tensor. */
  detector(): object {
    const { detector } = this.#prepared
    const { rows } = detector as { rows?: RowsLike | Dataset }
    if (rows === undefined) return detector
    const dtype = rows instanceof Tensor ? undefined : 'float64'
    const made = this.#prepared.toRows(rows, 'detector.rows', dtype)
    return { ...detector, rows: made === rows ? made : this.#keep(made) }
  }

  #keep(tensor: Tensor): Tensor {
    this.#made.push(tensor)
    return tensor
  }

  dispose(): void {
    for (const tensor of this.#made) tensor.dispose()
  }
}

/**
 * OOD scores of rows: float64 [n], HIGHER = more out-of-distribution.
 * Errors: ERR_LANGEVIN_SHAPE, ERR_LANGEVIN_NON_FINITE (row), ERR_LANGEVIN_INVALID_OPTION.
 */
export async function scores(detector: Detector, x: OodRows, options: JobOptions = {}): Promise<Tensor> {
  const { signal, ...rest } = requireOptions('ood.scores', options, ['threads', 'signal'])
  const made = new Made(detector)
  try {
    return await invoke<Tensor>('ood.scores', { ...rest, detector: made.detector(), x: made.rows(x, 'x') }, { signal })
  } finally {
    made.dispose()
  }
}

export interface EvaluateOptions<Name extends string> extends JobOptions {
  detector: Detector
  inDistribution: OodRows
  /** Sets to compare with `inDistribution`, by name: rows, a data set, or a box to draw as many uniform rows from. */
  outOfDistribution: Record<Name, OodRows | Box>
  /** The positive class of `fpr95`. Default 'ood': the share of in-distribution rows rejected when 95 % of OOD is caught. */
  positive?: Positive
  /** Default 'step'; see metrics.aupr. */
  auprRule?: 'step' | 'trapezoid'
  /** Default 'first'; see metrics.fprAtTpr. */
  fprRule?: 'first' | 'nearest'
  /** True-positive rate of `fpr95`. Default 0.95. */
  tpr?: number
}

export interface OodReport {
  auroc: number
  /** Area under precision-recall with the in-distribution rows as positives, and with the out-of-distribution ones. */
  auprIn: number
  auprOut: number
  /** False-positive rate at the true-positive rate `tpr`, with `positive` as the positive class. */
  fpr95: number
  positive: Positive
  /** Rows compared in all, and how many of each side. */
  n: number
  inDistribution: number
  outOfDistribution: number
}

/**
 * How well a detector separates sets of rows from the in-distribution ones. Base rates matter: AUPR depends on how many
 * rows each side has. Errors: ERR_LANGEVIN_SHAPE, ERR_LANGEVIN_NON_FINITE (row), ERR_LANGEVIN_INVALID_OPTION.
 */
export async function evaluate<Name extends string>(options: EvaluateOptions<Name>): Promise<Record<Name, OodReport>> {
  const known = ['detector', 'inDistribution', 'outOfDistribution', 'positive', 'auprRule', 'fprRule', 'tpr', 'threads']
  requireOptions('ood.evaluate', options, [...known, 'signal'])
  const { detector, inDistribution, outOfDistribution, signal, ...rest } = options
  const made = new Made(detector)
  try {
    const inside = made.rows(inDistribution, 'inDistribution')
    const sets: [string, OodRows | Box][] = Object.entries(outOfDistribution)
    if (sets.length === 0) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        'ood.evaluate: outOfDistribution: name at least one set of rows',
      )
    }
    const outside = Object.fromEntries(
      sets.map(([name, value]) => [
        name,
        isBox(value)
          ? made.box(value, inside, `outOfDistribution.${name}`)
          : made.rows(value, `outOfDistribution.${name}`),
      ]),
    )
    return await invoke<Record<Name, OodReport>>(
      'ood.evaluate',
      {
        positive: 'ood',
        auprRule: 'step',
        fprRule: 'first',
        ...rest,
        detector: made.detector(),
        inDistribution: inside,
        outOfDistribution: outside,
      },
      { signal },
    )
  } finally {
    made.dispose()
  }
}
