/** How a process with running jobs ends. */
import { describe, expect, it, vi } from 'vitest'
import { inProcess, type Outcome } from './child.js'

// Longer than the deadline of a child process, whose error says what hung.
vi.setConfig({ testTimeout: 120_000 })

/** A clean end: the exit code, and no crash hidden behind it. */
function expectExit(outcome: Outcome, code: number): void {
  expect({ code: outcome.code, signal: outcome.signal }, outcome.stderr).toEqual({ code, signal: null })
}

describe('a process', () => {
  it('ends by itself with live handles of every kind', async () => {
    const outcome = await inProcess(
      `
      const model = await makeModel()
      globalThis.kept = [model, tensor(new Float32Array(1000)), await model.energy([[1, 2]]), endless(model)]
      kept[3].abort()
      await kept[3].done.catch(() => undefined)
      console.log('end')
      `,
      { waitingFor: 'a process whose event loop is empty and whose handles are idle' },
    )
    expectExit(outcome, 0)
    expect(outcome.stdout).toBe('end\n')
  })

  it('stays alive until an awaited call and a run have ended, though nothing else holds it', async () => {
    const outcome = await inProcess(
      `
      const model = await makeModel()
      const x = tensor(new Float32Array(2 * 50_000), [50_000, 2])
      model.energy(x, { threads: 1 }).then((e) => console.log('energy', e.shape[0]))
      const sampler = samplers.langevin({ steps: 2000, stepSize: 0.01 })
      sample(model, { sampler, chains: 16, threads: 1 }).done.then(({ samples }) => console.log('samples', samples.shape[0]))
      `,
      { waitingFor: 'two jobs of about a second' },
    )
    expectExit(outcome, 0)
    // A short job and a run do not wait for each other.
    expect(outcome.stdout.trim().split('\n').sort()).toEqual(['energy 50000', 'samples 16'])
  })

  it('ends in the middle of a run by process.exit, with its code', async () => {
    const outcome = await inProcess(
      `
      const run = endless(await makeModel())
      await firstProgress(run)
      process.exit(7)
      `,
      { waitingFor: 'process.exit(7) while a sampling run goes on' },
    )
    expectExit(outcome, 7)
  })

  it('ends in the middle of an evaluation by process.exit', async () => {
    const outcome = await inProcess(
      `
      const model = await Energy.create(energies.mlp({ input: 2, hidden: [512, 512] }))
      void model.score(tensor(new Float32Array(2 * 2_000_000), [2_000_000, 2]))
      await sleep(100)
      process.exit(3)
      `,
      { waitingFor: 'process.exit(3) while a score of two million rows is computed' },
    )
    expectExit(outcome, 3)
  })

  it('ends in the middle of a training run by process.exit', async () => {
    const outcome = await inProcess(
      `
      const model = await makeModel()
      const x = tensor(Float32Array.from({ length: 2000 }, (_, i) => Math.sin(i)), [1000, 2])
      const run = train(model, x, { objective: objectives.denoisingScoreMatching({ sigma: 0.3 }), steps: 10_000_000, seed: 0 })
      await firstProgress(run)
      process.exit(5)
      `,
      { waitingFor: 'process.exit(5) while a training run goes on' },
    )
    expectExit(outcome, 5)
  })

  it('ends in the middle of a run on an uncaught error, and shows it', async () => {
    const outcome = await inProcess(
      `
      const run = endless(await makeModel())
      await firstProgress(run)
      setTimeout(() => { throw new Error('mine') })
      await run.done
      `,
      { waitingFor: 'an uncaught error while a sampling run goes on' },
    )
    expectExit(outcome, 1)
    expect(outcome.stderr).toContain('Error: mine')
  })

  it('ends on an unhandled rejection of a run nobody listens to', async () => {
    const outcome = await inProcess(
      `
      const model = await makeModel()
      sample(model, { sampler: samplers.langevin({ steps: 10, stepSize: 0.01 }), init: [[NaN, 1]] })
      setTimeout(() => console.log('still here'), 30_000)
      `,
      { waitingFor: 'an unhandled rejection' },
    )
    expectExit(outcome, 1)
    expect(outcome.stderr).toContain('ERR_LANGEVIN_NON_FINITE')
  })

  it('ends in the middle of a run on SIGTERM', async () => {
    const outcome = await inProcess(
      `
      const run = endless(await makeModel())
      await firstProgress(run)
      console.log('ready')
      await run.done
      `,
      { waitingFor: 'SIGTERM while a sampling run goes on', kill: 'SIGTERM' },
    )
    expect({ code: outcome.code, signal: outcome.signal }).toEqual({ code: null, signal: 'SIGTERM' })
  })

  it('ends with a paused run, by process.exit', async () => {
    const outcome = await inProcess(
      `
      const run = endless(await makeModel())
      await firstProgress(run)
      run.pause()
      await sleep(50)
      process.exit(0)
      `,
      { waitingFor: 'process.exit(0) while a run is paused' },
    )
    expectExit(outcome, 0)
  })

  it('takes no new work in an exit listener, and ends', async () => {
    const outcome = await inProcess(
      `
      const model = await makeModel()
      process.on('exit', () => {
        model.energy([[1, 2]]).catch((error) => console.log(error.code))
        const t = tensor([1, 2])
        console.log(t.toArray().join(' '), memoryStats().energies)
      })
      `,
      { waitingFor: 'the exit of a process that asks for work while it exits' },
    )
    expectExit(outcome, 0)
    expect(outcome.stdout).toContain('1 2 1')
  })

  it('gives memory back: handles, forgotten handles, and the numbers V8 is told', async () => {
    const outcome = await inProcess(
      `
      const model = await makeModel()
      for (let i = 0; i < 200; i++) tensor(new Float32Array(250_000))
      for (let i = 0; i < 50; i++) await model.energy([[1, 2]])
      for (let i = 0; i < 20 && memoryStats().tensors > 0; i++) { gc(); await sleep(20) }
      console.log(JSON.stringify(memoryStats()))
      model.dispose()
      console.log(JSON.stringify(memoryStats()))
      `,
      { waitingFor: 'the garbage collector', args: ['--expose-gc'] },
    )
    expectExit(outcome, 0)
    const [before, after] = outcome.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    // 2 x 16 + 16 and 16 x 1 + 1 float32 parameters.
    expect(before).toEqual({
      tensors: 0,
      tensorBytes: 0,
      energies: 1,
      energyBytes: before.energyBytes,
      jobsQueued: 0,
      jobsRunning: 0,
    })
    expect(before.energyBytes).toBe((2 * 16 + 16 + 16 + 1) * 4)
    expect(after).toMatchObject({ energies: 0, energyBytes: 0 })
  })
})
