/** Rules that look at the result of train(). */
import type { TrainResult, TrainWarning } from '../training/index.js'
import { applied, type Examination, type Finding, percent, type Rule, short } from './finding.js'

/** Limits of the findings; docs/diagnose.md gives the reasons. Those of monitors come with their warnings. */
export const TRAINING_LIMITS = {
  visits: 5,
  restarts: 0.5,
  energy: 1000,
  gradientJump: 100,
  gradientGrowth: 100,
  /** Of the energy distance, as a share of the largest it can be; with a p-value of at most `misfitP`. */
  misfit: 0.1,
  misfitError: 0.3,
  misfitP: 0.01,
  /** Of the accuracy of a nearest-neighbour classifier of chains against data. */
  told: 0.8,
} as const
const L = TRAINING_LIMITS

export function ofWarning({ code, severity, step, message, remedy }: TrainWarning): Finding {
  return { code, severity, message: `from step ${step} on ${message}`, phase: { step }, remedy }
}

interface BufferStatistics {
  size: number
  draws: number
  restartShare: number
  saturation: number
}

const bufferOf = (result: TrainResult) => result.statistics.buffer as BufferStatistics | undefined

const stale: Rule<TrainResult> = (result) => {
  const buffer = bufferOf(result)
  if (buffer === undefined) return undefined
  const visits = buffer.draws / buffer.size
  if (visits >= L.visits) return undefined
  return {
    code: 'buffer-stale',
    severity: 'warning',
    message: `the chains of the buffer were advanced ${short(visits)} times each in the whole run (limit ${L.visits}), ${percent(1 - buffer.saturation)} of them never: most negatives are starting points or stale`,
    remedy: `a smaller buffer (size is ${buffer.size}), more chains per step, or more steps`,
  }
}

const restarts: Rule<TrainResult> = (result) => {
  const share = bufferOf(result)?.restartShare ?? 0
  if (share <= L.restarts) return undefined
  return {
    code: 'buffer-restarts',
    severity: 'warning',
    message: `${percent(share)} of the draws from the buffer were restarts (limit ${percent(L.restarts)}): almost no chain continues`,
    remedy: 'a smaller reinit; 0.01 to 0.05 is usual',
  }
}

const level: Rule<TrainResult> = ({ history }) => {
  const last = history.at(-1)
  const energy = last?.energyData
  if (energy === undefined || Math.abs(energy) <= L.energy) return undefined
  return {
    code: 'energy-level',
    severity: 'warning',
    message: `the mean energy of the data has drifted to ${short(energy)} (limit ${L.energy} in absolute value): float32 differences lose precision there`,
    phase: { step: last!.step },
    remedy: 'penalties: { energy: 0.1 }, or a smaller lr',
  }
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!

const unstable: Rule<TrainResult> = ({ history }) => {
  if (history.length < 20) return undefined
  const norms = history.map((point) => point.gradientNorm)
  const usual = median(norms)
  const later = history.slice(history.length >> 2)
  const worst = later.reduce((a, b) => (b.gradientNorm > a.gradientNorm ? b : a))
  if (!(worst.gradientNorm > L.gradientJump * usual)) return undefined
  return {
    code: 'unstable',
    severity: 'warning',
    message: `the gradient norm jumped to ${short(worst.gradientNorm)}, ${short(worst.gradientNorm / usual)} times its median (limit ${L.gradientJump})`,
    phase: { step: worst.step },
    remedy: 'clipNorm, or a smaller lr',
  }
}

const growing: Rule<TrainResult> = (result) => {
  const { history } = result
  if (history.length < 20 || unstable(result)) return undefined
  const window = Math.ceil(history.length / 10)
  const levels: number[] = []
  for (let i = 0; i < history.length; i += window)
    levels.push(median(history.slice(i, i + window).map((point) => point.gradientNorm)))
  const last = levels.at(-1)!
  const least = levels.reduce((a, b) => Math.min(a, b))
  if (!(last > L.gradientGrowth * least)) return undefined
  const from = history[levels.indexOf(least) * window]!
  return {
    code: 'unstable',
    severity: 'warning',
    message: `the gradient norm has risen from ${short(least)} to ${short(last)}, ${short(last / least)} times as much (limit ${L.gradientGrowth}), and the run ended there: it has not settled`,
    phase: { step: from.step },
    remedy:
      'clipNorm, a smaller lr or one that falls (schedules.cosine), penalties: { energy: 0.1 }, standardised columns',
  }
}

/** "-2.1 at a row of the data, -50 at 10, -49000 at 10000 half widths of their box away". */
function along({ distances, worst }: NonNullable<NonNullable<TrainResult['checks']>['tails']>): string {
  const at = [0, 1, distances.length - 1].map((i) => [worst.energies[i] ?? 0, distances[i]!] as const)
  const [near, ...far] = at
  return `${short(near![0])} at a row of the data, ${far.map(([e, r]) => `${short(e)} at ${short(r)}`).join(', ')} half widths of their box away`
}

const notIntegrable: Rule<TrainResult> = ({ checks }) => {
  const tails = checks?.tails
  if (!tails || tails.falling + tails.flat === 0) return undefined
  const { falling, flat, rays, worst } = tails
  const column = worst.name === undefined ? `x[${worst.column}]` : `column '${worst.name}'`
  const which = worst.column === null ? 'in the worst direction' : `with ${column} going ${worst.up ? 'up' : 'down'}`
  const does =
    falling > 0
      ? `the energy keeps falling along ${falling} of ${rays} rays away from the data`
      : `the energy does not rise (by log r) along ${flat} of ${rays} rays away from the data`
  return {
    code: 'not-integrable',
    severity: falling > 0 ? 'error' : 'warning',
    message: `not integrable: ${does}; ${which} it is ${along(tails)}: ${falling > 0 ? 'rows far from all data are called the most probable, and chains run away' : 'exp(-E) has no integral, and chains may leave'}`,
    remedy:
      'a gaussianBase in the energy (2 for standardised columns); or keep to a box: sampler box, and score no rows outside of the data',
  }
}

const lowerOutside: Rule<TrainResult> = (result) => {
  const tails = result.checks?.tails
  if (!tails || notIntegrable(result) || tails.lowest.energy >= tails.data.low) return undefined
  return {
    code: 'lower-outside',
    severity: 'warning',
    message: `the energy is ${short(tails.lowest.energy)} at ${short(tails.lowest.distance)} half widths of the data's box away, below every row of the data that was looked at (${short(tails.data.low)} and more): places where no data are count as the most probable`,
    remedy: 'a smaller gaussianBase, more or longer chains, or a noise that reaches farther than the data',
  }
}

const misses: Rule<TrainResult> = (result) => {
  const test = result.checks?.negatives
  // Chains that are starting points still have a finding of their own.
  if (!test || stale(result) || restarts(result)) return undefined
  const far = test.distance > L.misfit && test.pValue <= L.misfitP
  if (!far && test.accuracy <= L.told) return undefined
  const seen = far
    ? `their energy distance is ${percent(test.distance)} of the largest it can be (limit ${percent(L.misfit)}; permutation test p = ${short(test.pValue)})`
    : `${toldApart(test.accuracy)} (limit ${percent(L.told)})`
  return {
    code: 'misses-data',
    severity: far && test.distance > L.misfitError ? 'error' : 'warning',
    message: `the chains of the last step do not look like the data: ${seen}; ${test.rows} rows`,
    phase: { step: result.steps },
    remedy:
      'more steps of training, a smaller lr at the end (schedules.cosine), more sampler steps, or a larger network',
  }
}

const toldApart = (accuracy: number) =>
  `the nearest neighbour tells whether a row is of the chains or of the data in ${percent(accuracy)} of the cases (50 %: one law)`

const RULES: readonly Rule<TrainResult>[] = [
  notIntegrable,
  lowerOutside,
  misses,
  stale,
  restarts,
  level,
  unstable,
  growing,
]

function unseen({ checks }: TrainResult): string[] {
  const list = ['how held-out rows fit (evaluate.logLikelihood)']
  if (!checks?.negatives)
    list.push(
      'samples of the energy against the data (this run has no chains of its own: sample(), metrics.energyDistance)',
    )
  if (!checks?.tails) list.push('the energy far from the data (no density over unbounded columns was trained)')
  return list
}

/** The checks at the end, with how well the chains fit: a number below its limit can still be worth a look. */
function looked({ checks }: TrainResult): string {
  const tails = checks?.tails ? ', energy far from the data' : ''
  return checks?.negatives ? `${tails}, chains against data: ${toldApart(checks.negatives.accuracy)}` : tails
}

export function trainingLook(result: TrainResult): Examination {
  return {
    findings: [...result.warnings.map(ofWarning), ...applied(RULES, result)],
    checked: `gap, chains, buffer, gradient, energy level, energy of noise${looked(result)}`,
    notChecked: unseen(result),
  }
}

/** What can be said of a run before its end: what it has warned of, and what its measurements so far show. */
export function trainingSoFar(history: TrainResult['history'], warnings: readonly TrainWarning[]): Finding[] {
  return [...warnings.map(ofWarning), ...applied([level, unstable], { history } as TrainResult)]
}
