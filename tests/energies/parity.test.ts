/** Energies, scores and outputs of every kind against PyTorch. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OPERATIONS } from '../../src/energies/expr/nodes.js'
import { energies, expr } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import { ACTIVATIONS, hasSlope } from '../../src/networks/activations.js'
import { kindsOf, type SpecValue } from '../../src/spec/index.js'
import { tensor } from '../../src/tensor/index.js'
import { missing, specsIn } from '../helpers/coverage.js'
import { reference } from '../helpers/python.js'
import { difference, flat, type Matrix, numbers, otherParameters, subjects, widthOf } from './parity-subjects.js'

const { concat, cos, logsumexp } = expr

const ROWS = 37
const DTYPES = ['float32', 'float64'] as const
/** Rounding: 2^-24 = 6e-8 and 2^-53 = 1.1e-16 an operation, a few dozen of them, relative to the largest value. */
const TOLERANCE = { float32: 1e-6, float64: 1e-12 }

interface Answer {
  state: Record<string, unknown>
  energy?: number[]
  score?: Matrix
  outputs?: Matrix
}
interface Ours extends Answer {
  energy: number[]
  score: Matrix
  /** Energies and scores by the roads of energySync() and scoreSync(): rows as a tensor, as nested arrays, and flat. */
  sync: { energy: number[]; score: number[] }[]
}

const negated = (value: unknown): number[] => flat(value).map((v) => -v)

const seed = 7
const cases = subjects.flatMap((subject, i) =>
  DTYPES.map((dtype) => {
    const width = widthOf(subject.spec)
    const y = subject.classes
      ? Array.from({ length: ROWS }, (_, r) => (r * 7 + i) % subject.classes!)
      : subject.condition
        ? numbers(ROWS, subject.condition, 100 + i)
        : undefined
    return { subject, dtype, x: numbers(ROWS, width, 1 + i), y }
  }),
)

async function evaluate(model: Energy, { x, y, dtype }: (typeof cases)[number]): Promise<Ours> {
  const rows = tensor(x, undefined, dtype)
  const condition = y === undefined ? {} : { y: Array.isArray(y[0]) ? tensor(y, undefined, dtype) : tensor(y) }
  const state = Object.fromEntries(
    Object.entries(await model.parameters()).map(([name, value]) => [name, value.toArray()]),
  )
  return {
    state,
    energy: (await model.energy(rows, condition)).toArray() as number[],
    score: (await model.score(rows, condition)).toArray() as Matrix,
    sync: [rows, x, { data: rows.toTypedArray(), shape: [...rows.shape] }].map((form) => {
      // Without options the rows of an energy without y go straight to the kernels.
      const options = y === undefined ? undefined : condition
      return {
        energy: flat(model.energySync(form, options).toArray()),
        score: flat(model.scoreSync(form, options).toArray()),
      }
    }),
    ...(['classifier', 'regressor', 'mixtureDensity', 'rbm'].includes(model.spec.kind)
      ? { outputs: (await model.logits(rows)).toArray() as Matrix }
      : {}),
  }
}

const folder = mkdtempSync(join(tmpdir(), 'langevin-energies-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the subjects', () => {
  const specs = specsIn(subjects.map(({ spec }) => spec))
  const members = (key: string) => specs.flatMap((spec) => (typeof spec[key] === 'string' ? [spec[key]] : []))
  const SUBJECTS = 'no subject of tests/energies/parity-subjects.ts'

  it.each([
    ['energy', `a class to MODULES of scripts/reference/energies.py, or a formula to scripts/reference/formulas.py`],
    ['network', 'it where scripts/reference/energies.py builds the network of an energy'],
    ['layer', 'it to layer_list() of scripts/reference/energies.py'],
  ])('hold every %s', (family, twin) => {
    const energy = family === 'energy'
    const found = missing(kindsOf(family), {
      family,
      holds: (energy ? subjects.map(({ spec }) => spec) : specs).map(({ kind }) => kind),
      no: SUBJECTS,
      add: (kind) => `a subject with '${kind}' there, and its PyTorch twin: ${twin}`,
    })
    expect(found).toEqual([])
  })

  it('hold every activation', () => {
    const found = missing(ACTIVATIONS, {
      family: 'activation',
      holds: members('activation'),
      no: SUBJECTS,
      add: (name) => `a subject with activation: '${name}'`,
    })
    expect(found).toEqual([])
  })

  it('hold every operation of expressions', () => {
    const nodes = specs.flatMap(({ nodes }) => (nodes ?? []) as { op: string }[])
    // An activation with a slope is a node of a spec alone, not a function of expressions.
    const functions = OPERATIONS.filter((op) => !hasSlope(op))
    const found = missing(functions, {
      family: 'operation',
      holds: nodes.map(({ op }) => op),
      no: SUBJECTS,
      add: (op) =>
        `'${op}' to the formula everyOperation there, and to expression_node() of scripts/reference/formulas.py`,
    })
    expect(found).toEqual([])
  })
})

describe('energies against PyTorch', () => {
  const fresh: Ours[] = []
  const changed: Ours[] = []
  let theirs: Answer[] = []

  beforeAll(async () => {
    const requests: unknown[] = []
    const files: unknown[] = []
    for (const [i, one] of cases.entries()) {
      const { subject, dtype, x, y } = one
      await using model = await Energy.create(subject.spec, { seed, dtype })
      fresh.push(await evaluate(model, one))
      const parameters = otherParameters(fresh[i]!.state)
      await model.setParameters(
        Object.fromEntries(
          Object.entries(parameters).map(([name, value]) => [name, tensor(value as Matrix, undefined, dtype)]),
        ),
      )
      changed.push(await evaluate(model, one))
      const path = join(folder, `${i}.safetensors`)
      await model.save(path)
      requests.push({ spec: subject.spec, dtype, seed, x, y })
      files.push({ spec: subject.spec, dtype, safetensors: path, x, y })
    }
    theirs = reference<{ results: Answer[] }>('energies.py', { cases: [...requests, ...files] }).results
  }, 240_000)

  const named = cases.map((one, i) => [`${one.subject.name} (${one.dtype})`, i] as const)

  it.each(named)('%s: initial parameters are those of torch.nn, bit for bit', (_name, i) => {
    expect(Object.keys(fresh[i]!.state).sort()).toEqual(Object.keys(theirs[i]!.state).sort())
    for (const [name, value] of Object.entries(theirs[i]!.state)) {
      expect(flat(fresh[i]!.state[name]), name).toEqual(flat(value))
    }
  })

  it.each(named)('%s: energy, score and outputs', (_name, i) => {
    const tolerance = TOLERANCE[cases[i]!.dtype]
    // With the initial parameters, and with others that PyTorch read from our file by load_state_dict (strict).
    for (const [ours, reference] of [
      [fresh[i]!, theirs[i]!],
      [changed[i]!, theirs[cases.length + i]!],
    ] as const) {
      expect(ours.energy.length).toBe(ROWS)
      expect(difference(ours.energy, reference.energy)).toBeLessThan(tolerance)
      expect(difference(ours.score, reference.score)).toBeLessThan(tolerance)
      for (const road of ours.sync) {
        expect(difference(road.energy, reference.energy)).toBeLessThan(tolerance)
        expect(difference(road.score, reference.score)).toBeLessThan(tolerance)
      }
      expect(ours.outputs === undefined).toBe(reference.outputs === undefined)
      if (ours.outputs) expect(difference(ours.outputs, reference.outputs)).toBeLessThan(tolerance)
      // Tests of the test: a flipped sign is far away.
      expect(difference(negated(ours.score), reference.score)).toBeGreaterThan(1)
      expect(difference(negated(ours.energy), reference.energy)).toBeGreaterThan(1)
    }
    if (Object.keys(fresh[i]!.state).length > 0)
      expect(difference(fresh[i]!.energy, changed[i]!.energy)).toBeGreaterThan(1e-3)
  })
})

describe('formulas against built-in energies', () => {
  const pairs: [string, SpecValue, SpecValue][] = [
    [
      'doubleWell',
      energies.doubleWell({ input: 2, barrier: 2 }),
      energies.expression((x) => x.at(0).square().sub(1).square().mul(2).add(x.at(1).square().mul(0.5)), { input: 2 }),
    ],
    [
      'rosenbrock',
      energies.rosenbrock(),
      energies.expression(([a, b]) => b!.sub(a!.square()).square().mul(100).add(a!.neg().add(1).square()), {
        input: 2,
      }),
    ],
    [
      'gaussian',
      energies.gaussian({
        mean: [1, 2],
        precision: [
          [2, 0.5],
          [0.5, 1],
        ],
      }),
      energies.expression(
        (x) => {
          const z = x.sub([1, 2])
          return z
            .matmul([
              [2, 0.5],
              [0.5, 1],
            ])
            .dot(z)
            .mul(0.5)
        },
        { input: 2 },
      ),
    ],
    [
      'gaussianMixture',
      energies.gaussianMixture({ means: [[-1], [1]], sigmas: 1 }),
      energies.expression(
        (x) =>
          logsumexp(concat(x.add(1), x.sub(1)).square().mul(-0.5))
            .neg()
            .add(0.5 * Math.log(2 * Math.PI) + Math.LN2),
        { input: 1 },
      ),
    ],
    [
      'rastrigin',
      energies.rastrigin({ input: 3 }),
      energies.expression(
        (x) =>
          x
            .square()
            .sub(cos(x.mul(2 * Math.PI)).mul(10))
            .sum()
            .add(30),
        { input: 3 },
      ),
    ],
  ]
  it.each(pairs)('%s', async (_name, builtIn, formula) => {
    const rows = tensor(numbers(20, widthOf(builtIn), 9), undefined, 'float64')
    await using a = await Energy.create(builtIn, { dtype: 'float64' })
    await using b = await Energy.create(formula, { dtype: 'float64' })
    expect(difference((await b.energy(rows)).toArray(), (await a.energy(rows)).toArray())).toBeLessThan(1e-13)
    expect(difference((await b.score(rows)).toArray(), (await a.score(rows)).toArray())).toBeLessThan(1e-13)
  })
})
