/** Rows with a shape: [n, 3, 32, 32] goes in wherever [n, 3072] does, with the same bits. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  data,
  Energy,
  energies,
  evaluate,
  layers,
  metrics,
  objectives,
  ood,
  partition,
  sample,
  samplers,
  type Tensor,
  train,
} from '../../src/index.js'
import { invokeNow } from '../../src/runtime/index.js'
import type { SpecValue } from '../../src/spec/index.js'
import { refusal, rejection } from '../helpers/errors.js'

const AXES = [3, 2, 2]
const flatRows = (rows: number, seed = 1) =>
  invokeNow<Tensor>('random', { kind: 'normal', rows, columns: 12, seed, stream: 15 })
const shaped = (x: Tensor) => x.reshape([x.shape[0]!, ...AXES])
const mlp = (input: number | number[]) => Energy.create(energies.mlp({ input, hidden: [9, 5], gaussianBase: 2 }))
const bits = (t: Tensor) => [...(t.toTypedArray() as Float32Array)]

describe('an energy over rows of several axes', () => {
  it('tells its shape and its width', async () => {
    using images = await mlp(AXES)
    using flat = await mlp(12)
    expect([images.inputShape, images.inputWidth]).toEqual([AXES, 12])
    expect([flat.inputShape, flat.inputWidth]).toEqual([[12], 12])
  })

  it('takes both forms and gives back what it was given, bit-equal to the flat energy', async () => {
    using images = await mlp(AXES)
    using flat = await mlp(12)
    const x = flatRows(40)
    const [e, s] = [bits(await flat.energy(x)), bits(await flat.score(x))]
    for (const rows of [x, shaped(x)]) {
      expect(bits(await images.energy(rows))).toEqual(e)
      const score = await images.score(rows)
      expect(score.shape).toEqual(rows.shape)
      expect(bits(score)).toEqual(s)
    }
  })

  it('samples in its shape, from rows of either form, and resumes', async () => {
    using images = await mlp(AXES)
    using flat = await mlp(12)
    const sampler = samplers.hmc({ steps: 20, stepSize: 0.1, leapfrogSteps: 3 })
    const init = flatRows(10)
    const a = await sample(flat, { sampler, init, keep: 'trajectory', burnIn: 10 }).done
    const b = await sample(images, { sampler, init: shaped(init), keep: 'trajectory', burnIn: 10 }).done
    expect(b.samples.shape).toEqual([10, ...AXES])
    expect(b.trajectory!.shape).toEqual([10, 10, ...AXES])
    expect([bits(b.samples), bits(b.trajectory!)]).toEqual([bits(a.samples), bits(a.trajectory!)])
    const next = await sample(images, { sampler, resume: b.state }).done
    expect(bits(next.samples)).toEqual(bits((await sample(flat, { sampler, resume: a.state }).done).samples))
    const moments = (await sample(images, { sampler, chains: 20, keep: 'moments' }).done).moments!
    expect([moments.mean.shape, moments.variance.shape, moments.covariance!.shape]).toEqual([AXES, AXES, [12, 12]])
  })

  it('trains to the same bits', async () => {
    const x = flatRows(90)
    const trained = async (input: number | number[], rows: Tensor) => {
      using model = await mlp(input)
      await train(model, rows, {
        objective: objectives.denoisingScoreMatching({ sigma: 0.5 }),
        steps: 8,
        batchSize: 32,
      }).done
      return Object.values(await model.parameters()).map(bits)
    }
    expect(await trained(AXES, shaped(x))).toEqual(await trained(12, x))
  })

  it('is scored, measured and integrated on shaped rows', async () => {
    using images = await mlp(AXES)
    const x = flatRows(60)
    const detect = async (rows: Tensor) => bits(await ood.scores(ood.detectors.scoreNorm(images), rows))
    expect(await detect(shaped(x))).toEqual(await detect(x))
    const stein = (rows: Tensor) => metrics.kernelSteinDiscrepancy(images, rows, { bootstrap: 20 })
    expect(await stein(shaped(x))).toEqual(await stein(x))
    const logZ = (rows: Tensor) => partition.importance(images, { rows, draws: 500 })
    expect((await logZ(shaped(x))).logZ).toBe((await logZ(x)).logZ)
    const likelihood = (rows: Tensor) => evaluate.logLikelihood(images, rows, { logZ: 1 })
    expect(await likelihood(shaped(x))).toEqual(await likelihood(x))
  })

  it('refuses other shapes and names both', async () => {
    using images = await mlp(AXES)
    for (const shape of [
      [4, 2, 3, 2],
      [4, 6, 2],
      [2, 24],
    ]) {
      const error = await rejection(() => images.energy(flatRows(4).reshape(shape)))
      expect([error.code, error.message]).toEqual([
        'ERR_LANGEVIN_SHAPE',
        expect.stringContaining('[n, 3, 2, 2] or [n, 12]'),
      ])
    }
  })
})

describe('shapes of layers', () => {
  const sequential = (...list: SpecValue[]) => energies.sequential({ input: AXES, layers: list })

  it('are what the definitions say, and a flatten layer makes one axis', async () => {
    const spec = sequential(
      layers.activation({ activation: 'tanh' }),
      layers.residual({ layers: [layers.activation(), layers.dropout()] }),
      layers.flatten(),
      layers.linear({ out: 1 }),
    )
    using model = await Energy.create(spec)
    expect(model.parameterInfo().map(({ name, shape }) => [name, shape])).toEqual([
      ['3.weight', [1, 12]],
      ['3.bias', [1]],
    ])
  })

  it('that do not fit fail where the spec is written, as in the core', async () => {
    const list = [layers.linear({ out: 1 })]
    const here = refusal(() => sequential(...list))
    expect([here.code, here.message]).toEqual([
      'ERR_LANGEVIN_INVALID_OPTION',
      expect.stringMatching(/layers\[0\].*one axis and gets \[3, 2, 2\].*flatten/),
    ])
    const body = refusal(() => sequential(layers.residual({ layers: [layers.flatten()] })))
    expect(body.message).toMatch(/layers\[0\]\.layers.*takes \[3, 2, 2\], gives 12/)
    expect(refusal(() => sequential(layers.activation())).message).toContain('it gives [3, 2, 2]')
  })

  it('refuses an input that is no shape', () => {
    for (const input of [0, [], [3, 0], [2.5]]) {
      expect(refusal(() => energies.mlp({ input, hidden: [] })).details).toMatchObject({
        path: expect.stringMatching(/^input/),
      })
    }
  })
})

it("data.cifar's images go straight in", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'langevin-shape-'))
  const record = (label: number) =>
    Buffer.from([label, ...Array.from({ length: 3072 }, (_, i) => (i * 7 + label) % 256)])
  const path = join(folder, 'batch.bin.gz')
  await writeFile(path, gzipSync(Buffer.concat([record(1), record(2), record(3)])))
  const images = await data.cifar(path)
  using model = await Energy.create(energies.classifier({ input: [3, 32, 32], classes: 10, hidden: [4] }))
  expect((await model.logits(images.column('x'))).shape).toEqual([3, 10])
  expect((await model.score(images.column('x'))).shape).toEqual([3, 3, 32, 32])
  const x = data.rows(images.column('x'), { scale: 1 / 255, augment: { flip: true, noise: 0.03 } })
  const result = await train(
    model,
    { x, y: images.labels()! },
    { objective: objectives.crossEntropy(), steps: 2, batchSize: 2 },
  ).done
  expect(result.steps).toBe(2)
  await rm(folder, { recursive: true })
})
