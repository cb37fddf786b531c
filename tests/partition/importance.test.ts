/** partition.importance. */
import { describe, expect, test } from 'vitest'
import { gaussians } from '../../src/data/toys.js'
import { energies } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import * as partition from '../../src/partition/index.js'

// Seeds are fixed. Four standard errors are a false alarm once in 16,000 seeds.
const means = [
  [-2, 0],
  [2, 1],
]
const rows = (n: number, seed = 1) => gaussians({ n, seed, means, noise: 0.5 }).toTensor()
/** The log of 0.5 N(m1, I / 4) + 0.5 N(m2, I / 4), plus a constant: log Z = 3. */
const shifted = () =>
  Energy.create(
    energies.expression(
      (x) =>
        means
          .map(([a, b]) => x.sub([a!, b!]).square().sum().mul(-2))
          .reduce((sum, term) => sum.sub(term).exp().add(1).log().add(term))
          .add(3 - Math.log(2 * 2 * Math.PI * 0.25))
          .neg(),
      { input: 2 },
    ),
    { dtype: 'float64' },
  )

describe('partition.importance', () => {
  test('a mixture in the plane: fitted, explicit, and the grid agree', async () => {
    await using model = await shifted()
    const onGrid = await partition.grid(model, { low: -8, high: 8 })
    expect(onGrid.logZ).toBeCloseTo(3, 6)
    const fitted = await partition.importance(model, { rows: rows(2000), components: 2, seed: 3 })
    expect(Math.abs(fitted.logZ - 3)).toBeLessThan(4 * fitted.standardError)
    expect(fitted.standardError).toBeLessThan(0.01)
    expect(fitted.ess).toBeGreaterThan(6000)
    expect(fitted.paretoK).toBeLessThan(0.7)
    const proposal = { means, sigmas: 0.7 }
    const given = await partition.importance(model, { proposal, draws: 5000 })
    expect(Math.abs(given.logZ - 3)).toBeLessThan(4 * given.standardError)
    expect(given.draws).toBe(5000)
    expect(await partition.importance(model, { proposal, draws: 5000, threads: 2 })).toEqual(given)
  })

  test('a proposal equal to the law has constant weights', async () => {
    await using model = await shifted()
    const exact = await partition.importance(model, { proposal: { means, sigmas: 0.5 }, draws: 1000 })
    // Draws have float32 resolution, densities float64: the weights are equal to rounding.
    expect(exact.logZ).toBeCloseTo(3, 9)
    expect(exact.ess).toBeCloseTo(1000, 6)
  })

  test('twenty correlated dimensions from rows', async () => {
    const d = 20
    const precision = Array.from({ length: d }, (_, i) =>
      Array.from({ length: d }, (_, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -0.8 : 0)),
    )
    await using model = await Energy.create(energies.gaussian({ mean: Array(d).fill(1), precision }), {
      dtype: 'float64',
    })
    // The determinant of a tridiagonal matrix by its recurrence; the rows are exact draws by its Cholesky factor's inverse.
    let [before, now] = [1, 2]
    for (let i = 1; i < d; i++) [before, now] = [now, 2 * now - 0.64 * before]
    const truth = 0.5 * (d * Math.log(2 * Math.PI) - Math.log(now))
    const normal = gaussians({ n: 4000, seed: 5, means: [Array(d).fill(0)], noise: 1 })
      .toTensor()
      .toArray() as number[][]
    // P = U'U with U bidiagonal: solve U x = z from the last column on.
    const diagonal = [Math.SQRT2]
    for (let i = 1; i < d; i++) diagonal.push(Math.sqrt(2 - 0.64 / diagonal[i - 1]! ** 2))
    const exactRows = normal.map((z) => {
      const x = Array(d).fill(0)
      for (let i = d - 1; i >= 0; i--) x[i] = (z[i]! + (i + 1 < d ? (0.8 / diagonal[i]!) * x[i + 1] : 0)) / diagonal[i]!
      return x.map((v) => v + 1)
    })
    const result = await partition.importance(model, { rows: exactRows, seed: 1 })
    expect(Math.abs(result.logZ - truth)).toBeLessThan(0.05)
    expect(result.standardError).toBeLessThan(0.05)
  })

  test('control: a proposal that is too narrow shows in ess and the tail of its weights', async () => {
    await using model = await shifted()
    const narrow = await partition.importance(model, { proposal: { means, sigmas: 0.15 }, seed: 1 })
    expect(narrow.paretoK).toBeGreaterThan(0.7)
    expect(narrow.ess).toBeLessThan(1000)
  })

  test('a proposal that has collapsed to a point is an error that names the column', async () => {
    await using line = await Energy.create(energies.gaussian({ mean: [0], precision: 1 }))
    const run = (options: partition.ImportanceOptions) => partition.importance(line, options)
    // Equal weights and a standard error of 0 about log Z = -344.8 otherwise; log Z is 0.919.
    for (const rows of [[[1], [1], [1]], [[0], [0]], Array.from({ length: 50 }, () => [1e9])])
      await expect(run({ rows })).rejects.toMatchObject({
        code: 'ERR_LANGEVIN_INVALID_OPTION',
        message: expect.stringMatching(/rows: the proposal has collapsed: .* column 0/),
      })
    await expect(run({ proposal: { means: [[0], [5]], sigmas: [1, 1e-9] } })).rejects.toThrow(
      /proposal: the proposal has collapsed: .* column 0 is 1e-09 about 5/,
    )
    // Narrow, but not a point: the weights tell.
    const narrow = await run({ rows: [[1], [1.0001], [0.9999]] })
    expect(narrow.paretoK).toBeGreaterThan(0.7)
    expect((await run({ rows: [[-1], [1], [0], [0.5], [-0.5]], inflate: 2 })).logZ).toBeCloseTo(0.919, 1)
  })

  test('errors', async () => {
    await using model = await shifted()
    const invalid = { code: 'ERR_LANGEVIN_INVALID_OPTION' }
    await expect(partition.importance(model, {})).rejects.toMatchObject(invalid)
    const both = { rows: rows(100), proposal: { means, sigmas: 1 } }
    await expect(partition.importance(model, both)).rejects.toMatchObject(invalid)
    const wide = { proposal: { means: [[0, 0, 0]], sigmas: 1 } }
    await expect(partition.importance(model, wide)).rejects.toMatchObject(invalid)
    await expect(partition.importance(model, { proposal: { means } })).rejects.toMatchObject(invalid)
    await expect(partition.importance(model, { rows: [[0, 0]] })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
  })
})
