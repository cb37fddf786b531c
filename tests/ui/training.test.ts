/** Training with the page open: the same bits, whoever looks, and orders that reach the run. */
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { start, temporaryFolder } from '../helpers/cli.js'

const folder = temporaryFolder('ui-training')
const write = (steps: number, out: string) =>
  writeFileSync(
    join(folder, `${out}.json`),
    JSON.stringify({
      energy: { kind: 'mlp', input: 2, hidden: [16], gaussianBase: 2 },
      data: { toy: 'moons', n: 500 },
      objective: { kind: 'denoisingScoreMatching', sigma: 0.3 },
      optimizer: { kind: 'adam', lr: 0.001 },
      steps,
      batchSize: 64,
      out: `${out}.safetensors`,
    }),
  )

/** `langevin train --ui` once its page is there. */
async function training(out: string) {
  const { child, outcome } = start(folder, ['train', `${out}.json`, '--ui'])
  const url = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stderr!.on('data', (text) => {
      said += String(text)
      const found = /Watch it: (\S+)/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.on('close', () => reject(new Error(said)))
  })
  const order = async (action: string) => {
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ run: `${out}-1`, action })
    const answer = await fetch(`${url}command`, { method: 'POST', headers, body })
    return ((await answer.json()) as { message: string }).message
  }
  return { url, outcome, order }
}

/** A page that asks for events and reads none of them. */
function deaf(url: string, run: string): Socket {
  const { host, hostname, port, pathname } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(`GET ${pathname}events?runs=${run} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  return socket
}

describe('training with its page open', () => {
  it('ends with the same bits, with a page that reads and with one that does not', async () => {
    write(20_000, 'alone')
    write(20_000, 'watched')
    expect((await start(folder, ['train', 'alone.json', '-q']).outcome).status).toBe(0)
    const { url, outcome } = await training('watched')
    const socket = deaf(url, 'watched-1')
    const controller = new AbortController()
    const { body } = await fetch(`${url}events?runs=watched-1`, { signal: controller.signal })
    let seen = ''
    const pictures = new Set<number>()
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      seen += Buffer.from(chunk).toString('utf8')
      if (/"id":"watched-1","state":"done"/.test(seen)) break
      pictures.add((await fetch(`${url}picture?run=watched-1`)).status)
    }
    controller.abort()
    socket.destroy()
    const { status, stderr } = await outcome
    expect(status, stderr).toBe(0)
    expect(seen).toMatch(/event: points/)
    // A copy of the energy has been evaluated while it was trained.
    expect([...pictures]).toContain(200)
    expect(readFileSync(join(folder, 'watched.safetensors'))).toEqual(readFileSync(join(folder, 'alone.safetensors')))
  })

  it('can be stopped while it is paused, with a checkpoint to go on from', async () => {
    write(50_000_000, 'held')
    const { order, outcome } = await training('held')
    expect(await order('checkpoint')).toMatch(/^Step \d+ is saved in runs\/held-1/)
    expect(await order('pause')).toContain('paused')
    expect(await order('checkpoint')).toContain('when the run goes on')
    expect(await order('abort')).toContain('stops')
    const { status, stderr } = await outcome
    expect([status, stderr]).toEqual([130, expect.stringContaining('runs resume held-1')])
    const record = JSON.parse(readFileSync(join(folder, 'runs/held-1/record.json'), 'utf8'))
    expect(record.state).toBe('aborted')
    const lines = readFileSync(join(folder, 'runs/held-1/metrics.jsonl'), 'utf8').trim().split('\n')
    expect(lines.map((text) => JSON.parse(text).type)).toEqual(expect.arrayContaining(['pause', 'checkpoint', 'end']))
  })
})
