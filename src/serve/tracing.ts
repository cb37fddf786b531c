/** One span for every native call, by @opentelemetry/api where it is installed; W3C traceparent of a request is its parent. */
import type * as Api from '@opentelemetry/api'
import type { ServedModel } from './models.js'
import { optional } from './optional.js'
import type { ScorerMetrics } from './scorer.js'

const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/

/** The ids of a `traceparent` header; undefined where there is none or it is malformed, which the standard says to ignore. */
export function traceparent(header: unknown): { traceId: string; spanId: string; traceFlags: number } | undefined {
  const match = typeof header === 'string' ? TRACEPARENT.exec(header) : null
  if (match === null) return undefined
  return { traceId: match[1]!, spanId: match[2]!, traceFlags: Number.parseInt(match[3]!, 16) }
}

export interface Tracing {
  /** What the native calls of a request belong to: the span that is active, else that of the header. */
  contextOf(header: unknown): Api.Context
  /** Records a native call: child of its first request, linked to the others. */
  record(model: ServedModel, metrics: ScorerMetrics): void
}

function build(api: typeof Api): Tracing {
  const tracer = api.trace.getTracer('langevin')
  return {
    contextOf(header) {
      const active = api.context.active()
      const given = api.trace.getSpan(active) === undefined ? traceparent(header) : undefined
      return given === undefined ? active : api.trace.setSpanContext(active, { ...given, isRemote: true })
    },
    record(model, { contexts, started, runMs, calls, rows, waitMs, error }) {
      const [first, ...others] = contexts as (Api.Context | undefined)[]
      const links = others.flatMap((each) => {
        const context = each && api.trace.getSpanContext(each)
        return context === undefined ? [] : [{ context }]
      })
      const attributes = {
        'langevin.model': model.name,
        'langevin.version': model.version,
        'langevin.calls': calls,
        'langevin.rows': rows,
        'langevin.wait_ms': waitMs,
      }
      const span = tracer.startSpan(
        'langevin.score',
        { startTime: started, attributes, links },
        first ?? api.ROOT_CONTEXT,
      )
      if (error !== undefined) {
        span.recordException(error as Error)
        span.setStatus({ code: api.SpanStatusCode.ERROR })
      }
      span.end(started + runMs)
    },
  }
}

/** undefined where @opentelemetry/api is not installed. */
export async function openTracing(): Promise<Tracing | undefined> {
  const api = await optional<typeof Api>('@opentelemetry/api')
  return api && build(api)
}
