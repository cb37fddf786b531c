/** Columns of different kinds: what the specs accept, what the core makes of them, and what refuses them by name. */
import { describe, expect, test } from 'vitest'
import type { ColumnBlock } from '../../src/energies/states.js'
import { Energy, energies, evaluateObjective, objectives, partition, sample, samplers } from '../../src/index.js'
import { refusal, rejection } from '../helpers/errors.js'

const mlp = (states: unknown, input: number) =>
  energies.mlp({ input, hidden: [6], activation: 'tanh', states: states as never })

/** binary, categorical 3, ordinal 4 ('rating'), cyclic 5: 1 + 3 + 1 + 1 columns, 2 * 3 * 4 * 5 states. */
const DISCRETE: ColumnBlock[] = [
  { kind: 'binary' },
  { kind: 'categorical', levels: 3 },
  { kind: 'ordinal', levels: 4, name: 'rating' },
  { kind: 'cyclic', levels: 5 },
]
/** real 2, categorical 3 ('colour'). */
const MIXED: ColumnBlock[] = [
  { kind: 'real', columns: 2 },
  { kind: 'categorical', levels: 3, name: 'colour' },
]

function allRows(): number[][] {
  const rows: number[][] = []
  for (let a = 0; a < 2; a++)
    for (let b = 0; b < 3; b++)
      for (let c = 0; c < 4; c++)
        for (let d = 0; d < 5; d++) rows.push([a, ...[0, 1, 2].map((k) => (k === b ? 1 : 0)), c, d])
  return rows
}

describe('specs of column blocks', () => {
  test('count columns, fill in one variable, and survive as JSON', () => {
    const spec = mlp(DISCRETE, 6)
    expect(JSON.parse(JSON.stringify(spec)).states).toEqual(DISCRETE)
    const wide = [
      { kind: 'categorical', levels: 3, columns: 6 },
      { kind: 'tokens', vocabulary: 9, length: 4 },
    ]
    expect(mlp(wide, 10).states).toEqual(wide)
  })

  test.each([
    [[{ kind: 'real', columns: 2 }], 3, /^energies\.mlp: states: the blocks have 2 columns together, x has 3/],
    [[{ kind: 'categorical', levels: 3, columns: 4 }], 4, /states\[0\]\.columns: must be a multiple of levels = 3/],
    [[{ kind: 'nominal' }], 1, /states\[0\]\.kind: must be one of real, binary, spin, categorical/],
    [[{ kind: 'ordinal' }], 1, /states\[0\]\.levels: is required/],
    [[{ kind: 'ordinal', level: 3 }], 1, /states\[0\]\.level: is not an option; did you mean 'levels'/],
    [[{ kind: 'binary', levels: 2 }], 1, /states\[0\]\.levels: is not an option/],
    [[{ kind: 'binary', name: 'real' }], 1, /states\[0\]\.name: 'real' is the word/],
    [
      [
        { kind: 'binary', name: 'a' },
        { kind: 'spin', name: 'a' },
      ],
      2,
      /states\[1\]\.name: 'a' is the name of an earlier/,
    ],
    [[], 1, /states/],
    ['ternary', 1, /states/],
  ])('refuse %j', (states, input, message) => {
    expect(refusal(() => mlp(states, input)).message).toMatch(message)
  })
})

describe('a discrete energy of unequal levels', () => {
  test('says what its columns are', async () => {
    await using model = await Energy.create(mlp(DISCRETE, 6))
    expect(model.explain().states).toEqual([
      { kind: 'binary', firstColumn: 0, columns: 1, levels: 2 },
      { kind: 'categorical', firstColumn: 1, columns: 3, levels: 3 },
      { kind: 'ordinal', firstColumn: 4, columns: 1, levels: 4, name: 'rating' },
      { kind: 'cyclic', firstColumn: 5, columns: 1, levels: 5 },
    ])
    await using bits = await Energy.create(mlp([{ kind: 'binary', columns: 3 }], 3))
    expect(bits.explain().states).toBe('binary')
  })

  test('log Z is the sum over its states, by enumeration and by annealing', async () => {
    await using model = await Energy.create(mlp(DISCRETE, 6), { dtype: 'float64', seed: 3 })
    const e = (await model.energy(allRows())).toArray() as number[]
    const sum = Math.log(e.reduce((total, value) => total + Math.exp(-value), 0))
    const exact = await partition.exact(model)
    expect(exact.states).toBe(120)
    expect(exact.logZ).toBeCloseTo(sum, 12)
    const ais = await partition.ais(model, { chains: 1000, temperatures: 40, seed: 4 })
    expect(Math.abs(ais.logZ - sum)).toBeLessThan(4 * ais.standardError)
  })

  test('chains stay on its states, whatever moves them, and agree with enumeration', async () => {
    await using model = await Energy.create(mlp(DISCRETE, 6), { dtype: 'float64', seed: 3 })
    const e = (await model.energy(allRows())).toArray() as number[]
    const weight = e.map((value) => Math.exp(-value))
    const z = weight.reduce((a, b) => a + b)
    const mean = e.reduce((total, value, i) => total + (value * weight[i]!) / z, 0)
    const square = e.reduce((total, value, i) => total + (value ** 2 * weight[i]!) / z, 0)
    const known = new Set(allRows().map(String))
    for (const sampler of [
      samplers.gibbs({ steps: 20 }),
      samplers.gibbsWithGradients({ steps: 80 }),
      samplers.discreteLangevin({ steps: 80, stepSize: 1 }),
    ]) {
      const run = await sample(model, { sampler, chains: 1500, seed: 5 }).done
      for (const row of run.samples.toArray() as unknown as number[][]) expect(known.has(String(row))).toBe(true)
      const found = (run.energy.toArray() as number[]).reduce((a, b) => a + b) / 1500
      // 4.5 standard errors: a false alarm in 150,000.
      expect(Math.abs(found - mean)).toBeLessThan(4.5 * Math.sqrt((square - mean ** 2) / 1500))
    }
  }, 120_000)

  test('rows that are no states are refused with row and column', async () => {
    await using model = await Energy.create(mlp(DISCRETE, 6))
    const bad = [...allRows().slice(0, 3), [0, 1, 0, 0, 4, 0]]
    const objective = objectives.minimumProbabilityFlow()
    const error = await rejection(() => evaluateObjective(model, bad, { objective }))
    expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    expect(error.message).toMatch(
      /4\.0+ in row 3, column 4; column 4 \('rating'\) of this energy holds ordinal states \(0 to 3\)/,
    )
    expect((await evaluateObjective(model, allRows(), { objective })).loss).toBeGreaterThan(0)
  })
})

describe('a mixed energy', () => {
  const rows = [
    [0.5, -1, 1, 0, 0],
    [2, 0.1, 0, 0, 1],
  ]

  test('refuses what is defined on one kind, naming the columns', async () => {
    await using model = await Energy.create(mlp(MIXED, 5))
    const colour = /columns 2 to 4 \('colour'\) of this mlp energy hold categorical states/
    const reals = /columns 0 to 1 of this mlp energy hold real numbers/
    const objective = objectives.denoisingScoreMatching({ sigma: 0.1 })
    const checks: [() => Promise<unknown>, RegExp][] = [
      [() => evaluateObjective(model, rows, { objective }), colour],
      [() => evaluateObjective(model, rows, { objective: objectives.minimumProbabilityFlow() }), reals],
      [() => partition.exact(model), reals],
      [() => partition.grid(model, { low: -1, high: 1 }), colour],
      [() => partition.ais(model, { chains: 10 }), colour],
      [() => sample(model, { sampler: samplers.gibbs({ steps: 1 }), chains: 2 }).done, reals],
      [() => sample(model, { sampler: samplers.mala({ steps: 1, stepSize: 0.1 }), chains: 2 }).done, colour],
    ]
    for (const [body, message] of checks) {
      const error = await rejection(body)
      expect(error.code).toBe('ERR_LANGEVIN_UNSUPPORTED')
      expect(error.message).toMatch(message)
    }
  })
})
