/** train(): results, checkpoints, resume, bad input. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Dataset } from '../../src/data/dataset.js'
import {
  Energy,
  energies,
  evaluateObjective,
  noises,
  objectives,
  optimizers,
  samplers,
  schedules,
  type Tensor,
  type TrainOptions,
  type TrainResult,
  tensor,
  train,
} from '../../src/index.js'
import { readSafetensors } from '../../src/io/safetensors.js'
import { invokeNow } from '../../src/runtime/index.js'
import { refusal } from '../helpers/errors.js'

const random = (rows: number, columns: number, seed = 1) =>
  invokeNow<Tensor>('random', { kind: 'normal', rows, columns, seed, stream: 15 })
const rows = random(500, 2)
const spec = energies.mlp({ input: 2, hidden: [16, 16], gaussianBase: 2 })
const nce = objectives.noiseContrastive({ noise: noises.gaussian({ sd: 1.5 }), ratio: 2 })
const pcdChains = {
  sampler: samplers.langevin({ steps: 5, stepSize: 0.05 }),
  buffer: { size: 300, reinit: 0.1, reinitFrom: { uniform: 1, data: 1 }, blur: 0.1 },
}
const pcd = objectives.persistentContrastiveDivergence(pcdChains)
const make = (seed = 7) => Energy.create(spec, { seed })

async function weights(model: Energy): Promise<Record<string, number[]>> {
  const parameters = await model.parameters()
  return Object.fromEntries(
    Object.entries(parameters).map(([name, t]) => [name, [...(t.toTypedArray() as Float32Array)]]),
  )
}
const rejected = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('it resolved')
    },
    (error) => error,
  )

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langevin-train-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('train', () => {
  it('tells progress and epochs, and returns the history', async () => {
    using model = await make()
    const run = train(model, rows, { objective: nce, steps: 400, batchSize: 100, seed: 1 })
    const seen: Record<string, number>[] = []
    const epochs: number[] = []
    for await (const event of run) {
      if (event.type === 'progress') seen.push(event as never)
      if (event.type === 'epoch') epochs.push(event.epoch)
    }
    const { history, steps, seconds, extras } = await run.done
    expect(steps).toBe(400)
    expect(seconds).toBeGreaterThan(0)
    expect(seen.at(-1)).toMatchObject({ step: 400, steps: 400, secondsLeft: 0 })
    expect(Object.keys(seen.at(-1)!)).toEqual(
      expect.arrayContaining(['loss', 'stepsPerSecond', 'gap', 'gradientNorm', 'parameterNorm', 'lr']),
    )
    expect(epochs.at(-1)).toBe(80)
    expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b))
    expect(history.length).toBe(400)
    expect(history[0]!.step).toBe(1)
    expect(history.at(-1)!.loss).toBeLessThan(history[0]!.loss)
    expect(extras.logZ).toBe(history.at(-1)!.logZ)
  })

  it('thins the history of long runs', async () => {
    using model = await make()
    const options = { objective: nce, steps: 95, batchSize: 50, historyPoints: 10 }
    const { history } = await train(model, rows, options).done
    expect(history.map((point) => point.step)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 95])
  })

  it('is bit-equal at any number of threads', async () => {
    const found = []
    for (const threads of [1, 2]) {
      using model = await make()
      const data = random(3000, 2)
      await train(model, data, { objective: pcd, steps: 20, batchSize: 300, seed: 3, threads, ema: 0.9 }).done
      found.push(await weights(model))
    }
    expect(found[0]).toEqual(found[1])
  })

  it('holds the averaged weights afterwards, with the raw ones in the result', async () => {
    using averaged = await make()
    using plain = await make()
    const options = { objective: nce, steps: 30, seed: 2 }
    const { rawParameters } = await train(averaged, rows, { ...options, ema: 0.99 }).done
    const without = await train(plain, rows, options).done
    expect(without.rawParameters).toBeUndefined()
    const raw = await weights(plain)
    for (const [name, t] of Object.entries(rawParameters!))
      expect([...(t.toTypedArray() as Float32Array)]).toEqual(raw[name])
    expect(await weights(averaged)).not.toEqual(raw)
  })

  it("warns when the sampler's law is not the model's", async () => {
    using model = await make()
    const sampler = samplers.langevin({ form: 'heuristic', steps: 2, stepSize: 1, noise: 0.01 })
    const run = train(model, rows, { objective: objectives.contrastiveDivergence({ sampler, k: 3 }), steps: 3 })
    const warnings = []
    for await (const event of run) if (event.type === 'warning') warnings.push(event)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatchObject({ monitor: 'effectiveTemperature', value: expect.closeTo(5e-5, 12) })
    expect((await run.done).statistics).toMatchObject({ effectiveTemperature: expect.closeTo(5e-5, 12) })
  })

  it('names short runs for what they are', async () => {
    using model = await make()
    const objective = objectives.contrastiveDivergence({
      sampler: samplers.langevin({ steps: 3, stepSize: 0.05 }),
      mode: 'shortRun',
      start: { from: 'normal' },
      samplerKl: { entropy: 0.5 },
    })
    const run = train(model, rows, { objective, steps: 3 })
    const warnings = []
    for await (const event of run) if (event.type === 'warning') warnings.push(event)
    expect(warnings).toMatchObject([{ monitor: 'shortRun', value: 3 }])
    expect((await run.done).history.at(-1)).toMatchObject({ entropy: expect.any(Number) })
  })

  it('takes x with y, and the label column of a data set', async () => {
    const labels = tensor(BigInt64Array.from({ length: 500 }, (_, i) => BigInt(i % 3)))
    const classifier = energies.classifier({ input: 2, hidden: [8], classes: 3 })
    const options = { objective: objectives.crossEntropy(), epochs: 2, batchSize: 50, seed: 1 }
    const found = []
    const set = new Dataset({ xy: { values: rows }, kind: { values: labels } }, { label: 'kind' })
    for (const source of [{ x: rows, y: labels }, set, set.withLabel(undefined)]) {
      using model = await Energy.create(classifier, { seed: 1 })
      const y = source instanceof Dataset && source.label === undefined ? { y: 'kind' } : {}
      const { steps, history } = await train(model, source, { ...options, ...y }).done
      expect(steps).toBe(20)
      expect(history.at(-1)!.accuracy).toBeGreaterThan(0.1)
      found.push(await weights(model))
    }
    expect(found[1]).toEqual(found[0])
    expect(found[2]).toEqual(found[0])
  })

  it('trains the conditional energy on its condition', async () => {
    using model = await Energy.create(energies.conditional({ input: 2, classes: 2, hidden: [8] }), { seed: 1 })
    const y = tensor(BigInt64Array.from({ length: 500 }, (_, i) => BigInt(i % 2)))
    for (const objective of [
      nce,
      pcd,
      objectives.contrastiveDivergence({ sampler: samplers.langevin({ steps: 2, stepSize: 0.05 }) }),
    ]) {
      const { history } = await train(model, { x: rows, y }, { objective, steps: 5, batchSize: 100 }).done
      expect(Number.isFinite(history.at(-1)!.loss)).toBe(true)
    }
    const missing = await rejected(train(model, rows, { objective: nce, steps: 1 }).done)
    expect(missing).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
  })
})

describe('checkpoints', () => {
  const recipe: TrainOptions = {
    objective: pcd,
    optimizer: optimizers.adam({ lr: schedules.cosine({ from: 5e-3, to: 1e-4 }) }),
    steps: 40,
    batchSize: 64,
    ema: 0.95,
    clipNorm: 10,
    seed: 12345678901234567890n,
  }

  it.each([
    ['persistentContrastiveDivergence', pcd],
    ['noiseContrastive', nce],
    ['pseudoSpherical', objectives.pseudoSpherical({ ...pcdChains, gamma: 0.5 })],
    [
      'fDivergence',
      objectives.fDivergence({
        ...pcdChains,
        divergence: 'jensenShannon',
        helper: energies.mlp({ input: 2, hidden: [8] }),
        helperOptimizer: optimizers.adam({ lr: schedules.cosine({ from: 5e-3, to: 1e-4 }) }),
        helperPenalty: 0.1,
        warmup: 5,
      }),
    ],
    ['learnedSteinDiscrepancy', objectives.learnedSteinDiscrepancy({ critic: { hidden: [8] }, criticSteps: 1 })],
  ])('%s: a resumed run is bit-equal to one that was never interrupted', async (name, objective) => {
    const path = join(folder, `${name}.safetensors`)
    const kept = join(folder, `${name}-15.safetensors`)
    using whole = await make()
    const long = { ...recipe, objective, steps: 900 }
    const run = train(whole, rows, { ...long, checkpoint: { path, every: 300 } })
    const told: number[] = []
    for await (const event of run) {
      if (event.type !== 'checkpoint') continue
      expect(event.path).toBe(path)
      told.push(event.step)
    }
    expect(told).toEqual([300, 600, 900])
    // Another run is stopped as soon as its first checkpoint is there, eight ninths before its end; the abort writes one
    // more, a few steps on.
    using short = await make()
    const stopped = train(short, rows, { ...long, checkpoint: { path: kept, every: 100 } })
    const reason = new Error('enough')
    const watched = (async () => {
      for await (const event of stopped) if (event.type === 'checkpoint') stopped.abort(reason)
    })()
    expect(await rejected(watched)).toBe(reason)
    const { step } = JSON.parse((await readSafetensors(kept)).metadata['langevin.checkpoint']!)
    expect(step).toBeLessThan(900)
    using again = await make(99)
    const resumed = await train(again, rows, { ...long, resume: kept }).done
    const reference = await run.done
    expect(await weights(again)).toEqual(await weights(whole))
    expect(resumed.extras).toEqual(reference.extras)
    expect(resumed.history).toEqual(reference.history)
    expect(resumed.statistics).toEqual(reference.statistics)
    const networks = (result: TrainResult) =>
      Object.values(result.networks).map((network) => Object.values(network).map((t) => t.toArray()))
    expect(networks(resumed)).toEqual(networks(reference))
  })

  it('a run of 60 steps is bit-equal to one of 25 that is resumed up to 60', async () => {
    const path = join(folder, 'longer.safetensors')
    const constant = { ...recipe, optimizer: optimizers.adam({ lr: 2e-3 }) }
    using whole = await make()
    await train(whole, rows, { ...constant, steps: 60 }).done
    using parts = await make()
    await train(parts, rows, { ...constant, steps: 25, checkpoint: { path } }).done
    await train(parts, rows, { ...constant, steps: 60, resume: path, checkpoint: { path } }).done
    expect(await weights(parts)).toEqual(await weights(whole))
    const back = await rejected(train(parts, rows, { ...constant, steps: 59, resume: path }).done)
    expect(back).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION', details: { path: 'steps' } })
  })

  it('hold the spec and load as an energy with the averaged weights', async () => {
    const path = join(folder, 'load.safetensors')
    using model = await make()
    await train(model, rows, { ...recipe, checkpoint: { path } }).done
    using loaded = await Energy.load(path)
    expect(loaded.spec).toEqual(spec)
    expect(await weights(loaded)).toEqual(await weights(model))
    const { tensors, metadata } = await readSafetensors(path)
    const names = Object.keys(tensors)
    expect(names).toEqual(
      expect.arrayContaining([
        '0.weight',
        'langevin:energy/parameters',
        'langevin:energy/ema',
        'langevin:step',
        'langevin:energy/optimizer/mean',
        'langevin:objective/buffer.x',
      ]),
    )
    const state = JSON.parse(metadata['langevin.checkpoint']!)
    expect(state.step).toBe(40)
    expect(state.recipe.seed).toBe('12345678901234567890')
    expect(state.recipe.objective).toEqual(JSON.parse(JSON.stringify(pcd)))
  })

  it('are written on request', async () => {
    using model = await make()
    const path = join(folder, 'asked.safetensors')
    const run = train(model, rows, { ...recipe, steps: 5000, checkpoint: { path } })
    const event = await run.checkpoint()
    expect(event).toMatchObject({ type: 'checkpoint', path })
    expect((await readSafetensors(path)).metadata['langevin.checkpoint']).toContain(`"step":${event!.step}`)
    run.abort()
    expect(await rejected(run.done)).toMatchObject({ name: 'AbortError' })
    expect(run.state).toBe('aborted')
    const last = JSON.parse((await readSafetensors(path)).metadata['langevin.checkpoint']!)
    expect(last.step).toBeGreaterThanOrEqual(event!.step)
  })

  it('refuse to be resumed as another run', async () => {
    const path = join(folder, 'other.safetensors')
    using model = await make()
    await train(model, rows, { ...recipe, checkpoint: { path } }).done
    const resume = (options: TrainOptions, source: Tensor = rows) =>
      rejected(train(model, source, { ...options, resume: path }).done)
    expect(await resume({ ...recipe, seed: 1 })).toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
      details: { path: 'seed' },
    })
    expect(await resume({ ...recipe, objective: nce })).toMatchObject({ details: { path: 'objective' } })
    expect(await resume(recipe, random(500, 2, 5))).toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
      message: expect.stringMatching(/as many rows \(500\) with other values/),
    })
    const missing = train(model, rows, { ...recipe, resume: join(folder, 'none.safetensors') })
    expect(await rejected(missing.done)).toMatchObject({ code: 'ERR_LANGEVIN_IO' })
    const whole = await readFile(path)
    const cut = join(folder, 'cut.safetensors')
    await writeFile(cut, whole.subarray(0, whole.length - 100))
    expect(await rejected(train(model, rows, { ...recipe, resume: cut }).done)).toMatchObject({
      code: 'ERR_LANGEVIN_FORMAT',
    })
    const plain = join(folder, 'plain.safetensors')
    await model.save(plain)
    const noCheckpoint = await rejected(train(model, rows, { ...recipe, resume: plain }).done)
    expect(noCheckpoint).toMatchObject({ code: 'ERR_LANGEVIN_FORMAT' })
    expect(noCheckpoint.message).toContain('Energy.load')
  })

  it('keep the last good file when a later write fails or the run diverges', async () => {
    const path = join(folder, 'good.safetensors')
    using model = await make()
    await train(model, rows, { ...recipe, checkpoint: { path } }).done
    const good = join(folder, 'copy.safetensors')
    await copyFile(path, good)
    const wild = { ...recipe, optimizer: optimizers.sgd({ lr: 1e20 }), clipNorm: undefined, checkpoint: { path } }
    expect(await rejected(train(model, rows, wild).done)).toMatchObject({
      code: 'ERR_LANGEVIN_DIVERGED',
      details: { step: expect.any(Number), monitor: expect.any(String) },
    })
    expect(await readFile(path)).toEqual(await readFile(good))
    const nowhere = { ...recipe, checkpoint: { path: join(folder, 'missing', 'x.safetensors') } }
    using fresh = await make()
    expect(await rejected(train(fresh, rows, nowhere).done)).toMatchObject({ code: 'ERR_LANGEVIN_IO' })
  })
})

describe('bad input', () => {
  it('is refused at once where it can be seen', async () => {
    using model = await make()
    const code = 'ERR_LANGEVIN_INVALID_OPTION'
    expect(refusal(() => train(model, rows, { objective: nce } as TrainOptions))).toMatchObject({ code })
    expect(refusal(() => train(model, rows, { objective: nce, steps: 1, epochs: 1 }))).toMatchObject({ code })
    const typo = refusal(() => train(model, rows, { objective: nce, steps: 1, batchsize: 3 } as TrainOptions))
    expect(typo.message).toContain('batchSize')
    expect(refusal(() => train(model, rows, { objective: nce, steps: 1, y: 'label' }))).toMatchObject({ code })
    expect(refusal(() => train({} as Energy, rows, { objective: nce, steps: 1 }))).toMatchObject({ code })
  })

  it('an energy without learnable parameters, in training and in one evaluation of a loss', async () => {
    using fixed = await Energy.create(energies.gaussian({ mean: [0, 0], precision: 1 }))
    const code = 'ERR_LANGEVIN_UNSUPPORTED'
    for (const call of [
      () => train(fixed, rows, { objective: nce, steps: 1 }).done,
      () => evaluateObjective(fixed, rows, { objective: nce }),
    ]) {
      const error = await rejected(call())
      expect(error).toMatchObject({ code })
      expect(error.message).toContain('learnable: true')
    }
  })

  it('two runs on one model: the second is busy', async () => {
    using model = await make()
    const first = train(model, rows, { objective: nce, steps: 20_000 })
    const second = await Promise.resolve()
      .then(() => train(model, rows, { objective: nce, steps: 1 }).done)
      .catch((error) => error)
    expect(second).toMatchObject({ code: 'ERR_LANGEVIN_BUSY' })
    first.abort()
    await rejected(first.done)
    await train(model, rows, { objective: nce, steps: 1 }).done
  })

  it('an abort before the start does nothing', async () => {
    using model = await make()
    const before = await weights(model)
    const signal = AbortSignal.abort(new Error('no'))
    expect((await rejected(train(model, rows, { objective: nce, steps: 5, signal }).done)).message).toBe('no')
    expect(await weights(model)).toEqual(before)
  })

  it('rows that are not finite, empty, or too narrow are named', async () => {
    using model = await make()
    const one = (source: number[][] | Tensor) => rejected(train(model, source, { objective: nce, steps: 1 }).done)
    expect(
      await one([
        [0, 1],
        [0, Number.NaN],
      ]),
    ).toMatchObject({ code: 'ERR_LANGEVIN_NON_FINITE', details: { row: 1, column: 1 } })
    expect(await one([[1], [2]])).toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
    expect(await one(tensor(new Float32Array(0), [0, 2]))).toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
    await train(model, [[0.5, 1]], { objective: nce, steps: 2, batchSize: 8 }).done
  })
})
