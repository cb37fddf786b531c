/** The local server of the page that watches runs: node:http on 127.0.0.1, a token in the path, server-sent events. */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LangevinError, messageOf } from '../errors.js'
import { ioError } from '../io/files.js'
import type { FoundRun } from '../runs/index.js'
import { versions } from '../system.js'
import { assetOf } from './assets.js'
import { HEADERS, newToken, refusal, refusedOrder } from './guard.js'
import type { Action, CommandAnswer, Picture } from './messages.js'
import { Stream } from './stream.js'
import { detailOf, helloMessage, summaryOf } from './tell.js'
import { Watcher } from './watcher.js'

/** The run that the serving process trains. */
export interface OwnRun {
  readonly id: string
  state(): string
  /** Carries an order out. @returns what there is to say @throws (rejects) where it cannot be */
  order(action: Action): Promise<string>
}

export interface UiOptions {
  /** The folder of runs. */
  readonly root: string
  /** Default: any that is free. */
  readonly port?: number | undefined
  readonly own?: OwnRun | undefined
  /** What a model looks like; undefined where there is nothing to show yet. */
  readonly picture?: ((run: FoundRun) => Promise<Picture | undefined>) | undefined
  /** Milliseconds between two looks at the runs. Default 250. */
  readonly tick?: number
  /** Milliseconds after which a page that reads nothing is let go. Default 30,000. */
  readonly patience?: number
}

const ACTIONS: readonly Action[] = ['pause', 'resume', 'checkpoint', 'abort']
/** Runs one page follows at a time. */
const MOST_FOLLOWED = 6
const MOST_PAGES = 16
const MOST_BODY = 4096
/** The list of runs is looked through this often, in milliseconds. */
const LISTING = 1000
const BEAT = 15_000
/** A picture is made again after so many milliseconds at least and at most, and between them after so many times what it took. */
const PICTURE_AGE = [3000, 20_000] as const
const PICTURE_SHARE = 20

/** A page about a folder of runs, served until `close`. */
export class UiServer {
  readonly #options: UiOptions
  readonly #token = newToken()
  readonly #boot = randomBytes(6).toString('hex')
  readonly #watcher: Watcher
  readonly #streams = new Set<Stream>()
  readonly #pictures = new Map<string, { state: string; until: number; picture: Promise<Picture | undefined> }>()
  readonly #server: Server
  #timer: NodeJS.Timeout | undefined
  #listed = Number.NEGATIVE_INFINITY
  #lastSeen = performance.now()
  #closed = false

  private constructor(options: UiOptions) {
    this.#options = options
    this.#watcher = new Watcher(options.root)
    this.#server = createServer({ maxHeaderSize: 16_384 }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (response.headersSent) response.destroy()
        else send(response, 500, 'text/plain', messageOf(error))
      })
    })
    this.#server.headersTimeout = 10_000
    this.#server.requestTimeout = 20_000
  }

  /** @throws (rejects) ERR_LANGEVIN_IO: no such folder, the port is taken */
  static async start(options: UiOptions): Promise<UiServer> {
    const ui = new UiServer(options)
    await ui.#watcher.list()
    await new Promise<void>((resolve, reject) => {
      const { port = 0 } = options
      ui.#server.once('error', (cause: NodeJS.ErrnoException) => {
        const taken = cause.code === 'EADDRINUSE' ? `port ${port} is taken; choose another with --port` : cause.message
        const details = { port, reason: cause.code }
        reject(new LangevinError('ERR_LANGEVIN_IO', `cannot serve the page: ${taken}`, { details, cause }))
      })
      ui.#server.listen(port, '127.0.0.1', () => {
        // Later ones, such as too many open files, concern one connection; without a listener they would end the process.
        ui.#server.on('error', (error) => ui.#trouble(`the page: ${error.message}`))
        resolve()
      })
    })
    return ui
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The address with its token. Who has it can read the runs and give orders to the one that is trained here. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/${this.#token}/`
  }

  /** Pages that are open. */
  get pages(): number {
    return this.#streams.size
  }

  /** Resolves when no page has been open for so many milliseconds. */
  async unwatched(grace: number, signal?: AbortSignal): Promise<void> {
    while (!this.#closed && !signal?.aborted) {
      if (this.#streams.size === 0 && performance.now() - this.#lastSeen >= grace) return
      await new Promise((resolve) => setTimeout(resolve, Math.min(grace, 200)))
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const stream of this.#streams) stream.end()
    await new Promise((resolve) => {
      this.#server.close(resolve)
      this.#server.closeAllConnections()
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    const refused = refusal(request, this.port, this.#token)
    if (refused !== undefined) return send(response, refused.status, 'text/plain', refused.text)
    // As it was sent: a URL object would resolve '..' first.
    const [path = '', query = ''] = request.url!.split('?', 2)
    const name = path.slice(this.#token.length + 2)
    if (name === 'command') return await this.#command(request, response)
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain', 'GET only')
    if (name === 'events') return await this.#stream(request, response, new URLSearchParams(query))
    if (name === 'picture') return await this.#picture(response, new URLSearchParams(query).get('run') ?? '')
    if (path === `/${this.#token}`) return send(response, 308, 'text/plain', '', { location: this.url })
    const asset = await assetOf(name)
    if (asset === undefined) return send(response, 404, 'text/plain', 'There is nothing of this name.')
    send(response, 200, asset.type, asset.text)
  }

  async #command(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refused = refusedOrder(request)
    if (refused !== undefined) return send(response, refused.status, 'text/plain', refused.text)
    const body = await bodyOf(request)
    const { run, action } = orderIn(body)
    const { own } = this.#options
    const answer = (status: number, ok: boolean, message: string) =>
      send(response, status, 'application/json', JSON.stringify({ ok, message } satisfies CommandAnswer))
    if (action === undefined) return answer(400, false, `an order is { run, action }, with ${ACTIONS.join(', ')}`)
    if (own === undefined || own.id !== run) return answer(409, false, `${run} is not trained by this process`)
    try {
      answer(200, true, await own.order(action))
    } catch (error) {
      answer(409, false, messageOf(error))
    }
  }

  async #stream(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
    if (this.#streams.size === 0) await this.#watcher.list().catch(() => undefined)
    // Meanwhile the page may have gone, and others may have come.
    if (response.destroyed || response.closed) return
    if (this.#streams.size >= MOST_PAGES) return send(response, 503, 'text/plain', 'Too many pages are open.')
    const asked = query.get('runs')?.split(',') ?? []
    const known = [...new Set(asked)].filter((id) => this.#watcher.run(id) !== undefined).slice(0, MOST_FOLLOWED)
    const first = this.#options.own?.id ?? this.#watcher.runs[0]?.id
    const following = known.length > 0 || first === undefined ? known : [first]
    const last = request.headers['last-event-id']
    const stream = new Stream(response, following, this.#boot, typeof last === 'string' ? last : undefined)
    stream.tell('hello', helloMessage(versions().langevin, this.#options.root, following))
    this.#streams.add(stream)
    response.on('close', () => {
      this.#streams.delete(stream)
      this.#lastSeen = performance.now()
    })
    this.#timer ??= setTimeout(() => this.#look(), 0)
  }

  /** Looks at the runs and tells the pages; then again, as long as there are pages. */
  async #look(): Promise<void> {
    try {
      if (performance.now() - this.#listed > LISTING) {
        await this.#watcher.list()
        this.#listed = performance.now()
      }
      await this.#watcher.read(new Set([...this.#streams].flatMap(({ following }) => following)))
      const list = this.#list()
      for (const stream of this.#streams) this.#tell(stream, list)
    } catch (error) {
      // The folder may be gone for a while; the pages say what is wrong.
      this.#trouble(ioError('read', this.#watcher.root, error).message)
    }
    this.#timer = undefined
    if (this.#streams.size === 0 || this.#closed) return
    this.#timer = setTimeout(() => this.#look(), this.#options.tick ?? 250)
  }

  #trouble(message: string): void {
    for (const stream of this.#streams) stream.tell('trouble', { message })
  }

  #ownState(id: string): string | undefined {
    const { own } = this.#options
    return own?.id === id ? own.state() : undefined
  }

  /** The list of runs as JSON, the same for all pages. */
  #list(): string {
    return JSON.stringify({
      runs: this.#watcher.runs.map((run) => summaryOf(run, this.#ownState(run.id))),
      others: this.#watcher.others.map(({ id, problem }) => ({ id, problem })),
    })
  }

  #tell(stream: Stream, list: string): void {
    if (stream.stalledFor() > (this.#options.patience ?? 30_000)) {
      stream.end()
      return
    }
    stream.tellText('runs', list)
    for (const id of stream.following) {
      const run = this.#watcher.run(id)
      const followed = this.#watcher.follow(id)
      if (run === undefined || followed === undefined) continue
      stream.points(id, followed.series)
      stream.tell('detail', detailOf(run, this.#ownState(id), followed.findings()), id)
    }
    stream.beat(BEAT)
  }

  /** Pictures cost evaluations of the energy: one at a time for each run, and not often. */
  async #picture(response: ServerResponse, id: string): Promise<void> {
    const run = this.#watcher.run(id)
    const { picture: make } = this.#options
    if (run === undefined || make === undefined)
      return send(response, 404, 'text/plain', `There is no picture of ${id}.`)
    const now = performance.now()
    let entry = this.#pictures.get(id)
    // The last picture of a run that goes on is not the one of its end.
    const state = `${this.#ownState(id)} ${run.state} ${run.record.ended}`
    if (entry === undefined || now > entry.until || entry.state !== state) {
      const fresh = { state, until: Number.POSITIVE_INFINITY, picture: make(run) }
      const settle = () => {
        const end = performance.now()
        const [least, most] = PICTURE_AGE
        fresh.until = end + Math.min(most, Math.max(least, PICTURE_SHARE * (end - now)))
      }
      fresh.picture.then(settle, settle)
      this.#pictures.set(id, fresh)
      entry = fresh
    }
    const picture = await entry.picture
    if (picture === undefined) send(response, 204, 'text/plain', '')
    else send(response, 200, 'application/json', JSON.stringify(picture))
  }
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, ...headers })
  response.end(text)
}

/** The text of an order; empty where it is longer than an order can be. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > MOST_BODY) return ''
  }
  return text
}

function orderIn(text: string): { run: string; action: Action | undefined } {
  try {
    const { run, action } = JSON.parse(text) as { run?: unknown; action?: unknown }
    return { run: String(run), action: ACTIONS.find((known) => known === action) }
  } catch {
    return { run: '', action: undefined }
  }
}
