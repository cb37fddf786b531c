/** GEBM written out in plain arithmetic, with the mistakes it is easy to make as switches. */

export type Matrix = readonly (readonly number[])[]

export interface Case {
  fit: { logits: Matrix; embeddings: Matrix }
  score: { logits: Matrix; embeddings: Matrix }
  /** Sources, targets. */
  edges: readonly [readonly number[], readonly number[]]
  labels: readonly number[]
  train: readonly number[]
}

export interface Switches {
  gamma?: number
  alpha?: number
  steps?: number
  aggregate?: 'sum' | 'logsumexp'
  temperature?: number
  /** Mistakes. */
  notSquared?: boolean
  globalScale?: boolean
  trainingScale?: boolean
  noSelfLoops?: boolean
  noCut?: boolean
}

const columns = (m: Matrix) => m[0]!.map((_, c) => m.map((row) => row[c]!))
const mean = (v: readonly number[]) => v.reduce((a, b) => a + b, 0) / v.length

/** Diagonal covariances: 1e-8, 1e-7, ... onto the diagonal until all of it exceeds 1e-6. */
function variancesOf(rows: Matrix): number[] {
  const raw = columns(rows).map((v) => {
    const m = mean(v)
    return v.reduce((sum, x) => sum + (x - m) ** 2, 0) / v.length
  })
  let [values, next] = [raw, 1e-8]
  while (!values.every((x) => x > 1e-6)) {
    values = values.map((x) => x + next)
    next *= 10
  }
  return values
}

function middle(values: readonly number[], noCut: boolean): [number, number] {
  const sorted = [...values].sort((a, b) => a - b)
  if (noCut) return [sorted[0]!, sorted.at(-1)!]
  const cut = (1 - 0.95) / 2
  const kept = sorted.slice(Math.trunc(cut * sorted.length), Math.trunc((1 - cut) * sorted.length))
  return [kept[0]!, kept.at(-1)!]
}

const logsumexp = (v: readonly number[]) => {
  const most = Math.max(...v)
  return most + Math.log(v.reduce((sum, x) => sum + Math.exp(x - most), 0))
}

/** Rows of P: who is averaged over. */
export function neighbours(n: number, edges: Case['edges'], selfLoops: boolean): number[][] {
  return Array.from({ length: n }, (_, v) => {
    const from = edges[0].filter((u, e) => edges[1][e] === v && u !== v)
    return [...new Set(selfLoops ? [v, ...from] : from)]
  })
}

export function diffuse(signal: Matrix, over: readonly number[][], alpha: number, steps: number): Matrix {
  let now = signal
  for (let k = 0; k < steps; k++) {
    now = now.map((row, v) =>
      row.map((own, c) => {
        const around = over[v]!.length === 0 ? own : mean(over[v]!.map((u) => now[u]![c]!))
        return alpha * own + (1 - alpha) * around
      }),
    )
  }
  return now
}

/** The three energies and their aggregate for every node, with their distances. */
export function enumerated(c: Case, switches: Switches = {}) {
  const { gamma = 1, alpha = 0.5, steps = 10, aggregate = 'sum', temperature = 1 } = switches
  const n = c.score.logits.length
  const classes = c.fit.logits[0]!.map((_, k) => k)
  const gaussians = classes.map((k) => {
    const rows = c.train.filter((v) => c.labels[v] === k).map((v) => c.fit.embeddings[v]!)
    return { mean: columns(rows).map(mean), variances: variancesOf(rows) }
  })
  const distances = (h: Matrix) =>
    h.map((row) =>
      gaussians.map((g) => {
        const squared = row.reduce((sum, x, j) => sum + (x - g.mean[j]!) ** 2 / g.variances[j]!, 0)
        return switches.notSquared ? Math.sqrt(squared) : squared
      }),
    )
  const over = (m: Matrix) => (switches.trainingScale ? c.train.map((v) => m[v]!) : m)
  const scale = (m: Matrix) => {
    const kept = over(m)
    if (switches.globalScale) {
      const all = middle(kept.flat(), switches.noCut ?? false)
      return classes.map(() => all)
    }
    return columns(kept).map((v) => middle(v, switches.noCut ?? false))
  }
  const [distanceScale, logitScale] = [scale(distances(c.fit.embeddings)), scale(c.fit.logits)]
  const evidence = distances(c.score.embeddings).map((row, v) =>
    row.map((d, k) => {
      const [low, high] = distanceScale[k]!
      const [lowest, highest] = logitScale[k]!
      return c.score.logits[v]![k]! - gamma * (((d - low) / (high - low)) * (highest - lowest) + lowest)
    }),
  )
  const energy = (row: readonly number[]) => -temperature * logsumexp(row.map((x) => x / temperature))
  const p = neighbours(n, c.edges, !switches.noSelfLoops)
  const independent = evidence.map(energy)
  const diffused = diffuse(evidence, p, alpha, steps)
  const local = diffused.map(energy)
  const group = diffuse(
    independent.map((x) => [x]),
    p,
    alpha,
    steps,
  ).map(([x]) => x!)
  const total = independent.map((x, v) =>
    aggregate === 'sum' ? x + local[v]! + group[v]! : logsumexp([x, local[v]!, group[v]!]),
  )
  return { energy: total, independent, local, group, diffused, distanceScale, logitScale, gaussians }
}

/** Six nodes in a ring with a chord, two classes, two embeddings. */
export const SIX: Case = {
  fit: {
    logits: [
      [2.1, -0.3],
      [1.4, 0.2],
      [0.9, 0.8],
      [-0.2, 1.7],
      [-0.9, 2.3],
      [0.4, 1.1],
    ],
    embeddings: [
      [1.2, 0.1],
      [0.8, 0.3],
      [0.5, 0.4],
      [0.1, 0.9],
      [0, 1.4],
      [0.3, 0.7],
    ],
  },
  score: {
    logits: [
      [2.9, -0.7],
      [0.3, 0.9],
      [1.2, 0.1],
      [-0.4, 2.2],
      [-1.3, 2.6],
      [0.2, 0.3],
    ],
    embeddings: [
      [1.5, 0],
      [0.2, 0.8],
      [0.9, 0.2],
      [0, 1.3],
      [0.1, 1.6],
      [0.6, 0.5],
    ],
  },
  edges: [
    [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 0, 1, 4],
    [1, 0, 2, 1, 3, 2, 4, 3, 5, 4, 0, 5, 4, 1],
  ],
  labels: [0, 0, 0, 1, 1, 1],
  train: [1, 2, 3, 5],
}

export const largestDifference = (a: readonly number[], b: readonly number[]): number =>
  a.length === b.length ? Math.max(...a.map((x, k) => Math.abs(x - b[k]!))) : Number.POSITIVE_INFINITY

export const array = (t: { toTypedArray(): unknown }): number[] => [...(t.toTypedArray() as Float64Array)]
