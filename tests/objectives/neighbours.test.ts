/** Pseudo-likelihood and ratio matching against enumeration of all states. */
import { describe, expect, test } from 'vitest'
import { Energy, energies, evaluateObjective, objectives, tensor, train } from '../../src/index.js'
import type { SpecValue } from '../../src/spec/index.js'

const states = [
  { kind: 'binary' },
  { kind: 'categorical', levels: 3 },
  { kind: 'ordinal', levels: 3 },
  { kind: 'cyclic', levels: 2 },
] as const
const LEVELS = [2, 3, 3, 2]
/** All 36 rows, and the levels of each. */
const levelsOf = Array.from({ length: 36 }, (_, i) => [
  Math.floor(i / 18),
  Math.floor(i / 6) % 3,
  Math.floor(i / 2) % 3,
  i % 2,
])
const rowOf = ([a, b, c, d]: number[]) => [a!, ...[0, 1, 2].map((k) => Number(k === b)), c!, d!]
const all = levelsOf.map(rowOf)
const number = (levels: number[]) => levels.reduce((at, level, s) => at * LEVELS[s]! + level, 0)
const others = (levels: number[], s: number) =>
  Array.from({ length: LEVELS[s]! }, (_, k) => levels.with(s, k)).filter((row) => row[s] !== levels[s])

const spec = energies.mlp({ input: 6, hidden: [12], activation: 'tanh', embedding: 2, states: [...states] })
const double = (rows: number[][]) => tensor(rows, undefined, 'float64')

/** What an objective gives for one row, from the energies of all states. */
const formulas: Record<string, (e: number[], levels: number[]) => number> = {
  pseudoLikelihood: (e, levels) =>
    LEVELS.map((_, s) => {
      const own = Math.exp(-e[number(levels)]!)
      const rest = others(levels, s).reduce((sum, row) => sum + Math.exp(-e[number(row)]!), 0)
      return -Math.log(own / (own + rest))
    }).reduce((a, b) => a + b),
  ratioMatching: (e, levels) =>
    LEVELS.flatMap((_, s) => others(levels, s))
      .map((row) => (1 + Math.exp(e[number(row)]! - e[number(levels)]!)) ** -2)
      .reduce((a, b) => a + b),
}
const kinds: [string, (options?: { sites?: number }) => SpecValue<'objective'>][] = [
  ['pseudoLikelihood', objectives.pseudoLikelihood],
  ['ratioMatching', objectives.ratioMatching],
]

describe.each(kinds)('%s', (kind, make) => {
  test('is the sum over all neighbours', async () => {
    await using model = await Energy.create(spec, { seed: 2, dtype: 'float64' })
    const e = (await model.energy(double(all))).toArray() as number[]
    const expected = levelsOf.reduce((sum, levels) => sum + formulas[kind]!(e, levels) / 36, 0)
    const { loss } = await evaluateObjective(model, double(all), { objective: make() })
    expect(loss).toBeCloseTo(expected, 12)
  })

  test('some sites at a time are all of them in the mean', async () => {
    await using model = await Energy.create(spec, { seed: 2, dtype: 'float64' })
    const at = async (options: object, step: number) =>
      (await evaluateObjective(model, double(all), { objective: make(options), step, seed: 1 })).loss
    const whole = await at({}, 0)
    expect(await at({ sites: 4 }, 3)).toBe(whole)
    const some: number[] = []
    for (let step = 0; step < 400; step++) some.push(await at({ sites: 1 }, step))
    const mean = some.reduce((a, b) => a + b) / some.length
    const variance = some.reduce((sum, v) => sum + (v - mean) ** 2, 0) / some.length
    // One of four sites: four values, each four times a site's part. 4.5 standard errors.
    expect(new Set(some.map((v) => v.toFixed(9))).size).toBe(4)
    expect(Math.abs(mean - whole)).toBeLessThan(4.5 * Math.sqrt(variance / some.length))
  })

  test('the law of the data is where its gradient vanishes, and another is not', async () => {
    await using model = await Energy.create(spec, { seed: 2, dtype: 'float64' })
    const e = (await model.energy(double(all))).toArray() as number[]
    const slope = async (temperature: number) => {
      const weights = e.map((v) => Math.exp(-v / temperature))
      const z = weights.reduce((a, b) => a + b)
      const sum: number[] = []
      for (const [i, row] of all.entries()) {
        const { gradient } = await evaluateObjective(model, double([row]), { objective: make() })
        const flat = Object.values(gradient).flatMap((g) => (g.toArray() as number[]).flat(2))
        for (const [k, v] of flat.entries()) sum[k] = (sum[k] ?? 0) + (weights[i]! / z) * v
      }
      return Math.max(...sum.map(Math.abs))
    }
    expect(await slope(1)).toBeLessThan(1e-13)
    expect(await slope(1.5)).toBeGreaterThan(1e-4)
  })

  test('finds the couplings of spins', async () => {
    await using model = await Energy.create(energies.ising({ sites: 3 }), { dtype: 'float64' })
    // Each of the 8 states as often as at J12 = 0.5, J23 = -0.3, J13 = 0 and no field, to a thousandth.
    const rows = Array.from({ length: 8 }, (_, i) => [i & 1, (i >> 1) & 1, i >> 2].map((bit) => 2 * bit - 1))
    const weight = ([a, b, c]: number[]) => Math.exp(0.5 * a! * b! - 0.3 * b! * c!)
    const z = rows.reduce((sum, row) => sum + weight(row), 0)
    const x = rows.flatMap((row) => Array.from({ length: Math.round((4000 * weight(row)) / z) }, () => row))
    await train(model, double(x), {
      objective: make(),
      optimizer: { kind: 'adam', lr: 0.05 },
      batchSize: x.length,
      steps: 400,
    }).done
    const coupling = (await model.parameters()).coupling!.toArray() as number[][]
    expect(coupling[0]![1]).toBeCloseTo(0.5, 2)
    expect(coupling[1]![2]).toBeCloseTo(-0.3, 2)
    expect(coupling[0]![2]).toBeCloseTo(0, 2)
  })

  test('moves the discrete columns of mixed rows alone', async () => {
    const mixed = energies.mlp({ input: 3, hidden: [8], states: [{ kind: 'real', columns: 2 }, { kind: 'binary' }] })
    await using model = await Energy.create(mixed, { seed: 1, dtype: 'float64' })
    const x = [
      [0.3, -1.2, 1],
      [2, 0.7, 0],
    ]
    const { rows } = await evaluateObjective(model, double(x), { objective: make() })
    // The data first, then their neighbours.
    expect(rows[0]!.x.toArray()).toEqual([...x, ...x.map(([a, b, bit]) => [a, b, 1 - bit!])])
  })

  test('refuses real columns, states that are none, and more sites than there are', async () => {
    await using real = await Energy.create(energies.mlp({ input: 2, hidden: [4] }))
    await expect(evaluateObjective(real, [[0, 1]], { objective: make() })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_UNSUPPORTED',
      message: expect.stringMatching(new RegExp(`^${kind} compares .*real columns: use score matching`)),
    })
    await using model = await Energy.create(spec)
    const refused = (x: number[], options = {}) =>
      expect(evaluateObjective(model, [x], { objective: make(options) })).rejects
    await refused([0.5, 1, 0, 0, 0, 0]).toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
      message: expect.stringMatching(/column 0/),
    })
    await refused([0, 1, 0, 0, 0, 0], { sites: 5 }).toMatchObject({
      message: expect.stringMatching(/sites: 5 .* has 4/),
    })
  })
})
