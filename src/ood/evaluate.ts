/** Scores rows with a detector, and measures how well it separates sets of rows. */
import { LangevinError } from '../errors.js'
import type { Positive } from '../metrics/ranking.js'
import { invoke } from '../runtime/index.js'
import { requireOptions } from '../spec/index.js'
import type { Tensor } from '../tensor/index.js'
import { type Detector, fitDetector } from './fit.js'
import { FittedDetector } from './fitted.js'
import { disposeFit, type Fit, type JobOptions } from './parts.js'
import { type Box, isBox, Made, type OodRows } from './rows.js'
import { scoresOf } from './scoring.js'

/** Calls `body` with a fitted detector; one that is fitted for this call only is freed after it. */
async function withFit<T>(
  detector: Detector | FittedDetector,
  { threads, signal }: JobOptions,
  body: (fit: Fit) => Promise<T>,
): Promise<T> {
  if (detector instanceof FittedDetector) return body(detector.live())
  const job = { ...(threads !== undefined && { threads }), ...(signal !== undefined && { signal }) }
  const { fit, made } = await fitDetector(detector, undefined, { ...job, borrow: true })
  made.dispose()
  try {
    return await body(fit)
  } finally {
    disposeFit(fit)
  }
}

/**
 * OOD scores of rows: float64 [n], HIGHER = more out-of-distribution. A detector that is not fitted is fitted for this call:
 * to score more than once, `ood.fit` it.
 * Errors: ERR_LANGEVIN_SHAPE, ERR_LANGEVIN_NON_FINITE (row), ERR_LANGEVIN_INVALID_OPTION.
 */
export async function scores(
  detector: Detector | FittedDetector,
  x: OodRows,
  options: JobOptions = {},
): Promise<Tensor> {
  requireOptions('ood.scores', options, ['threads', 'signal'])
  return withFit(detector, options, (fit) => scoresOf(fit, x, options))
}

/** Rules that belong together, as the published code of two benchmarks has them. */
const PROTOCOLS = {
  openood: { positive: 'ood', auprRule: 'trapezoid', fprRule: 'first' },
  'energy-ood': { positive: 'id', auprRule: 'step', fprRule: 'nearest' },
} as const

export interface EvaluateOptions<Name extends string> extends JobOptions {
  detector: Detector | FittedDetector
  inDistribution: OodRows
  /** Sets to compare with `inDistribution`, by name: rows, a data set, or a box to draw as many uniform rows from. */
  outOfDistribution: Record<Name, OodRows | Box>
  /**
   * The rules of a published benchmark in place of the three below. 'openood' (OpenOOD v1.5): out-of-distribution rows are positive,
   * FPR at the first threshold that catches 95 % of them, AUPR by trapezoids. 'energy-ood' (Liu et al. 2020): in-distribution rows are
   * positive, FPR at the threshold nearest to 95 %, AUPR by steps; that code also draws a fifth as many out-of-distribution rows as
   * there are others, ten times, and averages: AUPR depends on it, so give as many rows as it does.
   */
  protocol?: 'openood' | 'energy-ood'
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
  /** F1 of the rows with the highest scores, as many as are out-of-distribution; rows that tie for the last places count as their mean. */
  f1: number
  /** Rows compared in all, and how many of each side. */
  n: number
  inDistribution: number
  outOfDistribution: number
}

function rulesOf(protocol: string | undefined, given: object): object {
  if (protocol === undefined) return { positive: 'ood', auprRule: 'step', fprRule: 'first' }
  const rules = Object.hasOwn(PROTOCOLS, protocol) ? PROTOCOLS[protocol as keyof typeof PROTOCOLS] : undefined
  const twice = Object.keys(rules ?? {}).find((name) => Object.hasOwn(given, name))
  if (rules !== undefined && twice === undefined) return rules
  const known = Object.keys(PROTOCOLS).join(', ')
  throw new LangevinError(
    'ERR_LANGEVIN_INVALID_OPTION',
    rules === undefined
      ? `ood.evaluate: protocol: '${protocol}' is not known; known: ${known}`
      : `ood.evaluate: ${twice}: protocol '${protocol}' says it; leave one of the two out`,
    { details: { path: twice ?? 'protocol' } },
  )
}

/**
 * How well a detector separates sets of rows from the in-distribution ones. Base rates matter: AUPR depends on how many
 * rows each side has. Errors: ERR_LANGEVIN_SHAPE, ERR_LANGEVIN_NON_FINITE (row), ERR_LANGEVIN_INVALID_OPTION.
 */
export async function evaluate<Name extends string>(options: EvaluateOptions<Name>): Promise<Record<Name, OodReport>> {
  const known = ['detector', 'inDistribution', 'outOfDistribution', 'positive', 'auprRule', 'fprRule', 'tpr', 'threads']
  requireOptions('ood.evaluate', options, [...known, 'protocol', 'signal'])
  const { detector: given, inDistribution, outOfDistribution, signal, protocol, ...rest } = options
  const rules = rulesOf(protocol, rest)
  const sets: [string, OodRows | Box][] = Object.entries(outOfDistribution)
  if (sets.length === 0) {
    throw new LangevinError(
      'ERR_LANGEVIN_INVALID_OPTION',
      'ood.evaluate: outOfDistribution: name at least one set of rows',
    )
  }
  return withFit(given, options, async ({ core, state, inputs }) => {
    const made = new Made()
    try {
      const inside = made.read(inDistribution, 'inDistribution', inputs)
      // A box is drawn in the units of the data.
      const read = (value: OodRows | Box, what: string) =>
        made.read(isBox(value) ? made.box(value, inside, what) : value, what, inputs)
      return await invoke<Record<Name, OodReport>>(
        'ood.evaluate',
        {
          ...rules,
          ...rest,
          detector: core,
          state,
          inDistribution: inside,
          outOfDistribution: Object.fromEntries(
            sets.map(([name, value]) => [name, read(value, `outOfDistribution.${name}`)]),
          ),
        },
        { signal },
      )
    } finally {
      made.dispose()
    }
  })
}
