/** Rules that look at an estimate of log Z. */
import type { AnnealedPartition, GridPartition, ImportancePartition, Partition } from '../partition/index.js'
import { type Finding, percent, type Rule, short } from './finding.js'

/** Limits of the findings; docs/diagnose.md gives the reasons. */
export const PARTITION_LIMITS = { ess: 50, paretoK: 0.7, bracket: 1, borderMass: 1e-3 } as const
const L = PARTITION_LIMITS

/** What the different estimates have in common with each other. */
type Estimate = Partition &
  Partial<Pick<GridPartition, 'converged' | 'borderMass' | 'changes'>> &
  Partial<Pick<ImportancePartition, 'paretoK'>> &
  Partial<Pick<AnnealedPartition, 'forward' | 'reverse'>>

const inverted: Rule<Estimate> = ({ lower, upper }) => {
  if (upper === null || upper >= lower) return undefined
  return {
    code: 'bracket-inverted',
    severity: 'error',
    message: `the upper bound ${short(upper)} lies below the lower bound ${short(lower)}`,
    remedy: 'the rows given as samples are not samples of this energy; draw them with a sampler that has mixed',
  }
}

const wide: Rule<Estimate> = ({ lower, upper }) => {
  if (upper === null || upper - lower <= L.bracket) return undefined
  return {
    code: 'bracket-wide',
    severity: 'warning',
    message: `log Z is only known to lie between ${short(lower)} and ${short(upper)} (limit: ${L.bracket} nat apart)`,
    remedy: "more temperatures, more moves, ladder: 'adaptive', or a base (mean, scale) nearer to the law",
  }
}

const weights: Rule<Estimate> = (result) => {
  const k = Math.max(result.paretoK ?? -1, result.forward?.paretoK ?? -1, result.reverse?.paretoK ?? -1)
  const ess = Math.min(result.ess ?? Number.POSITIVE_INFINITY, result.reverse?.ess ?? Number.POSITIVE_INFINITY)
  if (ess >= L.ess && k <= L.paretoK) return undefined
  return {
    code: 'few-weights',
    severity: 'error',
    message: `the importance weights rest on few draws: ${short(ess)} count (limit ${L.ess}), the tail has Pareto shape ${short(k)} (limit ${L.paretoK}); logZ and its standard error are not to be trusted`,
    remedy: 'ais: more temperatures or moves; importance: a wider proposal with more components',
  }
}

const unstable: Rule<Estimate> = ({ converged, changes }) => {
  if (converged !== false) return undefined
  return {
    code: 'grid-coarse',
    severity: 'warning',
    message: `log Z still moves with the grid: the last changes are ${(changes ?? []).slice(-2).map(short).join(' and ')}`,
    remedy: 'a larger maxCells, or a smaller box',
  }
}

const cutOff: Rule<Estimate> = ({ borderMass }) => {
  if (borderMass === undefined || borderMass <= L.borderMass) return undefined
  return {
    code: 'cut-off',
    severity: 'error',
    message: `${percent(borderMass)} of the probability lies in the outermost cells (limit ${percent(L.borderMass)}): the box cuts the law off`,
    remedy: 'a wider box; when the mass grows with the box, the energy is not normalisable (give it a gaussianBase)',
  }
}

const RULES: readonly Rule<Estimate>[] = [inverted, wide, weights, unstable, cutOff]

export function partitionFindings(result: Partition): Finding[] {
  return RULES.flatMap((rule) => rule(result) ?? [])
}
