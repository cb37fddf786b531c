/** How far importance weights may be trusted. */
import type { AnnealedPartition, ImportancePartition, Partition } from './index.js'

/** Fewer effective draws than this say little. */
const LEAST_ESS = 50

export interface Weights {
  /** The smallest number of effective draws: of forward and reverse annealing, where there are both. */
  readonly ess: number
  /** The largest Pareto shape; null where there is none (fewer than 25 draws, or equal weights). */
  readonly paretoK: number | null
  /** Which shape is too large for so many draws (Vehtari et al. 2024, section 3.2.4): min(1 - 1 / log10(draws), 0.7); 0.7 for ais. */
  readonly paretoLimit: number
  readonly leastEss: number
  readonly reliable: boolean
}

/** Undefined for an estimate without weights: a sum over states, or over a grid. */
export function weightsOf(result: Partition): Weights | undefined {
  if (result.ess === undefined) return undefined
  const { forward, reverse } = result as Partial<AnnealedPartition>
  const { paretoK, draws } = result as Partial<ImportancePartition>
  const sets = [{ ess: result.ess, paretoK }, forward, reverse].filter((set) => set != null)
  const ess = Math.min(...sets.map((set) => set.ess))
  const paretoLimit = draws === undefined ? 0.7 : Math.max(Math.min(0.7, 1 - 1 / Math.log10(draws)), 0)
  const shapes = sets.flatMap((set) => set.paretoK ?? [])
  const worst = shapes.length === 0 ? null : Math.max(...shapes)
  const reliable = ess >= LEAST_ESS && (worst ?? 0) <= paretoLimit
  return { ess, paretoK: worst, paretoLimit, leastEss: LEAST_ESS, reliable }
}
