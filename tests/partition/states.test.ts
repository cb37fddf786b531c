/** partition.ais over discrete states. */
import { describe, expect, test } from 'vitest'
import { Energy, energies, partition, sample, samplers, tensor } from '../../src/index.js'
import type { SpecValue } from '../../src/spec/index.js'

// Annealing over discrete states against the sum over all of them. Seeds are fixed; four standard errors are a false alarm
// once in 16,000 seeds.

/** Weights far from 0, so that the uniform law is a poor stand-in. */
async function strong(spec: SpecValue, names: string[], scale: number): Promise<Energy> {
  const model = await Energy.create(spec, { dtype: 'float64', seed: 3 })
  const parameters = await model.parameters()
  for (const name of names) {
    const { shape } = parameters[name]!
    const numbers = Float64Array.from(
      { length: shape.reduce((a, b) => a * b, 1) },
      (_, i) => scale * Math.sin(7 * i + 1),
    )
    await model.setParameters({ [name]: tensor(numbers, shape) })
  }
  return model
}

const MODELS: [string, SpecValue, string[], number, number][] = [
  [
    'rbm, with its hidden units',
    energies.rbm({ input: 12, hidden: 6 }),
    ['hidden.weight', 'hidden.bias', 'bias'],
    1.5,
    1,
  ],
  [
    'rbm at T = 1.7, by sweeps',
    energies.rbm({ input: 12, hidden: 6 }),
    ['hidden.weight', 'hidden.bias', 'bias'],
    1.5,
    1.7,
  ],
  ['ising', energies.ising({ sites: 12 }), ['coupling', 'field'], 0.8, 1],
  ['potts at T = 0.8', energies.potts({ sites: 6, levels: 3 }), ['coupling', 'field'], 0.8, 0.8],
  [
    'mlp over binary states',
    energies.mlp({ input: 10, hidden: [16], activation: 'tanh', states: 'binary' }),
    ['0.weight', '2.weight'],
    2,
    1,
  ],
]

describe.each(MODELS)('partition.ais: %s', (_, spec, names, scale, temperature) => {
  test('encloses the sum over all states', async () => {
    await using model = await strong(spec, names, scale)
    const truth = await partition.exact(model, { temperature })
    const { samples } = await sample(model, {
      sampler: samplers.gibbs({ steps: 400, temperature }),
      chains: 500,
      seed: 8,
    }).done
    const options = { chains: 1000, temperatures: 60, temperature, seed: 4 }
    const up = await partition.ais(model, options)
    expect(up.standardError).toBeLessThan(0.05)
    expect(Math.abs(up.logZ - truth.logZ)).toBeLessThan(4 * up.standardError)
    expect([up.upper, up.reverse, up.acceptance]).toEqual([null, null, null])
    const both = await partition.ais(model, { ...options, samples })
    expect(both.forward).toEqual(up.forward)
    expect(both.lower).toBeLessThan(truth.logZ)
    expect(both.upper!).toBeGreaterThan(truth.logZ)
    expect(both.upper! - both.lower).toBeLessThan(0.4)
    expect(Math.abs(both.logZ - truth.logZ)).toBeLessThan(4 * both.standardError)
    expect((await partition.ais(model, { ...options, threads: 1 })).logZ).toBe(up.logZ)
    // The control: without the moves between base and model the weights tell far less of the same sum.
    const jump = await partition.ais(model, { ...options, temperatures: 2 })
    expect(jump.standardError).toBeGreaterThan(3 * up.standardError)
    expect(Math.abs(jump.logZ - truth.logZ)).toBeLessThan(4 * jump.standardError + 0.3)
  })
})

describe.each(['gibbs', 'gibbsWithGradients'] as const)('partition.ais from independent bits by %s', (transition) => {
  test('encloses the sum over all states', async () => {
    const [, spec, names, scale] = MODELS.find(([name]) => name.startsWith('mlp'))!
    await using model = await strong(spec, names, scale)
    const truth = await partition.exact(model)
    const sampler = samplers.gibbs({ steps: 400 })
    const { samples } = await sample(model, { sampler, chains: 500, seed: 8 }).done
    const mean = Array.from({ length: 10 }, (_, j) => 0.2 + 0.06 * j)
    const moves = transition === 'gibbs' ? 1 : 8
    const options = { chains: 1000, temperatures: 60, seed: 4, transition, moves }
    const found = await partition.ais(model, { ...options, mean, samples })
    for (const way of [found.forward, found.reverse!]) {
      expect(way.standardError).toBeLessThan(0.05)
      expect(Math.abs(way.logZ - truth.logZ)).toBeLessThan(4 * way.standardError)
    }
    expect(Math.abs(found.logZ - truth.logZ)).toBeLessThan(4 * found.standardError)
    if (transition === 'gibbs') expect(found.acceptance).toBeNull()
    else expect(found.acceptance!).toBeGreaterThan(0.3)
    expect((await partition.ais(model, { ...options, mean, samples, threads: 1 })).logZ).toBe(found.logZ)
    // A temperature, and the uniform law.
    const warm = await partition.ais(model, { ...options, mean, temperature: 2 })
    const hot = await partition.exact(model, { temperature: 2 })
    expect(Math.abs(warm.logZ - hot.logZ)).toBeLessThan(4 * warm.standardError)
    const uniform = await partition.ais(model, options)
    expect(Math.abs(uniform.logZ - truth.logZ)).toBeLessThan(4 * uniform.standardError)
    // The control: one jump from the bits to the model.
    const jump = await partition.ais(model, { ...options, mean, temperatures: 2 })
    expect(jump.forward.standardError).toBeGreaterThan(3 * found.forward.standardError)
  })
})

test('samples of another law show: the upper bound falls below the lower one', async () => {
  await using model = await strong(energies.ising({ sites: 12 }), ['coupling', 'field'], 0.8)
  const uniform = Array.from({ length: 400 }, (_, i) =>
    Array.from({ length: 12 }, (_, j) => (Math.sin(99 * i + 31 * j) > 0 ? 1 : -1)),
  )
  // Chains that start at states of high energy add up weights of another law; the bound they give is no bound.
  const off = await partition.ais(model, { chains: 1000, temperatures: 200, seed: 4, samples: uniform })
  expect(off.upper!).toBeLessThan(off.lower)
})

test('options of real columns are refused by their names', async () => {
  await using spins = await Energy.create(energies.ising({ sites: 4 }))
  await using real = await Energy.create(energies.gaussian({ mean: [0], precision: 1 }))
  const refused = (model: Energy, options: object, message: RegExp) =>
    expect(partition.ais(model, options)).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
      message: expect.stringMatching(message),
    })
  await refused(spins, { scale: 2 }, /^scale: is for real columns; this energy is over spins/)
  await refused(spins, { stepSize: 0.1 }, /^stepSize/)
  await refused(spins, { transition: 'hmc' }, /^transition.*'gibbs'/)
  await refused(spins, { mean: 0.3 }, /^mean.*probability of 1 of bits, and this energy is over spins/)
  await refused(spins, { ladder: 'adaptive' }, /^ladder.*'linear' or 'sigmoid'/)
  await refused(
    spins,
    {
      samples: [
        [1, 0, 1, 1],
        [1, 1, 1, 1],
      ],
    },
    /samples.*row 0, column 1/,
  )
  await refused(real, { transition: 'gibbs' }, /real columns/)
  await using bits = await Energy.create(energies.mlp({ input: 4, hidden: [3], states: 'binary' }))
  await refused(bits, { mean: [0.1, 0.2, 0.3] }, /^mean: has 3 numbers, the energy has 4 columns/)
  await refused(bits, { mean: 1 }, /^mean: of bits must lie strictly between 0 and 1/)
})
