/** One page that watches: server-sent events, as many as it reads and never more. */
import type { ServerResponse } from 'node:http'
import type { Series } from '../runs/index.js'
import type { PointsMessage } from './messages.js'

/** More unread bytes than this, and a page is told nothing until it has read; what it missed comes in one piece then. */
const MOST_UNREAD = 1 << 16

/** How far a page is with one run. */
interface Cursor {
  generation: number
  length: number
  tail?: number | undefined
}

const RUN = /^([\w.-]+):(\d+):(\d+)$/

/** Where a page was when its connection broke, by run; nothing for the events of another server. */
export function cursorsOf(lastEventId: string | undefined, boot: string): Map<string, Cursor> {
  const [from, ...runs] = (lastEventId ?? '').split('~')
  if (from !== boot) return new Map()
  return new Map(
    runs.flatMap((text) => {
      const [, id, generation, length] = RUN.exec(text) ?? []
      return id === undefined ? [] : [[id, { generation: Number(generation), length: Number(length) }] as const]
    }),
  )
}

/** Points of a series as columns. */
function columnsOf(points: readonly Readonly<Record<string, number>>[]): PointsMessage['columns'] {
  const names = [...new Set(points.flatMap((point) => Object.keys(point)))]
  return Object.fromEntries(names.map((name) => [name, points.map((point) => point[name] ?? null)]))
}

/**
 * A page's connection. Nothing waits in it: each look at the runs sends what is new since the last one, and a page that does not
 * read is skipped until it has.
 */
export class Stream {
  readonly following: readonly string[]
  readonly #response: ServerResponse
  readonly #boot: string
  readonly #cursors: Map<string, Cursor>
  /** The last text of each event that is told when it changes. */
  readonly #told = new Map<string, string>()
  #stalledSince: number | undefined
  #quietSince = performance.now()

  constructor(response: ServerResponse, following: readonly string[], boot: string, lastEventId: string | undefined) {
    this.following = following
    this.#response = response
    this.#boot = boot
    this.#cursors = cursorsOf(lastEventId, boot)
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', connection: 'keep-alive' })
    response.write('retry: 1000\n\n')
  }

  /** Whether the page has more to read than it should. */
  get stalled(): boolean {
    return this.#response.writableLength > MOST_UNREAD
  }

  /** For how long, in milliseconds. */
  stalledFor(): number {
    if (!this.stalled) this.#stalledSince = undefined
    else this.#stalledSince ??= performance.now()
    return this.#stalledSince === undefined ? 0 : performance.now() - this.#stalledSince
  }

  #send(event: string, data: string, id?: string): void {
    this.#quietSince = performance.now()
    this.#response.write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`)
  }

  /** Tells something unless it was told last time. */
  tell(event: string, message: unknown, about = ''): void {
    if (!this.stalled) this.tellText(event, JSON.stringify(message), about)
  }

  /** The same of a message that is JSON already. */
  tellText(event: string, data: string, about = ''): void {
    if (this.stalled) return
    const key = `${event} ${about}`
    if (this.#told.get(key) === data) return
    this.#told.set(key, data)
    this.#send(event, data)
  }

  /** What is new in a run. */
  points(run: string, series: Series): void {
    if (this.stalled) return
    const { generation, length } = series
    const at = this.#cursors.get(run)
    const from = at?.generation === generation && at.length <= length ? at.length : 0
    const { points, tail } = series.from(from)
    if (at !== undefined && at.generation === generation && points.length === 0 && tail?.step === at.tail) return
    this.#cursors.set(run, { generation, length, tail: tail?.step })
    const message: PointsMessage = { run, generation, from, columns: columnsOf(points), tail: tail ?? null }
    this.#send('points', JSON.stringify(message), this.#id())
  }

  #id(): string {
    const runs = this.following.flatMap((run) => {
      const at = this.#cursors.get(run)
      return at === undefined ? [] : [`${run}:${at.generation}:${at.length}`]
    })
    return [this.#boot, ...runs].join('~')
  }

  /** A word now and then, so that both sides notice a broken connection. */
  beat(every: number): void {
    if (this.stalled || performance.now() - this.#quietSince < every) return
    this.#quietSince = performance.now()
    this.#response.write(': still here\n\n')
  }

  end(): void {
    this.#response.destroy()
  }
}
