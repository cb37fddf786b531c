/** Metrics in OpenMetrics by prom-client, where it is installed; names as MLServer's where that has one. */
import type * as Prom from 'prom-client'
import type { DriftEvent } from './drift-monitor.js'
import type { ServedModel } from './models.js'
import { optional } from './optional.js'
import type { ScorerMetrics } from './scorer.js'

const MODEL = ['model_name', 'model_version'] as const
const REST = ['method', 'path', 'status_code'] as const
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const COUNTS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384]

export interface RequestSeen {
  method: string
  path: string
  status: number
  seconds: number
}

export interface ServiceMetrics {
  readonly contentType: string
  text(): Promise<string>
  requestBegan(method: string, path: string): void
  requestEnded(seen: RequestSeen): void
  inference(model: { name: string; version: string }, ok: boolean, rows: number, refused: number): void
  call(model: ServedModel, metrics: ScorerMetrics): void
  drift(event: DriftEvent): void
  loaded(name: string, version: string, ok: boolean): void
}

const labels = ({ name, version }: { name: string; version: string }) => ({ model_name: name, model_version: version })

function build(prom: typeof Prom): ServiceMetrics {
  const registry = new prom.Registry<Prom.OpenMetricsContentType>()
  registry.setContentType(prom.Registry.OPENMETRICS_CONTENT_TYPE)
  const registers = [registry as unknown as Prom.Registry]
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
    new prom.Counter({ name, help, labelNames: [...labelNames], registers })
  const gauge = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
    new prom.Gauge({ name, help, labelNames: [...labelNames], registers })
  const histogram = <T extends string>(name: string, help: string, labelNames: readonly T[], buckets: number[]) =>
    new prom.Histogram({ name, help, labelNames: [...labelNames], buckets, registers })
  const success = counter('model_infer_request_success', 'inference requests answered', MODEL)
  const failure = counter('model_infer_request_failure', 'inference requests that failed', MODEL)
  const queue = histogram('batch_request_queue', 'calls waiting when a native call starts', MODEL, COUNTS)
  const requests = counter('rest_server_requests', 'HTTP requests answered', REST)
  const seconds = histogram('rest_server_requests_duration_seconds', 'time of an HTTP request', REST, SECONDS)
  const progress = gauge('rest_server_requests_in_progress', 'HTTP requests being answered', ['method', 'path'])
  const rows = counter('langevin_rows', 'rows scored', MODEL)
  const refused = counter('langevin_rows_refused', 'rows that were not accepted', MODEL)
  const batch = histogram('langevin_native_call_rows', 'rows of a native call', MODEL, COUNTS)
  const run = histogram('langevin_native_call_seconds', 'time of a native call', MODEL, SECONDS)
  const wait = histogram('langevin_queue_wait_seconds', 'longest wait of the calls in a native call', MODEL, SECONDS)
  const ks = gauge('langevin_drift_ks', 'Kolmogorov-Smirnov distance of the last scores to the held-out ones', MODEL)
  const ksP = gauge('langevin_drift_ks_p_value', 'its two-sample p-value', MODEL)
  const psi = gauge('langevin_drift_psi', 'population stability index of the last scores', MODEL)
  const alarms = counter('langevin_drift_alarms', 'reports of drift', MODEL)
  const loads = counter('langevin_model_loads', 'loads of a model file', [...MODEL, 'outcome'])
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    requestBegan: (method, path) => progress.inc({ method, path }),
    requestEnded({ method, path, status, seconds: took }) {
      progress.dec({ method, path })
      requests.inc({ method, path, status_code: status })
      seconds.observe({ method, path, status_code: status }, took)
    },
    inference(model, ok, count, no) {
      const of = labels(model)
      ;(ok ? success : failure).inc(of)
      if (ok) rows.inc(of, count)
      if (no > 0) refused.inc(of, no)
    },
    call(model, metrics) {
      const of = labels(model)
      queue.observe(of, metrics.waiting)
      batch.observe(of, metrics.rows)
      run.observe(of, metrics.runMs / 1000)
      wait.observe(of, metrics.waitMs / 1000)
    },
    drift(event) {
      const of = { model_name: event.model, model_version: event.version }
      ks.set(of, event.ks)
      ksP.set(of, event.ksPValue)
      psi.set(of, event.psi)
      if (event.drifted) alarms.inc(of)
    },
    loaded: (name, version, ok) => loads.inc({ ...labels({ name, version }), outcome: ok ? 'success' : 'failure' }),
  }
}

/** undefined where prom-client is not installed. */
export async function openMetrics(): Promise<ServiceMetrics | undefined> {
  const prom = await optional<typeof Prom & { default?: typeof Prom }>('prom-client')
  return prom && build(prom.default ?? prom)
}
