/** The numbers of a run over its steps, thinned so that a run of any length takes the same room. */
import type { MetricsLine } from './metrics.js'

/** More points than this are joined in pairs. */
const LIMIT = 1500

/** Fields of a progress line that are no measurements. */
const CLOCK = new Set(['type', 'time', 'step', 'steps', 'seconds', 'secondsLeft', 'stepsPerSecond'])

/** Means over neighbouring measurements, at the step of the last one. */
export type Point = { readonly step: number } & Readonly<Record<string, number>>

/** Sums of the measurements that make one point. */
interface Bucket {
  step: number
  count: number
  sums: Record<string, number>
  counts: Record<string, number>
}

const empty = (): Bucket => ({ step: 0, count: 0, sums: Object.create(null), counts: Object.create(null) })

function join(a: Bucket, b: Bucket): Bucket {
  const joined: Bucket = { step: b.step, count: a.count + b.count, sums: { ...a.sums }, counts: { ...a.counts } }
  for (const [name, sum] of Object.entries(b.sums)) {
    joined.sums[name] = (joined.sums[name] ?? 0) + sum
    joined.counts[name] = (joined.counts[name] ?? 0) + b.counts[name]!
  }
  return joined
}

function pointOf({ step, sums, counts }: Bucket): Point {
  return { step, ...Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / counts[name]!])) }
}

let generations = 0

/**
 * A series of points, each the mean of equally many measurements. Where there are more than the limit, neighbours are joined in
 * pairs and from then on each point is made of twice as many. `generation` changes when points that were told before have
 * changed: a reader that knows `generation` and how many points it has needs only the later ones.
 */
export class Series {
  readonly #limit: number
  #generation = generations++
  #buckets: Bucket[] = []
  #open = empty()
  /** Measurements in one point. */
  #each = 1

  constructor(limit = LIMIT) {
    this.#limit = limit
  }

  get generation(): number {
    return this.#generation
  }

  /** Finished points. */
  get length(): number {
    return this.#buckets.length
  }

  add(line: MetricsLine): void {
    if (line.type === 'resume') this.#cut(line.step)
    if (line.type === 'progress') this.#measure(line)
  }

  #measure(line: MetricsLine): void {
    this.#open.step = line.step
    this.#open.count++
    for (const [name, value] of Object.entries(line)) {
      if (CLOCK.has(name) || typeof value !== 'number' || !Number.isFinite(value)) continue
      this.#open.sums[name] = (this.#open.sums[name] ?? 0) + value
      this.#open.counts[name] = (this.#open.counts[name] ?? 0) + 1
    }
    if (this.#open.count < this.#each) return
    this.#buckets.push(this.#open)
    this.#open = empty()
    if (this.#buckets.length >= this.#limit) this.#thin()
  }

  #thin(): void {
    this.#each *= 2
    this.#generation = generations++
    this.#buckets = this.#buckets.flatMap((bucket, i, all) => {
      if (i % 2 === 1) return []
      const next = all[i + 1]
      return [next === undefined ? bucket : join(bucket, next)]
    })
  }

  /** A run that continues from an earlier checkpoint takes the later steps anew. */
  #cut(step: number): void {
    const kept = this.#buckets.filter((bucket) => bucket.step <= step)
    if (kept.length < this.#buckets.length) this.#generation = generations++
    this.#buckets = kept
    this.#open = empty()
  }

  /** Finished points from a number on, and the one that is not finished where there is one. */
  from(first: number): { points: Point[]; tail: Point | undefined } {
    return {
      points: this.#buckets.slice(first).map(pointOf),
      tail: this.#open.count > 0 ? pointOf(this.#open) : undefined,
    }
  }

  /** All points. */
  points(): Point[] {
    const { points, tail } = this.from(0)
    return tail === undefined ? points : [...points, tail]
  }
}
