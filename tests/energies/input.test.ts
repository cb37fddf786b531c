/** Energies that are their input, and functions far out: in the fused kernels of both dtypes. */
import { describe, expect, it } from 'vitest'
import { Energy, energies, expr, layers, Network, networks, sample, samplers, type Tensor } from '../../src/index.js'

const { concat, logsumexp, mean, sum } = expr
const flatten = networks.sequential({ layers: [layers.flatten()] })
/** All numbers of a tensor, row by row. */
const numbers = (tensor: Tensor) => Array.from(tensor.toTypedArray(), Number)
const DTYPES = ['float32', 'float64'] as const

/** E(x) = x_k of rows with `input` columns. */
const roads: [name: string, spec: Parameters<typeof Energy.create>[0], input: number, k: number][] = [
  ['x', energies.expression((x) => x, { input: 1 }), 1, 0],
  ['x.at(0)', energies.expression((x) => x.at(0), { input: 1 }), 1, 0],
  ['the last column', energies.expression((x) => x.at(-1), { input: 3 }), 3, 2],
  ['the sum of one column', energies.expression((x) => sum(x), { input: 1 }), 1, 0],
  ['the mean of one column', energies.expression((x) => mean(x), { input: 1 }), 1, 0],
  ['logsumexp of one column', energies.expression((x) => logsumexp(x), { input: 1 }), 1, 0],
  ['a concatenation of one', energies.expression((x) => concat(x), { input: 1 }), 1, 0],
  ['a picked column', energies.expression((x) => x.slice(1, 2), { input: 2 }), 2, 1],
  ['a scalar head on flatten', energies.scalar({ input: 1, network: flatten }), 1, 0],
  [
    'a scalar head on dropout',
    energies.scalar({ input: 1, network: networks.sequential({ layers: [layers.dropout()] }) }),
    1,
    0,
  ],
  ['a sequence of flatten', energies.sequential({ input: 1, layers: [layers.flatten()] }), 1, 0],
  ['a sequence of flatten over axes', energies.sequential({ input: [1, 1], layers: [layers.flatten()] }), 1, 0],
]

describe.each(DTYPES)('an energy that is its input, %s', (dtype) => {
  it.each(roads)('%s: values and scores', async (_name, spec, input, k) => {
    await using model = await Energy.create(spec, { dtype })
    for (const n of [1, 2, 17, 300]) {
      const rows = Array.from({ length: n }, (_, i) => Array.from({ length: input }, (_, j) => i + 10 * j - 3.5))
      const x = model.inputShape.length > 1 ? rows.map((row) => [row]) : rows
      expect(numbers(await model.energy(x))).toEqual(rows.map((row) => row[k]))
      const slope = numbers(await model.score(x)).map((v) => -v || 0)
      expect(slope).toEqual(rows.flatMap((row) => row.map((_, j) => Number(j === k))))
    }
  })

  // exp(-x) for x > 0: mean 1, variance 1.
  it.each(roads.filter(([, , input]) => input === 1))('%s: samplers', async (_name, spec) => {
    await using model = await Energy.create(spec, { dtype })
    const box = { low: 0, high: 40 }
    for (const sampler of [
      samplers.mala({ steps: 400, stepSize: 1, box }),
      samplers.hmc({ steps: 400, stepSize: 0.4, leapfrogSteps: 4, jitter: 0.2, box }),
      samplers.nuts({ steps: 400, warmup: 200, stepSize: 0.5, box }),
    ]) {
      const { moments, diagnostics } = await sample(model, {
        sampler,
        chains: 64,
        keep: 'moments',
        burnIn: 100,
        seed: 5,
      }).done
      const share = diagnostics.ess.bulk! / (diagnostics.traced.chains * diagnostics.traced.draws)
      const error = Math.sqrt(1 / (moments!.count * Math.min(1, share)))
      expect(Math.abs(numbers(moments!.mean)[0]! - 1), sampler.kind).toBeLessThan(4.5 * error)
    }
  })

  it('energies are those of the states', async () => {
    await using model = await Energy.create(roads[0]![1], { dtype })
    const sampler = samplers.mala({ steps: 1, stepSize: 1e-12 })
    const { samples, energy } = await sample(model, { sampler, chains: 5, seed: 2, diagnostics: false }).done
    expect(numbers(energy)).toEqual(numbers(samples))
  })

  it('outputs that are inputs', async () => {
    const rows = Array.from({ length: 200 }, (_, i) => [i + 0.5, -i - 0.5])
    await using network = await Network.create(networks.sequential({ input: 2, layers: [layers.flatten()] }), { dtype })
    expect((await network.outputs(rows)).toArray()).toEqual(rows)
    const spec = energies.classifier({ input: 2, classes: 2, network: flatten })
    await using model = await Energy.create(spec, { dtype })
    expect((await model.logits(rows)).toArray()).toEqual(rows)
    const found = numbers(await model.energy(rows))
    for (const [i, [a, b]] of rows.entries()) {
      const m = Math.max(a!, b!)
      expect(found[i]).toBeCloseTo(-m - Math.log(Math.exp(a! - m) + Math.exp(b! - m)), 4)
    }
    const labels = rows.map((_, i) => i % 2)
    expect((await model.energy(rows, { y: labels })).toArray()).toEqual(rows.map((row, i) => -row[labels[i]!]!))
  })
})

describe('functions far out', () => {
  it.each(DTYPES)('sine and cosine of seconds since 1970, %s', async (dtype) => {
    await using sine = await Energy.create(
      energies.expression((x) => x.at(0).sin(), { input: 1 }),
      { dtype },
    )
    // Nested numbers are read as float32.
    const rows = [1.7e9, -1.7e9, 3e38, 123456789, 1e5, 99999, 0.5].map((v) => [Math.fround(v)])
    const values = numbers(await sine.energy(rows))
    const scores = numbers(await sine.score(rows))
    for (const [i, [x]] of rows.entries()) {
      expect(values[i], `sin ${x}`).toBeCloseTo(Math.sin(x!), 5)
      expect(-scores[i]!, `cos ${x}`).toBeCloseTo(Math.cos(x!), 5)
    }
    expect(values[0]).toBeCloseTo(0.9992, 3)
  })

  it.each(['silu', 'gelu', 'softplus', 'relu'] as const)('%s of the largest numbers', async (activation) => {
    await using model = await Energy.create(
      energies.expression((x) => x.at(0)[activation](), { input: 1 }),
      { dtype: 'float32' },
    )
    const large = Math.fround(3e38)
    const rows = [[large], [-large]]
    const [value, below] = numbers(await model.energy(rows))
    const [slope, slopeBelow] = numbers(await model.score(rows))
    expect([value, slope]).toEqual([large, -1])
    for (const nothing of [below!, slopeBelow!]) expect(Math.abs(nothing)).toBeLessThan(1e-30)
  })
})
