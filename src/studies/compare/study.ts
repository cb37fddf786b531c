/**
 * The comparison: every objective on every source with the same energy, rows, optimiser and number of steps, judged on a
 * grid against the known density.
 */
import { grid } from '../../data/grid.js'
import { Energy } from '../../energy.js'
import { LangevinError } from '../../errors.js'
import { mmd } from '../../metrics/distances.js'
import { optimizers } from '../../optimizers/index.js'
import { invoke } from '../../runtime/index.js'
import { schedules } from '../../schedules/index.js'
import { parseSpec } from '../../spec/index.js'
import type { Tensor } from '../../tensor/index.js'
import { train } from '../../training/index.js'
import { type RunWarning, warningsOf } from '../warnings.js'
import { B, BATCH, ENERGY, notCompared, type Plan, plans } from './plans.js'
import { SOURCES, type SourceName } from './sources.js'

export const TRAIN_ROWS = 4000
export const TEST_ROWS = 2000
export const STEPS = 2000
export const CELLS = 240
const LR = 5e-3
/** Rows that are compared by MMD: drawn from the grid, so that the density is judged and no sampler. */
const MMD_ROWS = 1000
/** Bandwidth of its kernel, the same for all sources. */
const BANDWIDTH = 0.2
const EMA = { decay: 0.999, warmup: true }

export interface CompareMetrics {
  /** KL(truth, model) over the square, nats. */
  kl: number
  totalVariation: number
  /** Squared, unbiased: may be slightly negative. */
  mmd: number
  /** Mean log-density of the held-out rows, normalised over the square. */
  logLikelihood: number
  /** |mass of the left half under the model - under the truth|. */
  weightError: number
}

export interface CompareRow extends Partial<CompareMetrics> {
  source: SourceName
  objective: string
  seed: number
  steps: number
  seconds: number
  /** The step at which training stopped being finite; such a run has no metrics. */
  divergedAt?: number
}

export interface ComparePanel {
  source: SourceName
  objective: string
  side: number
  /** Log-density, row 0 the lowest y. */
  values: Float32Array
}

export interface CompareResult {
  task: 'toys'
  rows: CompareRow[]
  /** Entropy of the truth over the square: no model's expected log-likelihood exceeds its negative. */
  entropy: Partial<Record<SourceName, number>>
  panels: ComparePanel[]
  /** Of the training runs. */
  warnings: RunWarning[]
  /** Objectives of this build that are not part of the comparison. */
  notCompared: string[]
  seconds: number
  interrupted: boolean
  options: { sources: SourceName[]; objectives: string[]; seeds: number[]; steps: number; cells: number }
}

export interface CompareProgress {
  /** Share of the whole, 0 to 1. */
  done: number
  source: SourceName
  objective: string
  seed: number
  row?: CompareRow
}

export interface CompareOptions {
  sources: readonly SourceName[]
  /** Names of plans(). */
  objectives: readonly string[]
  seeds: readonly number[]
  steps?: number | undefined
  cells?: number
  threads?: number | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((progress: CompareProgress) => void) | undefined
}

interface Judgement {
  logZ: number
  kl: number
  totalVariation: number
  logLikelihood: number
  entropy: number
  leftMass: number
  trueLeftMass: number
  samples: Tensor
  image?: Tensor
}

interface Task {
  source: SourceName
  objective: string
  plan: Plan
  seed: number
}

class Comparison {
  readonly #options: CompareOptions
  readonly #plans = plans()
  readonly #result: CompareResult
  readonly #started = performance.now()
  readonly #truth = new Map<SourceName, Tensor>()
  readonly #total: number
  #spent = 0

  constructor(options: CompareOptions) {
    this.#options = options
    const { sources, objectives, seeds, steps = STEPS, cells = CELLS } = options
    this.#result = {
      task: 'toys',
      rows: [],
      entropy: {},
      panels: [],
      warnings: [],
      notCompared: notCompared(),
      seconds: 0,
      interrupted: false,
      options: { sources: [...sources], objectives: [...objectives], seeds: [...seeds], steps, cells },
    }
    const one = objectives.reduce((sum, name) => sum + this.#plan(name).cost, 0)
    this.#total = sources.length * seeds.length * one
  }

  async run(): Promise<CompareResult> {
    const { sources, objectives, seeds, signal } = this.#options
    try {
      // Seeds outermost: whatever stops the study, the seeds that are finished compare everything.
      for (const seed of seeds) {
        for (const source of sources) {
          const all = SOURCES[source].sample(TRAIN_ROWS + TEST_ROWS, seed)
          const rows = { train: all.slice(0, TRAIN_ROWS), test: all.slice(TRAIN_ROWS) }
          all.dispose()
          try {
            for (const objective of objectives) {
              await this.#one({ source, objective, plan: this.#plan(objective), seed }, rows)
            }
          } finally {
            for (const each of Object.values(rows)) each.dispose()
          }
        }
      }
    } catch (error) {
      if (!signal?.aborted) throw error
      this.#result.interrupted = true
    } finally {
      for (const each of this.#truth.values()) each.dispose()
    }
    this.#result.seconds = (performance.now() - this.#started) / 1000
    return this.#result
  }

  #plan(name: string): Plan {
    const plan = this.#plans[name]
    if (plan === undefined) {
      const known = Object.keys(this.#plans).join(', ')
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `compare: there is no objective '${name}'; known: ${known}`,
      )
    }
    return plan
  }

  async #one(task: Task, rows: { train: Tensor; test: Tensor }): Promise<void> {
    const { source, objective, seed, plan } = task
    const began = performance.now()
    const { steps } = this.#result.options
    const row: CompareRow = { source, objective, seed, steps, seconds: 0 }
    using model = await Energy.create(ENERGY, { seed })
    const divergedAt = await this.#fit(model, task, rows.train)
    row.seconds = (performance.now() - began) / 1000
    if (divergedAt === undefined) Object.assign(row, await this.#judge(model, task, rows.test))
    else row.divergedAt = divergedAt
    this.#result.rows.push(row)
    this.#spent += plan.cost
    this.#report(0, task, row)
  }

  /** The step at which the run diverged, if it did: a result like any other. */
  async #fit(model: Energy, task: Task, rows: Tensor): Promise<number | undefined> {
    const { plan, seed } = task
    const { signal, threads } = this.#options
    const { steps } = this.#result.options
    const lr = plan.lr ?? LR
    try {
      const run = train(model, rows, {
        objective: parseSpec('objective', plan.objective),
        optimizer: optimizers.adam({ lr: schedules.cosine({ from: lr, to: lr / 100 }) }),
        steps,
        batchSize: BATCH,
        ema: EMA,
        seed,
        ...(plan.penalties && { penalties: plan.penalties }),
        ...(signal && { signal }),
        ...(threads !== undefined && { threads }),
      })
      for await (const event of run) {
        if (event.type === 'progress') this.#report((event.step / steps) * plan.cost, task)
      }
      const { warnings } = await run.done
      this.#result.warnings.push(...warningsOf(`${task.source}, ${task.objective}, seed ${seed}`, warnings))
      return undefined
    } catch (error) {
      if (!(error instanceof LangevinError) || error.code !== 'ERR_LANGEVIN_DIVERGED') throw error
      return Number(error.details.step)
    }
  }

  async #judge(model: Energy, { source, objective, seed }: Task, test: Tensor): Promise<CompareMetrics> {
    const { signal, threads, seeds } = this.#options
    const { cells } = this.#result.options
    const picture = seed === seeds[0]
    const judged = await invoke<Judgement>(
      'evaluation.gridDensity',
      {
        energy: model,
        low: -B,
        high: B,
        cells,
        logDensity: await this.#truthOf(source),
        test,
        samples: MMD_ROWS,
        seed,
        image: picture,
        threads,
      },
      { signal },
    )
    const { samples, image } = judged
    this.#result.entropy[source] ??= judged.entropy
    try {
      using held = test.slice(0, MMD_ROWS)
      const options = { bandwidth: BANDWIDTH, estimator: 'unbiased' as const, ...(signal && { signal }) }
      const { squared } = await mmd(samples, held, options)
      if (image) {
        const values = image.toTypedArray() as Float32Array
        this.#result.panels.push({ source, objective, side: cells, values })
      }
      return {
        kl: judged.kl,
        totalVariation: judged.totalVariation,
        mmd: squared,
        logLikelihood: judged.logLikelihood,
        weightError: Math.abs(judged.leftMass - judged.trueLeftMass),
      }
    } finally {
      samples.dispose()
      image?.dispose()
    }
  }

  async #truthOf(source: SourceName): Promise<Tensor> {
    const known = this.#truth.get(source)
    if (known !== undefined) return known
    const { cells } = this.#result.options
    const { points } = grid({ low: -B, high: B, cells })
    const truth = await SOURCES[source].logDensity(points)
    points.dispose()
    this.#truth.set(source, truth)
    this.#result.panels.push({ source, objective: 'truth', side: cells, values: upright(truth, cells) })
    return truth
  }

  #report(running: number, { source, objective, seed }: Task, row?: CompareRow): void {
    const done = Math.min(1, (this.#spent + running) / this.#total)
    this.#options.onProgress?.({ done, source, objective, seed, ...(row && { row }) })
  }
}

/** Grid values as a picture: rows are y, row 0 the lowest; the grid's last axis is y. */
function upright(values: Tensor, side: number): Float32Array {
  const numbers = values.toTypedArray() as Float64Array
  return Float32Array.from(numbers, (_, i) => numbers[(i % side) * side + Math.floor(i / side)]!)
}

/**
 * Runs the comparison: every seed, every source, every objective, in this order.
 *
 * @returns the rows; when `signal` aborts, those finished so far, with `interrupted` set
 * @throws (rejects) ERR_LANGEVIN_INVALID_OPTION (an unknown objective); a run that diverges is a row, not an error
 */
export async function runComparison(options: CompareOptions): Promise<CompareResult> {
  return new Comparison(options).run()
}
