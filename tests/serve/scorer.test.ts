/** createScorer: the same bits in company, a bounded queue, aborts, errors that stay with their call, and an orderly end. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as data from '../../src/data/index.js'
import { energies } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import * as ood from '../../src/ood/index.js'
import { createScorer, type ScorerMetrics } from '../../src/serve/scorer.js'
import { memoryStats } from '../../src/system.js'
import { rejection } from '../helpers/errors.js'
import { normals } from '../helpers/random.js'

const WIDTH = 13
const next = normals(7)
const rows = (n: number, d = WIDTH) => Array.from({ length: n }, () => Array.from({ length: d }, next))
const train = rows(200)

const made: { dispose(): void }[] = []
let energy: ood.FittedDetector
beforeAll(async () => {
  const model = await Energy.create(energies.mlp({ input: WIDTH, hidden: [32, 17], gaussianBase: 2 }), { seed: 4 })
  energy = await ood.fit(ood.detectors.energy(model), undefined, { heldOut: train, fpr: 0.1 })
  made.push(model, energy)
})
afterAll(() => {
  for (const each of made) each.dispose()
})

/** A detector whose native calls take about `ms` with one row: nearest neighbours among many rows. */
async function slow(): Promise<ood.FittedDetector> {
  const values = Float32Array.from({ length: 60_000 * 40 }, (_, i) => Math.sin(i) + Math.cos(3 * i * i))
  const fitted = await ood.fit(ood.detectors.knn(), { data: values, shape: [60_000, 40] }, { reference: 0 })
  made.push(fitted)
  return fitted
}

describe('scores in company', () => {
  test('have the bits of scores alone, for every detector that may share', async () => {
    await using model = await Energy.create(energies.mlp({ input: WIDTH, hidden: [32, 17], gaussianBase: 2 }), {
      seed: 4,
    })
    await using full = await Energy.create(energies.mlp({ input: WIDTH, hidden: [9], gaussianBase: 'full' }), {
      seed: 5,
    })
    await using classes = await Energy.create(energies.classifier({ input: WIDTH, hidden: [8], classes: 5 }))
    await using wide = await Energy.create(energies.mlp({ input: WIDTH, hidden: [9] }), { dtype: 'float64' })
    const kinds = {
      energy: ood.detectors.energy(model),
      likelihood: ood.detectors.likelihood(full, { logZ: 0.25 }),
      scoreNorm: ood.detectors.scoreNorm(model),
      logitEnergy: ood.detectors.logitEnergy(classes),
      maxSoftmax: ood.detectors.maxSoftmax(classes),
      averagedEnergy: ood.detectors.averagedEnergy({ models: [model, full], rows: train }),
      knn: ood.detectors.knn({ rows: train, k: 3, distance: 'mean' }),
      mahalanobis: ood.detectors.mahalanobis({ rows: train }),
      wide: ood.detectors.energy(wide),
    }
    for (const [kind, detector] of Object.entries(kinds)) {
      await using fitted = await ood.fit(detector)
      const batches: ScorerMetrics[] = []
      const scorer = createScorer(fitted, { maxBatch: 64, onMetrics: (each) => batches.push(each) })
      const calls = Array.from({ length: 90 }, (_, k) => rows(1 + (k % 5)))
      const found = await Promise.all(calls.map((call) => scorer.score(call)))
      for (const [k, call] of calls.entries()) {
        const alone = (await fitted.scores(call)).toTypedArray()
        expect(Buffer.from(found[k]!.buffer).equals(Buffer.from(alone.buffer)), kind).toBe(true)
      }
      const shared = batches.some(({ calls: many }) => many > 1)
      expect(shared, kind).toBe(kind !== 'mahalanobis' && kind !== 'wide')
      expect(scorer.shares, kind).toBe(shared)
      expect(Math.max(...batches.map(({ rows: n }) => n))).toBeLessThanOrEqual(64)
      expect(batches.reduce((n, { rows: each }) => n + each, 0)).toBe(270)
      await scorer.close()
    }
  })

  test('is off unless asked for, and mixed numbers, typed arrays and data sets keep their ways', async () => {
    const batches: ScorerMetrics[] = []
    await using scorer = createScorer(energy, { onMetrics: (each) => batches.push(each) })
    await Promise.all(rows(20).map((row) => scorer.score([row])))
    expect(batches.map(({ calls }) => calls)).toEqual(Array(20).fill(1))
    const names = Array.from({ length: WIDTH }, (_, k) => `c${k}`)
    const named = (values: number[][]) =>
      data.fromRows(values.map((row) => Object.fromEntries(names.map((name, k) => [name, row[k]!]))))
    await using fitted = await ood.fit(ood.detectors.knn(), named(train), { standardize: true })
    await using shared = createScorer(fitted, { maxBatch: 100 })
    const x = rows(4)
    const typed = { data: Float32Array.from(x.flat()), shape: [4, WIDTH] }
    const found = await Promise.all([shared.score(x), shared.score(typed), shared.score(named(x))])
    for (const [k, given] of [x, typed, named(x)].entries()) {
      expect([...found[k]!]).toEqual([...((await fitted.scores(given)).toTypedArray() as Float64Array)])
    }
  })

  test('waits for company as long as it was told', async () => {
    const batches: ScorerMetrics[] = []
    await using scorer = createScorer(energy, { maxBatch: 8, maxDelayMs: 60, onMetrics: (each) => batches.push(each) })
    const first = scorer.score(rows(1))
    await pause(10)
    await Promise.all([first, scorer.score(rows(2))])
    expect(batches.map(({ calls, rows: n }) => [calls, n])).toEqual([[2, 3]])
    expect(batches[0]!.waitMs).toBeGreaterThan(40)
    // A full batch does not wait.
    await Promise.all(rows(8).map((row) => scorer.score([row])))
    expect(batches.at(-1)).toMatchObject({ calls: 8, rows: 8 })
  })

  test('an error stays with the call whose rows it is about', async () => {
    await using scorer = createScorer(energy, { maxBatch: 64 })
    const x = rows(6)
    const bad = [...x[2]!.slice(1), Number.NaN]
    const calls = x.map((row, k) =>
      k === 2 ? scorer.score([bad]) : k === 4 ? scorer.score([[1, 2]]) : scorer.score([row]),
    )
    const results = await Promise.allSettled(calls)
    for (const [k, result] of results.entries()) {
      if (k === 2) expect(result).toMatchObject({ reason: { code: 'ERR_LANGEVIN_NON_FINITE' } })
      else if (k === 4) expect(result).toMatchObject({ reason: { code: 'ERR_LANGEVIN_SHAPE' } })
      else
        expect((result as PromiseFulfilledResult<Float64Array>).value[0]).toBe(
          ((await energy.scores([x[k]!])).toTypedArray() as Float64Array)[0],
        )
    }
  })

  test('decides and runs other work in the same queue', async () => {
    await using scorer = createScorer(energy, { maxBatch: 16 })
    const x = rows(10)
    expect(await scorer.decide(x)).toEqual(await energy.decide(x))
    expect((await rejection(() => scorer.decide(x, { fpr: 1e-6 }))).message).toMatch(/needs at least/)
    const contributions = await scorer.run((job) => energy.contributions(x.slice(0, 1), job), 1)
    expect(contributions.shape).toEqual([1, WIDTH])
  })
})

describe('the queue', () => {
  test('outlives onMetrics that throws, alone, in company and one by one; each native call is told once', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error) => void warnings.push(warning)
    process.on('warning', warned)
    for (const maxBatch of [1, 64]) {
      let told = 0
      const onMetrics = () => {
        told++
        throw new Error('broken meter')
      }
      const scorer = createScorer(energy, { maxBatch, onMetrics })
      const bad = [[...rows(1)[0]!.slice(1), Number.NaN]]
      const results = await Promise.allSettled([scorer.score(rows(1)), scorer.score(bad), scorer.score(rows(2))])
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      await scorer.close()
      // Three alone; where they share, one that fails and then three.
      expect([told, scorer.running]).toEqual([maxBatch === 1 ? 3 : 4, 0])
    }
    await pause(0)
    process.off('warning', warned)
    expect(warnings).toHaveLength(7)
    expect(warnings[0]!.message).toMatch(/onMetrics threw: broken meter/)
  })

  test('scores the rows as they were when it was asked, whatever becomes of their memory, and in every form the same', async () => {
    const given = rows(5)
    using expected = await energy.scores(given)
    const scorer = createScorer(energy)
    const flat = Float64Array.from(given.flat())
    const single = Float32Array.from(flat)
    const forms = [given, { data: flat, shape: [5, WIDTH] }, { data: single, shape: [5, WIDTH] }]
    // The later ones wait while the first two are computed.
    const calls = [...forms, ...forms].map((form) => scorer.score(form))
    flat.fill(0)
    single.fill(0)
    for (const row of given) row.fill(0)
    for (const found of await Promise.all(calls)) expect(found).toEqual(expected.toTypedArray())
    for (const shape of [[WIDTH, 5], [5 * WIDTH], [6, WIDTH], [5, 1, WIDTH - 1]]) {
      expect((await rejection(() => scorer.score({ data: flat, shape }))).code).toBe('ERR_LANGEVIN_SHAPE')
    }
    await scorer.close()
  })

  test('is measured when a native call starts, and its work gets the threads of the scorer', async () => {
    const waiting: number[] = []
    const jobs: object[] = []
    const scorer = createScorer(energy, { threads: 1, onMetrics: (each) => waiting.push(each.waiting) })
    const work = async (job: object) => void jobs.push(job)
    await Promise.all(Array.from({ length: 4 }, () => scorer.run(work, 1)))
    // Two start at once, when nothing waits yet; the third leaves one behind.
    expect(waiting).toEqual([0, 0, 1, 0])
    for (const job of jobs) expect(job).toEqual({ threads: 1, signal: expect.any(AbortSignal) })
    await scorer.close()
  })

  test('does not run a call whose caller went while those of its batch are asked one by one', async () => {
    const gone = new AbortController()
    const told: ScorerMetrics[] = []
    const onMetrics = (each: ScorerMetrics) => {
      told.push(each)
      // The batch and its first call have been told: the last has not been asked yet.
      if (told.length === 2) gone.abort(new Error('gone'))
    }
    const scorer = createScorer(energy, { maxBatch: 64, onMetrics })
    const bad = [[...rows(1)[0]!.slice(1), Number.NaN]]
    const calls = [scorer.score(bad), scorer.score(rows(1)), scorer.score(rows(2), { signal: gone.signal })]
    expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
    await scorer.close()
    expect(told.map(({ calls: many }) => many)).toEqual([3, 1, 1])
  })

  test('is bounded: a call too many is refused at once, and later ones are taken again', async () => {
    const scorer = createScorer(await slow(), { maxQueue: 3 })
    const calls = Array.from({ length: 12 }, () => scorer.score(rows(1, 40)))
    expect(scorer.running + scorer.waiting).toBe(5)
    const results = await Promise.allSettled(calls)
    const refused = results.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
    expect(refused).toHaveLength(7)
    for (const { reason } of refused) {
      expect(reason).toMatchObject({ code: 'ERR_LANGEVIN_QUEUE_FULL', details: { waiting: 3, maxQueue: 3 } })
    }
    expect(await scorer.score(rows(1, 40))).toHaveLength(1)
    await scorer.close()
  })

  test('lets go of calls whose callers have gone, waiting or running', async () => {
    const before = memoryStats().tensors
    const batches: ScorerMetrics[] = []
    const scorer = createScorer(await slow(), { onMetrics: (each) => batches.push(each) })
    const controllers = Array.from({ length: 6 }, () => new AbortController())
    const calls = controllers.map(({ signal }) => scorer.score(rows(600, 40), { signal }))
    const settled = Promise.allSettled(calls)
    for (const k of [0, 3, 4, 5]) controllers[k]!.abort(new Error(`gone ${k}`))
    expect(scorer.waiting).toBe(1)
    const results = await settled
    expect(results.map(({ status }) => status === 'rejected')).toEqual([true, false, false, true, true, true])
    expect((results[4] as PromiseRejectedResult).reason.message).toBe('gone 4')
    await scorer.close()
    // Calls that left while they waited never reached the device.
    expect(batches).toHaveLength(3)
    expect((await rejection(() => scorer.score(rows(1, 40)))).code).toBe('ERR_LANGEVIN_DISPOSED')
    expect(memoryStats().tensors - before).toBeLessThan(12) // what `slow` fitted
  })

  test('ends in order: close waits for what it has, a signal stops everything', async () => {
    const fitted = await slow()
    // Calls that wait for company for days: at close they wait no more, and close ends after them.
    const scorer = createScorer(fitted, { maxBatch: 4, maxDelayMs: 1e9 })
    const order: string[] = []
    const calls = [rows(1, 40), rows(2, 40)].map((x) => scorer.score(x).then(() => order.push('score')))
    await pause(20)
    expect([scorer.waiting, order]).toEqual([2, []])
    await scorer.close()
    order.push('closed')
    await Promise.all(calls)
    expect(order).toEqual(['score', 'score', 'closed'])
    const controller = new AbortController()
    const other = createScorer(fitted, { signal: controller.signal })
    const all = Promise.allSettled(Array.from({ length: 5 }, () => other.score(rows(600, 40))))
    controller.abort(new Error('shutting down'))
    for (const result of await all) expect(result).toMatchObject({ reason: { message: 'shutting down' } })
    await expect(other.score(rows(1, 40))).rejects.toThrow('shutting down')
    await other.close()
  })

  test('refuses options that make no sense', async () => {
    for (const options of [{ maxBatch: 0 }, { maxQueue: 1.5 }, { maxDelayMs: -1 }, { maxBatches: 3 }] as object[]) {
      expect((await rejection(() => createScorer(energy, options))).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    }
  })
})
