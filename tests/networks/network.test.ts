/** Networks by themselves and inside energies: the same parameters, bit for bit, by every way to write them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  detectors,
  Energy,
  energies,
  layers,
  Network,
  networks,
  ood,
  sample,
  samplers,
  type Tensor,
  tensor,
} from '../../src/index.js'
import type { SpecValue } from '../../src/spec/index.js'
import { refusal, rejection } from '../helpers/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-networks-'))
afterAll(() => rmSync(folder, { recursive: true }))

const rows = [
  [0.5, -1.2],
  [2, 0.25],
  [-0.75, 3],
]
const numbers = (tensor: Tensor) => [...tensor.toTypedArray()].map(Number)

describe('a network', () => {
  it('gives the outputs its parameters say, in float64 to rounding', async () => {
    await using network = await Network.create(networks.mlp({ input: 2, hidden: [3], activation: 'tanh', output: 2 }), {
      dtype: 'float64',
      seed: 5,
    })
    const p = Object.fromEntries(
      Object.entries(await network.parameters()).map(([name, value]) => [name, numbers(value)]),
    )
    const expected = rows.flatMap((x) => {
      const h = [0, 1, 2].map((i) =>
        Math.tanh(x[0]! * p['0.weight']![2 * i]! + x[1]! * p['0.weight']![2 * i + 1]! + p['0.bias']![i]!),
      )
      return [0, 1].map((o) => h.reduce((s, v, i) => s + v * p['2.weight']![3 * o + i]!, p['2.bias']![o]!))
    })
    const outputs = await network.outputs(tensor(rows, undefined, 'float64'))
    expect(outputs.shape).toEqual([3, 2])
    // Sums of at most four terms of size 1: some units in the last place of float64.
    numbers(outputs).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 13)
    })
    expect(network.family).toBe('network')
    expect(network.inputWidth).toBe(2)
    expect(network.parameterCount).toBe(2 * 3 + 3 + 3 * 2 + 2)
  })

  it('gives the same bits on one and two threads, and the same to float32 in both dtypes', async () => {
    const spec = networks.mlp({ input: 2, hidden: [32, 32], output: 5 })
    await using fused = await Network.create(spec, { seed: 1 })
    await using exact = await Network.create(spec, { dtype: 'float64' })
    await exact.setParameters(await fused.parameters())
    const many = Array.from({ length: 1000 }, (_, i) => [Math.sin(i), Math.cos(3 * i)])
    const one = numbers(await fused.outputs(many, { threads: 1 }))
    expect(numbers(await fused.outputs(many, { threads: 2 }))).toEqual(one)
    expect(fused.explain().executor).toBe('fused-cpu')
    expect(exact.explain().executor).toBe('fused-cpu')
    // Weights differ by their rounding to float32 and sums of 32 terms by theirs: about 32 * 6e-8.
    numbers(await exact.outputs(many)).forEach((value, i) => {
      expect(Math.abs(value - one[i]!)).toBeLessThan(2e-6)
    })
  })

  it('embeds a class y', async () => {
    const list = [layers.embedding({ classes: 3, width: 2 }), layers.linear({ out: 4 })]
    await using network = await Network.create(networks.sequential({ input: 2, layers: list }), { seed: 2 })
    const same = numbers(await network.outputs([rows[0]!, rows[0]!, rows[0]!], { y: [0, 1, 0] }))
    expect(same.slice(0, 4)).toEqual(same.slice(8))
    expect(same.slice(0, 4)).not.toEqual(same.slice(4, 8))
    expect((await rejection(() => network.outputs(rows))).message).toContain('takes a condition y')
  })

  it('comes back from a file, which is no file of an energy', async () => {
    const path = join(folder, 'network.safetensors')
    await using network = await Network.create(networks.mlp({ input: 2, hidden: [4], output: 3 }), { seed: 9 })
    await network.save(path)
    await using again = await Network.load(path)
    expect(again.spec).toEqual(network.spec)
    expect(numbers(await again.outputs(rows))).toEqual(numbers(await network.outputs(rows)))
    const error = await rejection(() => Energy.load(path))
    expect(error.code).toBe('ERR_LANGEVIN_FORMAT')
    expect(error.message).toContain('Network.load')
    await using energy = await Energy.create(energies.mlp({ input: 2, hidden: [4] }))
    await energy.save(path)
    expect((await rejection(() => Network.load(path))).message).toContain('Energy.load')
  })

  it('is refused where an energy is wanted', async () => {
    await using network = await Network.create(networks.mlp({ input: 2, hidden: [4], output: 1 }))
    const run = sample(network as unknown as Energy, {
      sampler: samplers.langevin({ steps: 2, stepSize: 0.1 }),
      chains: 2,
    })
    expect((await rejection(() => run.done)).message).toContain('gives outputs and no energy')
    const scores = ood.scores(detectors.energy(network as unknown as Energy), rows)
    expect((await rejection(() => scores)).message).toContain('gives outputs and no energy')
  })

  it('needs widths when it stands alone', async () => {
    expect((await rejection(() => Network.create(networks.mlp({ hidden: [4], output: 1 })))).message).toContain('input')
    expect((await rejection(() => Network.create(networks.mlp({ input: 4, hidden: [4] })))).message).toContain('output')
  })
})

describe('an energy with a network', () => {
  const mlp = networks.mlp({ hidden: [8, 8], activation: 'softplus' })
  const hidden = { hidden: [8, 8], activation: 'softplus' as const }
  const pairs: [string, SpecValue, SpecValue][] = [
    [
      'classifier',
      energies.classifier({ input: 2, classes: 3, ...hidden }),
      energies.classifier({ input: 2, classes: 3, network: mlp }),
    ],
    [
      'conditional',
      energies.conditional({ input: 1, condition: 1, ...hidden }),
      energies.conditional({ input: 1, condition: 1, network: mlp }),
    ],
    ['regressor', energies.regressor({ input: 1, ...hidden }), energies.regressor({ input: 1, network: mlp })],
    [
      'mixtureDensity',
      energies.mixtureDensity({ input: 1, ...hidden }),
      energies.mixtureDensity({ input: 1, network: mlp }),
    ],
    [
      'twoTower',
      energies.twoTower({ input: 1, condition: 1, width: 4, x: hidden, y: hidden }),
      energies.twoTower({ input: 1, condition: 1, width: 4, x: { network: mlp }, y: { network: mlp } }),
    ],
    [
      'mlp and scalar',
      energies.mlp({ input: 2, ...hidden, gaussianBase: 2 }),
      energies.scalar({ input: 2, network: mlp, gaussianBase: 2 }),
    ],
    [
      'sequential and scalar',
      energies.sequential({
        input: 2,
        layers: [layers.linear({ out: 4 }), layers.activation(), layers.linear({ out: 1 })],
      }),
      energies.scalar({
        input: 2,
        network: networks.sequential({
          layers: [layers.linear({ out: 4 }), layers.activation(), layers.linear({ out: 1 })],
        }),
      }),
    ],
  ]

  it.each(pairs)('%s: the short form is the same energy, bit for bit', async (_, short, long) => {
    await using a = await Energy.create(short, { seed: 11 })
    await using b = await Energy.create(long, { seed: 11 })
    expect(b.parameterInfo()).toEqual(a.parameterInfo())
    const conditional = short.condition !== undefined
    const x = rows.map((row) => row.slice(0, a.inputWidth))
    const y = conditional ? { y: rows.map((row) => [row[1]!]) } : {}
    expect(numbers(await b.energy(x, y))).toEqual(numbers(await a.energy(x, y)))
    expect(numbers(await b.score(x, y))).toEqual(numbers(await a.score(x, y)))
  })

  it('says what does not fit', async () => {
    const refused = (body: () => unknown) => refusal(body).message
    expect(refused(() => energies.classifier({ input: 2, classes: 3 }))).toContain('or network')
    expect(refused(() => energies.classifier({ input: 2, classes: 3, hidden: [4], network: mlp }))).toContain(
      'either hidden or network',
    )
    expect(refused(() => energies.classifier({ input: 2, classes: 3, network: mlp, activation: 'relu' }))).toContain(
      'belongs to hidden',
    )
    const wide = energies.classifier({ input: 2, classes: 3, network: networks.mlp({ hidden: [4], output: 2 }) })
    expect((await rejection(() => Energy.create(wide))).message).toContain('gives 2 columns, and 3 are needed')
    const narrow = energies.scalar({ input: 2, network: networks.mlp({ input: 5, hidden: [4] }) })
    expect((await rejection(() => Energy.create(narrow))).message).toContain('gets 2 columns')
    const embedding = networks.sequential({
      layers: [layers.embedding({ classes: 2, width: 2 }), layers.linear({ out: 3 })],
    })
    const lost = energies.classifier({ input: 2, classes: 3, network: embedding })
    expect((await rejection(() => Energy.create(lost))).message).toContain('no class y')
  })
})
