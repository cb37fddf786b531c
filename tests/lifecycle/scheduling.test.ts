/** Short jobs and a run that takes hours: who waits for whom, and that the run's numbers do not notice. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  detectors,
  Energy,
  energies,
  memoryStats,
  objectives,
  ood,
  type RunEvent,
  sample,
  samplers,
  tensor,
  train,
} from '../../src/index.js'

const rows = tensor(
  Float32Array.from({ length: 2000 }, (_, i) => Math.sin(i)),
  [1000, 2],
)
const mlp = (seed: number, hidden = [16]) =>
  Energy.create(energies.mlp({ input: 2, hidden, gaussianBase: 1 }), { seed })
const trainPcd = (model: Energy, steps: number, signal?: AbortSignal) =>
  train(model, rows, {
    objective: objectives.persistentContrastiveDivergence({
      sampler: samplers.langevin({ steps: 5, stepSize: 0.01 }),
      buffer: { size: 500 },
    }),
    batchSize: 64,
    penalties: { energy: 0.1 }, // it must not diverge, however long it runs
    steps,
    seed: 3,
    ...(signal && { signal }),
  })
const endlessSampling = (model: Energy, signal?: AbortSignal) =>
  sample(model, {
    sampler: samplers.langevin({ steps: 1_000_000_000, stepSize: 0.01 }),
    chains: 8,
    threads: 1,
    ...(signal && { signal }),
  })

async function firstProgress(run: AsyncIterable<RunEvent>): Promise<void> {
  for await (const event of run) if (event.type === 'progress') return
  throw new Error('the run ended without progress')
}

async function stop(...runs: { abort(): void; done: Promise<unknown> }[]): Promise<void> {
  for (const run of runs) run.abort()
  await Promise.all(runs.map((run) => run.done.catch(() => undefined)))
}

describe('while a run trains', () => {
  it('200 evaluations of another energy are answered, and the run goes on', async () => {
    using model = await mlp(1, [128, 128])
    using other = await mlp(2)
    const run = trainPcd(model, 1_000_000_000)
    await firstProgress(run)
    const expected = (await other.energy([[1, 2]])).toArray()
    for (let i = 0; i < 100; i++) expect((await other.energy([[1, 2]])).toArray()).toEqual(expected)
    const together = await Promise.all(Array.from({ length: 100 }, () => other.energy([[1, 2]])))
    for (const one of together) expect(one.toArray()).toEqual(expected)
    expect(run.state).toBe('running')
    await firstProgress(run)
    await stop(run)
  })

  it('energies are made, saved, loaded, changed and read, and detectors answer', async () => {
    using model = await mlp(1)
    const run = trainPcd(model, 1_000_000_000)
    await firstProgress(run)
    using made = await mlp(4)
    const path = join(tmpdir(), `langevin-scheduling-${process.pid}.safetensors`)
    await made.save(path)
    using loaded = await Energy.load(path)
    expect((await loaded.parameters())['0.weight']?.toArray()).toEqual((await made.parameters())['0.weight']?.toArray())
    await loaded.setParameters({ '0.bias': new Float32Array(16) })
    expect((await loaded.score([[1, 2]])).shape).toEqual([1, 2])
    const near = await ood.scores(detectors.knn({ rows, k: 5 }), [[0, 0]])
    expect(near.shape).toEqual([1])
    expect((await ood.scores(detectors.energy(loaded), [[0, 0]])).shape).toEqual([1])
    expect(run.state).toBe('running')
    await stop(run)
  })

  it('the numbers of the run are the same bits as without other work', async () => {
    const weights = async (busy: boolean) => {
      using model = await mlp(1, [32, 32])
      using other = await mlp(2, [32, 32])
      const run = trainPcd(model, 300)
      let ended = false
      const done = run.done.finally(() => {
        ended = true
      })
      let calls = 0
      for (; busy && !ended; calls++) {
        await Promise.all([
          other.energy(rows),
          other.score(rows),
          mlp(calls).then((e) => e.dispose()),
          ood.scores(detectors.mahalanobis({ rows }), [[0, 1]]),
        ])
      }
      const { history } = await done
      const parameters = await model.parameters()
      return { calls, history, values: Object.values(parameters).map((t) => [...t.toTypedArray()]) }
    }
    const alone = await weights(false)
    const disturbed = await weights(true)
    expect(disturbed.calls).toBeGreaterThan(3)
    expect(disturbed.values).toEqual(alone.values)
    expect(disturbed.history).toEqual(alone.history)
  })

  it('long jobs wait for it in their order', async () => {
    using model = await mlp(1)
    using other = await mlp(2)
    const order: string[] = []
    // Long enough that the event loop hears of one end before the next: a run's promise takes more turns than a sample's.
    const brief = () => sample(other, { sampler: samplers.langevin({ steps: 20_000, stepSize: 0.01 }), chains: 2 })
    const run = trainPcd(model, 200)
    const all = [run, brief(), brief()].map((each, i) => each.done.then(() => order.push(`long ${i}`)))
    await other.energy([[1, 2]]).then(() => order.push('short'))
    await Promise.all(all)
    expect(order).toEqual(['short', 'long 0', 'long 1', 'long 2'])
  })
})

describe('calls on one energy', () => {
  it('that change it wait for the run that reads it, and later reads wait for them', async () => {
    using model = await mlp(1)
    const order: string[] = []
    const run = endlessSampling(model)
    await firstProgress(run)
    // Reading beside a reader is fine.
    const before = (await model.energy([[1, 2]])).toArray()
    const change = model.setParameters({ '0.bias': new Float32Array(16).fill(3) }).then(() => order.push('changed'))
    const after = model.energy([[1, 2]]).then((t) => {
      order.push('read')
      return t.toArray()
    })
    using other = await mlp(2)
    await other.energy([[1, 2]])
    expect([order.length, memoryStats().jobsQueued]).toEqual([0, 2])
    order.push('stopped')
    await stop(run)
    await change
    expect(await after).not.toEqual(before)
    expect(order).toEqual(['stopped', 'changed', 'read'])
  })

  it('that change it enter while the run that reads it is paused', async () => {
    using model = await mlp(1)
    const run = endlessSampling(model)
    await firstProgress(run)
    run.pause()
    await model.setParameters({ '0.bias': new Float32Array(16).fill(3) })
    run.resume()
    await firstProgress(run)
    await stop(run)
  })
})

describe('clients that hang up', () => {
  it('take their waiting jobs out of the queue', async () => {
    using model = await mlp(1)
    const run = endlessSampling(model)
    await firstProgress(run)
    const clients = Array.from({ length: 20 }, () => new AbortController())
    const waiting = clients.map(({ signal }, i) => {
      // Of both lanes: a run behind a run, and a change of an energy that is being read.
      const job: Promise<unknown> =
        i % 2 === 0
          ? endlessSampling(model, signal).done
          : model.setParameters({ '0.bias': new Float32Array(16) }, { signal })
      return job.then(
        () => 'answered',
        (reason) => reason,
      )
    })
    expect(memoryStats().jobsQueued).toBe(20)
    for (const [i, client] of clients.entries()) {
      client.abort(`gone ${i}`)
      expect(memoryStats().jobsQueued).toBe(19 - i)
    }
    expect(await Promise.all(waiting)).toEqual(clients.map((_, i) => `gone ${i}`))
    expect(run.state).toBe('running')
    await stop(run)
  })
})
