/** Calibrators against scikit-learn and PyTorch, their files, and what they refuse. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Calibrator, calibrators, Energy, energies, io, type LangevinError, metrics, tensor } from '../../src/index.js'
import { kindsOf } from '../../src/spec/index.js'
import { missing } from '../helpers/coverage.js'
import { reference } from '../helpers/python.js'

/** Logits that are too sure by a factor of three, and biased, of labels drawn from their softmax. */
function rowsOf(n: number, classes: number, seed: number) {
  let state = seed
  const uniform = () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return (state + 0.5) / 2147483648
  }
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
  const logits: number[][] = []
  const labels: number[] = []
  for (let i = 0; i < n; i++) {
    const f = Array.from({ length: classes }, () => 1.5 * normal())
    const e = f.map(Math.exp)
    const total = e.reduce((sum, v) => sum + v, 0)
    const u = uniform() * total
    const upTo = (k: number) => e.slice(0, k + 1).reduce((sum, v) => sum + v, 0)
    labels.push(e.findIndex((_, k) => u < upTo(k)))
    logits.push(f.map((v, k) => 3 * v + 0.7 * k))
  }
  return { logits, labels }
}

const made = {
  temperature: calibrators.temperature(),
  platt: calibrators.platt(),
  vectorScaling: calibrators.vectorScaling(),
  isotonic: calibrators.isotonic(),
}
type Kind = keyof typeof made
const kinds = Object.keys(made) as Kind[]
const cases = kinds.flatMap((kind) =>
  [2, 3, 10].map((classes) => ({
    kind,
    classes,
    ...rowsOf(1000, classes, 7 + classes),
    asked: rowsOf(200, classes, 70 + classes).logits,
  })),
)
const answers = reference<{ probabilities: number[][]; parameters: Record<string, number[]> }[]>(
  'calibrators.py',
  cases,
)

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('it resolved')
    },
    (error: LangevinError) => error,
  )
const arrays = async (calibrator: Calibrator, logits: number[][]) =>
  (await calibrator.probabilities(logits)).toArray() as unknown as number[][]

describe('against scikit-learn and PyTorch', () => {
  it('every kind is compared', () => {
    const found = missing(kindsOf('calibrator'), {
      family: 'calibrator',
      holds: kinds,
      no: 'no case of tests/calibrators/calibrators.test.ts',
      add: (kind) => `'${kind}' to made there, and to TORCH or NUMPY of scripts/reference/calibrators.py`,
    })
    expect(found).toEqual([])
  })

  // The references descend by values, which tell a minimum to the root of a rounding error, 1e-8, and scikit-learn's Platt scaling stops
  // earlier; isotonic regression is a finite computation.
  const bound = { temperature: 1e-6, platt: 1e-6, vectorScaling: 1e-6, isotonic: 1e-12 }
  it.each(cases.map((c, i) => [c.kind, c.classes, i] as const))('%s of %i classes', async (kind, classes, i) => {
    const { logits, labels, asked } = cases[i]!
    const calibrator = await Calibrator.fit(made[kind], logits, labels)
    const ours = await arrays(calibrator, asked)
    const theirs = answers[i]!
    for (const [r, row] of theirs.probabilities.entries())
      for (const [k, p] of row.entries()) expect(Math.abs(ours[r]![k]! - p)).toBeLessThan(bound[kind])
    for (const [name, values] of Object.entries(theirs.parameters))
      for (const [k, value] of values.entries())
        expect(Math.abs(calibrator.parameters[name]![k]! - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)))
    expect(calibrator.classes).toBe(classes)
  })
})

describe('calibrated probabilities', () => {
  const fitted = rowsOf(4000, 3, 1)
  const asked = rowsOf(4000, 3, 2)

  it.each(kinds)('%s: the error on rows it has not seen falls', async (kind) => {
    const before = metrics.classwiseEce(asked.logits, asked.labels, { from: 'logits' })
    const calibrator = await Calibrator.fit(made[kind], fitted.logits, fitted.labels)
    const p = await calibrator.probabilities(asked.logits)
    // Classes one against all, normalised, are not the truth here: that is a softmax.
    expect(metrics.classwiseEce(p, asked.labels)).toBeLessThan(before * (kind === 'platt' ? 0.75 : 0.5))
    expect(metrics.brier(p, asked.labels)).toBeLessThan(metrics.brier(asked.logits, asked.labels, { from: 'logits' }))
  })

  it('temperature leaves the largest class where it was', async () => {
    const calibrator = await Calibrator.fit(made.temperature, fitted.logits, fitted.labels)
    const top = (rows: number[][]) => rows.map((row) => row.indexOf(Math.max(...row)))
    expect(top(await arrays(calibrator, asked.logits))).toEqual(top(asked.logits))
  })

  it('a temperature of logits that are right is 1, within its standard error', async () => {
    // Undo the factor; the bias 0.7 k stays out as labels are drawn without it.
    const right = fitted.logits.map((row) => row.map((v, k) => (v - 0.7 * k) / 3))
    const { temperature } = (await Calibrator.fit(made.temperature, right, fitted.labels)).parameters
    // Fisher information of 1 / T: n times the mean variance of f under p, about 1 here: 4.5 / sqrt(4000) = 0.07.
    expect(Math.abs(temperature![0]! - 1)).toBeLessThan(0.08)
  })

  it('of [n] log odds are those of two classes', async () => {
    const { logits, labels } = rowsOf(500, 2, 9)
    const odds = logits.map(([a, b]) => b! - a!)
    for (const kind of ['temperature', 'platt', 'isotonic'] as const) {
      const [one, two] = [
        await Calibrator.fit(made[kind], odds, labels),
        await Calibrator.fit(made[kind], logits, labels),
      ]
      const [a, b] = [await one.probabilities(odds), await two.probabilities(logits)]
      const [x, y] = [a.toTypedArray() as Float64Array, b.toTypedArray() as Float64Array]
      expect(x.length).toBe(1000)
      for (const [i, v] of x.entries()) expect(v).toBeCloseTo(y[i]!, 9)
    }
  })
})

describe('files', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'langevin-calibrators-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const { logits, labels } = rowsOf(500, 3, 4)

  it.each(kinds)('%s goes with its model: one file is read as both', async (kind) => {
    const path = join(folder, `${kind}.safetensors`)
    using model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [8] }), { seed: 1 })
    const calibrator = await Calibrator.fit(made[kind], logits, labels)
    await calibrator.save(path, { model })
    using again = await Energy.load(path)
    const rows = [
      [0.5, -1],
      [2, 3],
    ]
    expect((await again.logits(rows)).toArray()).toEqual((await model.logits(rows)).toArray())
    const loaded = await Calibrator.load(path)
    expect(loaded.spec).toEqual(calibrator.spec)
    expect(await arrays(loaded, logits)).toEqual(await arrays(calibrator, logits))
    expect(loaded.parameters).toEqual(calibrator.parameters)
  })

  it('says what is wrong with others', async () => {
    const alone = join(folder, 'alone.safetensors')
    await (await Calibrator.fit(made.temperature, logits, labels)).save(alone)
    expect(await arrays(await Calibrator.load(alone), logits)).toHaveLength(500)
    const { tensors, metadata } = await io.safetensors.read(alone)
    const broken = join(folder, 'broken.safetensors')
    for (const [change, problem] of [
      [{ tensors: {}, metadata }, /no tensor 'temperature'/],
      [{ tensors: { 'langevin:calibrator/temperature': tensor([-1], [1], 'float64') }, metadata }, /above 0/],
      [{ tensors: { 'langevin:calibrator/temperature': tensor([1, 2], [2], 'float64') }, metadata }, /1 finite number/],
      [{ tensors, metadata: { 'langevin.calibrator': '{"calibrator":{"kind":"magic"},"classes":3}' } }, /magic/],
      [{ tensors, metadata: {} }, /holds no calibrator/],
    ] as const) {
      await io.safetensors.write(broken, change.tensors as never, change.metadata as never)
      const error = await failure(Calibrator.load(broken))
      expect(error).toMatchObject({ code: 'ERR_LANGEVIN_FORMAT', message: expect.stringMatching(problem) })
    }
  })
})

describe('refusals', () => {
  it.each([
    [
      'temperature: rows that are all right',
      made.temperature,
      [
        [2, 0],
        [0, 3],
      ],
      [0, 1],
      'own class on top',
    ],
    [
      'temperature: labels of other rows',
      made.temperature,
      [
        [2, 0],
        [0, 3],
      ],
      [1, 0],
      'no higher than the others',
    ],
    [
      'vectorScaling: rows that can be told apart',
      made.vectorScaling,
      [
        [2, 0],
        [0, 3],
        [1, 0],
      ],
      [0, 1, 0],
      'no maximum',
    ],
    [
      'platt: a class without rows',
      made.platt,
      [
        [2, 0],
        [0, 3],
      ],
      [1, 1],
      'every class',
    ],
  ] as const)('%s', async (_name, spec, logits, labels, problem) => {
    const error = await failure(Calibrator.fit(spec, logits as never, labels as never))
    expect(error).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION', message: expect.stringContaining(problem) })
  })

  it('logits of other classes', async () => {
    const { logits, labels } = rowsOf(500, 3, 4)
    const calibrator = await Calibrator.fit(made.temperature, logits, labels)
    expect(await failure(calibrator.probabilities([[1, 2]]))).toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
    expect(await failure(Calibrator.fit(made.temperature, logits, labels.slice(1)))).toMatchObject({
      code: 'ERR_LANGEVIN_SHAPE',
    })
  })
})
