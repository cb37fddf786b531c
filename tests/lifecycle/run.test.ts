/** Run: events, checkpoints, the end, unhandled rejections, pause. */
import { setImmediate, setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { LangevinError } from '../../src/errors.js'
import type { NativeJob } from '../../src/native/contract.js'
import { type OnCheckpoint, Run, type RunEvent } from '../../src/runtime/index.js'

/** A job whose messages the test sends itself. */
class Job implements NativeJob {
  state: 'queued' | 'running' | 'ended' = 'queued'
  calls: string[] = []
  abort = () => void this.calls.push('abort')
  pause = () => void this.calls.push('pause')
  resume = () => void this.calls.push('resume')
  requestCheckpoint = () => void this.calls.push('checkpoint')
}

function started<R = unknown>(hooks: { finish?: (raw: unknown) => R; onCheckpoint?: OnCheckpoint } = {}) {
  const run = new Run<R>({ finish: hooks.finish ?? ((raw) => raw as R), onCheckpoint: hooks.onCheckpoint })
  const job = new Job()
  run.attach(job)
  job.state = 'running'
  run.receive('start', null)
  return { run, job }
}

const aborted = () => new LangevinError('ERR_LANGEVIN_ABORTED', 'the run was aborted')
const told = (events: RunEvent[]) => events.map((e) => ('step' in e ? `${e.type} ${e.step}` : e.type))

async function read(run: Run<unknown>): Promise<RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run) events.push(event)
  return events
}

/** Unhandled rejections while `body` runs and a little after. */
async function unhandled(body: () => Promise<void>): Promise<unknown[]> {
  const reasons: unknown[] = []
  // The test runner has a listener of its own, which would fail the file.
  const before = process.rawListeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (reason) => reasons.push(reason))
  try {
    await body()
    await setTimeout(20)
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const listener of before) process.on('unhandledRejection', listener as (reason: unknown) => void)
  }
  return reasons
}

describe('events of a run', () => {
  it('gives a fast reader every event in order and ends after the end event', async () => {
    const { run } = started()
    const events = read(run)
    for (const step of [1, 2, 3]) {
      run.receive('progress', { step })
      await setImmediate()
      run.receive('event', { type: 'epoch', step })
      await setImmediate()
    }
    run.receive('done', { answer: 42 })
    expect(told(await events)).toEqual([
      'progress 1',
      'epoch 1',
      'progress 2',
      'epoch 2',
      'progress 3',
      'epoch 3',
      'end',
    ])
    expect(await run.done).toEqual({ answer: 42 })
    expect(run.state).toBe('done')
  })

  it('gives a slow reader the latest progress only, and every checkpoint, epoch and warning', async () => {
    const { run } = started()
    const reader = run[Symbol.asyncIterator]()
    run.receive('progress', { step: 0 })
    expect((await reader.next()).value).toMatchObject({ type: 'progress', step: 0 })
    for (let step = 1; step <= 100; step++) {
      run.receive('progress', { step })
      if (step % 25 === 0) run.receive('event', { type: 'checkpoint', step })
      await setImmediate()
    }
    run.receive('event', { type: 'warning', step: 101 })
    run.receive('done', 0)
    await run.done
    const rest: RunEvent[] = []
    for await (const event of { [Symbol.asyncIterator]: () => reader }) rest.push(event)
    expect(told(rest)).toEqual([
      'checkpoint 25',
      'checkpoint 50',
      'checkpoint 75',
      'progress 100',
      'checkpoint 100',
      'warning 101',
      'end',
    ])
  })

  it('keeps all but progress for a reader that comes late, and serves several readers', async () => {
    const { run } = started()
    const early = read(run)
    run.receive('event', { type: 'checkpoint', step: 1 })
    run.receive('progress', { step: 2 })
    run.receive('done', 0)
    await run.done
    expect(told(await read(run))).toEqual(['checkpoint 1', 'end'])
    expect(told(await early)).toEqual(['checkpoint 1', 'progress 2', 'end'])
  })

  it('lets a reader leave early', async () => {
    const { run } = started()
    run.receive('event', { type: 'epoch', step: 1 })
    for await (const event of run) {
      expect(event.type).toBe('epoch')
      break
    }
    run.receive('done', 7)
    expect(await run.done).toBe(7)
  })
})

describe('checkpoints of a run', () => {
  it('are delivered only after their file is written, and the end only after them', async () => {
    const written: number[] = []
    const { run, job } = started({
      onCheckpoint: async (event) => {
        await setTimeout(15)
        written.push(event.step)
        return { type: 'checkpoint', step: event.step, path: `at-${event.step}` }
      },
    })
    const asked = run.checkpoint()
    expect(job.calls).toEqual(['checkpoint'])
    run.receive('event', { type: 'checkpoint', step: 1, tensors: {} })
    run.receive('progress', { step: 2 })
    run.receive('event', { type: 'checkpoint', step: 3, tensors: {} })
    run.receive('done', 0)
    const events: RunEvent[] = []
    for await (const event of run) {
      if (event.type === 'checkpoint') expect(written).toContain(event.step)
      events.push(event)
    }
    expect(told(events)).toEqual(['checkpoint 1', 'progress 2', 'checkpoint 3', 'end'])
    expect(await asked).toEqual({ type: 'checkpoint', step: 1, path: 'at-1' })
    expect(await run.checkpoint()).toBeUndefined()
  })

  it('that cannot be written fail the run and stop the job', async () => {
    const full = new LangevinError('ERR_LANGEVIN_IO', 'the disk is full')
    const { run, job } = started({ onCheckpoint: () => Promise.reject(full) })
    run.receive('event', { type: 'checkpoint', step: 1 })
    run.receive('event', { type: 'epoch', step: 2 })
    await setImmediate()
    expect(job.calls).toEqual(['abort'])
    // Until the job has left, the energy is busy: who tries again after `done` must find it free.
    expect(run.state).toBe('running')
    run.receive('event', { type: 'checkpoint', step: 3 })
    run.receive('error', aborted())
    await expect(run.done).rejects.toBe(full)
    expect(run.state).toBe('failed')
  })

  it('asked for at the end resolve to nothing', async () => {
    const { run } = started()
    const asked = run.checkpoint()
    run.receive('done', 0)
    expect(await asked).toBeUndefined()
  })
})

describe('the end of a run', () => {
  it('after abort(reason) rejects with the reason, after abort() with an AbortError', async () => {
    const { run, job } = started()
    const reason = new Error('enough')
    run.abort(reason)
    run.abort(new Error('too late'))
    expect(job.calls).toEqual(['abort'])
    expect(run.state).toBe('running')
    run.receive('error', aborted())
    await expect(run.done).rejects.toBe(reason)
    expect(run.state).toBe('aborted')

    const other = started().run
    other.abort()
    other.receive('error', aborted())
    await expect(other.done).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('with another error than the abort keeps that error', async () => {
    const { run } = started()
    run.abort(new Error('enough'))
    const diverged = new LangevinError('ERR_LANGEVIN_DIVERGED', 'step 3')
    run.receive('error', diverged)
    await expect(run.done).rejects.toBe(diverged)
    expect(run.state).toBe('failed')
  })

  it('comes at once when there is no job yet', async () => {
    const run = new Run<number>({ finish: () => 1 })
    run.abort('no')
    expect(run.state).toBe('aborted')
    await expect(run.done).rejects.toBe('no')
  })

  it('fails when the result cannot be made', async () => {
    const problem = new Error('no result')
    const { run } = started({
      finish: () => {
        throw problem
      },
    })
    run.receive('done', 0)
    await expect(run.done).rejects.toBe(problem)
    expect(run.state).toBe('failed')
  })

  it('is announced to a reader, which then throws', async () => {
    const { run } = started()
    const problem = new LangevinError('ERR_LANGEVIN_DIVERGED', 'step 3')
    run.receive('error', problem)
    const events: RunEvent[] = []
    const reading = (async () => {
      for await (const event of run) events.push(event)
    })()
    await expect(reading).rejects.toBe(problem)
    expect(events).toEqual([{ type: 'end', state: 'failed', error: problem }])
    await expect(run.done).rejects.toBe(problem)
  })
})

describe('unhandled rejections', () => {
  const problem = new LangevinError('ERR_LANGEVIN_DIVERGED', 'step 3')

  it('none for who only reads the events', async () => {
    const reasons = await unhandled(async () => {
      const { run } = started()
      const reading = read(run).catch((error) => error)
      await setImmediate()
      run.receive('error', problem)
      expect(await reading).toBe(problem)
    })
    expect(reasons).toEqual([])
  })

  it('none for who only awaits done', async () => {
    const reasons = await unhandled(async () => {
      const { run } = started()
      const done = run.done.catch((error) => error)
      run.receive('error', problem)
      expect(await done).toBe(problem)
    })
    expect(reasons).toEqual([])
  })

  it('none after an abort, which its caller knows of', async () => {
    const reasons = await unhandled(async () => {
      const { run } = started()
      run.abort()
      run.receive('error', aborted())
    })
    expect(reasons).toEqual([])
  })

  it('one when nobody listens to a failure', async () => {
    const reasons = await unhandled(async () => {
      started().run.receive('error', problem)
    })
    expect(reasons).toEqual([problem])
  })
})

describe('pause', () => {
  it('passes to the job once and shows in the state', () => {
    const { run, job } = started()
    run.resume()
    run.pause()
    run.pause()
    expect(run.state).toBe('paused')
    run.resume()
    run.resume()
    expect(run.state).toBe('running')
    expect(job.calls).toEqual(['pause', 'resume'])
  })

  it('of a queued run holds through its start', () => {
    const run = new Run<number>({ finish: () => 1 })
    const job = new Job()
    run.attach(job)
    run.pause()
    job.state = 'running'
    run.receive('start', null)
    expect(run.state).toBe('paused')
    run.resume()
    expect(run.state).toBe('running')
  })

  it('has no effect after the end', async () => {
    const { run, job } = started()
    run.receive('done', 0)
    await run.done
    run.pause()
    run.abort()
    expect(job.calls).toEqual([])
    expect(run.state).toBe('done')
  })
})
