/** The life of an energy: files, concurrent calls, signals, the event loop, threads, memory. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Energy,
  energies,
  memoryStats,
  objectives,
  type ProgressEvent,
  type RunEvent,
  sample,
  samplers,
  type Tensor,
  tensor,
  threads,
  train,
} from '../../src/index.js'
import { safetensors } from '../../src/io/index.js'
import { rejection } from '../helpers/errors.js'

/** Nothing was left behind. Not equality: meanwhile the collector may find tensors that earlier tests forgot. */
function expectNoMoreThan(before: ReturnType<typeof memoryStats>): void {
  const now = memoryStats()
  for (const key of ['tensors', 'tensorBytes', 'energies', 'energyBytes'] as const) {
    expect(now[key], key).toBeLessThanOrEqual(before[key])
  }
}

const mlp = () => Energy.create(energies.mlp({ input: 2, hidden: [16] }), { seed: 1 })
const rows = tensor(
  Float32Array.from({ length: 2000 }, (_, i) => Math.sin(i)),
  [1000, 2],
)
const endless = (model: Energy, signal?: AbortSignal) =>
  sample(model, {
    sampler: samplers.langevin({ steps: 1_000_000_000, stepSize: 0.01 }),
    chains: 64,
    threads: 1,
    ...(signal && { signal }),
  })
const endlessTraining = (model: Energy) =>
  train(model, rows, {
    objective: objectives.denoisingScoreMatching({ sigma: 0.3 }),
    steps: 1_000_000_000,
    seed: 0,
    threads: 1,
  })

async function firstProgress(run: AsyncIterable<RunEvent>): Promise<ProgressEvent> {
  for await (const event of run) if (event.type === 'progress') return event
  throw new Error('the run ended without progress')
}

describe('an energy', () => {
  it('is made from a spec or from the same as plain JSON', async () => {
    const spec = energies.gaussian({ mean: [1, 2], precision: [1, 4] })
    await using model = await Energy.create(JSON.parse(JSON.stringify(spec)), { dtype: 'float64' })
    expect(model.spec).toEqual(spec)
    expect([model.dtype, model.device, model.inputWidth, model.parameterCount]).toEqual(['float64', 'cpu', 2, 0])
    // (x - m)' P (x - m) / 2 and its negative gradient, exact in float64.
    expect((await model.energy([[2, 3]])).toArray()).toEqual([2.5])
    expect((await model.score([[2, 3]])).toArray()).toEqual([[-1, -4]])
    expect(inspect(model)).toBe('Energy gaussian float64 cpu, 0 parameters')
  })

  it('takes rows in every form, and leaves nothing behind', async () => {
    using model = await mlp()
    const flat = Float32Array.of(1, 2, 3, 4)
    using given = tensor(flat, [2, 2])
    const before = memoryStats()
    const results: Tensor[] = []
    for (const x of [
      given,
      [
        [1, 2],
        [3, 4],
      ],
      { data: flat, shape: [2, 2] },
    ]) {
      results.push(await model.energy(x))
    }
    const values = results.map((t) => t.toArray())
    expect(values[1]).toEqual(values[0])
    expect(values[2]).toEqual(values[0])
    for (const t of results) t.dispose()
    expectNoMoreThan(before)
  })

  it('refuses rows that do not fit, with the reason', async () => {
    using model = await mlp()
    expect((await rejection(() => model.energy([[1, 2, 3]]))).code).toBe('ERR_LANGEVIN_SHAPE')
    expect((await rejection(() => model.energy([[1, 2], [3]]))).code).toBe('ERR_LANGEVIN_SHAPE')
    const nan = await rejection(() =>
      model.energy([
        [1, 2],
        [3, Number.NaN],
      ]),
    )
    expect(nan).toMatchObject({ code: 'ERR_LANGEVIN_NON_FINITE', details: { row: 1, column: 1 } })
    expect((await rejection(() => model.energy([[1, 2]], { y: [1] }))).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect((await rejection(() => model.energy([[1, 2]], { threads: 0 }))).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect((await rejection(() => model.logits([[1, 2]]))).code).toBe('ERR_LANGEVIN_UNSUPPORTED')
    expect((await rejection(() => Energy.create({ kind: 'mpl' }))).message).toContain('mlp')
    expect(
      (await rejection(() => Energy.create(energies.mlp({ input: 2, hidden: [4] }), { device: 'tpu' }))).code,
    ).toBe('ERR_LANGEVIN_DEVICE')
    expect(
      (await rejection(() => Energy.create(energies.mlp({ input: 2, hidden: [4] }), { dtype: 'int64' }))).code,
    ).toBe('ERR_LANGEVIN_DTYPE')
  })

  it('gives its parameters as copies and takes new ones', async () => {
    using model = await mlp()
    const info = model.parameterInfo()
    const parameters = await model.parameters()
    expect(Object.keys(parameters).sort()).toEqual(info.map(({ name }) => name).sort())
    const name = info[0]?.name as string
    const zeros = tensor(new Float32Array(parameters[name]?.size as number), parameters[name]?.shape)
    await model.setParameters({ [name]: zeros })
    expect((await model.parameters())[name]?.toArray()).toEqual(zeros.toArray())
    expect(parameters[name]?.toArray()).not.toEqual(zeros.toArray())
    expect((await rejection(() => model.setParameters({ nope: zeros }))).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect((await rejection(() => model.setParameters({ [name]: [1] }))).code).toBe('ERR_LANGEVIN_SHAPE')
  })

  it('after dispose says so, while a job that has begun goes on', async () => {
    const model = await mlp()
    const running = model.energy(rows)
    model.dispose()
    model.dispose()
    expect((await running).shape).toEqual([1000])
    for (const use of [
      () => model.energy([[1, 2]]),
      () => model.score([[1, 2]]),
      () => model.parameters(),
      () => model.setParameters({}),
      () => model.save('never'),
      () => model.explain(),
      () => model.parameterInfo(),
      () => model.dtype,
      () => model.parameterCount,
      () => sample(model, { sampler: samplers.langevin({ steps: 1, stepSize: 0.1 }), chains: 1 }),
    ]) {
      expect((await rejection(use)).code).toBe('ERR_LANGEVIN_DISPOSED')
    }
    expect(inspect(model)).toBe('Energy mlp (disposed)')
  })
})

describe('files of an energy', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'langevin-energy-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(['float32', 'float64', 'bfloat16'] as const)('bring back spec, dtype and every bit: %s', async (dtype) => {
    const path = join(folder, `${dtype}.safetensors`)
    await using model = await Energy.create(energies.mlp({ input: 2, hidden: [8, 8], activation: 'tanh' }), {
      seed: 5,
      dtype,
    })
    await model.save(path)
    await using again = await Energy.load(path)
    expect([again.spec, again.dtype]).toEqual([model.spec, dtype])
    const x = [[0.3, -1]]
    expect((await again.energy(x)).toTypedArray()).toEqual((await model.energy(x)).toTypedArray())
  })

  it('that are none, or not whole, are refused with their place', async () => {
    const path = join(folder, 'whole.safetensors')
    await using model = await mlp()
    await model.save(path)
    const bytes = readFileSync(path)
    const broken = join(folder, 'broken.safetensors')
    const cases: [Buffer | string, string][] = [
      ['', 'ERR_LANGEVIN_FORMAT'],
      ['no such format, but long enough', 'ERR_LANGEVIN_FORMAT'],
      [bytes.subarray(0, bytes.length - 4), 'ERR_LANGEVIN_FORMAT'],
      [Buffer.concat([bytes, Buffer.from('x')]), 'ERR_LANGEVIN_FORMAT'],
    ]
    for (const [content, code] of cases) {
      writeFileSync(broken, content)
      const error = await rejection(() => Energy.load(broken))
      expect(error.code).toBe(code)
      expect(error.message).toContain(broken)
    }
    expect((await rejection(() => Energy.load(join(folder, 'nowhere')))).code).toBe('ERR_LANGEVIN_IO')
    expect((await rejection(() => model.save(join(folder, 'no', 'folder')))).code).toBe('ERR_LANGEVIN_IO')
  })

  it.each([
    { kind: 'mlp', input: 100_000, hidden: [100_000, 100_000] },
    { kind: 'mlp', input: 50_000, hidden: [2], gaussianBase: 'full' },
    { kind: 'rbm', input: 200_000, hidden: 200_000 },
    // Column by column this would take minutes.
    { kind: 'rbm', input: 2 ** 31, hidden: 1 },
  ])('of a few bytes that describe more parameters than any memory holds are refused: %j', async (spec) => {
    const path = join(folder, 'large.safetensors')
    const metadata = { 'langevin.spec': JSON.stringify(spec), 'langevin.dtype': 'float32' }
    await safetensors.write(path, { a: tensor([1, 2, 3]) }, metadata)
    const before = process.memoryUsage.rss()
    const error = await rejection(() => Energy.load(path))
    expect([error.code, error.message]).toEqual([
      'ERR_LANGEVIN_FORMAT',
      expect.stringMatching(/there are 3 numbers for|at most 16777216 are read/),
    ])
    // 10 GB and more, if it were allocated.
    expect(process.memoryUsage.rss() - before).toBeLessThan(2 ** 28)
  })

  it('with parameters of another energy are refused, and no energy is left', async () => {
    const path = join(folder, 'other.safetensors')
    await using model = await mlp()
    await model.save(path)
    const before = memoryStats()
    const error = await rejection(() => Energy.load(path, { spec: energies.mlp({ input: 2, hidden: [4] }) }))
    expect(error.code).toBe('ERR_LANGEVIN_FORMAT')
    expectNoMoreThan(before)
  })
})

describe('one energy, several calls', () => {
  it('is busy for everything else while it is trained, and free when the run has ended', async () => {
    using model = await mlp()
    using other = await mlp()
    const run = endlessTraining(model)
    for (const use of [
      () => model.energy([[1, 2]]),
      () => model.parameters(),
      () => model.setParameters({}),
      () => model.explain(),
      () => endlessTraining(model),
      () => sample(model, { sampler: samplers.langevin({ steps: 1, stepSize: 0.1 }), chains: 1 }),
    ]) {
      expect((await rejection(use)).code).toBe('ERR_LANGEVIN_BUSY')
    }
    // What is known without asking the numbers stays readable.
    expect([model.dtype, model.inputWidth, model.spec.kind]).toEqual(['float32', 2, 'mlp'])
    const queued = other.energy([[1, 2]])
    await firstProgress(run)
    run.abort()
    await run.done.catch(() => undefined)
    expect(run.state).toBe('aborted')
    expect((await queued).shape).toEqual([1])
    expect((await model.energy([[1, 2]])).shape).toEqual([1])
  })

  it('may be disposed while it is trained', async () => {
    const model = await mlp()
    const run = endlessTraining(model)
    await firstProgress(run)
    model.dispose()
    run.abort(new Error('enough'))
    await expect(run.done).rejects.toThrow('enough')
  })

  it('runs jobs in the order they were asked for', async () => {
    using model = await mlp()
    const order: number[] = []
    await Promise.all(Array.from({ length: 30 }, (_, i) => model.energy([[i, 0]]).then(() => order.push(i))))
    expect(order).toEqual(Array.from({ length: 30 }, (_, i) => i))
  })

  it('lets other jobs run while one is paused', async () => {
    using model = await mlp()
    const run = endless(model)
    await firstProgress(run)
    run.pause()
    expect(run.state).toBe('paused')
    expect((await model.energy([[1, 2]])).shape).toEqual([1])
    run.resume()
    expect((await firstProgress(run)).step).toBeGreaterThan(0)
    run.pause()
    run.abort()
    await run.done.catch(() => undefined)
    expect(run.state).toBe('aborted')
  })
})

describe('signals', () => {
  const reason = new Error('my reason')

  it('aborted before the call reject at once, without a job', async () => {
    using model = await mlp()
    const signal = AbortSignal.abort(reason)
    await expect(model.energy([[1, 2]], { signal })).rejects.toBe(reason)
    await expect(Energy.create(energies.mlp({ input: 2, hidden: [4] }), { signal })).rejects.toBe(reason)
    const run = endless(model, signal)
    await expect(run.done).rejects.toBe(reason)
    expect(run.state).toBe('aborted')
    expect(memoryStats()).toMatchObject({ jobsQueued: 0 })
  })

  it('stop a running job, and its promise rejects with the reason', async () => {
    using model = await mlp()
    const controller = new AbortController()
    const run = endless(model, controller.signal)
    await firstProgress(run)
    controller.abort(reason)
    await expect(run.done).rejects.toBe(reason)
  })

  it('take a queued job out of the queue at once', async () => {
    using model = await mlp()
    const run = endless(model)
    const controller = new AbortController()
    // An energy() would not wait; a change of what the run reads does.
    const waiting = model.setParameters({ '0.bias': new Float32Array(16) }, { signal: controller.signal })
    const second = endless(model)
    await firstProgress(run)
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    second.abort(reason)
    await expect(second.done).rejects.toBe(reason)
    expect(run.state).toBe('running')
    run.abort()
    await run.done.catch(() => undefined)
  })

  it('stop an evaluation between two tiles', async () => {
    using model = await Energy.create(energies.mlp({ input: 2, hidden: [256, 256] }))
    using many = tensor(new Float32Array(2 * 1_000_000), [1_000_000, 2])
    const controller = new AbortController()
    const whole = model.score(many, { threads: 1, signal: controller.signal })
    await setTimeout(100)
    controller.abort(reason)
    const began = performance.now()
    await expect(whole).rejects.toBe(reason)
    // A tile of 4,096 rows takes some ten milliseconds; the whole takes seconds. The bound allows for a crowded machine.
    expect(performance.now() - began).toBeLessThan(1500)
  })

  it('leave no listener behind', async () => {
    using model = await mlp()
    const controller = new AbortController()
    let listening = 0
    const { signal } = controller
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listening++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listening--
      remove(...args)
    }
    await model.energy([[1, 2]], { signal })
    await sample(model, { sampler: samplers.langevin({ steps: 2, stepSize: 0.1 }), chains: 2, signal }).done
    await model.energy([[1, 2, 3]], { signal }).catch(() => undefined)
    expect(listening).toBe(0)
  })
})

describe('the event loop', () => {
  it('stays free while a job computes', async () => {
    using model = await Energy.create(energies.mlp({ input: 2, hidden: [128, 128] }))
    const run = train(model, rows, {
      objective: objectives.denoisingScoreMatching({ sigma: 0.3 }),
      steps: 1_000_000_000,
      threads: 1,
    })
    await firstProgress(run)
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    await setTimeout(1000)
    delay.disable()
    run.abort()
    await run.done.catch(() => undefined)
    // The bench prints p99, which an idle machine keeps below 5 ms. Here other work may share the cores (10 ms have been
    // seen with eight processes on one core); a job on this thread would hold it to its end.
    expect(delay.percentile(50) / 1e6).toBeLessThan(50)
  })
})

describe('threads', () => {
  it('inside one operation are 1 unless set', async () => {
    expect((await threads()).intraOp).toBe(1)
    expect((await threads({ intraOp: 2 })).intraOp).toBe(2)
    expect((await threads({ intraOp: 1 })).intraOp).toBe(1)
    expect((await threads()).tiles).toBeGreaterThanOrEqual(1)
    expect((await rejection(() => threads({ intraOp: 0 }))).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect((await rejection(() => threads({ intraop: 1 } as never))).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
  })
})
