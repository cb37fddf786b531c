/** Files of fitted detectors whose tensors do not fit each other: refused by name, never scored. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Tensor } from '../../src/index.js'
import { data, ood, tensor } from '../../src/index.js'
import { safetensors } from '../../src/io/index.js'
import { temporaryFolder } from '../helpers/cli.js'
import { rejection } from '../helpers/errors.js'
import { normals } from '../helpers/random.js'

const folder = temporaryFolder('damaged')
const flat = normals(7)
const rows = data.fromArrays({ a: Array.from({ length: 80 }, flat), b: Array.from({ length: 80 }, flat) })
const { detectors } = ood

const int64 = (t: Tensor, change: (values: bigint[]) => void) => {
  const values = [...(t.toTypedArray() as BigInt64Array)]
  change(values)
  return tensor(BigInt64Array.from(values), t.shape, 'int64')
}
const float64 = (t: Tensor, change: (values: number[]) => void) => {
  const values = [...(t.toTypedArray() as Float64Array)]
  change(values)
  return tensor(Float64Array.from(values), t.shape, 'float64')
}

const cases: [string, ood.Detector, string, (t: Tensor) => Tensor][] = [
  // A child that is its own parent: a walk down that never ends.
  ['a tree with a circle', detectors.isolationForest({ trees: 5 }), 'left', (t) => int64(t, (v) => (v[0] = 0n))],
  ['a tree with one child', detectors.isolationForest({ trees: 5 }), 'right', (t) => int64(t, (v) => (v[0] = -1n))],
  [
    'a column before the first',
    detectors.isolationForest({ trees: 5 }),
    'column',
    (t) => int64(t, (v) => (v[0] = -1n)),
  ],
  [
    'a root beyond the nodes',
    detectors.isolationForest({ trees: 5 }),
    'roots',
    (t) => int64(t, (v) => (v[1] = 99999n)),
  ],
  // As many rows as a sum over them would never end.
  ['a tree of 2^62 rows', detectors.isolationForest({ trees: 5 }), 'rows', (t) => int64(t, (v) => (v[0] = 2n ** 62n))],
  ['cuts of another dtype', detectors.isolationForest({ trees: 5 }), 'cut', (t) => t.to('float32')],
  ['bins without a width', detectors.columnDensity(), 'grid', (t) => float64(t, (v) => (v[1] = 0))],
  ['multipliers of fewer vectors', detectors.oneClassSvm(), 'multipliers', () => tensor(new Float64Array(1).fill(1))],
  ['a factor of another size', detectors.pca({ variance: 0.5 }), 'minor', () => tensor(new Float64Array(3), [3, 1])],
  ['weights of other components', detectors.gaussianMixture(), 'logScale', () => tensor(new Float64Array(9))],
  ['tails of another column', detectors.ecod(), 'skew', () => tensor(new Float64Array(5))],
]

describe('a damaged detector file', () => {
  test.each(cases)('%s', async (_, detector, name, damage) => {
    const path = join(folder, `${detector.kind}.safetensors`)
    await using fitted = await ood.fit(detector, rows, { seed: 1 })
    await fitted.save(path)
    const { tensors, metadata } = await safetensors.read(path)
    await safetensors.write(path, { ...tensors, [`state.${name}`]: damage(tensors[`state.${name}`]!) }, metadata)
    const error = await rejection(async () => {
      await using loaded = await ood.load(path)
      await loaded.scores([[0.1, 0.2]])
    })
    expect(error.code).toMatch(/^ERR_LANGEVIN_(FORMAT|INVALID_OPTION|DTYPE|SHAPE)$/)
  })
})

test('a support vector machine that does not settle says so', async () => {
  const error = await rejection(() => ood.fit(detectors.oneClassSvm({ tolerance: 1e-300 }), rows))
  expect(error).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
  expect(error.message).toMatch(/tolerance.*was not reached in \d+ steps/)
})
