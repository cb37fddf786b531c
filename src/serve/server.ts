/** A server of its own around the fastify plugin: what `langevin serve` runs. */
import type { Socket } from 'node:net'
import type * as Fastify from 'fastify'
import { langevin, sendError, sendNotFound } from './fastify.js'
import { needed } from './optional.js'
import { Service, type ServiceOptions } from './service.js'

export interface ServerOptions extends ServiceOptions {
  /** Default 127.0.0.1: this machine alone. */
  host?: string
  /** Default 8080; 0: any free one. */
  port?: number
  /** pino's level; default 'info'. Lines of JSON on stderr. */
  logLevel?: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent'
}

export interface RunningServer {
  readonly service: Service
  readonly url: string
  /** Takes no new requests, answers those it has, and frees the models. */
  close(): Promise<void>
}

/** What is no HTTP gets an answer of HTTP with the body that all errors have. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, text] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'the headers are too large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'the request took too long to come']
        : ['400 Bad Request', 'this is not a request of HTTP/1.1']
  const body = JSON.stringify({ error: text })
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

/** @throws (rejects) ERR_LANGEVIN_UNSUPPORTED without fastify, what `Service.open` does, and EADDRINUSE and its like */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 8080, logLevel = 'info', ...rest } = options
  const { fastify } = await needed<typeof Fastify>('fastify', 'langevin serve')
  const app = fastify({
    logger: { level: logLevel, stream: process.stderr },
    bodyLimit: rest.maxBody ?? 8 * 2 ** 20,
    forceCloseConnections: 'idle',
    clientErrorHandler: refuse,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply),
  })
  app.setErrorHandler(sendError)
  app.setNotFoundHandler((request, reply) => sendNotFound(request, reply))
  let service: Service | undefined
  try {
    service = await Service.open({ log: app.log, ...rest })
    await app.register(langevin, { service })
    const url = await app.listen({ host, port })
    const opened = service
    const close = async () => {
      opened.drain()
      await app.close()
      await opened.close()
    }
    return { service: opened, url, close }
  } catch (error) {
    await app.close()
    await service?.close()
    throw error
  }
}
