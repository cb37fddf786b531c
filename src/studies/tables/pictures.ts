/** A picture per column: the real table and the synthetic one. */
import { histogram } from '../../report/chart.js'
import type { Html } from '../../report/html.js'
import { type BarPair, pairedBars } from '../../report/paired-bars.js'
import type { SideColumn } from '../../tables/index.js'

/** Levels with bars of their own; the others are one more bar. */
const MOST = 14
/** Numbers a histogram is made of, at most: a stride through the rows. */
const VALUES = 20_000

/** Multiples of it fill 0 to 1 evenly. */
const GOLDEN = 0.618034

const NAMES = ['real', 'synthetic'] as const

/** Some of the numbers; whole ones spread over their unit, or bins would hold now two of them and now three. */
function thinned(values: Float64Array): number[] {
  const some = values.filter((x) => !Number.isNaN(x))
  const stride = Math.max(1, Math.floor(some.length / VALUES))
  const chosen = Array.from(some.filter((_, i) => i % stride === 0))
  if (!chosen.every(Number.isInteger)) return chosen
  return chosen.map((x, i) => x + ((i * GOLDEN) % 1) - 0.5)
}

function shares(codes: Int32Array, levels: number): number[] {
  const counts = new Array<number>(levels + 1).fill(0)
  for (const code of codes) counts[code]!++
  return counts.map((count) => count / Math.max(codes.length, 1))
}

function pairsOf({ codes, levels }: SideColumn): BarPair[] {
  const [p, q] = codes.slice(0, 2).map((list) => shares(list, levels.length)) as [number[], number[]]
  const pair = (label: string, k: number): BarPair => ({ label, values: [p[k]!, q[k]!] })
  const missing = p.at(-1)! + q.at(-1)! > 0 ? [pair('(missing)', levels.length)] : []
  const places = levels.map((_, k) => k)
  if (levels.length <= MOST) return [...places.map((k) => pair(levels[k]!, k)), ...missing]
  const sorted = [...places].sort((a, b) => p[b]! + q[b]! - p[a]! - q[a]!)
  const rest = sorted.slice(MOST)
  const sum = (list: number[]) => rest.reduce((total, k) => total + list[k]!, 0)
  const others: BarPair = { label: `${rest.length} others`, values: [sum(p), sum(q)] }
  return [...sorted.slice(0, MOST).map((k) => pair(levels[k]!, k)), others, ...missing]
}

/** A histogram of numbers, bars of levels. */
export function columnPicture(side: SideColumn): Html {
  const { name, kind, numbers } = side
  if (kind === 'category') return pairedBars(pairsOf(side), { title: name, names: NAMES })
  const samples = NAMES.map((label, k) => ({ label, values: thinned(numbers[k]!) }))
  return histogram(samples, { title: name, xLabel: name })
}
