/** train(..., { validation }): held-out rows, the weights that did best on them, and when a run stops. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  data,
  Energy,
  energies,
  noises,
  objectives,
  optimizers,
  samplers,
  type Tensor,
  type TrainOptions,
  tensor,
  train,
} from '../../src/index.js'
import { invokeNow } from '../../src/runtime/index.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-validation-'))
const N = 60
const wave = (k: number) => Math.sin(12.9898 * k * k + 4.1) * 1.5

/** Thirty columns of noise and classes that have nothing to do with them: whatever is learned is learned by heart. */
const x = () =>
  tensor(
    Array.from({ length: N * 30 }, (_, k) => wave(k)),
    [N, 30],
    'float64',
  )
const y = () =>
  tensor(
    Array.from({ length: N }, (_, k) => (wave(k + 9999) > 0 ? 1 : 0)),
    [N],
    'int64',
  )
const classifier = () =>
  Energy.create(energies.classifier({ input: 30, classes: 2, hidden: [32] }), { seed: 1, dtype: 'float64' })

const base = {
  objective: objectives.crossEntropy(),
  optimizer: optimizers.adam({ lr: 0.01 }),
  steps: 400,
  batchSize: 32,
  seed: 5,
} as const

/** The rows a run of this seed holds out. */
function heldOut(fraction: number): { x: Tensor; y: Tensor } {
  const size = Math.round(fraction * N)
  const parts = invokeNow<Tensor[]>('data.split', { n: N, sizes: [N - size, size], seed: base.seed })
  return { x: x().index(parts[1]!), y: y().index(parts[1]!) }
}

async function lossOn(model: Energy, rows: { x: Tensor; y: Tensor }): Promise<number> {
  const logits = (await model.logits(rows.x)).toArray() as number[][]
  const labels = rows.y.toArray() as number[]
  const losses = logits.map((row, i) => Math.log(row.reduce((sum, f) => sum + Math.exp(f), 0)) - row[labels[i]!]!)
  return losses.reduce((sum, v) => sum + v) / losses.length
}

describe('validation', () => {
  it('the model ends with the weights that did best on the held-out rows', async () => {
    const model = await classifier()
    const validation = { fraction: 0.25, every: 10 }
    const result = await train(model, { x: x(), y: y() }, { ...base, validation }).done
    const { loss, step, stopped, history } = result.validation!
    expect(history.map((point) => point.step)).toEqual(Array.from({ length: 40 }, (_, i) => 10 * (i + 1)))
    expect(loss).toBe(Math.min(...history.map((point) => point.loss)))
    expect(history.find((point) => point.loss === loss)!.step).toBe(step)
    // It overfits: the last measurement is worse than the best one.
    expect(history.at(-1)!.loss).toBeGreaterThan(loss)
    expect([stopped, result.steps]).toEqual([false, 400])
    expect(await lossOn(model, heldOut(0.25))).toBeCloseTo(loss, 10)
    const plain = await classifier()
    const again = await train(
      plain,
      { x: x(), y: y() },
      { ...base, steps: step, validation: { ...validation, every: step } },
    ).done
    expect(again.validation!.loss).toBe(loss)
    expect(result.history.some((point) => point.validationLoss !== undefined)).toBe(true)
  })

  it('patience ends the run', async () => {
    const model = await classifier()
    const validation = { fraction: 0.25, every: 10, patience: 3 }
    const result = await train(model, { x: x(), y: y() }, { ...base, validation }).done
    const { step, stopped, history } = result.validation!
    expect(stopped).toBe(true)
    expect(result.steps).toBe(step + 30)
    expect(history.slice(-3).every((point) => point.loss >= Math.min(...history.map(({ loss }) => loss)))).toBe(true)
  })

  it('averaged weights are what is measured and kept', async () => {
    const model = await classifier()
    const validation = { fraction: 0.25, every: 10 }
    const result = await train(model, { x: x(), y: y() }, { ...base, ema: 0.9, validation }).done
    const { loss } = result.validation!
    expect(await lossOn(model, heldOut(0.25))).toBeCloseTo(loss, 10)
    const raw = result.rawParameters!
    const kept = await model.parameters()
    expect(Object.keys(raw)).toEqual(Object.keys(kept))
    const [name] = Object.keys(raw)
    expect(raw[name!]!.toArray()).not.toEqual(kept[name!]!.toArray())
  })

  it('a resumed run is bit-equal to one that was never interrupted', async () => {
    const options = { ...base, ema: 0.9, validation: { fraction: 0.2, every: 15, patience: 6 } }
    const rows = () => ({ x: x(), y: y() })
    const whole = await classifier()
    const reference = await train(whole, rows(), { ...options, steps: 120 }).done
    const path = join(folder, 'half.safetensors')
    await train(await classifier(), rows(), { ...options, steps: 50, checkpoint: { path } }).done
    const parts = await classifier()
    const resumed = await train(parts, rows(), { ...options, steps: 120, resume: path }).done
    expect(resumed.validation).toEqual(reference.validation)
    expect(resumed.steps).toBe(reference.steps)
    const weights = async (model: Energy) => Object.values(await model.parameters()).map((t) => t.toArray())
    expect(await weights(parts)).toEqual(await weights(whole))
    const other = { ...options, validation: { fraction: 0.2, every: 20 } }
    await expect(train(await classifier(), rows(), { ...other, resume: path }).done).rejects.toThrow(/validation was/)
  })

  it('of noise-contrastive estimation log Z belongs to the best weights', async () => {
    const rows = data.toys.rings({ n: 400, seed: 1 })
    const make = () => Energy.create(energies.mlp({ input: 2, hidden: [16], gaussianBase: 2 }), { seed: 2 })
    const objective = objectives.noiseContrastive({ noise: noises.dataGaussian() })
    const optimizer = optimizers.adam({ lr: 0.05 })
    const options = { objective, optimizer, seed: 3, batchSize: 64 }
    const long = await train(await make(), rows, { ...options, steps: 200, validation: { every: 5 } }).done
    const { step, loss } = long.validation!
    const short = await train(await make(), rows, { ...options, steps: step, validation: { every: step } }).done
    expect(short.validation!.loss).toBe(loss)
    expect(short.extras).toEqual(long.extras)
  })

  it('a loss that is not finite there ends the run with the step and the monitor', async () => {
    const model = await Energy.create(energies.gaussian({ mean: [0], precision: 1, learnable: true }))
    const rows = tensor(
      Array.from({ length: 40 }, (_, i) => i / 40),
      [40, 1],
    )
    // One row that is held out, so far away that its energy is beyond float32; the others are trained on without trouble.
    const parts = invokeNow<Tensor[]>('data.split', { n: 40, sizes: [38, 2], seed: 3 })
    const [far] = parts[1]!.toArray() as number[]
    const x = (rows.toArray() as number[][]).map((row, i) => (i === far ? [1e30] : row))
    const options = { objective: objectives.explicitScoreMatching(), steps: 20, seed: 3, batchSize: 8 }
    const error = await train(model, x, { ...options, validation: { fraction: 0.05, every: 5 } }).done.catch((e) => e)
    expect([error.code, error.details]).toEqual([
      'ERR_LANGEVIN_DIVERGED',
      expect.objectContaining({ step: 5, monitor: 'validationLoss' }),
    ])
    // The control: the same rows in the same run without that one.
    const tame = await train(model, rows, { ...options, validation: { fraction: 0.05, every: 5 } }).done
    expect(Number.isFinite(tame.validation!.loss)).toBe(true)
  })

  it('is refused where it cannot be', async () => {
    const rows = data.toys.rings({ n: 40, seed: 1 })
    const model = await Energy.create(energies.mlp({ input: 2, hidden: [4], gaussianBase: 2 }))
    const run = (options: Partial<TrainOptions>, source: Parameters<typeof train>[1] = rows) =>
      (async () =>
        train(model, source, {
          objective: objectives.denoisingScoreMatching({ sigma: 0.3 }),
          steps: 2,
          ...options,
        }).done)()
    const sampler = samplers.langevin({ steps: 2, stepSize: 0.01 })
    const pcd = objectives.persistentContrastiveDivergence({ sampler })
    await expect(run({ objective: pcd, validation: {} })).rejects.toThrow(
      /persistentContrastiveDivergence.*leave validation/,
    )
    await expect(run({ validation: { fraction: 0.001 } })).rejects.toThrow(/no rows to hold out/)
    await expect(run({ validation: { fraction: 0.999 } })).rejects.toThrow(/no rows to train on/)
    using stored = data.rows(rows.toTensor())
    await expect(run({ validation: {} }, stored)).rejects.toThrow(/cannot be split/)
  })
})
