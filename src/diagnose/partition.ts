/** Rules that look at an estimate of log Z. */
import type { AnnealedPartition, GridPartition, Partition } from '../partition/index.js'
import { weightsOf } from '../partition/weights.js'
import { type Examination, percent, type Rule, short } from './finding.js'

/** Limits of the findings; docs/diagnose.md gives the reasons. */
export const PARTITION_LIMITS = { bracket: 1, borderMass: 1e-3, acceptance: 0.2 } as const
const L = PARTITION_LIMITS

/** What the different estimates have in common with each other. */
type Estimate = Partition &
  Partial<Pick<GridPartition, 'converged' | 'borderMass' | 'changes'>> &
  Partial<Pick<AnnealedPartition, 'acceptance' | 'forward'>>

const inverted: Rule<Estimate> = ({ lower, upper }) => {
  if (upper === null || upper >= lower) return undefined
  return {
    code: 'bracket-inverted',
    severity: 'error',
    message: `the upper bound ${short(upper)} lies below the lower bound ${short(lower)}`,
    remedy: 'the rows given as samples are not samples of this energy; draw them with a sampler that has mixed',
  }
}

const wide: Rule<Estimate> = ({ lower, upper, ess, forward }) => {
  if (upper === null || upper - lower <= L.bracket) return undefined
  return {
    code: 'bracket-wide',
    severity: 'warning',
    message: `log Z is only known to lie between ${short(lower)} and ${short(upper)} (limit: ${L.bracket} nat apart)`,
    remedy:
      forward !== undefined
        ? "more temperatures, more moves, ladder: 'adaptive', or a base (mean, scale) nearer to the law"
        : ess !== undefined
          ? 'more draws, or a proposal nearer to the law'
          : 'a larger maxCells, or a smaller box',
  }
}

const weights: Rule<Estimate> = (result) => {
  const w = weightsOf(result)
  if (w === undefined || w.reliable) return undefined
  const tail =
    w.paretoK === null ? '' : `, their tail has Pareto shape ${short(w.paretoK)} (limit ${short(w.paretoLimit)})`
  return {
    code: 'few-weights',
    severity: 'error',
    message: `the importance weights rest on few draws: ${short(w.ess)} count (limit ${w.leastEss})${tail}; logZ and its standard error are not to be trusted`,
    remedy:
      result.forward === undefined
        ? 'a wider proposal with more components (inflate, defensive), more draws, or partition.ais'
        : "more temperatures, moves or chains, ladder: 'adaptive', or a base (mean, scale) nearer to the law",
  }
}

const still: Rule<Estimate> = ({ acceptance }) => {
  if (acceptance === undefined || acceptance === null || acceptance >= L.acceptance) return undefined
  return {
    code: 'refused',
    severity: 'warning',
    message: `only ${percent(acceptance)} of the moves of annealing are accepted (limit ${percent(L.acceptance)}): chains stay behind the law`,
    remedy: 'leave stepSize out (a pilot then finds one for every temperature), or a smaller one',
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

const RULES: readonly Rule<Estimate>[] = [inverted, wide, weights, still, unstable, cutOff]

/** What no estimate of this kind can see. */
function unseen(result: Estimate): string[] {
  if (result.converged !== undefined) return ['probability outside the box', 'modes narrower than a cell of the grid']
  if (result.forward !== undefined)
    return ['modes that no chain has reached (samples of the model give an upper bound)']
  if (result.ess !== undefined) return ['modes that the proposal does not reach']
  return []
}

export function partitionLook(result: Partition): Examination {
  return {
    findings: RULES.flatMap((rule) => rule(result) ?? []),
    checked: 'weights, bracket, moves, grid, border of the grid',
    notChecked: unseen(result),
  }
}
