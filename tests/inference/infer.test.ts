/** infer() and infer.chain(). */
import { describe, expect, it } from 'vitest'
import {
  Energy,
  energies,
  infer,
  inferences,
  LangevinError,
  objectives,
  optimizers,
  tensor,
  train,
} from '../../src/index.js'

const x = Array.from({ length: 9 }, (_, i) => [i / 4 - 1])
const spec = energies.twoTower({ input: 1, condition: 1, x: { hidden: [8], activation: 'tanh' } })

describe('infer', () => {
  it('answers every row, by a spec, by plain JSON and by the name alone', async () => {
    using model = await Energy.create(spec, { seed: 3 })
    const method = inferences.exhaustive({ answers: { low: -2, high: 2, points: 401 }, table: true })
    const { y, energy, table, evaluations } = await infer(model, x, { method })
    expect([y.shape, energy.shape, table!.shape, evaluations]).toEqual([[9, 1], [9], [9, 401], 9 * 401])
    expect(y.toArray()).toEqual((await infer(model, x, { method: JSON.parse(JSON.stringify(method)) })).y.toArray())
    // |f(x) - y| at the best of points 0.01 apart.
    for (const e of energy.toArray() as number[]) expect(e).toBeLessThanOrEqual(0.0051)
    using classes = await Energy.create(energies.classifier({ input: 1, classes: 3, hidden: [4] }), { seed: 1 })
    const named = await infer(classes, x, { method: 'exhaustive' })
    expect(named.y.dtype).toBe('int64')
    const logits = (await classes.logits(x)).toArray() as number[][]
    expect((named.y.toArray() as unknown as (number | bigint)[]).map(Number)).toEqual(
      logits.map((row) => row.indexOf(Math.max(...row))),
    )
  })

  it.each([
    ['an option of no name', { metod: 'exhaustive' }, /method/],
    ['a method of no name', { method: 'exhaustif' }, /exhaustive/],
    ['a class method for a continuous y', { method: 'exhaustive' }, /answers/],
    [
      'samples where a fixed set is needed',
      { method: { kind: 'exhaustive', answers: { low: 0, high: 1, samples: 3 } } },
      /samples/,
    ],
    ['a box upside down', { method: { kind: 'langevin', low: 1, high: 0 } }, /high/],
    ['a box of another width', { method: { kind: 'langevin', low: [0, 0], high: [1, 1] } }, /2 numbers/],
  ])('refuses %s', async (_what, options, word) => {
    using model = await Energy.create(spec)
    await expect(infer(model, x, options as never)).rejects.toThrow(word)
    await expect(infer(model, x, options as never)).rejects.toBeInstanceOf(LangevinError)
  })

  it('refuses an energy without y, and stops when it is told to', async () => {
    using plain = await Energy.create(energies.mlp({ input: 1, hidden: [4] }))
    await expect(infer(plain, x, { method: 'exhaustive' })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_UNSUPPORTED' })
    using model = await Energy.create(spec)
    const stop = new AbortController()
    const method = inferences.langevin({ low: -1, high: 1, steps: 1_000_000 })
    const endless = infer(model, x, { method, signal: stop.signal })
    setTimeout(() => stop.abort(new Error('enough')), 30)
    await expect(endless).rejects.toThrow('enough')
  })

  // y = sign(x) with a gap: an energy trained by InfoNCE keeps both branches apart where a regression draws a bridge.
  it('finds both sides of a jump, without gradients and with them', async () => {
    using model = await Energy.create(energies.conditional({ input: 1, condition: 1, hidden: [32, 32] }), { seed: 2 })
    const inputs = Array.from({ length: 400 }, (_, i) => [(i / 399) * 2 - 1])
    const data = { x: tensor(inputs), y: tensor(inputs.map(([v]) => [v! < 0 ? -0.6 : 0.6])) }
    const objective = objectives.structured({ loss: 'nll', answers: { low: -1, high: 1, samples: 32 } })
    await train(model, data, { objective, optimizer: optimizers.adam({ lr: 5e-3 }), steps: 400, batchSize: 64 }).done
    const asked = [[-0.9], [-0.3], [-0.08], [0.08], [0.3], [0.9]]
    for (const method of [
      inferences.derivativeFree({ low: -1, high: 1, samples: 128, iterations: 4 }),
      inferences.langevin({ low: -1, high: 1, stepSize: 0.002, steps: 60 }),
    ]) {
      const { y } = await infer(model, asked, { method })
      const answers = (y.toArray() as number[][]).map(([v]) => v!)
      // 0.15: an eighth of the jump; a bridge would be at 0.1 of its middle next to the jump.
      answers.forEach((v, i) => {
        expect(Math.abs(v - (i < 3 ? -0.6 : 0.6)), `${method.kind} at ${asked[i]}`).toBeLessThan(0.15)
      })
    }
  }, 60_000)
})

describe('infer.chain', () => {
  const factors = {
    unary: [[0.5, 0], null, null, [0, 0.1, 0.7]],
    pairwise: [
      [
        [0, 1],
        [1, 0],
      ],
      [
        [0, 2],
        [0.5, 0],
      ],
      [
        [1, 0, 0.2],
        [0.3, 3, 0],
      ],
    ],
  }

  it('gives one answer by three ways, and the law by two', async () => {
    const all = await infer.chain(factors, { method: 'exhaustive', beta: 2 })
    const path = await infer.chain(factors)
    const messages = await infer.chain(factors, { method: 'minSum' })
    const law = await infer.chain(factors, { method: 'forward', beta: 2 })
    expect(path.y).toEqual(all.y)
    expect(messages.y).toEqual(all.y)
    expect([path.energy, messages.energy]).toEqual([all.energy, all.energy])
    expect(Math.abs(law.logZ - all.logZ)).toBeLessThan(1e-10)
    for (const marginal of law.marginals) expect(marginal.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12)
    expect(messages.minMarginals.map((m) => Math.min(...m))).toEqual(all.y.map(() => expect.closeTo(all.energy, 12)))
    expect([all.assignments, all.factorTerms, path.factorTerms]).toEqual([24, 24 * 5, 19])
  })

  it.each([
    ['a misspelt factor', { unari: [[1]] }, {}, /unary/],
    [
      'sizes that do not fit',
      {
        unary: [
          [1, 2],
          [1, 2],
        ],
        pairwise: [
          [
            [1, 2, 3],
            [1, 2, 3],
          ],
        ],
      },
      {},
      /variable 1/,
    ],
    ['a temperature of a minimum', factors, { beta: 2 }, /temperature/],
    ['an unknown method', factors, { method: 'vitterbi' }, /viterbi/],
    ['a term that is not a number', { unary: [[Number.NaN]] }, {}, /finite/],
  ])('refuses %s', async (_what, given, options, word) => {
    await expect(infer.chain(given as never, options as never)).rejects.toThrow(word)
  })
})
