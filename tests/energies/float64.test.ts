/** Energies in float64 on the CPU: in the fused kernels, equal to plain LibTorch to float64, in samplers and training too. */
import { afterEach, describe, expect, it } from 'vitest'
import {
  Energy,
  energies,
  layers,
  networks,
  noises,
  objectives,
  sample,
  samplers,
  type Tensor,
  tensor,
  train,
} from '../../src/index.js'

type Spec = Parameters<typeof Energy.create>[0]
const numbers = (value: Tensor) => Array.from(value.toTypedArray(), Number)

/** The same energy with LANGEVIN_EXECUTOR as given, which is read when it is made. */
async function made(spec: Spec, executor: 'aten' | undefined, dtype: 'float32' | 'float64' = 'float64') {
  if (executor !== undefined) process.env.LANGEVIN_EXECUTOR = executor
  try {
    return await Energy.create(spec, { dtype, seed: 4 })
  } finally {
    delete process.env.LANGEVIN_EXECUTOR
  }
}
afterEach(() => {
  delete process.env.LANGEVIN_EXECUTOR
})

/** Multiples of 2^-10 in (-2, 2), which float32 holds too. */
function rows(n: number, columns: number): Tensor {
  const values = Array.from({ length: n * columns }, (_, i) => Math.round(1900 * Math.sin(12.9898 * i * i + i)) / 1024)
  return tensor(values, [n, columns], 'float64')
}

/** Of the largest value: sums of hundreds of terms in another order differ by 1e-14 or so. */
function apart(a: Tensor, b: Tensor): number {
  const [left, right] = [numbers(a), numbers(b)]
  expect(left.length).toBe(right.length)
  const size = right.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3)
  return left.reduce((most, v, i) => Math.max(most, Math.abs(v - right[i]!)), 0) / size
}
const BOUND = 1e-12

/** An autoregression of second order, observed: what one samples with NUTS. */
const series = energies.expression(
  (x) => {
    const z = x.slice(2, 30)
    const moves = z
      .slice(2, 28)
      .sub(z.slice(1, 27).mul(x.at(0)))
      .sub(z.slice(0, 26).mul(x.at(1).tanh()))
    return moves.square().sum().mul(2).add(z.sub(0.5).square().sum()).add(x.square().mean().exp().log())
  },
  { input: 30 },
)
const body = networks.sequential({
  layers: [
    layers.linear({ out: 12, spectralNorm: true }),
    layers.layerNorm(),
    layers.activation({ activation: 'gelu' }),
    layers.dropout(),
    layers.linear({ out: 1 }),
  ],
})
const subjects: [name: string, spec: Spec, columns: number][] = [
  ['expression of a time series', series, 30],
  ['mlp with a full base', energies.mlp({ input: 5, hidden: [33, 17], gaussianBase: 'full' }), 5],
  ['every layer', energies.scalar({ input: 7, network: body }), 7],
  [
    'gaussianMixture',
    energies.gaussianMixture({
      means: [
        [0, 1],
        [2, -1],
        [-1, 0.5],
      ],
      sigmas: [0.5, 1, 0.7],
    }),
    2,
  ],
  ['classifier', energies.classifier({ input: 4, classes: 3, hidden: [16] }), 4],
  ['1,500 columns', energies.mlp({ input: 1500, hidden: [20], gaussianBase: 2 }), 1500],
]

describe('float64 energies in the fused kernels', () => {
  it.each(subjects)('%s: energies and scores equal plain ones', async (_name, spec, columns) => {
    await using fused = await made(spec, undefined)
    await using plain = await made(spec, 'aten')
    await using narrow = await made(spec, undefined, 'float32')
    expect(plain.explain()).toMatchObject({ executor: 'aten', reason: 'LANGEVIN_EXECUTOR=aten', blockRows: 0 })
    const { executor, reason, blockRows, instructionSet } = fused.explain()
    expect(executor).toBe('fused-cpu')
    expect(reason).toMatch(/^float64 on the CPU and every operation has a tile form/)
    expect(blockRows).toBeGreaterThan(0)
    expect(instructionSet).toBe(narrow.explain().instructionSet.replace('_bf16', ''))
    for (const n of [1, 157]) {
      const x = rows(n, columns)
      for (const what of ['energy', 'score'] as const) {
        const value = await plain[what](x)
        expect(apart(await fused[what](x), value), `${what} of ${n} rows`).toBeLessThan(BOUND)
        // Control: float32 numbers are seen.
        expect(apart(await narrow[what](x.to('float32')), value), what).toBeGreaterThan(BOUND)
      }
    }
  })

  it('logits and classes', async () => {
    const spec = energies.classifier({ input: 4, classes: 3, hidden: [16] })
    await using fused = await made(spec, undefined)
    await using plain = await made(spec, 'aten')
    const x = rows(80, 4)
    const y = Array.from({ length: 80 }, (_, i) => i % 3)
    expect(apart(await fused.logits(x), await plain.logits(x))).toBeLessThan(BOUND)
    expect(apart(await fused.energy(x, { y }), await plain.energy(x, { y }))).toBeLessThan(BOUND)
  })

  it.each([
    samplers.langevin({ steps: 6, stepSize: 0.005 }),
    samplers.mala({ steps: 6, stepSize: 0.01 }),
    samplers.hmc({ steps: 4, stepSize: 0.1, leapfrogSteps: 3 }),
    samplers.underdampedLangevin({ steps: 6, stepSize: 0.1 }),
    samplers.nuts({ steps: 3, warmup: 0, stepSize: 0.05, maxDepth: 3 }),
  ])('$kind walks as on the plain path', async (sampler) => {
    await using fused = await made(series, undefined)
    await using plain = await made(series, 'aten')
    const call = { sampler, chains: 40, seed: 3, diagnostics: false } as const
    const one = await sample(fused, call).done
    const two = await sample(plain, call).done
    expect([one.executor, two.executor]).toEqual([sampler.kind === 'nuts' ? 'stepwise' : 'fused', 'stepwise'])
    // A few steps: what rounding does grows along a chain, tenfold a step at most.
    expect(apart(one.samples, two.samples)).toBeLessThan(1e-9)
    expect(apart(one.energy, two.energy)).toBeLessThan(1e-9)
  })

  it.each([
    objectives.noiseContrastive({ noise: noises.gaussian({ sd: 1.5 }) }),
    objectives.denoisingScoreMatching({ sigma: 0.3 }),
    objectives.contrastiveDivergence({ sampler: samplers.langevin({ steps: 3, stepSize: 0.05 }) }),
  ])('$kind trains to the same weights', async (objective) => {
    const spec = energies.mlp({ input: 3, hidden: [16, 9], gaussianBase: 1.5 })
    const weights = await Promise.all(
      [undefined, 'aten' as const].map(async (executor) => {
        const model = await made(spec, executor)
        const before = numbers((await model.parameters())['0.weight']!)
        await train(model, rows(200, 3), { objective, steps: 5, batchSize: 64, seed: 2 }).done
        const after = (await model.parameters())['0.weight']!
        expect(numbers(after)).not.toEqual(before)
        return after
      }),
    )
    // Five steps of Adam, whose first steps divide by gradients: a relative rounding stays one.
    expect(apart(weights[0]!, weights[1]!)).toBeLessThan(1e-9)
  })
})
