/** energySync and scoreSync: the bits of energy() and score(), at once, and never beside a writer. */
import { describe, expect, it } from 'vitest'
import { data, Energy, energies, memoryStats, objectives, sample, samplers, tensor, train } from '../../src/index.js'
import { refusal, rejection } from '../helpers/errors.js'

const grid = (n: number, d: number) =>
  Array.from({ length: n }, (_, i) => Array.from({ length: d }, (_, c) => Math.sin(3 * i + c) * 2.1))
const bits = (t: { toTypedArray(): ArrayLike<number | bigint>; shape: readonly number[] }) => [
  t.shape,
  Array.from(t.toTypedArray()),
]

describe('energySync and scoreSync', () => {
  it.each([
    ['mlp', energies.mlp({ input: 3, hidden: [33, 20], gaussianBase: 1 }), {}],
    ['a wide mlp', energies.mlp({ input: 3, hidden: [600, 600] }), {}],
    ['float64', energies.mlp({ input: 3, hidden: [8] }), { dtype: 'float64' }],
    ['a formula with a norm', energies.expression((x) => x.norm(), { input: 3 }), {}],
    ['a classifier', energies.classifier({ input: 3, hidden: [8], classes: 4 }), {}],
  ] as const)('give the bits of energy() and score(): %s', async (_, spec, options) => {
    using model = await Energy.create(spec, { seed: 2, ...options })
    for (const n of [1, 7, 300, 1024]) {
      const rows = grid(n, 3)
      const flat = { data: Float32Array.from(rows.flat()), shape: [n, 3] }
      for (const x of [rows, flat, tensor(rows)]) {
        expect(bits(model.energySync(x))).toEqual(bits(await model.energy(x)))
        expect(bits(model.scoreSync(x))).toEqual(bits(await model.score(x)))
      }
    }
    const none = tensor(new Float32Array(0), [0, 3])
    expect(bits(model.scoreSync(none))).toEqual(bits(await model.score(none)))
  })

  it('give the bits of a job for rows in the units of the data, and refuse what it refuses', async () => {
    const table = data.fromArrays({ seconds: [1.7e9, 1.7e9 + 40, 1.7e9 + 100], width: [1e-3, 5e-3, 3e-3] })
    using model = await Energy.create(energies.mlp({ input: 2, hidden: [33], gaussianBase: 1 }), {
      inputs: data.inputs(table),
    })
    const rows = [
      [1.7e9 + 7, 2e-3],
      [1.7e9 + 90, 0.01],
      [1.7e9, -1],
    ]
    const flat = { data: Float32Array.from(rows.flat()), shape: [3, 2] }
    for (const x of [rows, flat, tensor(rows), tensor(rows, [3, 2], 'float64')]) {
      for (const each of ['energy', 'score'] as const) {
        const wanted = bits(await model[each](x, { threads: 1 })) // options: the way through the queue
        expect(bits(model[`${each}Sync`](x))).toEqual(wanted)
        expect(bits(await model[each](x))).toEqual(wanted)
      }
    }
    expect(refusal(() => model.energySync([[1, 2, 3]])).code).toBe('ERR_LANGEVIN_SHAPE')
    expect((await rejection(() => model.energy([[Number.NaN, 2]]))).message).toContain('row 0, column 0')
  })

  it('take a condition, and rows with more axes than one', async () => {
    using conditional = await Energy.create(energies.conditional({ input: 2, condition: 1, hidden: [8] }))
    const y = [[0.5], [2]]
    expect(bits(conditional.energySync(grid(2, 2), { y }))).toEqual(bits(await conditional.energy(grid(2, 2), { y })))
    using shaped = await Energy.create(energies.mlp({ input: [1, 2, 2], hidden: [8] }))
    const x = { data: Float32Array.from({ length: 12 }, (_, i) => i / 7), shape: [3, 1, 2, 2] }
    expect(bits(shaped.scoreSync(x))).toEqual(bits(await shaped.score(x)))
  })

  it('refuse what energy() refuses, in its words', async () => {
    using model = await Energy.create(energies.mlp({ input: 2, hidden: [8] }))
    for (const x of [
      [[1, 2, 3]],
      [[1, Number.NaN]],
      [[1, 'two']],
      [[1, 2], [3]],
      null,
      new Float32Array(4),
    ] as never[]) {
      const wanted = await rejection(() => model.energy(x))
      const found = refusal(() => model.energySync(x))
      expect([found.code, found.message]).toEqual([wanted.code, wanted.message])
    }
    expect(refusal(() => model.energySync([[1, 2]], { threads: 2 } as never)).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(refusal(() => model.energySync(grid(1025, 2))).message).toContain('1024 rows')
    model.dispose()
    expect(refusal(() => model.energySync([[1, 2]])).code).toBe('ERR_LANGEVIN_DISPOSED')
  })

  it('are busy while a run trains the energy or its parameters are being set, and never wait for other jobs', async () => {
    using model = await Energy.create(energies.mlp({ input: 2, hidden: [8] }))
    using other = await Energy.create(energies.mlp({ input: 2, hidden: [8] }))
    const run = train(model, tensor(grid(100, 2)), {
      objective: objectives.denoisingScoreMatching({ sigma: 0.3 }),
      steps: 1_000_000_000,
    })
    expect(refusal(() => model.energySync([[1, 2]])).code).toBe('ERR_LANGEVIN_BUSY')
    const sampling = sample(other, { sampler: samplers.langevin({ steps: 1_000_000_000, stepSize: 0.01 }), chains: 4 })
    const before = bits(other.energySync([[1, 2]]))
    // Queued behind the sampling, which waits for the training.
    const change = other.setParameters({ '0.bias': new Float32Array(8).fill(2) })
    expect(refusal(() => other.energySync([[1, 2]])).message).toContain('setParameters')
    expect(refusal(() => other.scoreSync(tensor([[1, 2]]))).code).toBe('ERR_LANGEVIN_BUSY')
    sampling.abort()
    run.abort()
    await Promise.all([run.done.catch(() => undefined), sampling.done.catch(() => undefined), change])
    expect(bits(other.energySync([[1, 2]]))).not.toEqual(before)
    expect(model.energySync([[1, 2]]).shape).toEqual([1])
  })

  it('give the same while a run samples from the energy on other threads', async () => {
    using model = await Energy.create(energies.mlp({ input: 2, hidden: [64, 64] }))
    const run = sample(model, { sampler: samplers.langevin({ steps: 1_000_000_000, stepSize: 0.01 }), chains: 300 })
    for await (const event of run) if (event.type === 'progress') break
    const rows = grid(50, 2)
    const expected = bits(await model.score(rows))
    for (let i = 0; i < 300; i++) expect(bits(model.scoreSync(rows))).toEqual(expected)
    run.abort()
    await run.done.catch(() => undefined)
  })

  it('energy() of a few rows waits for no job, and a loop of such calls leaves timers their turn', async () => {
    using model = await Energy.create(energies.mlp({ input: 2, hidden: [8] }))
    using other = await Energy.create(energies.mlp({ input: 2, hidden: [8] }))
    let fired = false
    const timer = setTimeout(() => {
      fired = true
    }, 1)
    // Without a turn for the event loop this would never end.
    while (!fired) await model.energy([[1, 2]])
    clearTimeout(timer)
    // Behind a change of the parameters that waits in the queue, the call waits too.
    const sampling = sample(other, { sampler: samplers.langevin({ steps: 1_000_000_000, stepSize: 0.01 }), chains: 4 })
    const change = other.setParameters({ '0.bias': new Float32Array(8).fill(2) })
    const after = other.energy([[1, 2]])
    sampling.abort()
    await Promise.all([sampling.done.catch(() => undefined), change])
    expect(bits(await after)).toEqual(bits(await other.energy([[1, 2]], { threads: 1 })))
  })

  it('leave nothing behind', async () => {
    using model = await Energy.create(energies.mlp({ input: 2, hidden: [8] }))
    const before = memoryStats()
    for (const x of [[[1, 2]], { data: new Float32Array(2), shape: [1, 2] }]) model.energySync(x).dispose()
    expect(() => model.energySync([[1]])).toThrow()
    expect(memoryStats().tensors).toBeLessThanOrEqual(before.tensors)
  })
})
