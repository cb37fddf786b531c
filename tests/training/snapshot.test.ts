/** Copies of an energy while it is trained: whole steps, raw or averaged weights, and free for every use. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Energy,
  energies,
  memoryStats,
  Network,
  networks,
  objectives,
  type RunEvent,
  samplers,
  type Tensor,
  tensor,
  train,
} from '../../src/index.js'
import { collected } from '../helpers/collector.js'
import { rejection } from '../helpers/errors.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langevin-snapshot-'))
})
afterAll(() => rm(folder, { recursive: true }))

const rows = tensor(
  Float32Array.from({ length: 600 }, (_, i) => Math.sin(i)),
  [300, 2],
)
const fresh = () =>
  Energy.create(energies.mlp({ input: 2, hidden: [16, 16], spectralNorm: true, gaussianBase: 1 }), { seed: 1 })
const run = (model: Energy, more: object) =>
  train(model, rows, {
    objective: objectives.persistentContrastiveDivergence({ sampler: samplers.langevin({ steps: 3, stepSize: 0.01 }) }),
    batchSize: 32,
    penalties: { energy: 0.1 }, // it must not diverge, however long it runs
    seed: 5,
    steps: 1_000_000,
    ...more,
  })
const numbers = (values: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.entries(values).map(([name, t]) => [name, [...t.toTypedArray()]]))

async function progressAfter(events: AsyncIterable<RunEvent>, step: number): Promise<void> {
  for await (const event of events) if (event.type === 'progress' && event.step > step) return
}

describe('a snapshot of an energy in training', () => {
  it.each([
    { ema: undefined, weights: undefined },
    { ema: 0.9, weights: undefined },
    { ema: 0.9, weights: 'averaged' },
    { ema: 0.9, weights: 'raw' },
  ] as const)('has the weights of a checkpoint of its step ($ema, $weights)', async ({ ema, weights }) => {
    using model = await fresh()
    const training = run(model, { ema })
    await progressAfter(training, 0)
    using first = await training.snapshot({ weights })
    await progressAfter(training, first.step)
    using copy = await training.snapshot({ weights })
    expect(copy.step).toBeGreaterThan(first.step)
    expect(training.state).toBe('running')
    training.abort()
    await training.done.catch(() => undefined)

    using again = await fresh()
    const path = join(folder, `${ema}-${weights}.safetensors`)
    const { rawParameters } = await run(again, { ema, steps: copy.step, checkpoint: { path } }).done
    using written = await Energy.load(path)
    const wanted = weights === 'raw' ? (rawParameters ?? {}) : await written.parameters()
    expect(numbers(await copy.parameters())).toEqual(numbers(wanted))
  })

  it('is an energy like any other, and the run goes on', async () => {
    using model = await fresh()
    await collected()
    const before = memoryStats()
    const training = run(model, {})
    await progressAfter(training, 0)
    const copy = await model.snapshot()
    expect(copy.spec).toEqual(model.spec)
    expect((await copy.score([[0, 1]])).shape).toEqual([1, 2])
    await copy.setParameters({ '0.bias': new Float32Array(16) })
    await copy.save(join(folder, 'copy.safetensors'))
    copy.dispose()
    await progressAfter(training, copy.step)
    training.abort()
    await training.done.catch(() => undefined)
    expect(memoryStats().energies).toBeLessThanOrEqual(before.energies)
  })

  it('is taken while the run is queued or paused, and after its end', async () => {
    using model = await fresh()
    using other = await fresh()
    const ahead = run(other, {})
    const training = run(model, { steps: 50, ema: 0.9 })
    using queued = await training.snapshot()
    expect(queued.step).toBe(0)
    ahead.abort()
    await ahead.done.catch(() => undefined)
    training.pause()
    using paused = await training.snapshot()
    training.resume()
    expect(paused.step).toBeLessThanOrEqual(50)
    await training.done
    using after = await training.snapshot()
    expect(numbers(await after.parameters())).toEqual(numbers(await model.parameters()))
  })

  it('of averaged weights needs a run that averages', async () => {
    using model = await fresh()
    const training = run(model, {})
    await progressAfter(training, 0)
    const error = await rejection(() => training.snapshot({ weights: 'averaged' }))
    expect([error.code, error.message]).toEqual(['ERR_LANGEVIN_INVALID_OPTION', expect.stringContaining('ema')])
    expect((await rejection(() => model.snapshot({ weights: 'best' as never }))).code).toBe(
      'ERR_LANGEVIN_INVALID_OPTION',
    )
    training.abort()
    await training.done.catch(() => undefined)
  })

  it('of a network that is not an energy is a network', async () => {
    using network = await Network.create(networks.mlp({ input: 2, hidden: [4], output: 3 }))
    using copy = await network.snapshot()
    expect(copy).toBeInstanceOf(Network)
    expect((await copy.outputs([[1, 2]])).toArray()).toEqual((await network.outputs([[1, 2]])).toArray())
  })
})
