/**
 * The spandrel study: where do models of equal size, fitted to the same data, put probability that the data does not
 * have? Four shapes with a known density, eight models, several seeds.
 */
import { curve, describe, logDensity, type SpandrelShape, sample } from '../../data/spandrel.js'
import { Energy } from '../../energy.js'
import { meanSquaredError } from '../../objectives/mean-squared-error.js'
import { invoke } from '../../runtime/index.js'
import { type Tensor, tensor } from '../../tensor/index.js'
import { evaluateObjective, train } from '../../training/index.js'
import { type RunWarning, warningsOf } from '../warnings.js'
import { B, BATCH, EMA, type ModelPlan, PLANS, SIGMA, type SpandrelModel } from './models.js'

export const TRAIN_ROWS = 4000
export const TEST_ROWS = 2000
export const CELLS = 200

/** The metrics of one set of log-scores; definitions in docs/spandrel.md. null where the shape has no gap. */
export interface SpandrelMetrics {
  spandrelMass: number
  fpr95: number
  auroc: number
  nearFpr95: number
  outsideFpr95: number
  bridgeMass: number | null
  gapRatio: number | null
  totalVariation: number
  logLikelihood: number
}

export interface SpandrelRow extends SpandrelMetrics {
  shape: SpandrelShape
  model: SpandrelModel
  seed: number
  parameters: number
  steps: number
  /** Training and evaluation. For mlp-kde the training is that of mlp. */
  seconds: number
  /** Classifier: share of the far region with max softmax above 0.95, inside the box and outside; FPR95 of max softmax. */
  overconfidentArea?: number
  overconfidentOutside?: number
  maxSoftmaxFpr95?: number
}

/** A log-density over [-2b, 2b]^2, normalised over the box; row 0 is the lowest y. */
export interface Panel {
  shape: SpandrelShape
  model: SpandrelModel | 'truth'
  side: number
  values: Float32Array
}

/** Where a shape's support lies, for pictures. */
export interface Support {
  curves: [number, number][][]
  bridges: { low: [number, number]; high: [number, number] }[]
}

export interface SpandrelResult {
  rows: SpandrelRow[]
  /** The true density under the same metrics, on the first seed's held-out points. */
  truth: Partial<Record<SpandrelShape, SpandrelMetrics>>
  supports: Partial<Record<SpandrelShape, Support>>
  panels: Panel[]
  /** Of the training runs. */
  warnings: RunWarning[]
  seconds: number
  /** True when the study was stopped before its end: rows holds what was finished. */
  interrupted: boolean
  /** Seeds that were left out because the time given was used up; whole seeds only. */
  skippedSeeds: number[]
  options: {
    shapes: SpandrelShape[]
    models: SpandrelModel[]
    seeds: number[]
    steps: number | undefined
    cells: number
  }
}

export interface SpandrelProgress {
  /** Share of the whole study, 0 to 1. */
  done: number
  shape: SpandrelShape
  model: SpandrelModel | 'truth'
  seed: number
  /** Given when a row has just been finished. */
  row?: SpandrelRow
}

export interface StudyOptions {
  shapes: readonly SpandrelShape[]
  models: readonly SpandrelModel[]
  seeds: readonly number[]
  /** Optimiser steps for every model, instead of each plan's own. */
  steps?: number | undefined
  /** Grid cells along one side of the box (even; default 200). */
  cells?: number
  threads?: number | undefined
  /** No further seed is begun when it would probably end later than this, in seconds. The first always runs. */
  budget?: number | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((progress: SpandrelProgress) => void) | undefined
}

interface Field {
  points: Tensor
  logDensity: Tensor
  distance: Tensor
  [plain: string]: unknown
}

interface Rows {
  x: Tensor
  labels: Tensor
  test: Tensor
}

/** 4,000 training and 2,000 held-out rows; the same for every model. */
function rowsOf(shape: SpandrelShape, seed: number): Rows {
  const all = sample(shape, { n: TRAIN_ROWS + TEST_ROWS, seed, sigma: SIGMA })
  const x = all.column('x')
  const labels = all.column('y')
  const rows = { x: x.slice(0, TRAIN_ROWS), labels: labels.slice(0, TRAIN_ROWS), test: x.slice(TRAIN_ROWS) }
  all.dispose()
  return rows
}

interface Trained {
  energy: Energy
  seconds: number
}

interface Task {
  shape: SpandrelShape
  model: SpandrelModel
  plan: ModelPlan
  seed: number
}

class Study {
  readonly #options: StudyOptions
  readonly #result: SpandrelResult
  readonly #started = performance.now()
  /** Cost of what is finished, and of everything. */
  #spent = 0
  readonly #total: number
  #mlp: Trained | undefined
  readonly #fields = new Map<SpandrelShape, Field>()

  constructor(options: StudyOptions) {
    this.#options = options
    const { shapes, models, seeds, steps, cells = CELLS } = options
    this.#result = {
      rows: [],
      truth: {},
      supports: {},
      panels: [],
      warnings: [],
      seconds: 0,
      interrupted: false,
      skippedSeeds: [],
      options: { shapes: [...shapes], models: [...models], seeds: [...seeds], steps, cells },
    }
    const one = models.reduce((sum, model) => sum + PLANS[model].cost, 0)
    this.#total = shapes.length * (FIELD_COST + seeds.length * one)
  }

  async run(): Promise<SpandrelResult> {
    const { shapes, seeds, signal } = this.#options
    try {
      // Seeds outermost: whatever stops the study, the seeds that are finished compare all shapes and models.
      for (const shape of shapes) await this.#field(shape)
      for (const [i, seed] of seeds.entries()) {
        if (i > 0 && !this.#affords(i)) {
          this.#result.skippedSeeds = seeds.slice(i)
          break
        }
        for (const shape of shapes) await this.#seed(shape, seed)
      }
    } catch (error) {
      if (!signal?.aborted) throw error
      this.#result.interrupted = true
    } finally {
      this.#mlp?.energy.dispose()
      for (const { points, logDensity, distance } of this.#fields.values()) {
        for (const each of [points, logDensity, distance]) each.dispose()
      }
    }
    this.#result.seconds = this.#seconds()
    return this.#result
  }

  #seconds(): number {
    return (performance.now() - this.#started) / 1000
  }

  /** Whether another seed fits into the time given, if it takes as long as the `finished` ones did on average. */
  #affords(finished: number): boolean {
    const { budget } = this.#options
    return budget === undefined || (this.#seconds() / finished) * (finished + 1) <= budget
  }

  get #common() {
    return { threads: this.#options.threads }
  }

  async #field(shape: SpandrelShape): Promise<void> {
    const { seeds, signal } = this.#options
    this.#result.supports[shape] = supportOf(shape)
    this.#report(0, { shape, model: 'truth', seed: seeds[0]! })
    const { cells } = this.#result.options
    const field = await invoke<Field>(
      'spandrel.field',
      { shape, sigma: SIGMA, b: B, cells, ...this.#common },
      { signal },
    )
    this.#fields.set(shape, field)
    await this.#truth(shape, field)
    this.#spent += FIELD_COST
  }

  /** The true log-density, judged as if it were a model. */
  async #truth(shape: SpandrelShape, field: Field): Promise<void> {
    const rows = rowsOf(shape, this.#options.seeds[0]!)
    using test = await logDensity(shape, rows.test, { sigma: SIGMA })
    const scores = { grid: field.logDensity, test }
    const { image, metrics } = await this.#evaluate(field, { scores, test: rows.test }, true)
    this.#result.truth[shape] = metrics
    this.#panel(shape, 'truth', image!)
    for (const each of Object.values(rows)) each.dispose()
  }

  async #seed(shape: SpandrelShape, seed: number): Promise<void> {
    const field = this.#fields.get(shape)!
    const rows = rowsOf(shape, seed)
    try {
      for (const model of this.#options.models) {
        const task = { shape, model, plan: PLANS[model], seed }
        const row = await this.#model(task, rows, field)
        this.#result.rows.push(row)
        this.#spent += task.plan.cost
        this.#report(0, { shape, model, seed, row })
      }
    } finally {
      this.#mlp?.energy.dispose()
      this.#mlp = undefined
      for (const each of Object.values(rows)) each.dispose()
    }
  }

  async #model(task: Task, rows: Rows, field: Field): Promise<SpandrelRow> {
    const { shape, model, plan, seed } = task
    const { energy, seconds } = await this.#trained(task, rows)
    const began = performance.now()
    const bandwidth = plan.marginalBandwidth
    const kde = bandwidth === undefined ? {} : { kde: { rows: rows.x.columns([0]), bandwidth } }
    try {
      const picture = seed === this.#options.seeds[0]
      const { metrics, image } = await this.#evaluate(field, { energy, test: rows.test, ...kde }, picture)
      if (image) this.#panel(shape, model, image)
      const steps = this.#options.steps ?? plan.steps
      const parameters = energy.parameterCount
      return {
        shape,
        model,
        seed,
        parameters,
        steps,
        ...metrics,
        seconds: seconds + (performance.now() - began) / 1000,
      }
    } finally {
      if (this.#mlp?.energy !== energy) energy.dispose()
    }
  }

  /** The model's trained energy; that of the MLP is kept for the seed, because MLP + KDE is the same network. */
  async #trained(task: Task, rows: Rows): Promise<Trained> {
    const { plan, model } = task
    if (plan.sharesTrainingOf === 'mlp' && this.#mlp) return this.#mlp
    const began = performance.now()
    const energy = await this.#fit(task, rows)
    const trained = { energy, seconds: (performance.now() - began) / 1000 }
    const shared = this.#options.models.some((other) => PLANS[other].sharesTrainingOf === model)
    if (shared) this.#mlp = trained
    return trained
  }

  async #fit(task: Task, rows: Rows): Promise<Energy> {
    const { plan, seed } = task
    const { signal, steps = plan.steps } = this.#options
    const energy = await Energy.create(plan.energy(), { seed, signal })
    try {
      const run = train(energy, plan.labels ? { x: rows.x, y: rows.labels } : rows.x, {
        objective: plan.objective(),
        optimizer: plan.optimizer(),
        steps,
        batchSize: BATCH,
        ema: EMA,
        seed,
        signal,
        ...(this.#options.threads !== undefined && { threads: this.#options.threads }),
      })
      for await (const event of run) {
        if (event.type === 'progress') this.#report((event.step / steps) * plan.cost, task)
      }
      const { warnings } = await run.done
      this.#result.warnings.push(...warningsOf(`${task.shape}, ${task.model}, seed ${seed}`, warnings))
      if (plan.residualVariance) await setResidualVariance(energy, rows.x)
      return energy
    } catch (error) {
      energy.dispose()
      throw error
    }
  }

  async #evaluate(field: Field, model: Record<string, unknown>, picture: boolean) {
    const { points: _, ...truth } = field
    const { signal } = this.#options
    const args = { field: truth, ...model, image: picture, ...this.#common }
    const {
      image,
      logNormaliser: _norm,
      ...metrics
    } = await invoke<SpandrelMetrics & { image?: Tensor; logNormaliser: number }>('spandrel.evaluate', args, { signal })
    return { metrics: metrics as SpandrelMetrics, image }
  }

  #panel(shape: SpandrelShape, model: SpandrelModel | 'truth', image: Tensor): void {
    this.#result.panels.push({ shape, model, side: image.shape[0]!, values: image.toTypedArray() as Float32Array })
    image.dispose()
  }

  #report(running: number, at: Omit<SpandrelProgress, 'done'>): void {
    const { shape, model, seed, row } = at
    const done = Math.min(1, (this.#spent + running) / this.#total)
    this.#options.onProgress?.({ done, shape, model, seed, ...(row && { row }) })
  }
}

/** Cost of a shape's true density on the grid, on the scale of ModelPlan.cost. */
const FIELD_COST = 1

/** sigma^2 of N(y; f(x), sigma^2) := the mean squared residual of the training rows, its maximum-likelihood value. */
async function setResidualVariance(energy: Energy, x: Tensor): Promise<void> {
  const { loss } = await evaluateObjective(energy, x, { objective: meanSquaredError() })
  using logVariance = tensor([Math.log(loss)], [1])
  await energy.setParameters({ logVariance })
}

function supportOf(shape: SpandrelShape): Support {
  const curves = curve(shape, { points: 240 }).map((line) => {
    const points = line.toArray() as [number, number][]
    line.dispose()
    return points
  })
  return { curves, bridges: describe(shape).bridges }
}

/**
 * Runs the study: every seed, every shape, every model, in this order.
 *
 * @returns the rows; when `signal` aborts, those finished so far, with `interrupted` set
 * @throws (rejects) ERR_LANGEVIN_DIVERGED and whatever else a run can end with
 */
export function runSpandrelStudy(options: StudyOptions): Promise<SpandrelResult> {
  return new Study(options).run()
}
