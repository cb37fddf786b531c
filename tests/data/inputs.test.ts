/** Models that carry their inputs: names, order and scale of the columns of x. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  Dataset,
  data,
  detectors,
  Energy,
  energies,
  evaluate,
  evaluateObjective,
  infer,
  metrics,
  noises,
  objectives,
  ood,
  partition,
  sample,
  samplers,
  type Tensor,
  tensor,
  train,
} from '../../src/index.js'
import { readSafetensors } from '../../src/io/safetensors.js'
import { HANDLE } from '../../src/native/contract.js'
import { invoke } from '../../src/runtime/index.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-inputs-'))
const numbers = (t: Tensor) => t.toArray() as number[]

/** Deterministic standard normal numbers. */
function normals(count: number, seed: number): number[] {
  let state = seed
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state + 0.5) / 4294967296
  }
  return Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()))
}

/** Rows of a machine: temperature about 40, pressure about 3, vibration about 0.02, which belong together. */
function machines(count: number, seed: number): number[][] {
  const z = normals(3 * count, seed)
  return Array.from({ length: count }, (_, i) => {
    const [a, b, c] = [z[3 * i]!, z[3 * i + 1]!, z[3 * i + 2]!]
    return [40 + 5 * a, 3 + 0.3 * (0.8 * a + 0.6 * b), 0.02 + 0.004 * c]
  })
}

const NAMES = ['temp', 'pressure', 'vib']
function file(name: string, columns: readonly string[], rows: readonly (readonly (number | string)[])[]): string {
  const path = join(folder, name)
  writeFileSync(path, `${[columns.join(','), ...rows.map((row) => row.join(','))].join('\n')}\n`)
  return path
}

const MEAN = [40, -3]
const SCALE = [5, 0.02]
const LOG_SCALE = Math.log(5) + Math.log(0.02)
const INPUTS = { columns: ['a', 'b'], transform: { kind: 'standardize', mean: MEAN, scale: SCALE } } as const
const ROWS = [
  [40, -3],
  [45, -3.02],
  [31, -2.95],
]
const gaussian = (precision: number | number[][] = 1) =>
  Energy.create(energies.gaussian({ mean: [0, 0], precision }), { inputs: INPUTS, dtype: 'float64' })

describe('a table from training to scoring', () => {
  test('the odd row has the highest energy; other order, same energies', async () => {
    const rows = await data.csv(file('train.csv', NAMES, machines(600, 1)))
    const spec = energies.mlp({ input: 3, hidden: [32, 32], activation: 'silu', gaussianBase: 3 })
    const model = await Energy.create(spec, { inputs: data.inputs(rows) })
    expect(model.inputs!.columns).toEqual(NAMES)
    const objective = objectives.denoisingScoreMatching({ sigma: 0.3 })
    await train(model, rows, { objective, steps: 300, batchSize: 128 }).done
    const path = join(folder, 'machines.safetensors')
    await model.save(path)

    const loaded = await Energy.load(path)
    expect(loaded.inputs).toEqual(model.inputs)
    const fresh = [...machines(20, 2), [95, 60, 0.9]]
    const scored = numbers(await loaded.energy(await data.csv(file('new.csv', NAMES, fresh))))
    expect(scored.every(Number.isFinite)).toBe(true)
    expect(scored[20]!).toBeGreaterThan(Math.max(...scored.slice(0, 20)) + 10)

    const swapped = file(
      'swapped.csv',
      ['vib', 'temp', 'pressure'],
      fresh.map(([t, p, v]) => [v!, t!, p!]),
    )
    expect(numbers(await loaded.energy(await data.csv(swapped)))).toEqual(scored)
    expect(numbers(await loaded.energy(fresh))).toEqual(scored)

    const draws = await sample(loaded, { sampler: samplers.mala({ steps: 300, stepSize: 0.1 }), chains: 400 }).done
    const temps = (draws.samples.toArray() as number[][]).map((row) => row[0]!)
    const mean = temps.reduce((a, b) => a + b) / temps.length
    expect(Math.abs(mean - 40)).toBeLessThan(2)
    expect(draws.energy.toArray()).toHaveLength(400)
  }, 60_000)

  test('columns that are missing, additional or text are named', async () => {
    const model = await Energy.create(energies.gaussian({ mean: [0, 0], precision: 1 }), { inputs: INPUTS })
    const of = (columns: Record<string, number[]>) => model.energy(data.fromArrays(columns))
    await expect(of({ a: [1], c: [2] })).rejects.toThrow(/columns of the model are a, b; there is no 'b'.*'c' is not/s)
    await expect(of({ a: [1], b: [2], id: [3] })).rejects.toThrow(/'id' is not among them.*drop.*--ignore id/)
    await expect(of({ a: [1] })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    expect(numbers(await of({ b: [-3], a: [40] }))[0]).toBeCloseTo(LOG_SCALE, 5)
    const wide = data.fromArrays({ a: [40], b: [-3], id: [3] })
    expect(numbers(await model.energy(wide.drop(['id'])))[0]).toBeCloseTo(LOG_SCALE, 5)
    // Decimal commas make texts of numbers: codes must not be scored.
    const commas = join(folder, 'commas.csv')
    writeFileSync(commas, 'a;b\n40,5;-3,1\n41,5;-3,2\n')
    const refused = (async () => model.energy(await data.csv(commas)))()
    await expect(refused).rejects.toMatchObject({ name: 'LangevinError' })
    await expect(model.energy([[1, 2, 3]])).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
    expect(() => data.inputs(data.fromArrays({ a: [1, 2] }), { columns: ['b'] })).toThrow(/no column 'b'/)
  })

  test('a text column cannot be x; classes of y keep their numbers in a file with fewer of them', async () => {
    const path = file(
      'kinds.csv',
      ['width', 'state'],
      [
        [1, 'ok'],
        [2, 'bad'],
        [3, 'warm'],
      ],
    )
    const rows = await data.csv(path)
    expect(() => data.inputs(rows)).toThrow(/column 'state' contains text.*--ignore state/)
    const inputs = data.inputs(rows.withLabel('state'))
    expect(inputs).toMatchObject({ columns: ['width'], y: ['state'], classes: ['bad', 'ok', 'warm'] })
    const spec = energies.conditional({ input: 1, classes: 3, hidden: [4] })
    const model = await Energy.create(spec, { inputs })
    const few = await data.csv(
      file(
        'few.csv',
        ['state', 'width'],
        [
          ['warm', 3],
          ['ok', 1],
        ],
      ),
    )
    expect(numbers(model.conversion!.condition(few)!)).toEqual([2, 1])
    const foreign = await data.csv(
      file(
        'foreign.csv',
        ['state', 'width'],
        [
          ['hot', 3],
          ['ok', 1],
        ],
      ),
    )
    expect(() => model.conversion!.condition(foreign)).toThrow(/no class 'hot'.*bad, ok, warm/)
    const answer = await infer(model, few, { method: 'exhaustive' })
    const table = await Promise.all([0, 1, 2].map((y) => model.energy(few, { y: [y, y] })))
    const least = [0, 1].map((i) => Math.min(...table.map((t) => numbers(t)[i]!)))
    for (const [i, e] of numbers(answer.energy).entries()) expect(e).toBeCloseTo(least[i]!, 5)
  })
})

describe('densities in the units of the data', () => {
  const byHand = (x: readonly number[]) =>
    LOG_SCALE + x.reduce((sum, v, k) => sum + ((v - MEAN[k]!) / SCALE[k]!) ** 2 / 2, 0)

  test('energy and score of a Gaussian', async () => {
    const model = await gaussian()
    const e = numbers(await model.energy(ROWS))
    const s = (await model.score(ROWS)).toArray() as number[][]
    ROWS.forEach((x, i) => {
      expect(e[i]).toBeCloseTo(byHand(x), 10)
      for (const [k, v] of x.entries()) expect(s[i]![k]! * SCALE[k]!).toBeCloseTo(-(v - MEAN[k]!) / SCALE[k]!, 10)
    })
    const inRows = tensor(ROWS.flat(), [3, 2], 'float32')
    for (const [i, v] of numbers(await model.energy(inRows)).entries())
      expect(Math.abs(v - byHand(ROWS[i]!))).toBeLessThan(1e-4)
  })

  test('log Z of both units agrees, entropies and temperatures follow', async () => {
    const model = await gaussian()
    const box = { low: [0, -3.2], high: [80, -2.8], cells: 256 }
    const one = await partition.grid(model, box)
    expect(one.logZ).toBeCloseTo(Math.log(2 * Math.PI), 4)
    expect(one.entropy).toBeCloseTo(Math.log(2 * Math.PI) + 1 + LOG_SCALE, 4)
    const two = await partition.grid(model, { ...box, low: [-40, -3.4], high: [120, -2.6], temperature: 2 })
    expect(two.logZ).toBeCloseTo(Math.log(4 * Math.PI) + LOG_SCALE / 2, 4)
    const rows = Array.from({ length: 400 }, (_, i) => normals(2, i + 1).map((z, k) => MEAN[k]! + SCALE[k]! * z))
    const fitted = await partition.importance(model, { rows, draws: 2000 })
    expect(Math.abs(fitted.logZ - Math.log(2 * Math.PI))).toBeLessThan(0.05)
    await expect(partition.importance(model, { proposal: { means: [MEAN], sigmas: 1 } })).rejects.toThrow(/proposal/)

    const likelihood = await evaluate.logLikelihood(model, rows, { logZ: one, truth: model })
    const expected = rows.reduce((sum, x) => sum - byHand(x) - Math.log(2 * Math.PI), 0) / rows.length
    expect(likelihood.logLikelihood).toBeCloseTo(expected, 4)
    expect(Math.abs(likelihood.baselines.gaussian! - expected)).toBeLessThan(0.05)
    const plain = await Energy.create(energies.gaussian({ mean: MEAN, precision: SCALE.map((s) => 1 / s ** 2) }), {
      dtype: 'float64',
    })
    const logZ = Math.log(2 * Math.PI) + LOG_SCALE
    const direct = await evaluate.logLikelihood(plain, tensor(rows.flat(), [400, 2], 'float64'), { logZ })
    expect(likelihood.logLikelihood).toBeCloseTo(direct.logLikelihood, 4)
    expect(likelihood.baselines.gaussian!).toBeCloseTo(direct.baselines.gaussian!, 6)
  })

  test('draws, moments, traces and diagnostics', async () => {
    const model = await gaussian([
      [4 / 3, -2 / 3],
      [-2 / 3, 4 / 3],
    ])
    const sampler = samplers.hmc({ steps: 60, stepSize: 0.3, leapfrogSteps: 5 })
    const options = { sampler, chains: 512, seed: 3 } as const
    const { moments } = await sample(model, { ...options, keep: 'moments' }).done
    const [mean, variance] = [numbers(moments!.mean), numbers(moments!.variance)]
    const covariance = moments!.covariance!.toArray() as number[][]
    SCALE.forEach((s, k) => {
      expect(Math.abs(mean[k]! - MEAN[k]!) / s).toBeLessThan(0.1)
      expect(Math.abs(variance[k]! / s ** 2 - 1)).toBeLessThan(0.15)
      expect(covariance[k]![k]! / variance[k]!).toBeCloseTo(1, 9)
    })
    expect(Math.abs(covariance[0]![1]! / (SCALE[0]! * SCALE[1]!) - 0.5)).toBeLessThan(0.12)

    const whole = await sample(model, { ...options, keep: 'trajectory', chains: 8 }).done
    const { trajectory, trajectoryEnergy, samples, energy, trace, diagnostics } = whole
    const [, draws = 0] = trajectory!.shape
    const flat = trajectory!.reshape([8 * draws, 2])
    const again = numbers(await model.energy(flat))
    const drawn = (trajectoryEnergy!.toArray() as number[][]).flat()
    for (const [i, e] of drawn.entries()) expect(e).toBeCloseTo(again[i]!, 6)
    expect(numbers(await model.energy(samples))[5]).toBeCloseTo(numbers(energy)[5]!, 6)
    const traced = trace!.x.toArray() as number[][][]
    const states = trajectory!.toArray() as number[][][]
    expect(traced[1]![0]!.at(-1)).toBeCloseTo(states[0]!.at(-1)![1]!, 9)
    expect(diagnostics.columns.mcse[0]! / diagnostics.columns.mcse[1]!).toBeGreaterThan(20)
    expect(diagnostics.mcse).toBe(diagnostics.columns.mcse[0])

    // Starts and continuation: rows are in the units of the data, the state continues bit by bit.
    const half = { ...options, sampler: samplers.hmc({ steps: 30, stepSize: 0.3, leapfrogSteps: 5 }) }
    const first = await sample(model, { ...half, chains: 8 }).done
    const { chains: _, ...rest } = half
    const second = await sample(model, { ...rest, resume: first.state }).done
    expect(second.samples.toArray()).toEqual(samples.toArray())
    const still = samplers.langevin({ steps: 1, stepSize: 1e-12 })
    const stayed = (await sample(model, { sampler: still, init: ROWS }).done).samples.toArray() as number[][]
    for (const [i, row] of stayed.entries()) {
      for (const [k, v] of row.entries()) expect(Math.abs(v - ROWS[i]![k]!) / SCALE[k]!).toBeLessThan(1e-4)
    }
  })

  test('times in seconds keep their spread', async () => {
    const inputs = { columns: ['t'], transform: { kind: 'standardize', mean: [1.7e9], scale: [50] } } as const
    const model = await Energy.create(energies.gaussian({ mean: [0], precision: 1 }), { inputs })
    expect(numbers(await model.energy([[1.7e9 + 50]]))[0]).toBeCloseTo(0.5 + Math.log(50), 5)
    const drawn = await sample(model, { sampler: samplers.mala({ steps: 50, stepSize: 0.3 }), chains: 200 }).done
    const values = (drawn.samples.toArray() as number[][]).map(([t]) => t! - 1.7e9)
    expect(new Set(values).size).toBeGreaterThan(190)
  })

  test('detectors, Stein test and objectives take rows of the data', async () => {
    const model = await gaussian()
    const scores = numbers(await ood.scores(detectors.energy(model), ROWS))
    for (const [i, e] of numbers(await model.energy(ROWS)).entries()) expect(scores[i]).toBeCloseTo(e, 9)
    const likely = numbers(await ood.scores(detectors.likelihood(model, { logZ: 2 }), ROWS))
    expect(likely[1]).toBeCloseTo(scores[1]! + 2, 9)
    const rows = Array.from({ length: 200 }, (_, i) => normals(2, i + 1).map((z, k) => MEAN[k]! + SCALE[k]! * z))
    const averaged = numbers(await ood.scores(detectors.averagedEnergy({ models: [model], rows }), ROWS))
    expect(averaged[0]!).toBeLessThan(averaged[1]!)
    const box = { low: [0, -4], high: [90, -2], seed: 1 }
    const report = await ood.evaluate({
      detector: detectors.energy(model),
      inDistribution: rows,
      outOfDistribution: { box },
    })
    expect(report.box.auroc).toBeGreaterThan(0.95)
    const other = await Energy.create(energies.gaussian({ mean: [0, 0], precision: 1 }))
    await expect(ood.scores(detectors.averagedEnergy({ models: [model, other], rows }), ROWS)).rejects.toThrow(
      /different inputs/,
    )
    const test = await metrics.kernelSteinDiscrepancy(model, rows)
    expect(test.pValue).toBeGreaterThan(0.01)

    const spec = energies.mlp({ input: 2, hidden: [8] })
    const objective = objectives.noiseContrastive({ noise: noises.gaussian() })
    const learner = await Energy.create(spec, { inputs: INPUTS })
    const twin = await Energy.create(spec)
    const z = rows.map((x) => x.map((v, k) => (v - MEAN[k]!) / SCALE[k]!))
    const raw = await evaluateObjective(learner, rows, { objective })
    const scaled = await evaluateObjective(twin, z, { objective })
    expect(raw.loss).toBeCloseTo(scaled.loss, 4)
  })
})

describe('where inputs are kept', () => {
  test('file, checkpoint, resume', async () => {
    const rows = await data.csv(file('kept.csv', NAMES, machines(200, 4)))
    const inputs = data.inputs(rows, { units: { temp: 'degC' } })
    const spec = energies.mlp({ input: 3, hidden: [8], gaussianBase: 3 })
    const objective = objectives.denoisingScoreMatching({ sigma: 0.3 })
    const path = join(folder, 'kept.checkpoint.safetensors')
    const run = (model: Energy, from: Dataset, steps: number, resume?: string) =>
      train(model, from, { objective, steps, checkpoint: { path }, ...(resume !== undefined && { resume }) }).done
    const model = await Energy.create(spec, { inputs })
    await run(model, rows, 10)
    const { metadata } = await readSafetensors(path)
    expect(JSON.parse(metadata['langevin.inputs']!)).toEqual(inputs)
    expect((await Energy.load(path)).inputs).toEqual(inputs)
    expect(Object.isFrozen(model.inputs!.transform!.mean)).toBe(true)

    const once = await Energy.create(spec, { inputs })
    await train(once, rows, { objective, steps: 20 }).done
    const resumed = await Energy.create(spec, { inputs })
    await run(resumed, rows, 20, path)
    expect(numbers(await resumed.energy(rows))).toEqual(numbers(await once.energy(rows)))

    const others = await data.csv(file('others.csv', NAMES, machines(200, 5)))
    const changed = await Energy.create(spec, { inputs: data.inputs(others) })
    await expect(run(changed, others, 30, path)).rejects.toThrow(/inputs of the energy.*the data has changed/)
  })

  test('faulty inputs are refused with the member named', async () => {
    const spec = energies.mlp({ input: 2, hidden: [4] })
    const made = (inputs: unknown) => Energy.create(spec, { inputs: inputs as never })
    await expect(made({ columns: ['a'] })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
    await expect(made({ columns: ['a', 'a'] })).rejects.toThrow(/inputs: columns/)
    await expect(made({ columns: ['a', 'b'], colums: 1 })).rejects.toThrow(/colums.*did you mean 'columns'/)
    const transform = { kind: 'standardize', mean: [0, 0], scale: [1, 0] }
    await expect(made({ columns: ['a', 'b'], transform })).rejects.toThrow(/transform\.scale/)
    const spins = energies.ising({ sites: 2, coupling: 0.1 })
    await expect(Energy.create(spins, { inputs: INPUTS })).rejects.toThrow(/cannot be standardised/)
    const names = data.inputs(data.fromArrays({ a: [1, -1], b: [1, 1] }), { standardize: false })
    expect(names).toEqual({ columns: ['a', 'b'] })
    expect((await Energy.create(spins, { inputs: names })).inputs).toEqual(names)
    const some = data.inputs(data.fromArrays({ a: [1, 3], b: [1, 1] }), { standardize: ['a'] })
    expect(some.transform).toEqual({ kind: 'standardize', mean: [2, 0], scale: [1, 1] })
  })

  test('a call that was written without inputs in mind cannot have the model', async () => {
    const model = await gaussian()
    expect(() => model[HANDLE]).toThrow(/standardises its inputs/)
    using x = tensor([1, 2], [1, 2])
    await expect(invoke('energy.energy', { energy: model, x })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_UNSUPPORTED',
    })
    using source = data.rows(x)
    expect(() =>
      train(model, source, { objective: objectives.denoisingScoreMatching({ sigma: 0.3 }), steps: 1 }),
    ).toThrow(/data\.rows/)
  })

  test('blocks of several numbers, and names no object may have', async () => {
    const block = { data: new Float64Array([1, 2, 3, 4, 5, 9]), shape: [3, 2] }
    const rows = new Dataset({
      ...dataColumns({ m: block }),
      constructor: { values: tensor([1, 2, 6], [3], 'float64') },
    })
    const inputs = data.inputs(rows)
    expect(inputs).toMatchObject({ columns: ['m', 'constructor'], widths: [2, 1] })
    expect(inputs.transform!.mean).toEqual([3, 5, 3])
    const model = await Energy.create(energies.gaussian({ mean: [0, 0, 0], precision: 1 }), { inputs })
    const e = numbers(await model.energy(rows))
    expect(e.reduce((a, b) => a + b, 0) - 3 * model.conversion!.logScale).toBeCloseTo(4.5, 4)
  })
})

function dataColumns(columns: Record<string, { data: Float64Array; shape: number[] }>) {
  return Object.fromEntries(
    Object.entries(columns).map(([name, { data: values, shape }]) => [name, { values: tensor(values, shape) }]),
  )
}
