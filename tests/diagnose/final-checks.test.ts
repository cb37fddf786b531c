/** What is looked at when a training run has ended: tails of the energy, and the last chains against the data. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  data,
  diagnose,
  Energy,
  energies,
  objectives,
  samplers,
  schedules,
  type TrainingRows,
  type TrainOptions,
  type TrainResult,
  train,
} from '../../src/index.js'
import { trainReport } from '../../src/report/train-report.js'

const still = { kind: 'sgd', lr: 1e-9 } as never
const dsm = objectives.denoisingScoreMatching({ sigma: 0.3 })
const moons = data.toys.moons({ n: 500, seed: 1 })
const codes = (of: Parameters<typeof diagnose>[0]) => diagnose(of).findings.map((f) => f.code)

/** An energy that is trained, but for all that matters here stays what it is. */
async function fixed(
  spec: Parameters<typeof Energy.create>[0],
  rows: TrainingRows,
  options: Partial<TrainOptions> = {},
  set?: object,
) {
  await using model = await Energy.create(spec, { seed: 1 })
  if (set !== undefined) await model.setParameters(set as never)
  return train(model, rows, { objective: dsm, optimizer: still, steps: 20, seed: 1, ...options } as TrainOptions).done
}

// E = -slope x[1]: one number per column.
const linear = (more: object = {}) => energies.mlp({ input: 2, hidden: [], ...more })
const slope = { '0.weight': [[0, -3]] }

describe('an energy that is not integrable', () => {
  test('falls along a column: named, with its numbers and the remedy', async () => {
    const result = await fixed(linear(), moons, {}, slope)
    const tails = result.checks.tails!
    expect(tails.distances).toEqual([0, 10, 100, 1000, 10_000])
    // Half of the random directions point up in x[1], none of the two along x[0] does.
    expect(tails.falling).toBeGreaterThan(30)
    expect(tails.falling).toBeLessThan(66)
    expect(tails.lowest).toMatchObject({ distance: 10_000 })
    const { findings } = diagnose(result)
    const found = findings.find(({ code }) => code === 'not-integrable')!
    expect(found).toMatchObject({ severity: 'error', remedy: expect.stringMatching(/gaussianBase/) })
    expect(found.message).toMatch(
      /not integrable: the energy keeps falling along \d+ of 96 rays .* at 10, -.* at 10000/,
    )
  })

  test('one column: the ray is named', async () => {
    const rows = data.toys.gaussians({ n: 200, seed: 1, means: [[0]] })
    const result = await fixed(energies.mlp({ input: 1, hidden: [] }), rows, {}, { '0.weight': [[2]] })
    expect(diagnose(result).text).toMatch(/with x\[0\] going down it is/)
    expect(result.checks.tails!.worst).toMatchObject({ column: 0, up: false })
    const table = data.fromArrays({ temp: Array.from({ length: 50 }, (_, i) => 300 + i) })
    await using model = await Energy.create(energies.mlp({ input: 1, hidden: [] }), { inputs: data.inputs(table) })
    await model.setParameters({ ...(await model.parameters()), '0.weight': [[-2]] })
    const named = await train(model, table, { objective: dsm, optimizer: still, steps: 2, batchSize: 50 }).done
    expect(diagnose(named).text).toMatch(/with column 'temp' going up it is/)
  })

  test('a base mends it', async () => {
    const result = await fixed(linear({ gaussianBase: 2 }), moons, {}, slope)
    expect(result.checks.tails).toMatchObject({ falling: 0, flat: 0 })
    // Its minimum is at x[1] = 12, far from the moons: that is said, and that it has an integral is not doubted.
    expect(codes(result)).not.toContain('not-integrable')
    expect(codes(result)).toContain('lower-outside')
    expect(codes(await fixed(energies.mlp({ input: 2, hidden: [16], gaussianBase: 2 }), moons))).toEqual([])
  })

  test('an energy that levels off is a warning', async () => {
    const result = await fixed(energies.mlp({ input: 2, hidden: [16, 16], activation: 'tanh' }), moons)
    expect(result.checks.tails!.falling).toBe(0)
    expect(diagnose(result).findings).toMatchObject([{ code: 'not-integrable', severity: 'warning' }])
    expect(diagnose(result).text).toMatch(/does not rise/)
  })

  test.each([
    ['a full base', energies.mlp({ input: 2, hidden: [16], gaussianBase: 'full' })],
    ['a Gaussian', energies.gaussian({ mean: [0, 0], precision: [1, 4], learnable: true })],
  ])('not %s', async (_, spec) => {
    expect(codes(await fixed(spec, moons))).not.toContain('not-integrable')
  })

  test('is not asked in a box, of states, or of an energy that is no density', async () => {
    const boxed = samplers.langevin({ steps: 5, stepSize: 0.01, box: { low: -3, high: 3 } })
    const pcd = objectives.persistentContrastiveDivergence({ sampler: boxed })
    const inBox = await fixed(linear(), moons, { objective: pcd }, slope)
    expect(inBox.checks.tails).toBeNull()
    expect(diagnose(inBox).notChecked.join()).toMatch(/far from the data/)
    const grid = objectives.maximumLikelihood({ box: { low: -3, high: 3 }, cells: 16 })
    expect((await fixed(linear(), moons, { objective: grid }, slope)).checks.tails).toBeNull()
    const bars = data.toys.barsAndStripes({ n: 200, size: 3, seed: 1 }).toTensor()
    const flow = objectives.minimumProbabilityFlow()
    expect((await fixed(energies.rbm({ input: 9, hidden: 4 }), bars, { objective: flow })).checks.tails).toBeNull()
    const labelled = { x: moons.toTensor(), y: Array.from({ length: 500 }, (_, i) => i % 2) }
    const classes = energies.classifier({ input: 2, hidden: [8], classes: 2 })
    const crossEntropy = objectives.crossEntropy()
    expect((await fixed(classes, labelled, { objective: crossEntropy })).checks.tails).toBeNull()
  })

  test('real columns beside states are followed, the states stay', async () => {
    const states = [
      { kind: 'real', columns: 1 },
      { kind: 'binary', columns: 1 },
    ] as const
    const rows = Array.from({ length: 64 }, (_, i) => [Math.sin(i), i % 2])
    const gibbs = samplers.blockwise({
      steps: 2,
      kernels: [
        { on: 'real', sampler: samplers.langevin({ steps: 1, stepSize: 0.01 }) },
        { on: 'binary', sampler: samplers.gibbs({ steps: 1 }) },
      ],
    })
    const objective = objectives.contrastiveDivergence({ sampler: gibbs })
    const spec = linear({ states })
    const down = await fixed(spec, rows, { objective, batchSize: 32 }, { '0.weight': [[-1, 0]] })
    expect(down.checks.tails!.falling).toBeGreaterThan(20)
    // A slope in the binary column alone: flat along every ray, whatever the slope.
    const flat = await fixed(spec, rows, { objective, batchSize: 32 }, { '0.weight': [[0, -9]] })
    expect(flat.checks.tails).toMatchObject({ falling: 0, flat: 96 })
  })
})

describe('the chains of the last step against the data', () => {
  const pcd = (more: object = {}) =>
    objectives.persistentContrastiveDivergence({
      sampler: samplers.mala({ steps: 20, stepSize: 0.3 }),
      buffer: { size: 500, reinit: 0.05, ...more },
    })
  const wide = (precision: number) =>
    energies.gaussian({ mean: [0, 0], precision: [precision, precision], learnable: true })
  const normal = data.toys.gaussians({ n: 1000, seed: 1 })

  test('a law that fits, and one that misses', async () => {
    const options = { objective: pcd(), steps: 60, batchSize: 200 }
    const good = await fixed(wide(1), normal, options)
    expect(good.checks.negatives!.distance).toBeLessThan(0.05)
    expect(good.checks.negatives!.accuracy).toBeGreaterThan(0.4)
    expect(good.checks.negatives!.accuracy).toBeLessThan(0.6)
    expect(codes(good)).toEqual([])
    expect(diagnose(good).text).toMatch(
      /chains against data: the nearest neighbour tells .* in [45]\d[.\d]* % of the cases/,
    )
    const elsewhere = energies.gaussian({ mean: [3, 0], precision: [1, 1], learnable: true })
    const bad = await fixed(elsewhere, normal, options)
    expect(bad.checks.negatives).toMatchObject({ rows: 200, pValue: 1 / 200 })
    const found = diagnose(bad).findings.find(({ code }) => code === 'misses-data')
    expect(found).toMatchObject({ severity: 'error', phase: { step: 60 } })
    expect(found!.message).toMatch(/energy distance is \d+.* % of the largest/)
  })

  test('a broad law over narrow modes: the mass is in place, its structure is not', async () => {
    const modes = data.toys.eightGaussians({ n: 2000, seed: 1 })
    const options = { objective: pcd(), steps: 60, batchSize: 250 }
    const result = await fixed(wide(0.5), modes, options)
    expect(result.checks.negatives!.distance).toBeLessThan(0.1)
    const found = diagnose(result).findings.find(({ code }) => code === 'misses-data')
    expect(found).toMatchObject({ severity: 'warning' })
    expect(found!.message).toMatch(/nearest neighbour tells .* in [89]\d[.\d]* % of the cases .*limit 80 %/)
  })

  test('is not asked of chains that start at the data, or where there are none', async () => {
    const cd = objectives.contrastiveDivergence({ sampler: samplers.mala({ steps: 2, stepSize: 0.1 }) })
    const result = await fixed(wide(1), normal, { objective: cd })
    expect(result.checks.negatives).toBeNull()
    expect((await fixed(wide(1), normal)).checks.negatives).toBeNull()
    expect(diagnose(result).text).toMatch(/Not checked: .*samples of the energy against the data/)
  })
})

describe('a gradient norm that rises', () => {
  const history = (norm: (t: number) => number) =>
    Array.from({ length: 200 }, (_, i) => ({
      step: i + 1,
      loss: 0,
      gradientNorm: norm(i / 199),
      parameterNorm: 1,
      lr: 1,
    }))
  const result = (norm: (t: number) => number) =>
    ({
      history: history(norm),
      warnings: [],
      statistics: {},
      extras: {},
      networks: {},
      steps: 200,
      seconds: 1,
    }) as never

  test('a thousandfold is a finding, however steady', () => {
    const found = diagnose(result((t) => 0.03 * 1000 ** t)).findings
    expect(found).toMatchObject([{ code: 'unstable', severity: 'warning' }])
    expect(found[0]!.message).toMatch(/has risen from 0\.0\d+ to \d+/)
  })
  test('one that falls, stays or peaks at the start is not', () => {
    for (const norm of [
      (t: number) => 30 / 1000 ** t,
      () => 1,
      (t: number) => (t < 0.02 ? 500 : 1),
      (t: number) => 1 + 20 * t,
    ])
      expect(codes(result(norm))).toEqual([])
  })
})

describe('the checks and the rest of a run', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'langevin-checks-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('a resumed run ends with the same checks, and keeps the warnings from before', async () => {
    const spec = energies.mlp({ input: 2, hidden: [8], gaussianBase: 2 })
    const cold = samplers.langevin({ form: 'heuristic', steps: 2, stepSize: 0.01, noise: 0.01 })
    const objective = objectives.persistentContrastiveDivergence({ sampler: cold, buffer: { size: 100 } })
    const checkpoint = { path: join(folder, 'run.safetensors') }
    const options = { objective, batchSize: 64, checkpoint, ema: 0.9 }
    await using whole = await Energy.create(spec, { seed: 1 })
    const uninterrupted = await train(whole, moons, { ...options, steps: 6 }).done
    await using first = await Energy.create(spec, { seed: 1 })
    await train(first, moons, { ...options, steps: 3 }).done
    await using second = await Energy.create(spec, { seed: 1 })
    const resumed = await train(second, moons, { ...options, steps: 6, resume: checkpoint.path }).done
    expect(resumed.checks).toEqual(uninterrupted.checks)
    expect(resumed.warnings).toEqual(uninterrupted.warnings)
    expect(resumed.warnings).toMatchObject([{ monitor: 'effectiveTemperature', step: 1 }])
  })

  test('are in the report, and in what JSON keeps of a result', async () => {
    const result = await fixed(linear(), moons, {}, slope)
    const kept = JSON.parse(JSON.stringify(result)) as TrainResult
    expect(codes(kept)).toEqual(codes(result))
    const page = trainReport({ ...kept, run: { energy: linear(), objective: dsm, data: {} } }, {}).body
    expect(page.map(({ html }) => html).join('')).toContain('<strong>error: not-integrable.</strong>')
    // A result of an earlier version has none.
    const { checks: _, ...old } = kept
    expect(codes(old as never)).toEqual([])
  })

  test('an error says what was warned of before it', async () => {
    await using model = await Energy.create(energies.mlp({ input: 2, hidden: [8], gaussianBase: 2 }), { seed: 1 })
    const cold = samplers.langevin({ form: 'heuristic', steps: 2, stepSize: 1, noise: 0.01 })
    const objective = objectives.contrastiveDivergence({ sampler: cold })
    const optimizer = { kind: 'sgd', lr: schedules.linear({ from: 0, to: 1e30 } as never) } as never
    const error = await train(model, moons, { objective, optimizer, steps: 50, batchSize: 64 }).done.catch((e) => e)
    expect(codes(error)).toEqual(['divergent', 'temperature'])
    expect(error.details.warnings).toMatchObject([{ monitor: 'effectiveTemperature', step: 1 }])
  })

  test('any error is a finding, not only a divergence', async () => {
    await using model = await Energy.create(energies.mlp({ input: 2, hidden: [8] }))
    const error = await train(
      model,
      [
        [1, 2],
        [Number.NaN, 1],
      ],
      { objective: dsm, steps: 1 },
    ).done.catch((e) => e)
    expect(diagnose(error)).toMatchObject({ of: 'error', findings: [{ code: 'failed', severity: 'error' }] })
  })
})
