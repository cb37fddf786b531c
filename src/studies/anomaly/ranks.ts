/** Detectors over many tables: mean ranks, and Wilcoxon's signed-rank test with Holm's correction (Demsar 2006). */

/** Midranks of numbers, 1 for the largest. */
export function ranksDown(values: readonly number[]): number[] {
  return values.map((value) => {
    const above = values.filter((other) => other > value).length
    const equal = values.filter((other) => other === value).length
    return above + (equal + 1) / 2
  })
}

/**
 * Two-sided p of Wilcoxon's signed-rank test of paired differences. Zeros are left out; ties of |difference| have midranks. The
 * null law is exact, by enumeration of all signs given the ranks: as scipy.stats.wilcoxon(method='exact') where there are no
 * ties.
 */
export function wilcoxon(differences: readonly number[]): number {
  const some = differences.filter((d) => d !== 0)
  const n = some.length
  if (n === 0) return 1
  const sizes = some.map(Math.abs)
  // Twice the midranks are whole numbers.
  const doubled = ranksDown(sizes).map((rank) => 2 * (n + 1 - rank))
  const total = n * (n + 1)
  const law = new Float64Array(total + 1)
  law[0] = 1
  for (const rank of doubled) {
    for (let sum = total; sum >= 0; sum--) law[sum] = (law[sum]! + (sum >= rank ? law[sum - rank]! : 0)) / 2
  }
  const positive = doubled.reduce((sum, rank, k) => sum + (some[k]! > 0 ? rank : 0), 0)
  const least = Math.min(positive, total - positive)
  let tail = 0
  for (let sum = 0; sum <= least; sum++) tail += law[sum]!
  return Math.min(1, 2 * tail)
}

/** Holm's step-down correction: p-values at which the family's chance of any false finding is kept. */
export function holm(values: readonly number[]): number[] {
  const order = values.map((_, k) => k).sort((a, b) => values[a]! - values[b]!)
  const adjusted = new Array<number>(values.length)
  let least = 0
  order.forEach((k, place) => {
    least = Math.max(least, Math.min(1, (values.length - place) * values[k]!))
    adjusted[k] = least
  })
  return adjusted
}

export interface RankLine {
  readonly detector: string
  /** Mean over tables of the rank by mean value, 1 for the best. */
  readonly meanRank: number
  /** Mean over tables of the difference to the reference detector; 0 for itself. */
  readonly difference: number
  /** Tables above and below the reference. */
  readonly wins: number
  readonly losses: number
  /** Wilcoxon's p against the reference, corrected by Holm over all detectors but the reference; undefined for itself. */
  readonly p: number | undefined
}

/**
 * Compares detectors over tables with one of them, the reference.
 *
 * @param values of each detector, one number a table, larger is better
 */
export function rankTable(values: Readonly<Record<string, readonly number[]>>, reference: string): RankLine[] {
  const names = Object.keys(values)
  const tables = values[reference]!.map((_, table) => ranksDown(names.map((name) => values[name]![table]!)))
  const differences = (name: string) => values[name]!.map((value, table) => value - values[reference]![table]!)
  const others = names.filter((name) => name !== reference)
  const corrected = holm(others.map((name) => wilcoxon(differences(name))))
  const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length
  return names
    .map((detector, k) => ({
      detector,
      meanRank: mean(tables.map((ranks) => ranks[k]!)),
      difference: mean(differences(detector)),
      wins: differences(detector).filter((d) => d > 0).length,
      losses: differences(detector).filter((d) => d < 0).length,
      p: detector === reference ? undefined : corrected[others.indexOf(detector)],
    }))
    .sort((a, b) => a.meanRank - b.meanRank)
}
