/** The fixed law of bits under a network: with a network that gives 0 the model is that law. */
import { describe, expect, it } from 'vitest'
import { Energy, energies, layers, networks, partition, tensor } from '../../src/index.js'
import type { SpecValue } from '../../src/spec/index.js'

const p = [0.02, 0.5, 0.3, 0.9]
const common = { input: 4, states: 'binary', bernoulliBase: p } as const
const specs: [string, SpecValue][] = [
  ['mlp', energies.mlp({ ...common, hidden: [5] })],
  ['scalar', energies.scalar({ ...common, network: networks.mlp({ hidden: [5] }) })],
  [
    'sequential over a picture',
    energies.sequential({ ...common, input: [2, 2], layers: [layers.flatten(), layers.linear({ out: 1 })] }),
  ],
]

describe.each(specs)('bernoulliBase of %s', (_, spec) => {
  it('is the law of independent bits where the network gives 0, and is not trained', async () => {
    await using model = await Energy.create(spec, { dtype: 'float64' })
    const parameters = await model.parameters()
    const zeros = Object.entries(parameters).map(([name, { shape }]) => {
      const count = shape.reduce((a, b) => a * b, 1)
      return [name, tensor(new Float64Array(count), shape)] as const
    })
    await model.setParameters(Object.fromEntries(zeros))
    const { logZ, entropy } = await partition.exact(model)
    // Z = prod 1 / (1 - p); the entropy of independent bits.
    const plogp = (q: number) => -q * Math.log(q) - (1 - q) * Math.log(1 - q)
    expect(logZ).toBeCloseTo(-p.reduce((sum, q) => sum + Math.log(1 - q), 0), 10)
    expect(entropy).toBeCloseTo(
      p.reduce((sum, q) => sum + plogp(q), 0),
      10,
    )
    const flat = [[1, 0, 0, 1]]
    const energy = (await model.energy(flat)).toArray()[0] as number
    expect(Math.exp(-energy - logZ)).toBeCloseTo(p[0]! * (1 - p[1]!) * (1 - p[2]!) * p[3]!, 10)
    const score = (await model.score(flat)).toTypedArray()
    for (const [j, q] of p.entries()) expect(score[j]).toBeCloseTo(Math.log(q / (1 - q)), 10)
    expect(Object.keys(parameters).some((name) => name.includes('base'))).toBe(false)
  })
})
