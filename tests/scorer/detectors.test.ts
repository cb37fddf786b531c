/** Exported detectors: scores, decisions, thresholds and p-values of the fitted ones, to the bit. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { data, detectors, Energy, energies, ood } from '../../src/index.js'
import type { FittedDetector } from '../../src/ood/index.js'
import { loadScorer } from '../../src/scorer/index.js'
import { refusal, rejection } from '../helpers/errors.js'
import { normals } from '../helpers/random.js'
import { sameBits, scratchFolder } from './support.js'

const folder = scratchFolder()
const path = join(folder, 'detector.scorer')
const table = (seed: number, n: number, d: number) => {
  const next = normals(seed)
  return Array.from({ length: n }, () => Array.from({ length: d }, next))
}
const mlp = (seed: number) => Energy.create(energies.mlp({ input: 3, hidden: [16, 16], gaussianBase: 1 }), { seed })

async function compare(fitted: FittedDetector, rows: number[][]): Promise<void> {
  await fitted.exportScorer(path)
  using scorer = loadScorer(path)
  expect(scorer.info).toMatchObject({ family: 'detector', kind: fitted.kind, heldOut: fitted.heldOut, fpr: fitted.fpr })
  using scores = await fitted.scores(rows)
  const own = scorer.scores(rows)
  expect(sameBits(own, scores.toTypedArray())).toBe(true)
  expect(sameBits(scorer.scores(rows, { threads: 2 }), own)).toBe(true)
  const [here, there] = [scorer.decide(rows), await fitted.decide(rows)]
  expect(here.accept).toEqual(there.accept)
  expect(here.accept).toContain(true)
  expect(here.accept).toContain(false)
  expect(sameBits(here.pValues, there.pValues)).toBe(true)
  expect([here.threshold, here.fpr]).toEqual([there.threshold, there.fpr])
  expect(scorer.threshold({ fpr: 0.2 })).toBe(fitted.threshold({ fpr: 0.2 }))
  expect(scorer.percentile(own[0]!)).toBe(fitted.quantile(own[0]!))
  expect(scorer.pValue(own[0]!)).toBe(fitted.pValue(own[0]!))
}

describe('an exported detector', () => {
  const train = table(1, 400, 3)
  const heldOut = table(2, 200, 3)
  const rows = [...table(3, 40, 3), ...table(4, 40, 3).map((row) => row.map((v) => v * 4))]

  it('of one energy gives what the fitted one gives', async () => {
    await using model = await mlp(1)
    await using fitted = await ood.fit(detectors.energy(model), undefined, { heldOut, fpr: 0.1 })
    await compare(fitted, rows)
  })

  it('of a likelihood', async () => {
    await using model = await mlp(2)
    await using fitted = await ood.fit(detectors.likelihood(model, { logZ: 3.25 }), undefined, { heldOut, fpr: 0.1 })
    await compare(fitted, rows)
  })

  it('of several energies on one scale, on more rows than a block has', async () => {
    await using a = await mlp(3)
    await using b = await mlp(4)
    await using c = await mlp(5)
    await using fitted = await ood.fit(detectors.averagedEnergy({ models: [a, b, c] }), train, { heldOut, fpr: 0.1 })
    await compare(fitted, rows)
    await compare(fitted, table(5, 17_000, 3))
  })

  it('with columns by name in the units of the data', async () => {
    const objects = (seed: number, n: number) =>
      table(seed, n, 3).map(([a, b, c]) => ({ temp: 20 + 4 * a!, rpm: 900 + 60 * b!, load: c! }))
    using set = data.fromRows(objects(6, 300))
    await using model = await Energy.create(energies.mlp({ input: 3, hidden: [8] }), { inputs: data.inputs(set) })
    using aside = data.fromRows(objects(8, 100))
    await using fitted = await ood.fit(detectors.averagedEnergy({ models: [model] }), set, { heldOut: aside, fpr: 0.1 })
    await fitted.exportScorer(path)
    using scorer = loadScorer(path)
    const fresh = objects(7, 50)
    using rowsOf = data.fromRows(fresh)
    using scores = await fitted.scores(rowsOf)
    expect(sameBits(scorer.scores(fresh), scores.toTypedArray())).toBe(true)
    const [{ rpm: _, ...short }] = fresh as [(typeof fresh)[0]]
    const missing = refusal(() => scorer.scores([short]))
    expect([missing.code, missing.details.column]).toEqual(['ERR_LANGEVIN_INVALID_OPTION', 'rpm'])
    expect(refusal(() => scorer.scores([{ ...fresh[0]!, pressure: 1 }])).message).toMatch(/'pressure'.*temp, rpm, load/)
  })

  it('of more than energies is refused with the reason', async () => {
    await using fitted = await ood.fit(detectors.mahalanobis(), train)
    const error = await rejection(() => fitted.exportScorer(path))
    expect(error.code).toBe('ERR_LANGEVIN_UNSUPPORTED')
    expect(error.message).toMatch(/mahalanobis.*averagedEnergy/)
  })

  it('without held-out rows scores, and says what decisions need', async () => {
    await using model = await mlp(1)
    await using fitted = await ood.fit(detectors.energy(model), undefined)
    await fitted.exportScorer(path)
    using scorer = loadScorer(path)
    expect(scorer.scores(rows)).toHaveLength(rows.length)
    expect(refusal(() => scorer.decide(rows, { fpr: 0.1 })).message).toMatch(/calibrate\(rows\) before exportScorer/)
    expect(refusal(() => scorer.decide(rows)).message).toMatch(/fpr/)
    expect(refusal(() => scorer.energy(rows)).code).toBe('ERR_LANGEVIN_UNSUPPORTED')
  })
})
