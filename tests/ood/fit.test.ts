/** Detectors fitted once: scores, thresholds, columns by name, and files. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { fromArrays } from '../../src/data/arrays.js'
import { Dataset } from '../../src/data/dataset.js'
import { inputs } from '../../src/data/inputs.js'
import { energies } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import { safetensors } from '../../src/io/index.js'
import { denoisingScoreMatching } from '../../src/objectives/denoising-score-matching.js'
import * as ood from '../../src/ood/index.js'
import { memoryStats } from '../../src/system.js'
import { type Tensor, tensor } from '../../src/tensor/index.js'
import * as training from '../../src/training/index.js'
import { collected } from '../helpers/collector.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-fit-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Uniform numbers in (0, 1): a small generator, so that the rows do not depend on the core. */
function uniforms(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return (state + 0.5) / 2147483648
  }
}
function rows(n: number, d: number, seed: number): number[][] {
  const next = uniforms(seed)
  return Array.from({ length: n }, () => Array.from({ length: d }, () => 4 * next() - 2 + next() ** 3))
}
const double = (values: number[][]) => tensor(values, undefined, 'float64')
const numbers = (values: Tensor) => [...(values.toTypedArray() as Float64Array)]
const train = rows(120, 3, 3)
const fresh = rows(99, 3, 50)
const x = [...rows(20, 3, 8), [9, 9, 9]]
const table = (values: number[][], names = ['a', 'b', 'c']) =>
  fromArrays(Object.fromEntries(names.map((name, j) => [name, double(values.map((row) => [row[j]!]))])))

const rejection = async (work: () => Promise<unknown>): Promise<{ code: string; message: string }> => {
  try {
    await work()
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error('it did not reject')
}

/** Every kind, made of one small energy and one classifier. */
async function everyKind<T>(body: (kinds: Record<string, ood.Detector>) => Promise<T>): Promise<T> {
  await using model = await Energy.create(energies.mlp({ input: 3, hidden: [8], gaussianBase: 3 }), { seed: 4 })
  await using other = await Energy.create(energies.mlp({ input: 3, hidden: [5], gaussianBase: 1 }), { seed: 5 })
  await using classifier = await Energy.create(energies.classifier({ input: 3, hidden: [8], classes: 4 }), {
    dtype: 'float64',
  })
  return await body({
    energy: ood.detectors.energy(model),
    likelihood: ood.detectors.likelihood(model, { logZ: 0.25 }),
    scoreNorm: ood.detectors.scoreNorm(model),
    logitEnergy: ood.detectors.logitEnergy(classifier, { temperature: 2 }),
    maxSoftmax: ood.detectors.maxSoftmax(classifier),
    maxLogit: ood.detectors.maxLogit(classifier),
    averagedEnergy: ood.detectors.averagedEnergy({ models: [model, other], rows: train }),
    mahalanobis: ood.detectors.mahalanobis({ rows: train, shrinkage: 0.01 }),
    knn: ood.detectors.knn({ rows: train, k: 3, distance: 'mean' }),
  })
}

describe('a fitted detector', () => {
  test('scores as ood.scores does, bit by bit, and so does its file', async () => {
    await everyKind(async (kinds) => {
      for (const [kind, detector] of Object.entries(kinds)) {
        const wanted = numbers(await ood.scores(detector, double(x)))
        await using fitted = await ood.fit(detector)
        expect(numbers(await fitted.scores(double(x))), kind).toEqual(wanted)
        expect(numbers(await ood.scores(fitted, double(x))), kind).toEqual(wanted)
        await fitted.calibrate(fresh)
        const path = join(folder, `${kind}.safetensors`)
        await fitted.save(path)
        await using loaded = await ood.load(path)
        expect(loaded.kind).toBe(kind)
        expect(numbers(await loaded.scores(double(x), { threads: 1 })), kind).toEqual(wanted)
        expect(loaded.heldOut).toBe(99)
        for (const score of [wanted[0]!, wanted.at(-1)!]) expect(loaded.pValue(score)).toBe(fitted.pValue(score))
        expect(loaded.threshold({ fpr: 0.05 })).toBe(fitted.threshold({ fpr: 0.05 }))
        await loaded.save(join(folder, 'again.safetensors'))
        expect(readFileSync(join(folder, 'again.safetensors')).equals(readFileSync(path)), kind).toBe(true)
      }
    })
  })

  test('takes its training rows where they are given: in the detector or beside it', async () => {
    for (const make of [ood.detectors.mahalanobis, ood.detectors.knn] as ((options?: object) => ood.Detector)[]) {
      await using inside = await ood.fit(make({ rows: train }))
      await using beside = await ood.fit(make(), train)
      expect(numbers(await beside.scores(x))).toEqual(numbers(await inside.scores(x)))
      expect((await rejection(() => ood.fit(make({ rows: train }), train))).message).toMatch(/one of the two places/)
      expect((await rejection(() => ood.fit(make()))).message).toMatch(/is fitted to training rows; give them/)
      expect((await rejection(() => ood.scores(make(), x))).message).toMatch(/is fitted to training rows; give them/)
    }
  })

  test('does not move when the model that it was fitted to does', async () => {
    await using model = await Energy.create(energies.gaussian({ mean: [0, 0, 0], precision: 1, learnable: true }))
    await using fitted = await ood.fit(ood.detectors.energy(model))
    const before = numbers(await fitted.scores(x))
    await model.setParameters({ mean: [5, 5, 5] })
    expect(numbers(await fitted.scores(x))).toEqual(before)
    expect(numbers(await ood.scores(ood.detectors.energy(model), x))).not.toEqual(before)
  })

  test('copies a model in training, and scores beside the run', async () => {
    await using model = await Energy.create(energies.mlp({ input: 3, hidden: [8], gaussianBase: 3 }))
    const controller = new AbortController()
    const objective = denoisingScoreMatching({ sigma: 0.5 })
    const run = training.train(model, double(train), {
      objective,
      steps: 1_000_000,
      batchSize: 16,
      signal: controller.signal,
    })
    run.done.catch(() => undefined)
    for await (const event of run) if (event.type === 'progress') break
    await using fitted = await ood.fit(ood.detectors.energy(model), undefined, { heldOut: fresh })
    expect((await fitted.scores(x)).shape).toEqual([21])
    controller.abort()
    await expect(run.done).rejects.toThrow()
  })

  test('does not read the training rows again', async () => {
    // The rows are gone: what is left of them must be enough.
    const given = double(train)
    await using fitted = await ood.fit(ood.detectors.mahalanobis(), given)
    await using model = await Energy.create(energies.gaussian({ mean: [0, 0, 0], precision: 1 }))
    await using averaged = await ood.fit(ood.detectors.averagedEnergy({ models: [model] }), given)
    const before = [numbers(await fitted.scores(x)), numbers(await averaged.scores(x))]
    given.dispose()
    model.dispose()
    expect([numbers(await fitted.scores(x)), numbers(await averaged.scores(x))]).toEqual(before)
  })

  test('standardises by its training rows', async () => {
    const units = (values: number[][]) => values.map(([a, b, c]) => [a! * 1000 + 7, b!, c! / 50])
    await using fitted = await ood.fit(ood.detectors.knn(), units(train), { standardize: true })
    await using plain = await ood.fit(ood.detectors.knn(), train, { standardize: true })
    for (const [i, value] of numbers(await fitted.scores(units(x))).entries()) {
      expect(value).toBeCloseTo(numbers(await plain.scores(x))[i]!, 9)
    }
    const error = await rejection(() => fitted.scores([[1, 2]]))
    expect(error).toMatchObject({
      code: 'ERR_LANGEVIN_SHAPE',
      message: expect.stringMatching(/\[n, 3\], .*got \[1, 2\]/),
    })
  })

  test('is evaluated like any detector', async () => {
    await using fitted = await ood.fit(ood.detectors.mahalanobis(), train, { standardize: true })
    const sets = {
      inDistribution: fresh,
      outOfDistribution: { far: rows(10, 3, 4).map((row) => row.map((v) => v + 9)), box: { low: 50, high: 60 } },
    }
    const report = await ood.evaluate({ detector: fitted, ...sets })
    expect([report.far.auroc, report.box.auroc]).toEqual([1, 1])
  })

  test('frees what it holds', async () => {
    await collected()
    const before = memoryStats()
    const fitted = await ood.fit(ood.detectors.knn(), double(train), { heldOut: 0.25, standardize: true })
    await using model = await Energy.create(energies.gaussian({ mean: [0, 0, 0], precision: 1 }))
    const copied = await ood.fit(ood.detectors.energy(model))
    fitted.dispose()
    fitted.dispose()
    copied.dispose()
    expect((await rejection(() => fitted.scores(x))).code).toBe('ERR_LANGEVIN_DISPOSED')
    expect(() => fitted.threshold({ fpr: 0.1 })).toThrow(expect.objectContaining({ code: 'ERR_LANGEVIN_DISPOSED' }))
    model.dispose()
    expect(memoryStats()).toMatchObject({ energies: before.energies })
  })
})

describe('neighbours', () => {
  const exact = (training: number[][], queries: number[][], k: number) =>
    queries.map(
      (q) =>
        training.map((row) => Math.sqrt(row.reduce((s, v, j) => s + (q[j]! - v) ** 2, 0))).sort((a, b) => a - b)[
          k - 1
        ]!,
    )

  test.each(['float64', 'float32'] as const)('are the nearest ones wherever the rows lie (%s)', async (dtype) => {
    const next = uniforms(11)
    // Two dense clusters far from each other: about the centre of all rows both have huge norms.
    const [far, spacing] = dtype === 'float64' ? [1e7, 0.01] : [1e4, 0.01]
    const round = (v: number) => (dtype === 'float32' ? Math.fround(v) : v)
    const side = (sign: number, shift: number) =>
      Array.from({ length: 150 }, (_, i) =>
        [0, 1].map((j) => round(sign * (far + spacing * (j === 0 ? i + shift : Math.floor(40 * next()))))),
      )
    const training = [...side(1, 0), ...side(-1, 0)]
    const queries = [...side(1, 0.2), ...side(-1, 0.3), training[7]!]
    for (const k of [1, 4]) {
      const found = numbers(
        await ood.scores(
          ood.detectors.knn({ rows: tensor(training, undefined, dtype), k }),
          tensor(queries, undefined, dtype),
        ),
      )
      expect(found).toEqual(exact(training, queries, k))
    }
    // Nested arrays are not rounded to float32 on their way.
    expect(numbers(await ood.scores(ood.detectors.knn({ rows: training, k: 1 }), queries))).toEqual(
      exact(training, queries, 1),
    )
  })
})

describe('thresholds and p-values', () => {
  const scored = async (heldOut: number[]) => {
    // The score of a row is its square: rows are chosen by their scores.
    await using model = await Energy.create(
      energies.expression((v) => v.at(0).square(), { input: 1 }),
      {
        dtype: 'float64',
      },
    )
    return await ood.fit(ood.detectors.energy(model), undefined, {
      heldOut: double(heldOut.map((s) => [Math.sqrt(s)])),
    })
  }

  test('follow the stated convention', async () => {
    await using fitted = await scored([16, 1, 9, 4, 9, 25, 36, 49, 64]) // 9 scores: steps of 1 / 10
    expect(fitted.heldOut).toBe(9)
    // k / 10 <= fpr: the k-th highest.
    expect(fitted.threshold({ fpr: 0.1 })).toBe(64)
    expect(fitted.threshold({ fpr: 0.19 })).toBe(64)
    expect(fitted.threshold({ fpr: 0.2 })).toBe(49)
    expect(fitted.threshold({ fpr: 0.7 })).toBe(9)
    expect(fitted.threshold({ fpr: 0.9 })).toBe(1)
    // (c + 1) / 10, c of the scores at least as high.
    expect(fitted.pValue(100)).toBe(0.1)
    expect(fitted.pValue(64)).toBe(0.2)
    expect(fitted.pValue(9)).toBe(0.8)
    expect(fitted.pValue(0)).toBe(1)
    expect(fitted.quantile(9)).toBe(4 / 9)
    expect(fitted.quantile(0.5)).toBe(0)
    expect(fitted.quantile(64)).toBe(1)
  })

  test('agree with each other for every rate and every score', async () => {
    const next = uniforms(5)
    // Ties included: scores of one decimal.
    const heldOut = Array.from({ length: 99 }, () => Math.round(40 * next()) ** 2)
    await using fitted = await scored(heldOut)
    const rates = Array.from({ length: 97 }, (_, i) => (i + 1) / 100).concat([0.0101, 0.29, 0.57, 0.999])
    for (const fpr of rates) {
      const threshold = fitted.threshold({ fpr })
      for (const score of [...heldOut, -1, 0.5, 5000]) expect(score > threshold).toBe(fitted.pValue(score) <= fpr)
    }
  })

  test('flag at most the wanted share of new normal rows', async () => {
    const next = uniforms(9)
    const normal = () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next())
    let flagged = 0
    const [trials, n, m] = [40, 99, 200]
    for (let t = 0; t < trials; t++) {
      await using fitted = await ood.fit(
        ood.detectors.mahalanobis(),
        Array.from({ length: 30 + n }, () => [normal(), normal()]),
        {
          heldOut: n / (30 + n),
          seed: t,
        },
      )
      expect(fitted.heldOut).toBe(n)
      const threshold = fitted.threshold({ fpr: 0.05 })
      const values = numbers(await fitted.scores(Array.from({ length: m }, () => [normal(), normal()])))
      flagged += values.filter((value) => value > threshold).length
    }
    // Exactly 0.05 in the mean: Beta(5, 95) a fit with sd 0.0217, then a binomial of 200: sd 0.0266 a trial, 0.0042 here.
    expect(Math.abs(flagged / (trials * m) - 0.05)).toBeLessThan(4 * 0.0042)
  })

  test('need held-out rows, and enough of them', async () => {
    await using model = await Energy.create(energies.gaussian({ mean: [0, 0, 0], precision: 1 }))
    await using fitted = await ood.fit(ood.detectors.energy(model))
    for (const ask of [() => fitted.threshold({ fpr: 0.1 }), () => fitted.pValue(1), () => fitted.quantile(1)]) {
      expect(ask).toThrow(/has seen no held-out rows: give ood.fit \{ heldOut \}/)
    }
    await fitted.calibrate(fresh)
    expect(() => fitted.threshold({ fpr: 0.001 })).toThrow(
      '99 held-out rows tell no rate below 0.010; 0.001 needs at least 999 of them',
    )
    expect(fitted.threshold({ fpr: 0.01 })).toBe(Math.max(...numbers(await fitted.scores(fresh))))
    expect(() => fitted.threshold({ fpr: 0 })).toThrow(/fpr: must lie between 0 and 1/)
    // @ts-expect-error a misspelt option
    expect(() => fitted.threshold({ fprs: 0.1 })).toThrow(/did you mean 'fpr'/)
    expect(() => fitted.pValue(Number.NaN)).toThrow(/a score is a number, got NaN/)
    // Rows that the energy may have been trained on are no held-out rows.
    expect((await rejection(() => ood.fit(ood.detectors.energy(model), train, { heldOut: 0.2 }))).message).toMatch(
      /trained already, maybe on these rows/,
    )
    expect((await rejection(() => ood.fit(ood.detectors.knn(), train, { heldOut: 1 }))).message).toMatch(
      /between 0 and 1/,
    )
    // @ts-expect-error a misspelt option
    expect((await rejection(() => ood.fit(ood.detectors.knn(), train, { heldout: 0.2 }))).message).toMatch(/'heldOut'/)
  })
})

describe('columns', () => {
  test('are matched by name, and kept in the file', async () => {
    await using fitted = await ood.fit(ood.detectors.mahalanobis(), table(train), { standardize: true })
    expect(fitted.inputs!.columns).toEqual(['a', 'b', 'c'])
    const wanted = numbers(await fitted.scores(x))
    const turned = table(
      x.map(([a, b, c]) => [c!, a!, b!]),
      ['c', 'a', 'b'],
    )
    expect(numbers(await fitted.scores(turned))).toEqual(wanted)
    await fitted.save(join(folder, 'columns.safetensors'))
    await using loaded = await ood.load(join(folder, 'columns.safetensors'))
    expect(loaded.inputs).toEqual(fitted.inputs)
    expect(numbers(await loaded.scores(turned))).toEqual(wanted)
    const missing = await rejection(() => fitted.scores(table(x, ['a', 'b', 'cc'])))
    expect(missing).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    expect(missing.message).toMatch(/columns of the model are a, b, c; there is no 'c'/)
    const four = x.map((row) => [...row, 1])
    const extra = await rejection(() => fitted.scores(table(four, ['a', 'b', 'c', 'id'])))
    expect(extra.message).toMatch(/'id' is not among them: leave out/)
    // A label is no column of x.
    expect(numbers(await fitted.scores(table(four, ['a', 'b', 'c', 'id']).withLabel('id')))).toEqual(wanted)
  })

  test('of a model with inputs are those of the model', async () => {
    const raw = table(train.map(([a, b, c]) => [a! * 1000 + 7, b!, c! / 50]))
    const queries = table(
      x.map(([a, b, c]) => [c! / 50, a! * 1000 + 7, b!]),
      ['c', 'a', 'b'],
    )
    const spec = energies.mlp({ input: 3, hidden: [8], gaussianBase: 3 })
    await using model = await Energy.create(spec, { inputs: inputs(raw), dtype: 'float64', seed: 2 })
    for (const detector of [
      ood.detectors.energy(model),
      ood.detectors.likelihood(model, { logZ: 2 }),
      ood.detectors.scoreNorm(model),
      ood.detectors.averagedEnergy({ models: [model], rows: raw }),
    ]) {
      const wanted = numbers(await ood.scores(detector, queries))
      await using fitted = await ood.fit(detector)
      expect(fitted.inputs).toEqual(model.inputs)
      await fitted.save(join(folder, 'inputs.safetensors'))
      await using loaded = await ood.load(join(folder, 'inputs.safetensors'))
      for (const each of [fitted, loaded]) expect(numbers(await each.scores(queries))).toEqual(wanted)
      expect((await rejection(() => ood.fit(detector, undefined, { standardize: true }))).message).toMatch(
        /the model standardises its rows itself/,
      )
    }
    await using energy = await ood.fit(ood.detectors.energy(model))
    expect(numbers(await energy.scores(queries))).toEqual(numbers(await model.energy(queries)))
  })

  test('that hold texts are refused', async () => {
    const codes = tensor(
      train.map((_, i) => i % 2),
      [120],
      'int64',
    )
    const texts = new Dataset({ a: { values: double(train) }, kind: { values: codes, categories: ['x', 'y'] } })
    const error = await rejection(() => ood.fit(ood.detectors.knn(), texts))
    expect(error).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    expect(error.message).toMatch(/column 'kind' contains text/)
  })
})

describe('energyLadder', () => {
  test('trains, calibrates, saves and finds what is far', async () => {
    const shares: number[] = []
    const ladder = ood.detectors.energyLadder({ steps: 60, hidden: [16] })
    const options = { heldOut: 0.25, seed: 3, onProgress: (done: number) => shares.push(done) }
    const units = (values: number[][]) => values.map(([a, b, c]) => [a! * 1000 + 7, b!, c! / 50])
    await using fitted = await ood.fit(ladder, table(units(train)), options)
    expect(shares.at(-1)).toBe(1)
    expect(shares).toEqual([...shares].sort((a, b) => a - b))
    expect([fitted.kind, fitted.heldOut]).toEqual(['energyLadder', 30])
    const values = numbers(await fitted.scores(units(x)))
    expect(fitted.pValue(values.at(-1)!)).toBe(1 / 31)
    await fitted.save(join(folder, 'ladder.safetensors'))
    await using loaded = await ood.load(join(folder, 'ladder.safetensors'))
    expect(numbers(await loaded.scores(units(x)))).toEqual(values)
    await using again = await ood.fit(ladder, table(units(train)), options)
    expect(numbers(await again.scores(units(x)))).toEqual(values)
    await using other = await ood.fit(ladder, table(units(train)), { ...options, seed: 4 })
    expect(numbers(await other.scores(units(x)))).not.toEqual(values)
    expect((await rejection(() => ood.scores(ladder, x))).message).toMatch(/is fitted to training rows/)
  })

  test('stops when its signal does', async () => {
    const controller = new AbortController()
    const stopped = ood.fit(ood.detectors.energyLadder({ steps: 1_000_000 }), train, {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    })
    expect((await rejection(() => stopped)).message).toBe('enough')
  })
})

describe('files and JSON', () => {
  test('a file of something else is refused, and a detector is not an energy', async () => {
    await using model = await Energy.create(energies.mlp({ input: 3, hidden: [4] }))
    const energy = join(folder, 'energy.safetensors')
    await model.save(energy)
    const wrong = await rejection(() => ood.load(energy))
    expect(wrong).toMatchObject({ code: 'ERR_LANGEVIN_FORMAT' })
    expect(wrong.message).toMatch(/holds a model \(energy\); ood.load reads what/)
    await using fitted = await ood.fit(ood.detectors.mahalanobis(), train)
    const path = join(folder, 'detector.safetensors')
    await fitted.save(path)
    const turned = await rejection(() => Energy.load(path))
    expect(turned).toMatchObject({ code: 'ERR_LANGEVIN_FORMAT' })
    expect(turned.message).toMatch(/holds a fitted detector.*use ood.load/)

    const { tensors, metadata } = await safetensors.read(path)
    const described = JSON.parse(metadata['langevin.detector']!)
    const changed = async (change: object, left = tensors) => {
      const text = JSON.stringify({ ...described, ...change })
      await safetensors.write(path, left, { ...metadata, 'langevin.detector': text })
      return rejection(() => ood.load(path))
    }
    expect((await changed({ version: 2 })).message).toMatch(/version 2, this langevin reads version 1; a newer/)
    expect((await changed({ detector: { kind: 'other' } })).message).toMatch(/no detector that this langevin knows/)
    expect((await changed({ detector: { kind: 'energy', model: 0 } })).message).toMatch(/do not fit each other/)
    await using energetic = await ood.fit(ood.detectors.energy(model))
    await energetic.save(path)
    const whole = await safetensors.read(path)
    const told = JSON.parse(whole.metadata['langevin.detector']!)
    told.models[0].inputs = 0
    await safetensors.write(path, whole.tensors, { ...whole.metadata, 'langevin.detector': JSON.stringify(told) })
    expect(await rejection(() => ood.load(path))).toMatchObject({ code: 'ERR_LANGEVIN_FORMAT' })
    writeFileSync(path, 'no such file')
    expect(await rejection(() => ood.load(path))).toMatchObject({ code: 'ERR_LANGEVIN_FORMAT' })
  })

  test('JSON.stringify says that numbers in native memory are not JSON', async () => {
    await using model = await Energy.create(energies.mlp({ input: 3, hidden: [4] }))
    await using fitted = await ood.fit(ood.detectors.mahalanobis(), train)
    const values = [
      model,
      ood.detectors.energy(model),
      fitted,
      double(train),
      ood.detectors.knn({ rows: double(train) }),
    ]
    for (const value of values) {
      expect(() => JSON.stringify(value)).toThrow(expect.objectContaining({ code: 'ERR_LANGEVIN_UNSUPPORTED' }))
    }
    expect(JSON.parse(JSON.stringify(ood.detectors.energyLadder()))).toEqual(ood.detectors.energyLadder())
  })
})
