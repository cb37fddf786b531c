/** data.rows: stored rows train to the bits of converted ones, without ever being whole in the model's dtype. */
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { data, Energy, energies, evaluateObjective, io, noises, objectives, tensor, train } from '../../src/index.js'
import { invokeNow } from '../../src/runtime/index.js'
import type { Tensor } from '../../src/tensor/index.js'
import type { TrainingRows } from '../../src/training/index.js'
import { refusal, rejection } from '../helpers/errors.js'

const N = 60
const AXES = [2, 2, 3]
const bytes = Uint8Array.from({ length: N * 12 }, (_, i) => (i * 37 + (i >> 3) * 11) % 256)
const stored = tensor(bytes, [N, ...AXES])
// x * scale in float32, as the core computes it.
const scale = 1 / 255
const converted = tensor(
  Float32Array.from(bytes, (v) => v * Math.fround(scale)),
  [N, ...AXES],
)

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langevin-rows-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const objective = objectives.noiseContrastive({ noise: noises.gaussian({ mean: 0.5, sd: 0.4 }) })
const make = () => Energy.create(energies.mlp({ input: AXES, hidden: [8], gaussianBase: 2 }), { seed: 3 })
async function trained(rows: TrainingRows, more: object = {}): Promise<number[][]> {
  using model = await make()
  await train(model, rows, { objective, steps: 9, batchSize: 25, seed: 5, ...more }).done
  return Object.values(await model.parameters()).map((t) => [...(t.toTypedArray() as Float32Array)])
}

describe('stored rows train bit-equal to converted ones', () => {
  it('in memory, in a .npy file and in a file without a header', async () => {
    const wanted = await trained(converted)
    expect(await trained(data.rows(stored, { scale }))).toEqual(wanted)
    expect(await trained({ x: data.rows({ data: bytes, shape: [N, 12] }, { scale }) })).toEqual(wanted)
    const npy = join(folder, 'rows.npy')
    await io.npy.write(npy, stored)
    const rows = data.rows(npy, { scale })
    expect([rows.length, rows.shape]).toEqual([N, AXES])
    expect(await trained(rows)).toEqual(wanted)
    const raw = join(folder, 'rows.bin')
    await writeFile(raw, Buffer.concat([Buffer.alloc(5), bytes]))
    expect(await trained(data.rows(raw, { dtype: 'uint8', shape: [N, 12], offset: 5, scale }))).toEqual(wanted)
    const wide = join(folder, 'wide.npy')
    await io.npy.write(wide, converted.to('float64'))
    expect(await trained(data.rows(wide))).toEqual(wanted)
  })

  it('with labels, and in evaluateObjective', async () => {
    using model = await Energy.create(energies.classifier({ input: AXES, classes: 2, hidden: [4] }))
    const y = Array.from({ length: N }, (_, i) => i % 2)
    const of = (x: Tensor | ReturnType<typeof data.rows>) =>
      evaluateObjective(model, { x, y: tensor(y, [N], 'int64') }, { objective: objectives.crossEntropy() })
    const [a, b] = [await of(converted), await of(data.rows(stored, { scale }))]
    expect(b.loss).toBe(a.loss)
    expect(b.rows[0]!.x.shape).toEqual([N, ...AXES])
  })
})

describe('augmentation', () => {
  it('is reproduced from the random numbers of the run', async () => {
    using model = await make()
    const rows = data.rows(stored, { scale, augment: { flip: true, noise: 0.25 } })
    const seen = await evaluateObjective(model, rows, {
      objective: objectives.denoisingScoreMatching({ sigma: 1e-30 }),
      seed: 8,
      step: 4,
    })
    const draw = (kind: string, columns: number, stream: number) =>
      invokeNow<Tensor>('random', { kind, rows: N, columns, seed: 8, step: 4, stream }).toTypedArray() as Float32Array
    const [u, xi] = [draw('uniform', 1, 17), draw('normal', 12, 18)]
    const plain = converted.toTypedArray() as Float32Array
    const wanted = new Float32Array(N * 12)
    for (let n = 0; n < N; n++) {
      for (let k = 0; k < 12; k++) {
        const from = u[n]! < 0.5 ? k - (k % 3) + 2 - (k % 3) : k
        wanted[n * 12 + k] = plain[n * 12 + from]! + Math.fround(Math.fround(0.25) * xi[n * 12 + k]!)
      }
    }
    expect([...(seen.rows[0]!.x.toTypedArray() as Float32Array)]).toEqual([...wanted])
    expect([...u].filter((v) => v < 0.5).length).toBeGreaterThan(10)
  })

  it('resumes exactly', async () => {
    const rows = () => data.rows(stored, { scale, augment: { flip: true, noise: 0.05 } })
    const path = join(folder, 'run.safetensors')
    const whole = await trained(rows(), { steps: 12 })
    expect(await trained(data.rows(stored, { scale }), { steps: 12 })).not.toEqual(whole)
    await trained(rows(), { steps: 5, checkpoint: { path } })
    expect(await trained(rows(), { steps: 12, resume: path })).toEqual(whole)
    const other = data.rows(stored, { scale, augment: { noise: 0.05 } })
    expect(await rejection(() => trained(other, { steps: 12, resume: path }))).toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
      message: expect.stringContaining('other values'),
    })
  })
})

describe('refusals', () => {
  it('name the file and the byte', async () => {
    const path = join(folder, 'short.npy')
    await io.npy.write(path, stored)
    const size = readFileSync(path).length
    await truncate(path, size - 7)
    const error = await rejection(() => trained(data.rows(path)))
    expect([error.code, error.details]).toEqual(['ERR_LANGEVIN_FORMAT', { path, offset: size - 7 }])
    expect(refusal(() => data.rows(join(folder, 'none.npy'))).code).toBe('ERR_LANGEVIN_IO')
    writeFileSync(join(folder, 'text.npy'), 'no array at all')
    expect(refusal(() => data.rows(join(folder, 'text.npy'))).code).toBe('ERR_LANGEVIN_FORMAT')
  })

  it('name the option', () => {
    const cases: [() => unknown, string][] = [
      [() => data.rows(stored, { scal: 2 } as object), 'scal'],
      [() => data.rows(stored, { scale: Number.NaN }), 'scale'],
      [() => data.rows(stored, { augment: { turn: true } as object }), 'turn'],
      [() => data.rows(stored, { augment: { noise: -1 } }), 'augment.noise'],
      [() => data.rows(stored, { dtype: 'uint8' }), 'dtype'],
      [() => data.rows('x.bin', { dtype: 'uint8' }), 'shape'],
      [() => data.rows('x.bin', { dtype: 'bfloat16' as 'uint8', shape: [1, 2] }), 'dtype'],
      [() => data.rows('x.npy', { offset: 3 }), 'offset'],
    ]
    for (const [body, word] of cases) {
      const error = refusal(body)
      expect([error.code, error.message]).toEqual(['ERR_LANGEVIN_INVALID_OPTION', expect.stringContaining(word)])
    }
  })

  it('name shapes that do not fit the energy, and a flip of flat rows', async () => {
    const wrong = data.rows(stored.reshape([N * 2, 6]))
    expect(await rejection(() => trained(wrong))).toMatchObject({
      code: 'ERR_LANGEVIN_SHAPE',
      message: expect.stringContaining('[n, 2, 2, 3] or [n, 12]'),
    })
    using flat = await Energy.create(energies.mlp({ input: 12, hidden: [2] }))
    const rows = data.rows(stored.reshape([N, 12]), { augment: { flip: true } })
    expect(await rejection(() => train(flat, rows, { objective, steps: 1 }).done)).toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
      details: { path: 'x.augment.flip' },
    })
  })
})

it('training on 200,000 images in bytes never holds them in float32', async () => {
  const n = 200_000
  using images = tensor(new Uint8Array(n * 784).fill(7), [n, 28, 28])
  using model = await Energy.create(energies.mlp({ input: [28, 28], hidden: [8] }))
  const memory = (key: string) =>
    Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'latin1'))![1]) / 1000
  globalThis.gc?.()
  writeFileSync('/proc/self/clear_refs', '5') // the peak starts anew
  const before = memory('VmRSS')
  const rows = data.rows(images, { scale: 1 / 255 })
  await train(model, rows, { objective, steps: 5, batchSize: 64 }).done
  // All of them in float32 are 627 MB; blocks in float64 while they are described, and a batch, are a fraction of it.
  expect(memory('VmHWM') - before).toBeLessThan(200)
}, 120_000)
