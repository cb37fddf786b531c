/** The losses of structured prediction, from spec to gradient. */
import { beforeAll, describe, expect, it } from 'vitest'
import { Energy, energies, evaluateObjective, LangevinError, objectives, tensor } from '../../src/index.js'
import { reference } from '../helpers/python.js'

type Loss = Parameters<typeof objectives.structured>[0]['loss']
const LOSSES: Loss[] = [
  'energy',
  'perceptron',
  'hinge',
  'log',
  'lvq2',
  'mce',
  'squareSquare',
  'squareExponential',
  'nll',
  'mee',
]
const OFFENDING: Loss[] = ['hinge', 'log', 'lvq2', 'mce', 'squareSquare', 'squareExponential']

/** Multiples of a quarter: exact in every sum below. Right answers and ties as in native/tests/structured_test.cpp. */
const TABLE = [
  [0.5, 1.25, 2, 1.5],
  [1.5, 0.25, 0.75, 0.75],
  [1, 2, 1, 1],
  [0.5, 0.5, 3, 0.5],
  [0.25, 1.5, 2.25, 0.25],
]
const RIGHT = [0, 0, 1, 2, 3]
const POINTS = [0, 0.25, 0.5, 0.75]
const rows = TABLE.map((_, i) => TABLE.map((_, j) => (i === j ? 1 : 0)))
const distance = RIGHT.map((r) => POINTS.map((y) => Math.abs(y - POINTS[r]!)))

const OPTIONS: Partial<Record<Loss, object>> = {
  lvq2: { delta: 2, cap: 2 },
  squareExponential: { gamma: 0.5 },
  nll: { beta: 1.5 },
  mee: { beta: 1.5 },
}

/** Classes: E(x_i, j) = -f(x_i)[j] with f linear and x_i the i-th unit vector. */
async function classTable(): Promise<Energy> {
  const model = await Energy.create(energies.classifier({ input: 5, classes: 4, hidden: [] }), { dtype: 'float64' })
  const weight = POINTS.map((_, j) => TABLE.map((row) => -row[j]!))
  await model.setParameters({ '0.weight': weight, '0.bias': [0, 0, 0, 0] })
  return model
}

/**
 * Continuous y: E(x_i, y) runs through the table at y = 0, 0.25, 0.5, 0.75, as a sum of ramps relu(y - t + 10 (x_i - 1)) that
 * only the row's own unit vector switches on.
 */
const KNOTS = [-0.25, 0, 0.25, 0.5]
async function curveTable(): Promise<Energy> {
  const spec = energies.conditional({ input: 5, condition: 1, hidden: [20], activation: 'relu' })
  const model = await Energy.create(spec, { dtype: 'float64' })
  const units = TABLE.flatMap((_, i) => KNOTS.map((t) => ({ i, t })))
  const slopes = TABLE.flatMap((row) => {
    const c: number[] = []
    for (const [j, e] of row.entries()) {
      const before = c.reduce((sum, v, k) => sum + v * (POINTS[j]! - KNOTS[k]!), 0)
      c.push((e - before) / 0.25)
    }
    return c
  })
  await model.setParameters({
    'net.0.weight': units.map(({ i }) => [...rows.map((_, k) => (k === i ? 10 : 0)), 1]),
    'net.0.bias': units.map(({ t }) => -t - 10),
    'net.2.weight': [slopes],
    'net.2.bias': [0],
  })
  return model
}

interface Expected {
  values: number[]
  gradient: number[][]
}
const mean = (v: readonly number[]) => v.reduce((a, b) => a + b, 0) / v.length

describe('structured losses, from spec to gradient', () => {
  const cases = LOSSES.flatMap((loss) =>
    (OFFENDING.includes(loss) ? [0, 0.25] : [0]).map((epsilon) => ({ loss, epsilon })),
  )
  let expected: Expected[]
  beforeAll(() => {
    const tables = cases.map((c) => ({ ...c, ...OPTIONS[c.loss], energies: TABLE, right: RIGHT, distance }))
    expected = reference<{ tables: Expected[] }>('structured.py', { tables }).tables
  })

  it.each(cases.filter(({ epsilon }) => epsilon === 0))('$loss on classes', async ({ loss, epsilon }) => {
    using model = await classTable()
    const want = expected[cases.findIndex((c) => c.loss === loss && c.epsilon === epsilon)]!
    const objective = objectives.structured({ loss, ...OPTIONS[loss] })
    const y = tensor(RIGHT, undefined, 'int64')
    const got = await evaluateObjective(model, { x: tensor(rows, undefined, 'float64'), y }, { objective })
    expect(Math.abs(got.loss - mean(want.values))).toBeLessThan(1e-12)
    // E_ij = -W_ji, and the loss is a mean over five rows.
    const weight = got.gradient['0.weight']!.toArray() as number[][]
    want.gradient.forEach((row, i) => {
      row.forEach((g, j) => {
        expect(Math.abs(weight[j]![i]! + g / 5)).toBeLessThan(1e-12)
      })
    })
  })

  it.each(cases)('$loss on continuous answers, epsilon $epsilon', async ({ loss, epsilon }) => {
    using model = await curveTable()
    const k = cases.findIndex((c) => c.loss === loss && c.epsilon === epsilon)
    const answers = { low: 0, high: 0.75, points: 4 }
    const objective = objectives.structured({
      loss,
      answers,
      ...(OFFENDING.includes(loss) && { epsilon }),
      ...OPTIONS[loss],
    })
    const data = {
      x: tensor(rows, undefined, 'float64'),
      y: tensor(
        RIGHT.map((r) => [POINTS[r]!]),
        undefined,
        'float64',
      ),
    }
    const got = await evaluateObjective(model, data, { objective })
    expect(Math.abs(got.loss - mean(expected[k]!.values))).toBeLessThan(1e-12)
    // The right answer lies on the grid and counts once; dE_ij / dc_ik = relu(y_j - t_k).
    const slopes = (got.gradient['net.2.weight']!.toArray() as number[][])[0]!
    expected[k]!.gradient.forEach((row, i) => {
      KNOTS.forEach((t, n) => {
        const want = row.reduce((sum, g, j) => sum + (g * Math.max(0, POINTS[j]! - t)) / 5, 0)
        expect(Math.abs(slopes[4 * i + n]! - want)).toBeLessThan(1e-12)
      })
    })
    expect(got.monitors.gap).toBeDefined()
  })

  it('adds the right answer to candidates that do not hold it', async () => {
    using model = await curveTable()
    const data = { x: tensor([rows[0]!], undefined, 'float64'), y: tensor([[0.125]], undefined, 'float64') }
    const objective = objectives.structured({ loss: 'nll', answers: { values: [0, 0.5] } })
    const { loss } = await evaluateObjective(model, data, { objective })
    // Energies 0.875 (between 0.5 and 1.25), 0.5 and 2.
    expect(loss).toBeCloseTo(0.875 + Math.log(Math.exp(-0.875) + Math.exp(-0.5) + Math.exp(-2)), 12)
  })

  it('draws candidates anew for every row and step, the same for the same seed', async () => {
    using model = await Energy.create(energies.conditional({ input: 1, condition: 2, hidden: [4] }), {
      dtype: 'float64',
    })
    const data = {
      x: tensor([[0], [0]], undefined, 'float64'),
      y: tensor(
        [
          [0, 0],
          [0, 0],
        ],
        undefined,
        'float64',
      ),
    }
    const answers = { low: [-1, 2], high: [1, 5], samples: 300 }
    const objective = objectives.structured({ loss: 'nll', answers })
    const drawn = async (options: { seed: number; step: number }) => {
      const { rows: evaluated } = await evaluateObjective(model, data, { objective, ...options })
      return (evaluated[0]!.y!.toArray() as number[][]).slice(2)
    }
    const first = await drawn({ seed: 1, step: 0 })
    expect(first).toHaveLength(600)
    expect(await drawn({ seed: 1, step: 0 })).toEqual(first)
    expect(await drawn({ seed: 1, step: 1 })).not.toEqual(first)
    expect(first.slice(0, 300)).not.toEqual(first.slice(300))
    for (const [a, b] of first) expect(Math.abs(a!) <= 1 && b! >= 2 && b! <= 5).toBe(true)
    // Means of 600 uniform numbers: sd 1 / sqrt(3 * 600) = 0.024 and three halves of it; 5 of them, 6e-7.
    expect(Math.abs(mean(first.map(([a]) => a!)))).toBeLessThan(0.12)
    expect(Math.abs(mean(first.map(([, b]) => b!)) - 3.5)).toBeLessThan(0.18)
  })

  it.each([
    ['an option of another loss', () => objectives.structured({ loss: 'hinge', beta: 2 }), 'margin'],
    ['a loss of no name', () => objectives.structured({ loss: 'hinges' as never }), 'hinge'],
    ['a ball where none is looked at', () => objectives.structured({ loss: 'nll', epsilon: 1 }), 'epsilon'],
    [
      'a grid of one point',
      () => objectives.structured({ loss: 'nll', answers: { low: 0, high: 1, points: 1 } }),
      'points',
    ],
    [
      'a box upside down',
      () => objectives.structured({ loss: 'nll', answers: { low: 1, high: 0, points: 3 } }),
      'high',
    ],
  ])('refuse %s', (_what, make, word) => {
    expect(make).toThrow(LangevinError)
    expect(make).toThrow(word)
  })

  it('tell what is missing where the model is known', async () => {
    using curve = await curveTable()
    using classes = await classTable()
    using plain = await Energy.create(energies.mlp({ input: 5, hidden: [4] }))
    const x = tensor(rows)
    const y = tensor(RIGHT.map((r) => [POINTS[r]!]))
    const answers = { values: [0, 0.25] }
    const refused = (model: Energy, data: object, objective: object) =>
      expect(evaluateObjective(model, data as never, { objective: objective as never })).rejects
    await refused(plain, { x, y }, objectives.structured({ loss: 'energy' })).toMatchObject({
      code: 'ERR_LANGEVIN_UNSUPPORTED',
    })
    await refused(curve, { x, y }, objectives.structured({ loss: 'log' })).toThrow(/answers/)
    await refused(curve, { x, y }, objectives.structured({ loss: 'log', answers, epsilon: 0.3 })).toThrow(
      /row 0 of the batch/,
    )
    await refused(classes, { x, y: tensor(RIGHT) }, objectives.structured({ loss: 'log', answers })).toThrow(
      /all its classes/,
    )
    await refused(classes, { x, y: tensor(RIGHT) }, objectives.structured({ loss: 'log', epsilon: 0.5 })).toThrow(
      /classes have none/,
    )
    await refused(classes, { x }, objectives.structured({ loss: 'log' })).toThrow(/right answers/)
  })
})
