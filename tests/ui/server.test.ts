/** The server of the page: who is let in, what it serves, how it treats a page that reloads, sleeps or gives orders. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request, Server } from 'node:http'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createRunFolder, type MetricsLine, RunRecorder, Series } from '../../src/runs/index.js'
import { sameText } from '../../src/ui/guard.js'
import { type Action, type OwnRun, type UiOptions, UiServer } from '../../src/ui/index.js'
import { cursorsOf, Stream } from '../../src/ui/stream.js'
import { temporaryFolder } from '../helpers/cli.js'
import { rejection } from '../helpers/errors.js'

const base = temporaryFolder('ui')
const root = join(base, 'runs')
const METRICS = join(root, 'moons-1', 'metrics.jsonl')
const line = (step: number, more = {}) =>
  `${JSON.stringify({ type: 'progress', time: '', step, steps: 1000, seconds: step, stepsPerSecond: 1, loss: 1 / step, ...more })}\n`

/** They hold their files open, as those of runs that go on do. */
const recorders: RunRecorder[] = []
afterAll(() => Promise.all(recorders.map((recorder) => recorder.failed(new Error('over'), true))))

beforeAll(async () => {
  for (const name of ['moons', 'other']) {
    const { path } = await createRunFolder(root, name)
    const run = { objective: { kind: 'denoisingScoreMatching' }, steps: 1000, out: `${name}.safetensors` }
    recorders.push(
      await RunRecorder.begin(path, { run, seed: 0, rows: 10, parameters: 5, steps: 1000, warn: () => undefined }),
    )
  }
  writeFileSync(METRICS, [1, 2, 3].map((step) => line(step)).join(''))
  mkdirSync(join(root, 'photos'))
})

const open: UiServer[] = []
afterEach(async () => {
  for (const ui of open.splice(0)) await ui.close()
})
async function served(options: Partial<UiOptions> = {}): Promise<UiServer> {
  const ui = await UiServer.start({ root, tick: 20, ...options })
  open.push(ui)
  return ui
}

interface Answer {
  status: number
  headers: Record<string, unknown>
  body: string
}
/** A request with any headers; fetch would not let us choose the Host. */
function ask(ui: UiServer, path: string, headers = {}, method = 'GET', body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: ui.port, path, method, headers }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
const pathOf = (ui: UiServer) => new URL(ui.url).pathname

interface Event {
  event: string
  id: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: the data of any event
  data: any
}
/** `name: value` lines of one event. */
function parsed(text: string): Event | undefined {
  const fields = Object.fromEntries(
    text.split('\n').map((each) => [each.slice(0, each.indexOf(':')), each.slice(each.indexOf(':') + 2)]),
  )
  return fields.event === undefined ? undefined : { event: fields.event, id: fields.id, data: JSON.parse(fields.data!) }
}

/** Events until one satisfies `last`; then the connection is given up. */
function events(ui: UiServer, query: string, last: (event: Event) => boolean, headers = {}): Promise<Event[]> {
  return new Promise((resolve, reject) => {
    const sent = request(`${ui.url}events${query}`, { headers }, (response) => {
      const seen: Event[] = []
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        const whole = (text + chunk).split('\n\n')
        text = whole.pop()!
        for (const event of whole.flatMap((each) => parsed(each) ?? [])) {
          seen.push(event)
          if (!last(event)) continue
          response.destroy()
          return resolve(seen)
        }
      })
      response.on('error', () => undefined)
    })
    sent.on('error', reject)
    sent.end()
  })
}
const points = (run: string) => (each: Event) => each.event === 'points' && each.data.run === run

const PICTURE = { kind: 'energies' as const, step: 1, edges: [0, 1], counts: { data: [1] } }

describe('who is let in', () => {
  it('who has the token, and nobody else', async () => {
    const ui = await served()
    const path = pathOf(ui)
    expect((await ask(ui, path)).status).toBe(200)
    expect((await ask(ui, path.slice(0, -1))).status).toBe(308)
    const token = path.slice(1, -1)
    const wrong = [`/${token.slice(0, -1)}/`, `/${token}x/`, '/x/', `/${token.toLowerCase()}x/events`, '//', '/%00/']
    for (const each of wrong) expect((await ask(ui, each)).status, each).toBeGreaterThanOrEqual(401)
    expect((await ask(ui, '/')).status).toBe(401)
    expect((await ask(ui, `/x/events?token=${token}`)).status).toBe(403)
    expect((await ask(ui, `/x/command`, { 'content-type': 'application/json' }, 'POST', '{}')).status).toBe(403)
    expect((await served()).url.split('/')[3]).not.toBe(token)
    // 32 bytes.
    expect(token).toMatch(/^[\w-]{43}$/)
  })

  it('texts are the same or not, of any length', () => {
    expect([sameText('abc', 'abc'), sameText('abc', 'abd'), sameText('ab', 'abc'), sameText('', '')]).toEqual([
      true,
      false,
      false,
      true,
    ])
  })

  it('only under its own name: another Host may be a rebound DNS name', async () => {
    const ui = await served()
    const status = async (headers: Record<string, string>) => (await ask(ui, pathOf(ui), headers)).status
    expect(await status({ host: `localhost:${ui.port}` })).toBe(200)
    const { port } = ui
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      `127.0.0.1:${port + 1}`,
      `localhost.:${port}`,
    ])
      expect(await status({ host }), host).toBe(403)
    expect(await status({ origin: 'http://evil.example' })).toBe(403)
    expect(await status({ origin: 'null' })).toBe(403)
    expect(await status({ origin: `http://127.0.0.1:${port}` })).toBe(200)
    expect(await status({ 'sec-fetch-site': 'cross-site' })).toBe(403)
  })

  it('is served on this machine alone, under strict headers, and never to other origins', async () => {
    const ui = await served()
    const { headers, body } = await ask(ui, pathOf(ui))
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|https?:|\*|data:/)
    expect(headers['access-control-allow-origin']).toBeUndefined()
    expect(headers['referrer-policy']).toBe('no-referrer')
    // Nothing inline, nothing from elsewhere.
    expect(body).not.toMatch(/<script(?! src=| type="module" src=)|<style|style="|\son\w+=|https?:/)
    expect((await ask(ui, pathOf(ui), { origin: 'http://evil.example' }, 'OPTIONS')).status).toBe(403)
  })

  it('listens on 127.0.0.1 and no other address', async () => {
    const { port } = await served()
    const outside = Object.values(networkInterfaces()).flatMap((all) =>
      (all ?? []).flatMap(({ family, internal, address }) => (family === 'IPv4' && !internal ? [address] : [])),
    )
    // Linux has all of 127.0.0.0/8 without any network.
    if (process.platform === 'linux') outside.push('127.0.0.2')
    const answer = (host: string) =>
      new Promise<string | undefined>((resolve) => {
        const socket = connect(port, host, () => resolve('connected')).on('error', (error: NodeJS.ErrnoException) =>
          resolve(error.code),
        )
        socket.on('connect', () => socket.destroy())
      })
    expect(await answer('127.0.0.1')).toBe('connected')
    for (const host of outside) expect(await answer(host), host).toBe('ECONNREFUSED')
  })

  it('serves the files of the page and no others', async () => {
    const ui = await served()
    for (const name of ['page.css', 'uplot.js', 'uplot.css'])
      expect((await ask(ui, pathOf(ui) + name)).status, name).toBe(200)
    for (const name of [
      '../../package.json',
      '..%2f..%2fpackage.json',
      'page.js.map',
      '.env',
      'uplot.css/x',
      '__proto__',
    ])
      expect((await ask(ui, pathOf(ui) + name)).status, name).not.toBe(200)
    const drawn = await served({ picture: async () => PICTURE })
    const picture = async (run: string) =>
      (await ask(drawn, `${pathOf(drawn)}picture?run=${encodeURIComponent(run)}`)).status
    expect(await picture('moons-1')).toBe(200)
    for (const run of ['..', '../runs/moons-1', 'photos', 'nothing']) expect(await picture(run), run).toBe(404)
    expect((await ask(ui, `${pathOf(ui)}picture?run=moons-1`)).status).toBe(404)
  })

  it('says what is wrong before it begins', async () => {
    expect((await rejection(() => UiServer.start({ root: join(base, 'nowhere') }))).code).toBe('ERR_LANGEVIN_IO')
    const { port } = await served()
    const taken = await rejection(() => UiServer.start({ root, port }))
    expect([taken.code, taken.message]).toEqual(['ERR_LANGEVIN_IO', expect.stringContaining('--port')])
  })

  it('outlives errors of single connections', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen')
    const ui = await served()
    const [server] = listen.mock.contexts as unknown as Server[]
    listen.mockRestore()
    for (const code of ['EMFILE', 'ENFILE']) server!.emit('error', Object.assign(new Error(code), { code }))
    expect((await ask(ui, pathOf(ui))).status).toBe(200)
  })
})

describe('events', () => {
  it('tell the list, the details and the measurements', async () => {
    const ui = await served()
    const seen = await events(ui, '?runs=moons-1', ({ event }) => event === 'detail')
    expect(seen.map(({ event }) => event)).toEqual(['hello', 'runs', 'points', 'detail'])
    const [hello, runs, told, detail] = seen.map(({ data }) => data)
    expect(hello).toMatchObject({ following: ['moons-1'], plots: expect.arrayContaining([expect.anything()]) })
    expect(runs.runs.map(({ id, state }: { id: string; state: string }) => `${id} ${state}`).sort()).toEqual([
      'moons-1 running',
      'other-1 running',
    ])
    expect(runs.others).toEqual([{ id: 'photos', problem: expect.stringContaining('not a run') }])
    expect(told).toMatchObject({ run: 'moons-1', from: 0, columns: { step: [1, 2, 3], loss: [1, 1 / 2, 1 / 3] } })
    expect(detail).toMatchObject({ run: 'moons-1', findings: [], settings: { steps: '1000' }, facts: { seed: '0' } })
  })

  it('of several runs come on one connection; unknown names are left out', async () => {
    const ui = await served()
    const seen = await events(ui, '?runs=other-1,../x,moons-1,other-1', points('moons-1'))
    expect(seen[0]!.data.following).toEqual(['other-1', 'moons-1'])
  })

  it('go on where a connection broke, and begin anew for a page that was loaded anew', async () => {
    const ui = await served()
    const first = (await events(ui, '?runs=moons-1', points('moons-1'))).at(-1)!
    appendFileSync(METRICS, line(4))
    const again = (await events(ui, '?runs=moons-1', points('moons-1'), { 'last-event-id': first.id })).at(-1)!
    expect(again.data).toMatchObject({ from: 3, columns: { step: [4] } })
    const anew = (await events(ui, '?runs=moons-1', points('moons-1'))).at(-1)!
    expect(anew.data).toMatchObject({ from: 0, columns: { step: [1, 2, 3, 4] } })
    // Of another server, or nonsense: from the start.
    for (const id of ['ffff~moons-1:0:3', 'x', `${first.id!.split('~')[0]}~moons-1:999:2`, '~~::']) {
      const { data } = (await events(ui, '?runs=moons-1', points('moons-1'), { 'last-event-id': id })).at(-1)!
      expect(data.from, id).toBe(0)
    }
    expect(cursorsOf('b~a:1:2~x y:1:2~c:1:z', 'b')).toEqual(new Map([['a', { generation: 1, length: 2 }]]))
  })

  it('tell what a run warns of before its end, in words', async () => {
    const warning = {
      type: 'warning',
      time: '',
      step: 3,
      monitor: 'gap',
      code: 'gap',
      severity: 'error',
      value: 1,
      limit: 0,
      message: 'the gap is wide',
      remedy: 'a smaller lr',
    }
    writeFileSync(
      join(root, 'other-1', 'metrics.jsonl'),
      `${line(3)}${JSON.stringify(warning)}\n${line(4)}{"type":"prog`,
    )
    const ui = await served()
    const { data } = (await events(ui, '?runs=other-1', ({ event }) => event === 'detail')).at(-1)!
    expect(data.findings).toEqual([
      { severity: 'error', code: 'gap', message: expect.stringContaining('the gap is wide'), remedy: 'a smaller lr' },
    ])
  })
})

/** An answer of which nothing is ever read. */
class Unread extends Writable {
  override _write(): void {}
  writeHead(): void {}
}

describe('pages', () => {
  it('that go away before they are told anything are not counted', async () => {
    const ui = await served()
    const gone = Array.from({ length: 10 }, async () => {
      const socket = connect(ui.port, '127.0.0.1')
      socket.on('error', () => undefined)
      const text = `GET ${pathOf(ui)}events HTTP/1.1\r\nhost: 127.0.0.1:${ui.port}\r\n\r\n`
      await new Promise<void>((resolve) => socket.write(text, () => resolve()))
      socket.destroy()
    })
    await Promise.all(gone)
    await events(ui, '', ({ event }) => event === 'hello')
    await expect.poll(() => ui.pages, { timeout: 5000 }).toBe(0)
  })

  it('are at most 16, also where they come at the same time', async () => {
    const ui = await served()
    const statuses = await Promise.all(
      Array.from(
        { length: 20 },
        () =>
          new Promise<number | undefined>((resolve, reject) => {
            const sent = request(`${ui.url}events`, (response) => {
              response.on('error', () => undefined).resume()
              resolve(response.statusCode)
            })
            sent.on('error', reject)
            sent.end()
          }),
      ),
    )
    expect(statuses.filter((status) => status === 503)).toHaveLength(4)
    expect(ui.pages).toBe(16)
  })
})

describe('a page that reads nothing', () => {
  it('is skipped: what waits for it is bounded, and it gets all at once later', () => {
    const response = new Unread()
    const stream = new Stream(response as never, ['a'], 'b', undefined)
    let series = new Series()
    let largest = 0
    for (let step = 1; step <= 20_000; step++) {
      series.add(JSON.parse(line(step)) as MetricsLine)
      if (step % 10 > 0) continue
      stream.points('a', series)
      stream.tell('detail', { step }, 'a')
      largest = Math.max(largest, response.writableLength)
    }
    expect(stream.stalled).toBe(true)
    // 64 KiB, and the one message that was written last: at most a whole series.
    series = new Series()
    for (let step = 1; step < 1500; step++) series.add(JSON.parse(line(step)) as MetricsLine)
    expect(largest).toBeLessThan(65_536 + JSON.stringify(series.points()).length)
  })

  it('is let go after a while; others notice nothing', async () => {
    const ui = await served({ tick: 5, patience: 200 })
    const long = Array.from({ length: 1400 }, (_, i) =>
      line(i + 1, { gap: i / 7, acceptance: 1 / (i + 2), lr: i / 3 }),
    ).join('')
    const deaf = connect(ui.port, '127.0.0.1')
    deaf.on('error', () => undefined)
    deaf.pause()
    deaf.write(`GET ${pathOf(ui)}events?runs=moons-1 HTTP/1.1\r\nhost: 127.0.0.1:${ui.port}\r\n\r\n`)
    while (ui.pages === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    // A file made anew is told from its start: 150 kB each time, until the buffers of the system are full.
    let round = 0
    const busy = setInterval(() => writeFileSync(METRICS, round++ % 2 === 0 ? long : line(1)), 20)
    try {
      while (ui.pages > 0) {
        const seen = await events(ui, '?runs=moons-1', points('moons-1'))
        expect(seen.length).toBeGreaterThan(0)
        if (ui.pages === 1) await new Promise((resolve) => setTimeout(resolve, 20))
      }
    } finally {
      clearInterval(busy)
      deaf.destroy()
    }
    expect(round).toBeGreaterThan(10)
  })
})

describe('orders', () => {
  const given: Action[] = []
  const own: OwnRun = {
    id: 'moons-1',
    state: () => 'paused',
    order: async (action) => {
      given.push(action)
      if (action === 'abort') throw new Error('it cannot be stopped')
      return `done: ${action}`
    },
  }
  const json = { 'content-type': 'application/json' }

  it('reach the run of this process, once each', async () => {
    const ui = await served({ own })
    const order = async (body: unknown, headers: object = json, method = 'POST') => {
      const { status, body: text } = await ask(ui, `${pathOf(ui)}command`, headers, method, JSON.stringify(body))
      return [status, text.startsWith('{') ? JSON.parse(text) : text]
    }
    expect(await order({ run: 'moons-1', action: 'pause' })).toEqual([200, { ok: true, message: 'done: pause' }])
    expect(await order({ run: 'moons-1', action: 'abort' })).toEqual([
      409,
      { ok: false, message: 'it cannot be stopped' },
    ])
    expect((await order({ run: 'other-1', action: 'pause' }))[0]).toBe(409)
    expect((await order({ run: 'moons-1', action: 'explode' }))[0]).toBe(400)
    expect((await order({ run: 'moons-1', action: 'pause'.repeat(2000) }))[0]).toBe(400)
    expect((await order(null))[0]).toBe(400)
    expect((await order({ run: 'moons-1', action: 'pause' }, { 'content-type': 'text/plain' }))[0]).toBe(415)
    expect((await order({ run: 'moons-1', action: 'pause' }, json, 'PUT'))[0]).toBe(405)
    expect(given).toEqual(['pause', 'abort'])
    const { data } = (await events(ui, '', ({ event }) => event === 'detail')).at(-1)!
    expect([data.run, data.own, data.state]).toEqual(['moons-1', true, 'paused'])
  })

  it('have nobody to reach where the process trains nothing', async () => {
    const ui = await served()
    const body = JSON.stringify({ run: 'moons-1', action: 'pause' })
    expect((await ask(ui, `${pathOf(ui)}command`, json, 'POST', body)).status).toBe(409)
  })
})

describe('pictures', () => {
  it('are made once for all who ask at the same time', async () => {
    let made = 0
    const picture = async () => {
      made++
      await new Promise((resolve) => setTimeout(resolve, 50))
      return PICTURE
    }
    const ui = await served({ picture })
    const all = await Promise.all([1, 2, 3].map(() => ask(ui, `${pathOf(ui)}picture?run=moons-1`)))
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(made).toBe(1)
    expect(readFileSync(METRICS, 'utf8').length).toBeGreaterThan(0)
  })

  it('are made anew when a run ends, however young the last one is', async () => {
    const { id, path } = await createRunFolder(root, 'ends')
    const facts = { run: { steps: 9 }, seed: 0, rows: 1, parameters: 1, warn: () => undefined }
    const recorder = await RunRecorder.begin(path, facts)
    const states: string[] = []
    const ui = await served({
      picture: async ({ state }) => {
        states.push(state)
        return PICTURE
      },
    })
    const picture = async () => (await ask(ui, `${pathOf(ui)}picture?run=${id}`)).status
    expect([await picture(), await picture()]).toEqual([200, 200])
    await recorder.failed(new Error('over'), true)
    const ended = `"id":"${id}","state":"aborted"`
    await events(ui, `?runs=${id}`, ({ event, data }) => event === 'runs' && JSON.stringify(data).includes(ended))
    expect([await picture(), await picture()]).toEqual([200, 200])
    expect(states).toEqual(['running', 'aborted'])
  })
})
