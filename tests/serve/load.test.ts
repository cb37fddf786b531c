/** Under load: overload, reloads, aborts, drift, traces and metrics. No answer may be lost or wrong. */
import { copyFileSync, renameSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { trace } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterAll, describe, expect, test, vi } from 'vitest'
import * as data from '../../src/data/index.js'
import * as ood from '../../src/ood/index.js'
import { Service, type ServiceLog } from '../../src/serve/service.js'
import { traceparent } from '../../src/serve/tracing.js'
import { watchFiles } from '../../src/serve/watch.js'
import { memoryStats } from '../../src/system.js'
import { temporaryFolder } from '../helpers/cli.js'
import { collected } from '../helpers/collector.js'
import { ask, listed, namedRows, post, serve, writeDetector } from './support.js'

vi.setConfig({ testTimeout: 120_000 })
const folder = temporaryFolder('load')
const exporter = new InMemorySpanExporter()
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
afterAll(() => trace.disable())

/** Nearest neighbours among so many rows that one row takes milliseconds. */
async function writeSlow(): Promise<string> {
  const path = join(folder, 'slow.safetensors')
  const values = Float32Array.from({ length: 60_000 * 40 }, (_, i) => Math.sin(i) + Math.cos(3 * i * i))
  await using fitted = await ood.fit(ood.detectors.knn(), { data: values, shape: [60_000, 40] }, { reference: 0 })
  await fitted.save(path)
  return path
}
const slowRow = Array.from({ length: 40 }, (_, k) => Math.sin(k))

describe('overload', () => {
  test('is 503 with Retry-After; what was taken is answered right, and the server recovers', async () => {
    const server = await serve({ models: { slow: await writeSlow() }, maxQueue: 4 })
    const [wanted] = (await post(`${server.url}/score`, [slowRow])).body.rows
    const many = Array(20).fill(slowRow)
    const answers = await Promise.all(Array.from({ length: 60 }, () => post(`${server.url}/score`, many)))
    const taken = answers.filter(({ status }) => status === 200)
    const refused = answers.filter(({ status }) => status === 503)
    expect(taken.length + refused.length).toBe(60)
    expect(refused.length).toBeGreaterThan(0)
    expect(taken.length).toBeGreaterThanOrEqual(4)
    for (const { body } of taken) expect(body.rows).toEqual(Array(20).fill(wanted))
    for (const { body, headers } of refused) {
      expect(headers.get('retry-after')).toBe('1')
      expect(body).toEqual({ error: expect.stringMatching(/ERR_LANGEVIN_QUEUE_FULL/) })
    }
    expect((await post(`${server.url}/score`, [slowRow])).body.rows).toEqual([wanted])
    await server.close()
  })

  test('refuses a request as a whole or answers all of it, and only scores that went out are watched', async () => {
    const models = { machines: await writeDetector(folder, 'bounded') }
    const server = await serve({ models, maxQueue: 2, drift: { window: 10 } })
    const model = server.service.models.find('machines')
    const watched = vi.spyOn(model, 'watch')
    const computed = vi.spyOn(model.detector, 'contributions')
    const score = vi.spyOn(model.scorer, 'score')
    const body = { rows: listed(namedRows(50, 8)), contributions: true }
    const answers = await Promise.all(Array.from({ length: 30 }, () => post(`${server.url}/score`, body)))
    const taken = answers.filter(({ status }) => status === 200)
    expect(answers.every(({ status }) => status === 200 || status === 503)).toBe(true)
    expect(taken.length).toBeLessThan(30)
    const scored = (await Promise.allSettled(score.mock.results.map(({ value }) => value))).filter(
      ({ status }) => status === 'fulfilled',
    )
    expect([scored.length, computed.mock.calls.length, watched.mock.calls.length]).toEqual(Array(3).fill(taken.length))
    // A request whose second part fails is not watched.
    computed.mockRejectedValueOnce(new Error('no contributions'))
    expect((await post(`${server.url}/score`, body)).status).toBe(500)
    expect(watched).toHaveBeenCalledTimes(taken.length)
    await server.close()
  })

  test('of clients that hang up leaves nothing in the queue', async () => {
    const server = await serve({ models: { slow: join(folder, 'slow.safetensors') } })
    const { scorer } = server.service.models.find('slow')
    const { hostname, port } = new URL(server.url)
    const body = JSON.stringify(Array(300).fill(slowRow))
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const sent = Array.from({ length: 8 }, () => {
      const one = request({ hostname, port, path: '/score', method: 'POST', headers })
      one.on('error', () => undefined)
      one.end(body)
      return one
    })
    await vi.waitFor(() => expect(scorer.running + scorer.waiting).toBe(8), { timeout: 30_000, interval: 2 })
    for (const one of sent) one.destroy()
    // Eight such calls take far longer than the two that ran may take to stop.
    await vi.waitFor(() => expect(scorer.waiting).toBe(0), { timeout: 30_000, interval: 2 })
    await server.close()
    expect(scorer.running).toBe(0)
  })
})

describe('reloading', () => {
  const rows = namedRows(5, 3)
  /** What each file answers. */
  async function scoresIn(path: string): Promise<number[]> {
    await using fitted = await ood.load(path)
    return [...((await fitted.scores(data.fromRows(rows))).toTypedArray() as Float64Array)]
  }

  test('a file under load loses no request and mixes no models, and the old ones are freed', async () => {
    const [a, b] = [await writeDetector(folder, 'a', 1), await writeDetector(folder, 'b', 2)]
    const [ofA, ofB] = [await scoresIn(a), await scoresIn(b)]
    expect(ofA).not.toEqual(ofB)
    const path = join(folder, 'live.safetensors')
    copyFileSync(a, path)
    const server = await serve({ models: { live: path }, reload: true, maxBatch: 32 })
    const before = memoryStats()
    let [running, answered] = [true, 0]
    const seen = new Set<string>()
    const client = async () => {
      while (running) {
        const { status, body } = await post(`${server.url}/score`, listed(rows))
        expect(status).toBe(200)
        const scores = body.rows.map(({ score }: { score: number }) => score)
        const which = JSON.stringify(scores) === JSON.stringify(ofA) ? 'a' : 'b'
        expect(scores).toEqual(which === 'a' ? ofA : ofB)
        seen.add(which)
        answered++
      }
    }
    const clients = Promise.all(Array.from({ length: 6 }, client))
    for (let k = 0; k < 12; k++) {
      copyFileSync(k % 2 === 0 ? b : a, `${path}.new`)
      renameSync(`${path}.new`, path)
      const { status, body } = await post(`${server.url}/v2/repository/models/live/load`, '')
      expect([status, body.loads]).toEqual([200, k + 2])
      // From the answer on, it is the new file.
      const { body: next } = await post(`${server.url}/score`, listed(rows))
      expect(next.rows.map(({ score }: { score: number }) => score)).toEqual(k % 2 === 0 ? ofB : ofA)
      const at = answered
      await vi.waitFor(() => expect(answered).toBeGreaterThan(at + 5), { timeout: 20_000, interval: 2 })
    }
    running = false
    await clients
    expect(seen).toEqual(new Set(['a', 'b']))
    // The model that is left has two tensors of its scale since its first request.
    await vi.waitFor(() => expect(memoryStats().tensors).toBeLessThanOrEqual(before.tensors + 2), { timeout: 20_000 })
    await server.close()
  })

  test('a file that is watched is loaded when it is replaced; a broken one leaves the old model', async () => {
    const [a, b] = [join(folder, 'a.safetensors'), join(folder, 'b.safetensors')]
    const path = join(folder, 'watched.safetensors')
    copyFileSync(a, path)
    const errors: string[] = []
    const log: ServiceLog = { info: () => undefined, warn: () => undefined, error: (_, text) => errors.push(text) }
    const server = await serve({ models: { watched: path }, watch: true, reload: true, log })
    const score = async () => (await post(`${server.url}/score`, listed(rows))).body.rows[0].score
    const [[ofA], [ofB]] = [await scoresIn(a), await scoresIn(b)]
    expect(await score()).toBe(ofA)
    copyFileSync(b, `${path}.new`)
    renameSync(`${path}.new`, path)
    await vi.waitFor(async () => expect(await score()).toBe(ofB), { timeout: 20_000, interval: 50 })
    const repository = `${server.url}/v2/repository/models/watched`
    writeFileSync(path, 'no model')
    // The route says that it failed; where the file is and what is wrong with it is in the log.
    for (const route of ['/load', '/versions/1/load']) {
      const { status, body: said } = await post(`${repository}${route}`, '')
      expect(status).toBe(500)
      expect(said).toEqual({
        error: "model 'watched' could not be loaded and stays as it was; the log of the server says why",
      })
    }
    expect((await post(`${repository}/versions/2/load`, '')).status).toBe(404)
    await vi.waitFor(() => expect(errors.join()).toMatch(/watched stays as it was/), { timeout: 20_000, interval: 50 })
    expect(await score()).toBe(ofB)
    const { body } = await ask(`${server.url}/v2/models/watched/ready`)
    expect(body.ready).toBe(true)
    await server.close()
  })
})

describe('the end', () => {
  test('of the models takes the reloads that run along, and lets no other begin', async () => {
    const file = await writeDetector(folder, 'ending')
    await collected()
    const before = memoryStats()
    const service = await Service.open({ models: { ending: file } })
    const { models } = service
    const results = Promise.allSettled([models.reload('ending'), models.reload('ending')])
    const closed = service.close()
    const late = models.reload('ending')
    await expect(late).rejects.toMatchObject({ code: 'ERR_LANGEVIN_DISPOSED' })
    await Promise.all([closed, results])
    // Neither may be left over.
    expect(memoryStats().tensors).toBe(before.tensors)
  })

  test('a folder that cannot be watched frees what was opened before it', async () => {
    const file = await writeDetector(folder, 'unwatched')
    const changed = vi.fn()
    await expect(watchFiles([file, join(folder, 'nowhere', 'x')], changed, () => undefined)).rejects.toThrow(/ENOENT/)
    writeFileSync(file, 'other')
    await pause(500)
    expect(changed).not.toHaveBeenCalled()
  })
})

describe('drift', () => {
  test('of the scores is an event, a log line and a metric; none where nothing drifts', async () => {
    const path = await writeDetector(folder, 'drifting')
    const events: { drifted: boolean; rows: number; ksPValue: number }[] = []
    const warned: string[] = []
    const log: ServiceLog = { info: () => undefined, warn: (_, text) => warned.push(text), error: () => undefined }
    const drift = { window: 100 }
    const failed: string[] = []
    log.error = (_, text) => failed.push(text)
    const onDrift = (event: (typeof events)[0]) => {
      if (events.push(event) === 2) throw new Error('pager is down')
    }
    const server = await serve({ models: { machines: path }, drift, log, onDrift })
    for (let k = 0; k < 4; k++) {
      expect((await post(`${server.url}/score`, listed(namedRows(50, 100 + k)))).status).toBe(200)
    }
    // What the callback throws is in the log, not in an answer.
    expect(failed).toEqual(['onDrift failed: pager is down'])
    expect(events.map(({ drifted, rows: n }) => [drifted, n])).toEqual([
      [false, 100],
      [false, 100],
    ])
    expect(warned).toEqual([])
    for (let k = 0; k < 2; k++) await post(`${server.url}/score`, listed(namedRows(50, 200 + k, 1.5)))
    expect(events).toHaveLength(3)
    expect(events[2]!.drifted).toBe(true)
    expect(warned).toEqual(['scores of model machines have drifted'])
    const { body } = await ask(`${server.url}/metrics`)
    const value = Number(/langevin_drift_ks_p_value\{[^}]*\} (\S+)/.exec(body)![1])
    expect(value).toBe(events[2]!.ksPValue)
    expect(body).toMatch(/langevin_drift_alarms_total\{model_name="machines",model_version="1"\} 1/)
    await server.close()
  })
})

describe('metrics and traces', () => {
  test('count requests under the names of MLServer, in OpenMetrics', async () => {
    const server = await serve({ models: { machines: join(folder, 'drifting.safetensors') } })
    await post(`${server.url}/score`, listed(namedRows(3, 1)))
    await post(`${server.url}/v2/models/machines/infer`, { inputs: [] })
    const { headers, body } = await ask(`${server.url}/metrics`)
    expect(headers.get('content-type')).toMatch(/^application\/openmetrics-text/)
    const of = 'model_name="machines",model_version="1"'
    expect(body).toContain(`model_infer_request_success_total{${of}} 1`)
    expect(body).toContain(`model_infer_request_failure_total{${of}} 1`)
    expect(body).toContain(`langevin_rows_total{${of}} 3`)
    expect(body).toContain('rest_server_requests_total{method="POST",path="/score",status_code="200"} 1')
    expect(body).toContain('status_code="400"} 1')
    expect(body).toContain('rest_server_requests_in_progress{method="POST",path="/score"} 0')
    expect(body).toMatch(/batch_request_queue_bucket/)
    expect(body.trimEnd()).toMatch(/# EOF$/)
    await server.close()
  })

  test('a native call is one span, below the span that the header names', async () => {
    const server = await serve({ models: { machines: join(folder, 'drifting.safetensors') } })
    exporter.reset()
    const [traceId, parent] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
    await post(`${server.url}/score`, listed(namedRows(3, 1)), { traceparent: `00-${traceId}-${parent}-01` })
    const [span, ...more] = exporter.getFinishedSpans()
    expect(more).toEqual([])
    expect(span!.name).toBe('langevin.score')
    expect(span!.spanContext().traceId).toBe(traceId)
    expect(span!.parentSpanContext?.spanId).toBe(parent)
    expect(span!.attributes).toMatchObject({ 'langevin.model': 'machines', 'langevin.rows': 3, 'langevin.calls': 1 })
    exporter.reset()
    await post(`${server.url}/score`, listed(namedRows(3, 1)), { traceparent: 'nonsense' })
    expect(exporter.getFinishedSpans()[0]!.spanContext().traceId).not.toBe(traceId)
    await server.close()
  })

  test('a traceparent is read as the standard says', () => {
    const [traceId, spanId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
    expect(traceparent(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId, traceFlags: 1 })
    expect(traceparent(`cc-${traceId}-${spanId}-00-what-comes`)).toEqual({ traceId, spanId, traceFlags: 0 })
    for (const bad of [
      undefined,
      `ff-${traceId}-${spanId}-01`,
      `00-${'0'.repeat(32)}-${spanId}-01`,
      `00-${traceId}-${'0'.repeat(16)}-01`,
      `00-${traceId.toUpperCase()}-${spanId}-01`,
      `00-${traceId}-${spanId}`,
    ])
      expect(traceparent(bad), String(bad)).toBeUndefined()
  })
})

describe('a service without a server', () => {
  test('refuses what makes no sense, and waits for what runs', async () => {
    const models = { slow: join(folder, 'slow.safetensors') }
    await expect(Service.open({ models: {} })).rejects.toThrow(/name at least one model/)
    await expect(Service.open({ models, fpr: 0.1 })).rejects.toThrow(/held-out/)
    for (const limits of [
      { maxRows: 0 },
      { maxBody: 1.5 },
      { maxRows: Number.NaN },
      { drift: { window: 0 } },
      { drift: { every: 0.5 } },
      { drift: { alpha: 2 } },
      { drift: { windows: 100 } },
    ] as object[]) {
      const machines = join(folder, 'drifting.safetensors')
      const options = { models: { machines }, ...limits }
      await expect(Service.open(options), JSON.stringify(limits)).rejects.toMatchObject({
        code: 'ERR_LANGEVIN_INVALID_OPTION',
      })
    }
    await expect(Service.open({ models, maxrows: 3 } as never)).rejects.toThrow(/maxRows/)
    await expect(Service.open({ models: { a: join(folder, 'none.safetensors') } })).rejects.toThrow(/none\.safetensors/)
    const service = await Service.open({ models })
    const model = service.models.find('slow')
    const answer = model.use(() => model.scorer.score(Array(20).fill(slowRow)))
    await Promise.all([service.close(), answer.then((scores) => expect(scores).toHaveLength(20))])
    expect(model.detector.disposed).toBe(true)
  })
})
