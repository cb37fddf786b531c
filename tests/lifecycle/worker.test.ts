/** The package in worker threads. */
import { describe, expect, it, vi } from 'vitest'
import { inProcess, PRELUDE } from './child.js'

// Longer than the deadline of a child process, whose error says what hung.
vi.setConfig({ testTimeout: 120_000 })

/** `worker(body)` runs a function's source in a thread of its own, with the same prelude as the script. */
const WORKERS = `
const prelude = ${JSON.stringify(PRELUDE)}
const worker = (body) => new Worker(new URL('data:text/javascript,' + encodeURIComponent(prelude + 'await (' + body + ')()')))
const message = (w) => new Promise((resolve, reject) => { w.once('message', resolve); w.once('error', reject) })
const exit = (w) => new Promise((resolve) => w.once('exit', resolve))
`

describe('worker threads', () => {
  it('compute at the same time, each with handles of its own, and end by themselves', async () => {
    const outcome = await inProcess(
      `${WORKERS}
      const work = async () => {
        const model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: [1, 4] }))
        const numbers = []
        for (let i = 0; i < 20; i++) numbers.push(...(await model.energy([[i, 1]])).toArray())
        const run = sample(model, { sampler: samplers.langevin({ steps: 200, stepSize: 0.05 }), chains: 32, seed: 3, threads: 1 })
        const { samples } = await run.done
        parentPort.postMessage({ numbers, samples: samples.toTypedArray(), tensors: memoryStats().tensors > 0 })
      }
      const two = [worker(work), worker(work)]
      const exits = two.map(exit)
      const results = await Promise.all(two.map(message))
      const codes = await Promise.all(exits)
      const same = Buffer.compare(Buffer.from(results[0].samples.buffer), Buffer.from(results[1].samples.buffer)) === 0
      console.log(JSON.stringify({ codes, numbers: results.map((r) => r.numbers), same }))
      `,
      { waitingFor: 'two workers with a small sampling run each' },
    )
    expect(outcome.code, outcome.stderr).toBe(0)
    const { codes, numbers, same } = JSON.parse(outcome.stdout)
    expect(codes).toEqual([0, 0])
    // E = (i^2 + 4) / 2, exact in float32.
    const expected = Array.from({ length: 20 }, (_, i) => (i * i + 4) / 2)
    expect(numbers).toEqual([expected, expected])
    expect(same).toBe(true)
  })

  it('terminated in the middle of a job, 30 times, leave the process sound', async () => {
    const outcome = await inProcess(
      `${WORKERS}
      const work = async () => {
        const model = await makeModel()
        const run = endless(model)
        globalThis.kept = [model, run, tensor([1, 2, 3])]
        // Queued behind the endless run: never starts.
        void model.energy([[1, 2]]).catch(() => undefined)
        await firstProgress(run)
        parentPort.postMessage('running')
        for await (const event of run) void event
      }
      for (let i = 0; i < 30; i++) {
        const w = worker(work)
        const ended = exit(w)
        // Some die before their first job, some in the middle of it.
        if (i % 5 === 4) await sleep(i * 3)
        else await message(w)
        await w.terminate()
        await ended
      }
      const { jobsQueued, jobsRunning, tensors, energies: alive } = memoryStats()
      const mine = await makeModel()
      console.log(JSON.stringify({ jobsQueued, jobsRunning, tensors, alive, energy: (await mine.energy([[0, 0]])).shape }))
      `,
      { waitingFor: '30 workers, each terminated in the middle of a sampling run', deadline: 280 },
    )
    expect({ code: outcome.code, signal: outcome.signal }, outcome.stderr).toEqual({ code: 0, signal: null })
    expect(JSON.parse(outcome.stdout)).toEqual({ jobsQueued: 0, jobsRunning: 0, tensors: 0, alive: 0, energy: [1] })
  }, 300_000)

  it("terminated do not stop another thread's run", async () => {
    const outcome = await inProcess(
      `${WORKERS}
      const w = worker(async () => {
        const run = endless(await makeModel())
        parentPort.postMessage('queued')
        await run.done
      })
      await message(w)
      const creating = makeModel()
      await sleep(50)
      await w.terminate()
      const model = await creating
      const { samples } = await sample(model, { sampler: samplers.langevin({ steps: 50, stepSize: 0.01 }), chains: 4 }).done
      console.log(samples.shape.join(' '))
      `,
      { waitingFor: 'a job of the main thread that was queued behind a terminated worker' },
    )
    expect(outcome.code, outcome.stderr).toBe(0)
    expect(outcome.stdout).toBe('4 2\n')
  })

  it('that call process.exit in the middle of a job end alone', async () => {
    const outcome = await inProcess(
      `${WORKERS}
      const w = worker(async () => {
        const run = endless(await makeModel())
        await firstProgress(run)
        process.exit(4)
      })
      console.log(await exit(w))
      console.log((await (await makeModel()).energy([[1, 2]])).size)
      `,
      { waitingFor: 'process.exit(4) in a worker' },
    )
    expect(outcome.code, outcome.stderr).toBe(0)
    expect(outcome.stdout).toBe('4\n1\n')
  })

  it('still running when the main thread exits go down with it', async () => {
    const outcome = await inProcess(
      `${WORKERS}
      const workers = [0, 1].map(() => worker(async () => {
        const run = endless(await makeModel())
        parentPort.postMessage('queued')
        await run.done
      }))
      await Promise.all(workers.map(message))
      await sleep(100)
      process.exit(6)
      `,
      { waitingFor: 'process.exit(6) while two workers have runs' },
    )
    expect({ code: outcome.code, signal: outcome.signal }, outcome.stderr).toEqual({ code: 6, signal: null })
  })
})
