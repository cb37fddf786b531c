/** A service without its transport: models, metrics, traces, reloads and log lines. */
import { messageOf } from '../errors.js'
import { requireOptions } from '../spec/index.js'
import type { DriftEvent } from './drift-monitor.js'
import { openMetrics, type ServiceMetrics } from './metrics.js'
import { type ModelHooks, type ModelOptions, type ModelSource, Models, type ServedModel } from './models.js'
import { requireCount } from './scorer-options.js'
import { openTracing, type Tracing } from './tracing.js'
import { watchFiles } from './watch.js'

/** What is asked of a logger: pino's, or fastify's `app.log`. */
export interface ServiceLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface ServiceOptions extends ModelOptions {
  /** Models by name; a list serves several versions of one name, the last by default. */
  models: Readonly<Record<string, ModelSource | readonly ModelSource[]>>
  /** Rows of one request, at most; more are 413. Default 10,000. */
  maxRows?: number
  /** Bytes of a request body, at most; more are 413. Default 8 MiB. */
  maxBody?: number
  /** Load files again when they change. Default false. */
  watch?: boolean
  /** Offer `POST /v2/repository/models/NAME/load`, which loads the file again. Default false. */
  reload?: boolean
  log?: ServiceLog
  onDrift?: (event: DriftEvent) => void
}

const KNOWN = [
  'models',
  'maxRows',
  'maxBody',
  'watch',
  'reload',
  'log',
  'onDrift',
  'maxBatch',
  'maxDelayMs',
  'maxQueue',
  'threads',
  'device',
  'threshold',
  'fpr',
  'drift',
]
const SILENT: ServiceLog = { info: () => undefined, warn: () => undefined, error: () => undefined }

export class Service {
  readonly metrics: ServiceMetrics | undefined
  readonly tracing: Tracing | undefined
  readonly maxRows: number
  readonly maxBody: number
  readonly reload: boolean
  /** Where events go; a transport may bring its own. */
  log: ServiceLog
  #models: Models | undefined
  #stopWatching: (() => void) | undefined
  #draining = false
  readonly #onDrift: ServiceOptions['onDrift']

  private constructor(options: ServiceOptions, metrics: ServiceMetrics | undefined, tracing: Tracing | undefined) {
    this.maxRows = options.maxRows ?? 10_000
    this.maxBody = options.maxBody ?? 8 * 2 ** 20
    requireCount('service', { maxRows: this.maxRows, maxBody: this.maxBody })
    this.reload = options.reload ?? false
    this.log = options.log ?? SILENT
    this.metrics = metrics
    this.tracing = tracing
    this.#onDrift = options.onDrift
  }

  /** @throws (rejects) ERR_LANGEVIN_INVALID_OPTION, and what loading a model does */
  static async open(options: ServiceOptions): Promise<Service> {
    const { models, watch = false, ...rest } = requireOptions('service', options, KNOWN)
    const service = new Service(options, await openMetrics(), await openTracing())
    const { maxBatch, maxDelayMs, maxQueue, threads, device, threshold, fpr, drift } = rest
    const given = { maxBatch, maxDelayMs, maxQueue, threads, device, threshold, fpr, drift }
    const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as ModelOptions
    service.#models = await Models.open(models, chosen, service.#hooks())
    try {
      if (watch) await service.#watch()
    } catch (error) {
      await service.close()
      throw error
    }
    return service
  }

  async #watch(): Promise<void> {
    const changed = (files: string[]) => void this.models.reloadFiles(files)
    const failed = (error: unknown) => this.log.error({ err: error }, 'files are no longer watched')
    this.#stopWatching = await watchFiles(this.models.files, changed, failed)
  }

  get models(): Models {
    return this.#models!
  }
  /** Whether new requests are welcome. */
  get ready(): boolean {
    return !this.#draining
  }

  #hooks(): ModelHooks {
    const fields = (model: ServedModel) => ({ model: model.name, version: model.version, loads: model.loads })
    return {
      onCall: (model, metrics) => {
        this.metrics?.call(model, metrics)
        this.tracing?.record(model, metrics)
      },
      onDrift: (event) => {
        this.metrics?.drift(event)
        if (event.drifted) this.log.warn({ drift: event }, `scores of model ${event.model} have drifted`)
        else this.log.info({ drift: event }, `scores of model ${event.model} are as they were`)
        try {
          this.#onDrift?.(event)
        } catch (error) {
          // The request that gave the last row has its scores; it is not to blame.
          this.log.error({ err: error }, `onDrift failed: ${messageOf(error)}`)
        }
      },
      onLoad: (model) => {
        this.metrics?.loaded(model.name, model.version, true)
        this.log.info({ ...fields(model), kind: model.detector.kind }, `loaded model ${model.name}`)
      },
      onLoadFailed: (name, version, error) => {
        this.metrics?.loaded(name, version, false)
        this.log.error({ model: name, version, err: error }, `model ${name} stays as it was: ${messageOf(error)}`)
      },
    }
  }

  /** Not ready from now on; requests are still answered. */
  drain(): void {
    this.#draining = true
  }

  /** Waits for requests that run, and frees the models. */
  async close(): Promise<void> {
    this.drain()
    this.#stopWatching?.()
    await this.models.close()
  }
}
