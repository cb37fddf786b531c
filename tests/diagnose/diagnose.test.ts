/** diagnose(): no finding on good runs, the right one on runs with a defect. */
import { describe, expect, test } from 'vitest'
import {
  data,
  diagnose,
  Energy,
  energies,
  type LangevinError,
  objectives,
  optimizers,
  partition,
  type SampleOptions,
  sample,
  samplers,
  type TrainingRows,
  type TrainOptions,
  train,
} from '../../src/index.js'
import { rejection } from '../helpers/errors.js'

// Every finding on a run that has the defect, made by that defect alone, and no findings on sound runs.
const gaussian = (precision: number | number[], mean: number[]) => Energy.create(energies.gaussian({ mean, precision }))
const codes = (of: Parameters<typeof diagnose>[0]) => diagnose(of).findings.map((f) => f.code)

async function drawn(model: Energy, options: SampleOptions) {
  return sample(model, { chains: 64, seed: 1, ...options }).done
}

const twoModes = (distance: number) =>
  Energy.create(
    energies.gaussianMixture({
      means: [
        [-distance, 0],
        [distance, 0],
      ],
      sigmas: 0.5,
    }),
  )

describe('diagnose a sound sampling run', () => {
  test.each([
    ['mala', samplers.mala({ steps: 1000, stepSize: 0.5 })],
    ['hmc', samplers.hmc({ steps: 400, stepSize: 0.4, leapfrogSteps: 4, warmup: 100, jitter: 0.2 })],
    ['langevin', samplers.langevin({ steps: 2000, stepSize: 0.1 })],
    ['underdampedLangevin', samplers.underdampedLangevin({ steps: 1000, stepSize: 0.2 })],
  ])('%s: nothing found in 20 seeds', async (_, sampler) => {
    await using model = await gaussian([1, 2], [0.5, -1])
    const alarms: string[] = []
    for (let seed = 0; seed < 20; seed++) alarms.push(...codes(await drawn(model, { sampler, seed })))
    expect(alarms).toEqual([])
  })

  test('parallel tempering with round trips', async () => {
    await using model = await twoModes(3)
    const sampler = samplers.parallelTempering({
      sampler: samplers.mala({ steps: 5, stepSize: 0.3 }),
      temperatures: { from: 1, to: 30, levels: 6 },
      steps: 600,
    })
    const result = await drawn(model, { sampler })
    expect(codes(result)).toEqual([])
    expect(result.diagnostics.roundTrips!).toBeGreaterThan(64)
    expect(result.diagnostics.roundTripRate!).toBeLessThan(1.2 * result.diagnostics.idealRoundTripRate!)
  })

  test('modes that chains do cross between', async () => {
    await using model = await twoModes(1)
    const sampler = samplers.mala({ steps: 4000, stepSize: 0.4 })
    const diagnosis = diagnose(await drawn(model, { sampler }))
    expect(diagnosis).toMatchObject({ of: 'sample', findings: [] })
    expect(diagnosis.text).toMatch(/^No problems found/)
  })
})

describe('diagnose a sampling run with a defect', () => {
  test('modes no chain crosses between: names the chains of the smaller side', async () => {
    await using model = await twoModes(5)
    const start = Array.from({ length: 16 }, (_, i) => [i === 3 || i === 7 ? 5 : -5, 0])
    const result = await sample(model, { sampler: samplers.mala({ steps: 1000, stepSize: 0.2 }), init: start }).done
    const { findings } = diagnose(result)
    expect(findings.map((f) => f.code)).toEqual(['modes'])
    expect(findings[0]).toMatchObject({ severity: 'error', chains: [3, 7], phase: 'sampling' })
    expect(findings[0]!.message).toMatch(/chains 3, 7 stay about x\[0\] = (4\.9|5)/)
  })

  test('chains that are still on their way', async () => {
    await using model = await gaussian([1, 1], [0, 0])
    const options = { init: { kind: 'normal', mean: 40 }, burnIn: 0, keep: 'moments' } as const
    const result = await drawn(model, { ...options, sampler: samplers.mala({ steps: 400, stepSize: 0.02 }) })
    expect(diagnose(result).findings).toMatchObject([{ code: 'burn-in', severity: 'error', phase: 'burn-in' }])
  })

  test('steps so small that chains have not mixed', async () => {
    await using model = await gaussian([1, 1], [0, 0])
    const result = await drawn(model, { sampler: samplers.mala({ steps: 200, stepSize: 0.002 }) })
    expect(codes(result).filter((c) => c !== 'modes')).toEqual(['unmixed'])
  })

  test('few effective draws', async () => {
    await using model = await gaussian([1, 1], [0, 0])
    const result = await drawn(model, { chains: 4, sampler: samplers.mala({ steps: 1200, stepSize: 0.04 }), seed: 3 })
    expect(codes(result).filter((c) => c === 'few-draws' || c === 'unmixed')).toHaveLength(1)
    const mixed = await drawn(model, {
      chains: 1,
      sampler: samplers.hmc({ steps: 60, stepSize: 0.5, leapfrogSteps: 3 }),
    })
    expect(codes(mixed)).toEqual(['few-draws'])
  })

  test('stuck chains, by number', async () => {
    // A funnel's neck: those that start in it have all their proposals refused.
    await using model = await gaussian([1e6, 1], [0, 0])
    const sampler = samplers.mala({ steps: 200, stepSize: 0.5 })
    const result = await drawn(model, { chains: 16, sampler, init: { kind: 'normal', sd: 1e-3 } })
    const found = diagnose(result).findings
    expect(found.map((f) => f.code)).toContain('stuck')
    expect(found.find((f) => f.code === 'stuck')).toMatchObject({ severity: 'error', phase: 'sampling' })
    expect(found.find((f) => f.code === 'stuck')!.chains).toEqual(Array.from({ length: 16 }, (_, i) => i))
    expect(found.map((f) => f.code)).toContain('refused')
  })

  test('divergent proposals', async () => {
    await using model = await gaussian([1, 1], [0, 0])
    // Beyond the stability limit of 2 the trajectory explodes at once; jitter lets some chains move.
    const sampler = samplers.hmc({ steps: 100, stepSize: 2.2, leapfrogSteps: 20, jitter: 0.3 })
    const found = diagnose(await drawn(model, { sampler })).findings.find((f) => f.code === 'divergent')
    expect(found).toMatchObject({ severity: 'error', phase: 'sampling' })
    expect(found!.message).toMatch(/proposals \(.*%\) diverged during sampling/)
  })

  test('bias of the step size: the variance is off as the finding says', async () => {
    await using model = await gaussian([1, 1], [0, 0])
    const run = (stepSize: number) =>
      drawn(model, { sampler: samplers.langevin({ steps: 2000, stepSize }), keep: 'moments' })
    const [fine, coarse, bad] = [await run(0.1), await run(0.7), await run(2.5)]
    expect(codes(fine)).toEqual([])
    expect(diagnose(coarse).findings).toMatchObject([{ code: 'step-size', severity: 'warning' }])
    expect(diagnose(bad).findings).toMatchObject([{ code: 'step-size', severity: 'error' }])
    // 1 / (1 - h / 4)
    const [variance] = coarse.moments!.variance.toArray() as number[]
    expect(variance).toBeGreaterThan(1.15)
  })

  test('round trips of parallel tempering, and what keeps them from being made', async () => {
    await using model = await gaussian(new Array(16).fill(1), new Array(16).fill(0))
    const remedy = async (temperatures: number[], stepSize: number, steps: number) => {
      const sampler = samplers.parallelTempering({
        sampler: samplers.mala({ steps: 1, stepSize }),
        temperatures,
        steps,
      })
      const { findings } = diagnose(await drawn(model, { sampler }))
      return findings.find(({ code }) => code === 'round-trips')?.remedy
    }
    expect(await remedy([1, 30], 0.5, 200)).toMatch(/^about \d+ temperatures.*temperatures 0 and 1 swap in/)
    expect(await remedy([1, 1.5, 2.2, 3.3, 5, 7.5], 0.03, 60)).toMatch(/^more steps of the inner sampler/)
    expect(await remedy([1, 1.3, 1.7, 2.2], 0.5, 12)).toMatch(/^more steps: one in \d+ steps/)
    expect(await remedy([1, 1.3, 1.7, 2.2], 0.5, 400)).toBeUndefined()
  })

  test('temperature, clip and box', async () => {
    await using model = await gaussian([1, 1], [0, 0])
    const cold = await drawn(model, {
      sampler: samplers.langevin({ form: 'heuristic', steps: 2000, stepSize: 0.1, noise: 0.1 }),
    })
    expect(codes(cold)).toEqual(['temperature'])
    const clip = await drawn(model, { sampler: samplers.langevin({ steps: 6000, stepSize: 0.1, clip: 2 }) })
    expect(codes(clip)).toEqual(['clipped'])
    const box = { low: -1, high: 1 }
    const clamp = { ...box, mode: 'clamp' } as const
    const clamped = await drawn(model, { sampler: samplers.langevin({ steps: 4000, stepSize: 0.05, box: clamp }) })
    expect(codes(clamped)).toEqual(['clamped'])
    const reflected = await drawn(model, { sampler: samplers.langevin({ steps: 4000, stepSize: 0.05, box }) })
    expect(codes(reflected)).toEqual([])
    const adjusted = await drawn(model, { sampler: samplers.mala({ steps: 1000, stepSize: 0.5, clip: 0.5 }) })
    expect(codes(adjusted)).toEqual([])
  })
})

describe('diagnose chains that run away', () => {
  const mlp = (more: object = {}, seed = 1) =>
    Energy.create(energies.mlp({ input: 2, hidden: [32, 32], ...more }), { seed })
  const nuts = samplers.nuts({ steps: 100, warmup: 50 })

  test.each([
    ['mala', samplers.mala({ steps: 1000, stepSize: 0.5 })],
    ['langevin', samplers.langevin({ steps: 1000, stepSize: 1 })],
  ])('64 chains of an mlp without a base, %s', async (_, sampler) => {
    await using model = await mlp()
    const result = await drawn(model, { sampler })
    const { findings, text } = diagnose(result)
    // What follows from it is not said besides: its remedies would not help.
    expect(findings.filter(({ code }) => ['modes', 'burn-in', 'unmixed', 'few-draws', 'stuck'].includes(code))).toEqual(
      [],
    )
    const found = findings.find(({ code }) => code === 'runaway')
    expect(found).toMatchObject({ severity: 'error', phase: 'sampling', remedy: expect.stringMatching(/gaussianBase/) })
    expect(found!.message).toMatch(
      /of the 64 looked at runs? away: \|x\| has come to [\d.e+]+, .* the energy still falls/,
    )
    expect(text).not.toMatch(/more steps \(now/)
    const farthest = (result.samples.toArray() as number[][]).flat().reduce((a, b) => Math.max(a, Math.abs(b)), 0)
    expect(result.diagnostics.escaping!.farthest).toBeLessThanOrEqual(farthest)
    expect(found!.chains!.length).toBeGreaterThan(20)
    expect(result.diagnostics.escaping!.falling).toEqual(found!.chains)
  })

  test.each([
    ['nuts', nuts],
    ['hmc', samplers.hmc({ steps: 200, warmup: 100, stepSize: 0.1, leapfrogSteps: 10 })],
  ])('the same where a warm-up looks for a step size: an error, %s', async (_, sampler) => {
    await using model = await mlp()
    const error = await rejection(() => sample(model, { sampler, chains: 64, seed: 1 }).done)
    expect(error.code).toBe('ERR_LANGEVIN_DIVERGED')
    expect(error.message).toMatch(/no finite integral.*gaussianBase/s)
  })

  test('not with a base, in a box, over spins, or where chains are only slow or far from the law', async () => {
    const slow = samplers.mala({ steps: 100, stepSize: 0.002 })
    await using based = await mlp({ gaussianBase: 2 })
    expect(codes(await drawn(based, { sampler: slow }))).not.toContain('runaway')
    await using plain = await mlp()
    const box = { low: -3, high: 3 }
    const boxed = await drawn(plain, { sampler: samplers.mala({ steps: 20, stepSize: 0.001, box }) })
    expect(boxed.diagnostics.rhat).toBeGreaterThan(1.05)
    expect(boxed.diagnostics.escaping).toBeNull()
    await using far = await gaussian([1, 1], [40, -40])
    const late = await drawn(far, { sampler: samplers.mala({ steps: 60, stepSize: 0.02 }) })
    expect(codes(late)).not.toContain('runaway')
    await using spins = await Energy.create(energies.ising({ lattice: [4, 4], coupling: 1 }))
    const cold = await drawn(spins, { sampler: samplers.gibbs({ steps: 40 }) })
    expect(cold.diagnostics.escaping).toBeNull()
    // Heavy tails that have an integral: a product of Cauchy laws.
    await using heavy = await Energy.create(energies.expression((x) => x.square().add(1).log().sum(), { input: 2 }))
    const cauchy = await drawn(heavy, { sampler: slow, init: { kind: 'normal', sd: 30 } })
    expect(cauchy.diagnostics.rhat).toBeGreaterThan(1.05)
    expect(cauchy.diagnostics.escaping).toBeNull()
    await using modes = await twoModes(5)
    expect(codes(await drawn(modes, { sampler: slow, init: { kind: 'normal', sd: 5 } }))).not.toContain('runaway')
  })

  test('an energy that levels off is left as well', async () => {
    await using flat = await Energy.create(energies.expression((x) => x.at(0).square().neg().exp().neg(), { input: 1 }))
    const result = await drawn(flat, { sampler: samplers.mala({ steps: 400, stepSize: 1 }) })
    const found = diagnose(result).findings.find(({ code }) => code === 'runaway')
    expect(found!.message).toMatch(/the energy still does not rise/)
    expect(result.diagnostics.escaping!.flat.length).toBeGreaterThan(20)
  })
})

describe('diagnose a warm-up', () => {
  test('that was too short leaves chains badly tuned, and one that is long enough', async () => {
    await using model = await gaussian([1, 100, 10000], [0, 0, 0])
    const run = (warmup: number) =>
      drawn(model, { chains: 16, sampler: samplers.nuts({ steps: warmup + 200, warmup }), seed: 1 })
    expect(codes(await run(400))).toEqual([])
    const short = await run(3)
    expect(diagnose(short).findings.find(({ code }) => code === 'short-warmup')).toMatchObject({
      severity: 'warning',
      phase: 'burn-in',
      message: expect.stringMatching(/a warm-up of 3 steps \(limit 50\).*acceptance .*target 0.8.*step sizes from/),
    })
  })

  test('a short one that was enough is not a finding', async () => {
    await using model = await gaussian([1, 1], [0, 0])
    const easy = samplers.hmc({ steps: 400, warmup: 40, stepSize: 0.9, leapfrogSteps: 3, jitter: 0.2 })
    expect(codes(await drawn(model, { sampler: easy }))).not.toContain('short-warmup')
  })
})

describe('diagnose log Z', () => {
  test('grid: too coarse, and a box that cuts off', async () => {
    await using model = await gaussian([1], [0])
    expect(codes(await partition.grid(model, { low: -8, high: 8 }))).toEqual([])
    expect(codes(await partition.grid(model, { low: -1, high: 1 }))).toEqual(['cut-off'])
    await using narrow = await gaussian([1e4], [0.003])
    expect(codes(await partition.grid(narrow, { low: -1, high: 1, cells: 8, maxCells: 16 }))).toContain('grid-coarse')
  })

  test('weights and brackets', async () => {
    const precision = Array.from({ length: 20 }, (_, i) => 1 + i)
    await using model = await Energy.create(energies.gaussian({ mean: precision.map(() => 1), precision }), {
      dtype: 'float64',
    })
    const rows = (sd: number) => {
      const normal = data.toys
        .gaussians({ n: 500, seed: 1, means: [precision.map(() => 0)] })
        .toTensor()
        .toArray()
      return (normal as number[][]).map((row) => row.map((v, i) => 1 + (sd * v) / Math.sqrt(precision[i]!)))
    }
    const run = (options: partition.AnnealedOptions) => partition.ais(model, { chains: 500, seed: 2, ...options })
    expect(codes(await run({ ladder: 'adaptive', samples: rows(1) }))).toEqual([])
    expect(codes(await run({ temperatures: [0, 1] }))).toEqual(['few-weights'])
    expect(codes(await run({ temperatures: 4, samples: rows(1) }))).toContain('bracket-wide')
    expect(codes(await run({ temperatures: 20, samples: rows(5) }))).toContain('bracket-inverted')
    // Too few chains for a Pareto shape.
    const few = diagnose(await run({ chains: 10 }))
    expect(few.findings).toMatchObject([{ code: 'few-weights', severity: 'error' }])
    expect(few.text).not.toMatch(/shape -1/)
  })

  test('importance sampling: a narrow proposal, too few draws, and none of it', async () => {
    await using model = await gaussian([1], [0])
    const run = (sigma: number, draws = 10_000) =>
      partition.importance(model, { draws, proposal: { means: [[0]], sigmas: sigma } })
    expect(codes(await run(1.2))).toEqual([])
    const narrow = await run(0.3)
    expect(narrow.standardError).toBeLessThan(0.1)
    expect(diagnose(narrow).findings).toMatchObject([{ code: 'few-weights', severity: 'error' }])
    expect(diagnose(narrow).text).toMatch(/Pareto shape [.\d]+ \(limit 0.7\)[\s\S]*a wider proposal/)
    expect(codes(await run(1.2, 20))).toContain('few-weights')
    expect(diagnose(await run(1.2)).notChecked).toEqual(['modes that the proposal does not reach'])
  })

  test('says what estimates cannot see', async () => {
    await using model = await gaussian([1], [0])
    const grid = diagnose(await partition.grid(model, { low: -8, high: 8 }))
    expect(grid.text).toBe(
      'No problems found. Checked: weights, bracket, moves, grid, border of the grid.\n' +
        'Not checked: probability outside the box; modes narrower than a cell of the grid.',
    )
    await using spins = await Energy.create(energies.ising({ lattice: [2, 2], coupling: 0.3 }))
    expect(diagnose(await partition.exact(spins)).notChecked).toEqual([])
  })
})

// Each defect made by energies and rows whose numbers are known, the weights all but fixed; then without the defect.
describe('diagnose what a training run did to the energy', () => {
  const still = { kind: 'sgd', lr: 1e-9 } as never
  const pcd = objectives.persistentContrastiveDivergence({
    sampler: samplers.mala({ steps: 10, stepSize: 0.5 }),
    buffer: { size: 500, reinit: 0.05 },
  })
  const centred = (columns: number, precision: number, mean = 0) =>
    energies.gaussian({
      mean: Array.from({ length: columns }, () => mean),
      precision: Array.from({ length: columns }, () => precision),
      learnable: true,
    })
  const normal = (means: number[][], noise: number) => data.toys.gaussians({ n: 1000, seed: 1, means, noise })

  async function trained(
    energy: Parameters<typeof Energy.create>[0],
    rows: TrainingRows,
    options: Partial<TrainOptions>,
  ) {
    await using model = await Energy.create(energy, { seed: 1 })
    const fixed = { steps: 200, batchSize: 100, seed: 1, optimizer: still }
    return train(model, rows, { ...fixed, ...options } as TrainOptions).done
  }

  test('gap: a law far narrower than the data', async () => {
    const rows = normal([[0, 0]], 1)
    // Chains of N(0, 1/100) have a mean energy of 1, data of variance 1 one of 100.
    const sampler = samplers.mala({ steps: 10, stepSize: 0.005 })
    const objective = objectives.persistentContrastiveDivergence({ sampler, buffer: { size: 500, reinit: 0 } })
    const result = await trained(centred(2, 100), rows, { objective })
    const found = diagnose(result).findings.find((f) => f.code === 'gap')
    expect(found).toMatchObject({ severity: 'error', phase: { step: 40 } })
    expect(found!.message).toMatch(/gap is -9\d.* beyond 20/)
    expect(codes(await trained(centred(2, 1), rows, { objective: pcd }))).toEqual([])
  })

  test('holes: one Gaussian on the corners of a cube calls its empty inside probable', async () => {
    const corners = [-1, 1].flatMap((a) => [-1, 1].flatMap((b) => [-1, 1].map((c) => [2 * a, 2 * b, 2 * c])))
    const rows = normal(corners, 0.1)
    // Variance 4 is the best fit: E is 1.5 on the corners and about 0.72 on average inside.
    const result = await trained(centred(3, 0.25), rows, { objective: pcd })
    expect(diagnose(result).findings).toMatchObject([
      { code: 'holes', severity: 'warning', phase: { step: 40 } },
      { code: 'misses-data', severity: 'warning', phase: { step: 200 } },
    ])
    expect(codes(await trained(centred(3, 0.25), normal([[0, 0, 0]], 2), { objective: pcd }))).toEqual([])
  })

  test('energy-level: a constant that the gap does not see', async () => {
    const rows = normal([[0, 0]], 1)
    const run = async (constant: number) => {
      await using model = await Energy.create(energies.mlp({ input: 2, hidden: [8], gaussianBase: 1 }), { seed: 1 })
      await model.setParameters({ ...(await model.parameters()), '2.bias': [constant] })
      return train(model, rows, { objective: pcd, steps: 200, batchSize: 100, seed: 1, optimizer: still }).done
    }
    const far = diagnose(await run(-2000))
    expect(far.findings).toMatchObject([{ code: 'energy-level', severity: 'warning', phase: { step: 200 } }])
    expect(far.text).toMatch(/mean energy of the data has drifted to -\d+ \(limit 1000 in absolute value\)/)
    expect(codes(await run(-500))).toEqual([])
  })

  test('unstable: one row far from the others', async () => {
    const objective = objectives.explicitScoreMatching()
    const rows = normal([[0, 0]], 1)
      .toTensor()
      .toArray() as number[][]
    const run = (last: number[]) =>
      trained(centred(2, 1), [...rows.slice(1), last], { objective, steps: 400, batchSize: 20 })
    const result = await run([300, 0])
    const found = diagnose(result).findings.find((f) => f.code === 'unstable')
    expect(found).toMatchObject({ severity: 'warning' })
    // Its step is the one of the largest gradient, after the start.
    const { step } = found!.phase as { step: number }
    const norms = result.history.map((point) => point.gradientNorm)
    expect(step).toBeGreaterThan(100)
    expect(result.history.find((point) => point.step === step)!.gradientNorm).toBe(Math.max(...norms.slice(100)))
    expect(codes(await run([1, 0]))).toEqual([])
  })
})

describe('diagnose a training run', () => {
  const rows = data.toys.moons({ n: 2000, seed: 1 })
  const spec = energies.mlp({ input: 2, hidden: [32, 32], gaussianBase: 2 })
  const langevin = samplers.langevin({ steps: 10, stepSize: 0.02 })
  const pcd = objectives.persistentContrastiveDivergence({
    sampler: langevin,
    buffer: { size: 1000, reinit: 0.05 },
  })

  const longer = (mode: 'data' | 'shortRun', weight: number) =>
    objectives.contrastiveDivergence({
      sampler: langevin,
      mode,
      longChains: { steps: 200, weight, fraction: 0.25 },
    })

  async function trained(options: Partial<TrainOptions>, energy = spec) {
    await using model = await Energy.create(energy, { seed: 1 })
    const run = train(model, rows, { objective: pcd, steps: 300, batchSize: 128, seed: 1, ...options } as TrainOptions)
    const events: string[] = []
    for await (const event of run) if (event.type === 'warning') events.push(event.monitor)
    return { result: await run.done, events }
  }

  test.each([
    ['PCD', pcd],
    ['denoising score matching', objectives.denoisingScoreMatching({ sigma: 0.2 })],
    ['CD', objectives.contrastiveDivergence({ sampler: langevin })],
    ['CD with long chains', longer('data', 0.5)],
  ])('%s: nothing found in 4 seeds of a sound run', async (_, objective) => {
    const alarms: string[] = []
    for (let seed = 0; seed < 4; seed++) {
      const { result, events } = await trained({ objective, seed })
      alarms.push(...codes(result), ...events)
    }
    expect(alarms).toEqual([])
  })

  test('its monitors: noise, displacement, ages', async () => {
    const { result } = await trained({})
    const last = result.history.at(-1)!
    expect(last.displacement).toBeGreaterThan(0.05)
    expect(result.history.filter((point) => point.energyUniform !== undefined)).toHaveLength(15)
    // Trained on moons, noise in their box is less probable than they are.
    const gaps = result.history.flatMap((point) => point.uniformGap ?? [])
    expect(gaps.at(-1)).toBeGreaterThan(0.3)
    const { buffer } = result.statistics as { buffer: { ageHistogram: { edges: number[]; counts: number[] } } }
    expect(buffer.ageHistogram.counts.reduce((a, b) => a + b)).toBe(1000)
    expect(buffer.ageHistogram.edges).toHaveLength(11)
  })

  test('a buffer too large for the run, and one that always restarts', async () => {
    const buffer = { size: 100_000, reinit: 0 }
    const big = await trained({ objective: objectives.persistentContrastiveDivergence({ sampler: langevin, buffer }) })
    expect(codes(big.result)).toEqual(['buffer-stale'])
    const restless = objectives.persistentContrastiveDivergence({
      sampler: langevin,
      buffer: { size: 500, reinit: 0.9 },
    })
    expect(codes((await trained({ objective: restless })).result)).toContain('buffer-restarts')
  })

  test('warnings are events, are kept, and are findings', async () => {
    const still = samplers.langevin({ steps: 1, stepSize: 1e-7 })
    const { result, events } = await trained({ objective: objectives.contrastiveDivergence({ sampler: still }) })
    expect(events).toEqual(['displacement'])
    expect(result.warnings).toMatchObject([{ monitor: 'displacement', limit: 0.01, step: 60 }])
    expect(diagnose(result).findings).toMatchObject([{ code: 'stuck', phase: { step: 60 } }])
    expect(diagnose(result).text).toMatch(
      /warning, stuck: from step 60 on displacement is .*\n {2}Try: a larger stepSize/,
    )
  })

  // Short runs from noise learn a sampler of ten steps, and chains go on falling to step 200. Half of the weight on long
  // chains, and nothing else changed, holds them.
  test('short runs that do not converge, and the same with long chains in the loss', async () => {
    const optimizer = optimizers.adam({ lr: 0.01 })
    const { result } = await trained({ objective: longer('shortRun', 0), optimizer })
    const found = diagnose(result).findings.find(({ code }) => code === 'non-convergent')
    expect(found?.message).toMatch(/drift is \d\.\d+, beyond 1: .* have not converged/)
    expect(found?.remedy).toMatch(/longChains\.weight/)
    const held = await trained({ objective: longer('shortRun', 0.5), optimizer })
    expect(codes(held.result)).not.toContain('non-convergent')
  })

  test('clip, box, step size, temperature', async () => {
    const pcdWith = (options: Parameters<typeof samplers.langevin>[0]) =>
      objectives.persistentContrastiveDivergence({
        sampler: samplers.langevin(options),
        buffer: { size: 1000, reinit: 0.05 },
      })
    const clipped = await trained({ objective: pcdWith({ steps: 10, stepSize: 0.02, clip: 0.05 }) })
    expect(codes(clipped.result)).toContain('clipped')
    const box = { low: -0.4, high: 0.4, mode: 'clamp' } as const
    const clamped = await trained({ objective: pcdWith({ steps: 10, stepSize: 0.02, box }) })
    expect(codes(clamped.result)).toContain('clamped')
    const cold = await trained({ objective: pcdWith({ form: 'heuristic', steps: 10, stepSize: 0.01, noise: 0.01 }) })
    expect(codes(cold.result)).toContain('temperature')
    const coarse = await trained({ objective: pcdWith({ steps: 10, stepSize: 1.5 }) })
    expect(codes(coarse.result)).toContain('step-size')
  })

  test('an error of a run that diverged', async () => {
    const failure = await trained({ optimizer: { kind: 'sgd', lr: 1e6 } as never }).catch((e: LangevinError) => e)
    const { of, findings } = diagnose(failure as LangevinError)
    expect(of).toBe('error')
    expect(findings).toMatchObject([{ code: 'divergent', severity: 'error', phase: { step: expect.any(Number) } }])
    expect(() => diagnose({} as never)).toThrow(/has neither/)
    expect(() => diagnose(undefined as never)).toThrow(/must be what a run resolved with/)
  })
})
