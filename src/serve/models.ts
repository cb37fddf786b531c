/** The models of a service: loaded by name and version, replaced while they are in use, freed when their last request ends. */
import { Energy } from '../energy.js'
import { LangevinError } from '../errors.js'
import { readSafetensorsMetadata } from '../io/safetensors.js'
import * as ood from '../ood/index.js'
import { modelsIn } from '../ood/units.js'
import { type DriftEvent, DriftMonitor, type DriftOptions } from './drift-monitor.js'
import { HttpError } from './http-error.js'
import type { OutputName } from './schemas.js'
import { createScorer, type Scorer, type ScorerOptions } from './scorer.js'

/** A file (of a detector or an energy), a file with a version, or a detector that is in memory, which its owner disposes. */
export type ModelSource = string | { file: string; version?: string } | ood.FittedDetector

export interface ModelOptions extends Pick<ScorerOptions, 'maxBatch' | 'maxDelayMs' | 'maxQueue' | 'threads'> {
  /** Where the energies live: 'cpu' (default), 'cuda', ... */
  device?: string
  /** Default of requests that say neither `threshold` nor `fpr`. Default: the rate in the file, if it has one. */
  threshold?: number
  fpr?: number
  /** How scores are watched for drift; false: not at all. */
  drift?: DriftOptions | false
}

export interface ModelHooks {
  onCall(model: ServedModel, metrics: Parameters<NonNullable<ScorerOptions['onMetrics']>>[0]): void
  onDrift(event: DriftEvent): void
  onLoad(model: ServedModel): void
  onLoadFailed(name: string, version: string, error: unknown): void
}

/** A detector, or an energy as a detector of its own. */
async function detectorOf(file: string, { device }: ModelOptions): Promise<ood.FittedDetector> {
  const options = device === undefined ? {} : { device }
  const metadata = await readSafetensorsMetadata(file)
  if (metadata['langevin.detector'] !== undefined) return ood.load(file, options)
  const model = await Energy.load(file, options)
  try {
    return await ood.fit(ood.detectors.energy(model))
  } finally {
    model.dispose()
  }
}

/** How many numbers a row has; -1 where nothing says. */
function widthOf(detector: ood.FittedDetector): number {
  const { inputs, detector: asked, state } = detector.live()
  if (inputs !== undefined) return inputs.width
  const [model] = modelsIn(asked)
  if (model !== undefined) return model.inputWidth
  const rows = state.mean ?? state.rows
  return rows === undefined ? -1 : rows.shape.slice(1).reduce((product, size) => product * size, 1)
}

/** One model at work. Requests hold it by `use`; it is freed when it has been replaced and its last request has ended. */
export class ServedModel {
  readonly scorer: Scorer
  readonly width: number
  readonly #monitor: DriftMonitor | undefined
  readonly #hooks: ModelHooks
  #uses = 0
  #unused: (() => void) | undefined

  constructor(
    readonly name: string,
    readonly version: string,
    readonly detector: ood.FittedDetector,
    /** How many times this name and version has been loaded. */
    readonly loads: number,
    readonly options: ModelOptions,
    hooks: ModelHooks,
    private readonly own: boolean,
  ) {
    const { maxBatch, maxDelayMs, maxQueue, threads, drift = {}, threshold, fpr } = options
    if (threshold !== undefined && fpr !== undefined) {
      throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', 'serve: give either threshold or fpr, not both')
    }
    if (fpr !== undefined) detector.limit(fpr)
    this.#hooks = hooks
    this.width = widthOf(detector)
    this.scorer = createScorer(detector, {
      ...(maxBatch !== undefined && { maxBatch }),
      ...(maxDelayMs !== undefined && { maxDelayMs }),
      ...(maxQueue !== undefined && { maxQueue }),
      ...(threads !== undefined && { threads }),
      onMetrics: (metrics) => hooks.onCall(this, metrics),
    })
    if (drift !== false && detector.heldOut > 0) this.#monitor = new DriftMonitor(detector, drift)
  }

  /** The outputs it gives unasked. `contributions` costs columns * references evaluations a row and comes by request. */
  get outputs(): OutputName[] {
    const { options, detector } = this
    const decides = options.threshold !== undefined || options.fpr !== undefined || detector.fpr !== undefined
    return [
      ...(this.energyModel === undefined ? [] : ['energy' as const]),
      'score',
      ...(detector.heldOut > 0 ? ['percentile' as const] : []),
      ...(decides ? ['accept' as const] : []),
    ]
  }

  /** The energy of a detector of one. */
  get energyModel(): Energy | undefined {
    return this.detector.live().detector.model
  }

  /** What decides where a request says nothing; undefined where nothing does. */
  threshold(asked: { threshold?: number | undefined; fpr?: number | undefined }): number | undefined {
    if (asked.threshold !== undefined && asked.fpr !== undefined) {
      throw new HttpError(400, 'give either threshold or fpr, not both')
    }
    if (asked.threshold !== undefined) return asked.threshold
    if (asked.fpr !== undefined) return this.detector.limit(asked.fpr).threshold
    if (this.options.threshold !== undefined) return this.options.threshold
    const fpr = this.options.fpr ?? this.detector.fpr
    return fpr === undefined ? undefined : this.detector.limit(fpr).threshold
  }

  /** Scores that went out, for the drift monitor. */
  watch(scores: Float64Array): void {
    const report = this.#monitor?.add(scores)
    if (report !== undefined) this.#hooks.onDrift({ model: this.name, version: this.version, ...report })
  }

  async use<T>(body: () => Promise<T>): Promise<T> {
    this.#uses++
    try {
      return await body()
    } finally {
      this.#uses--
      if (this.#uses === 0) this.#unused?.()
    }
  }

  /** Waits for its requests, then frees it. Called once, when no new request can find it. */
  async retire(): Promise<void> {
    if (this.#uses > 0) {
      await new Promise<void>((resolve) => {
        this.#unused = resolve
      })
    }
    await this.scorer.close()
    if (this.own) this.detector.dispose()
  }
}

interface Slot {
  readonly name: string
  readonly version: string
  readonly source: ModelSource
  model: ServedModel
  /** Reloads of one slot come one after the other. */
  turn: Promise<unknown>
}

const fileOf = (source: ModelSource): string | undefined =>
  typeof source === 'string' ? source : 'file' in source ? source.file : undefined

/** Every model of a service. */
export class Models {
  readonly #slots: Slot[] = []
  readonly #options: ModelOptions
  readonly #hooks: ModelHooks
  readonly #retiring = new Set<Promise<void>>()
  #closed = false

  private constructor(options: ModelOptions, hooks: ModelHooks) {
    this.#options = options
    this.#hooks = hooks
  }

  /** @throws (rejects) what loading a model does, and ERR_LANGEVIN_INVALID_OPTION for a name given twice */
  static async open(
    sources: Readonly<Record<string, ModelSource | readonly ModelSource[]>>,
    options: ModelOptions,
    hooks: ModelHooks,
  ): Promise<Models> {
    const models = new Models(options, hooks)
    try {
      for (const [name, given] of Object.entries(sources)) {
        for (const source of [given].flat() as ModelSource[]) await models.#add(name, source)
      }
      if (models.#slots.length === 0) {
        throw new LangevinError('ERR_LANGEVIN_INVALID_OPTION', 'serve: models: name at least one model')
      }
      return models
    } catch (error) {
      await models.close()
      throw error
    }
  }

  async #add(name: string, source: ModelSource): Promise<void> {
    const version = typeof source === 'object' && 'file' in source ? (source.version ?? '1') : '1'
    if (name === '' || this.#slots.some((slot) => slot.name === name && slot.version === version)) {
      throw new LangevinError(
        'ERR_LANGEVIN_INVALID_OPTION',
        `serve: models: '${name}' version ${version} is given twice or has no name`,
      )
    }
    const model = await this.#load(name, version, source, 1)
    this.#slots.push({ name, version, source, model, turn: Promise.resolve() })
    this.#hooks.onLoad(model)
  }

  async #load(name: string, version: string, source: ModelSource, loads: number): Promise<ServedModel> {
    const file = fileOf(source)
    const detector = file === undefined ? (source as ood.FittedDetector) : await detectorOf(file, this.#options)
    try {
      return new ServedModel(name, version, detector, loads, this.#options, this.#hooks, file !== undefined)
    } catch (error) {
      if (file !== undefined) detector.dispose()
      throw error
    }
  }

  get all(): readonly ServedModel[] {
    return this.#slots.map(({ model }) => model)
  }
  /** Files that models come from. */
  get files(): readonly string[] {
    return this.#slots.flatMap(({ source }) => fileOf(source) ?? [])
  }
  get names(): readonly string[] {
    return [...new Set(this.#slots.map(({ name }) => name))]
  }
  versionsOf(name: string): string[] {
    return this.#slots.filter((slot) => slot.name === name).map(({ version }) => version)
  }

  /**
   * The model of a name, its last version where none is named; the only model without a name.
   *
   * @throws HttpError 404, or 400 where a name is needed
   */
  find(name: string | undefined, version?: string): ServedModel {
    const { names } = this
    if (name === undefined && names.length > 1) {
      throw new HttpError(400, `there are several models; say which by "model": ${names.join(', ')}`)
    }
    const named = this.#slots.filter((slot) => slot.name === (name ?? names[0]))
    if (named.length === 0) throw new HttpError(404, `unknown model '${String(name).slice(0, 64)}'`)
    const slot = version === undefined ? named.at(-1) : named.find((each) => each.version === version)
    if (slot !== undefined) return slot.model
    throw new HttpError(404, `model '${name}' has no version '${String(version).slice(0, 64)}'`)
  }

  /**
   * Loads the file of a model again. Requests find the old model until the new one is there, and those that have the old one
   * finish with it. A file that cannot be loaded leaves the old model where it is.
   *
   * @throws (rejects) what loading does; HttpError 404; ERR_LANGEVIN_DISPOSED after `close()`; ERR_LANGEVIN_UNSUPPORTED for a model that has no file
   */
  async reload(name: string, version?: string): Promise<ServedModel> {
    this.#requireOpen()
    const found = this.find(name, version)
    const slot = this.#slots.find(({ model }) => model === found)!
    if (fileOf(slot.source) === undefined) {
      throw new LangevinError(
        'ERR_LANGEVIN_UNSUPPORTED',
        `model '${name}' was given in memory and has no file to reload`,
      )
    }
    const next = slot.turn.then(() => this.#replace(slot))
    slot.turn = next.catch(() => undefined)
    return next
  }

  async #replace(slot: Slot): Promise<ServedModel> {
    try {
      this.#requireOpen()
      const old = slot.model
      slot.model = await this.#load(slot.name, slot.version, slot.source, old.loads + 1)
      this.#hooks.onLoad(slot.model)
      const retired = old.retire().finally(() => this.#retiring.delete(retired))
      this.#retiring.add(retired)
      return slot.model
    } catch (error) {
      this.#hooks.onLoadFailed(slot.name, slot.version, error)
      throw error
    }
  }

  /** Loads every model of one of these files again; failures go to `onLoadFailed` alone. */
  async reloadFiles(files: readonly string[] = this.files): Promise<void> {
    const chosen = this.#slots.filter(({ source }) => files.includes(fileOf(source) ?? ''))
    if (this.#closed) return
    await Promise.allSettled(chosen.map(({ name, version }) => this.reload(name, version)))
  }

  /** A model that is loaded once its slot has been freed would never be freed itself. */
  #requireOpen(): void {
    if (this.#closed) throw new LangevinError('ERR_LANGEVIN_DISPOSED', 'these models have been closed')
  }

  /** Waits for requests and reloads that run, and frees everything; no reload begins any more. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#slots.map(({ turn }) => turn))
    const slots = this.#slots.splice(0)
    await Promise.all([...slots.map(({ model }) => model.retire()), ...this.#retiring])
  }
}
