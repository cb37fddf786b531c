/** `langevin/fastify`: models of langevin as routes of a fastify server. */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { LangevinError } from '../errors.js'
import { Canceller } from '../native/signal.js'
import { versions } from '../system.js'
import { type Answer, inferAnswer, modelMetadata, scoreAnswer } from './answers.js'
import { HEADER_LENGTH } from './body.js'
import { answerOf, HttpError } from './http-error.js'
import type { ServedModel } from './models.js'
import { openApi } from './openapi.js'
import type { ScorerCallOptions } from './scorer.js'
import { Service, type ServiceOptions } from './service.js'

export type { DriftEvent, DriftOptions } from './drift-monitor.js'
export type { ModelSource } from './models.js'
export { Service, type ServiceLog, type ServiceOptions } from './service.js'

/** A service that is open already, and stays its owner's, or what to open one with, which ends with the server. */
export type LangevinPluginOptions = { service: Service } | ServiceOptions

interface Params {
  name?: string
  version?: string
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

function answer(reply: FastifyReply, { headers, body }: Answer): FastifyReply {
  return reply.headers(headers).send(body)
}

/** Every error of these routes, fastify's own too, as { "error" }. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, headers, body } = answerOf(error)
  if (status >= 500 && status !== 503) request.log.error({ err: error }, 'a request failed')
  return reply
    .code(status)
    .headers({ ...headers, 'content-type': 'application/json; charset=utf-8' })
    .send(body)
}

export function sendNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendError(new HttpError(404, `there is no ${request.method} ${request.url.slice(0, 200)}`), request, reply)
}

/** A signal that aborts when the client goes before it has its answer, and the trace a request belongs to. */
function callOf(service: Service, request: FastifyRequest, reply: FastifyReply): ScorerCallOptions {
  const canceller = new Canceller()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) canceller.abort(new HttpError(499, 'the client has gone'))
  })
  return { signal: canceller.signal, context: service.tracing?.contextOf(request.headers.traceparent) }
}

/** Bodies stay bytes: JSON, raw tensors, or, as some clients send those, without a content type. */
function parsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const keep = (_: FastifyRequest, body: Buffer) => Promise.resolve(body)
  for (const type of ['application/json', 'application/octet-stream']) {
    app.addContentTypeParser(type, { parseAs: 'buffer' }, keep)
  }
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request: FastifyRequest, body: Buffer) => {
    const type = request.headers['content-type']
    if (type === undefined || type === '') return Promise.resolve(body)
    return Promise.reject(
      new HttpError(
        415,
        `content type '${type.slice(0, 64)}' is not known; send application/json or application/octet-stream`,
      ),
    )
  })
  app.addHook('preParsing', async (request) => {
    const encoding = request.headers['content-encoding']
    if (encoding === undefined || encoding === 'identity') return
    throw new HttpError(415, `content encoding '${encoding.slice(0, 32)}' is not known; send the body as it is`)
  })
}

function observe(app: FastifyInstance, service: Service): void {
  const { metrics } = service
  if (metrics === undefined) return
  const began = new WeakMap<FastifyRequest, number>()
  const pathOf = (request: FastifyRequest) => request.routeOptions.url ?? 'unknown'
  app.addHook('onRequest', async (request) => {
    began.set(request, performance.now())
    metrics.requestBegan(request.method, pathOf(request))
  })
  // Of a client that has gone there is no response: the socket's end counts.
  const ended = async (request: FastifyRequest, status: number) => {
    const at = began.get(request)
    if (at === undefined) return
    began.delete(request)
    const seconds = (performance.now() - at) / 1000
    metrics.requestEnded({ method: request.method, path: pathOf(request), status, seconds })
  }
  app.addHook('onResponse', (request, reply) => ended(request, reply.statusCode))
  app.addHook('onRequestAbort', (request) => ended(request, 499))
  app.get('/metrics', async (_, reply) => reply.header('content-type', metrics.contentType).send(await metrics.text()))
}

/** Routes, and 405 for other methods on their paths. */
class Routes {
  readonly #allowed = new Map<string, string[]>()
  constructor(
    private readonly app: FastifyInstance,
    private readonly bodyLimit: number,
  ) {}

  add(
    method: 'GET' | 'POST',
    url: string,
    handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
  ): void {
    this.app.route({ method, url, handler, bodyLimit: this.bodyLimit })
    this.#allowed.set(url, [...(this.#allowed.get(url) ?? []), method])
  }

  close(): void {
    for (const [url, allowed] of this.#allowed) {
      const method = METHODS.filter((each) => !allowed.includes(each))
      const handler = async (request: FastifyRequest) => {
        throw new HttpError(405, `${request.method} is not allowed here, ${allowed.join(', ')} is`, {
          allow: allowed.join(', '),
        })
      }
      this.app.route({ method, url, handler, bodyLimit: this.bodyLimit })
    }
  }
}

function health(routes: Routes, service: Service): void {
  routes.add('GET', '/v2/health/live', async () => ({ live: true }))
  routes.add('GET', '/v2/health/ready', async (_, reply) => {
    if (service.ready) return { live: true }
    return reply.code(503).header('retry-after', '1').send({ live: false, error: 'the service is going down' })
  })
}

function models(routes: Routes, service: Service): void {
  const found = (request: FastifyRequest) => {
    const { name, version } = request.params as Params
    return service.models.find(name, version)
  }
  for (const url of ['/v2/models/:name', '/v2/models/:name/versions/:version']) {
    routes.add('GET', url, async (request) => modelMetadata(service, found(request)))
    routes.add('GET', `${url}/ready`, async (request) => ({ name: found(request).name, ready: service.ready }))
    routes.add('POST', `${url}/infer`, async (request, reply) => {
      const body = request.body as Buffer | undefined
      const call = callOf(service, request, reply)
      return answer(reply, await inferAnswer(service, found(request), body, request.headers[HEADER_LENGTH], call))
    })
  }
  for (const url of ['/score', '/score/:name']) {
    routes.add('POST', url, async (request, reply) => {
      const { name } = request.params as Params
      const call = callOf(service, request, reply)
      return answer(reply, await scoreAnswer(service, name, request.body as Buffer | undefined, call))
    })
  }
  if (!service.reload) return
  const repository = '/v2/repository/models/:name'
  for (const url of [`${repository}/load`, `${repository}/versions/:version/load`]) {
    routes.add('POST', url, async (request) => {
      const { name, version } = request.params as Params
      const { loads, version: loaded } = await reloaded(service, name!, version)
      return { name, version: loaded, loads }
    })
  }
}

/** What is wrong with a file of the server's is the server's matter: the log says it (`onLoadFailed`), the client hears that it failed. */
async function reloaded(service: Service, name: string, version: string | undefined): Promise<ServedModel> {
  try {
    return await service.models.reload(name, version)
  } catch (error) {
    if (error instanceof HttpError) throw error
    if (LangevinError.is(error) && ['ERR_LANGEVIN_UNSUPPORTED', 'ERR_LANGEVIN_DISPOSED'].includes(error.code))
      throw error
    throw new HttpError(500, `model '${name}' could not be loaded and stays as it was; the log of the server says why`)
  }
}

/**
 * Routes of the Open Inference Protocol v2 (`/v2/...`, with binary tensors), `POST /score`, `GET /metrics` (with prom-client)
 * and `GET /openapi.json`. Encapsulated: the server's own routes, parsers and error handlers stay as they are. Events go to the
 * server's logger.
 *
 * @throws (rejects) what loading a model does, and ERR_LANGEVIN_INVALID_OPTION
 */
export const langevin: FastifyPluginAsync<LangevinPluginOptions> = async (app, options) => {
  const {
    prefix: _,
    logLevel: __,
    ...given
  } = options as LangevinPluginOptions & { prefix?: string; logLevel?: string }
  const service = 'service' in given ? given.service : await Service.open({ log: app.log, ...given })
  if (!('service' in given)) {
    app.addHook('preClose', async () => service.drain())
    app.addHook('onClose', async () => service.close())
  }
  app.setErrorHandler(sendError)
  // A connection that is kept alive would outlast its last request, and the end of the server wait for it.
  app.addHook('onSend', async (_, reply) => {
    if (!service.ready) reply.header('connection', 'close')
  })
  parsers(app)
  observe(app, service)
  const { langevin: version } = versions() as { langevin: string }
  const routes = new Routes(app, service.maxBody)
  health(routes, service)
  for (const url of ['/v2', '/v2/']) {
    routes.add('GET', url, async () => ({ name: 'langevin', version, extensions: ['binary_tensor_data'] }))
  }
  models(routes, service)
  const document = openApi(version, { reload: service.reload, metrics: service.metrics !== undefined })
  routes.add('GET', '/openapi.json', async () => document)
  routes.close()
  app.all('/v2/*', (request, reply) => sendNotFound(request, reply))
}

export default langevin
