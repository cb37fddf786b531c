/** Energies, scores and outputs of every kind against PyTorch. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OPERATIONS } from '../../src/energies/expr/nodes.js'
import { energies, expr, layers } from '../../src/energies/index.js'
import { Energy } from '../../src/energy.js'
import { ACTIVATIONS, hasSlope } from '../../src/networks/activations.js'
import { networks } from '../../src/networks/index.js'
import { kindsOf, type SpecValue } from '../../src/spec/index.js'
import { tensor } from '../../src/tensor/index.js'
import { missing, specsIn } from '../helpers/coverage.js'
import { reference } from '../helpers/python.js'

const { abs, concat, cos, exp, gt, log, logsumexp, matmul, maximum, norm, pow, sin, softplus, sqrt, sum, tanh, where } =
  expr

type Matrix = number[][]
interface Subject {
  name: string
  spec: SpecValue
  /** A class y of this many classes, or a continuous y of this many columns. */
  classes?: number
  condition?: number
}

const covariance = [
  [1, 0.3],
  [0.3, 0.5],
]
/** Every operation expressions have. */
const everyOperation = energies.expression(
  (x) => {
    const [a, b, c] = x
    const smooth = softplus(a!).add(tanh(b!)).sub(sin(c!)).mul(cos(a!)).div(exp(b!).add(2))
    const rough = maximum(a!, b!).add(abs(c!)).add(x.minimum(0.5).mean()).add(c!.relu())
    const chosen = where(gt(a!, 0), pow(b!, 3), sqrt(x.square().sum().add(1)))
    const wide = concat(
      x,
      matmul(x, [
        [1, 0.5],
        [-1, 2],
        [0.2, 0],
      ]),
      log(x.square().add(1)),
    )
    const steps = x
      .ge(0)
      .add(x.lt(0.3).mul(2))
      .add(x.le([0.1, 0.2, 0.3]))
      .mul(x)
      .sum()
    const activations = x.silu().add(x.gelu()).add(x.sigmoid()).columns([2, 0]).sum()
    return smooth.add(rough).add(chosen).add(logsumexp(wide)).add(steps).add(activations).sub(sum(x.neg()))
  },
  { input: 3 },
)

const network = { input: 3, hidden: [16, 16] }
const subjects: Subject[] = [
  ...ACTIVATIONS.map((activation) => ({
    name: `mlp, ${activation}`,
    spec: energies.mlp({ ...network, activation }),
  })),
  { name: 'mlp, Gaussian base', spec: energies.mlp({ input: 2, hidden: [64, 64, 64], gaussianBase: 2 }) },
  {
    name: 'mlp, scaled, full base',
    spec: energies.mlp({ input: 2, hidden: [16], inputScale: 2, gaussianBase: 'full' }),
  },
  { name: 'mlp, spectral norm', spec: energies.mlp({ ...network, spectralNorm: true, gaussianBase: 2 }) },
  {
    name: 'sequential, spectral norm',
    spec: energies.sequential({
      input: 3,
      layers: [
        layers.linear({ out: 12, bias: false, spectralNorm: 2.5 }),
        layers.activation({ activation: 'tanh' }),
        layers.linear({ out: 1, spectralNorm: true }),
      ],
    }),
  },
  {
    name: 'scalar, mlp',
    spec: energies.scalar({
      input: 3,
      network: networks.mlp({ hidden: [16, 8], activation: 'tanh' }),
      gaussianBase: 2,
    }),
  },
  {
    name: 'scalar, sequential',
    spec: energies.scalar({
      input: 3,
      network: networks.sequential({
        layers: [layers.linear({ out: 6 }), layers.layerNorm(), layers.linear({ out: 1 })],
      }),
    }),
  },
  { name: 'mlp, linear', spec: energies.mlp({ input: 5, hidden: [] }) },
  {
    name: 'sequential',
    spec: energies.sequential({
      input: 3,
      layers: [
        layers.embedding({ classes: 4, width: 5 }),
        layers.linear({ out: 12 }),
        layers.layerNorm(),
        layers.activation({ activation: 'gelu' }),
        layers.dropout({ p: 0.2 }),
        layers.residual({
          layers: [
            layers.linear({ out: 24 }),
            layers.activation({ activation: 'tanh' }),
            layers.linear({ out: 12, bias: false }),
          ],
        }),
        layers.flatten(),
        layers.linear({ out: 1 }),
      ],
    }),
    classes: 4,
  },
  {
    name: 'classifier, full base, E(x)',
    spec: energies.classifier({ input: 2, hidden: [16], classes: 3, gaussianBase: 'full' }),
  },
  {
    name: 'classifier, full base, E(x, y)',
    spec: energies.classifier({ input: 2, hidden: [16], classes: 3, gaussianBase: 'full' }),
    classes: 3,
  },
  { name: 'conditional, continuous', spec: energies.conditional({ ...network, condition: 2 }), condition: 2 },
  { name: 'conditional, class', spec: energies.conditional({ ...network, classes: 5, embedding: 4 }), classes: 5 },
  {
    name: 'twoTower, y as it is',
    spec: energies.twoTower({ input: 3, condition: 2, x: { hidden: [16], activation: 'sigmoid' } }),
    condition: 2,
  },
  {
    name: 'twoTower, two networks, squared',
    spec: energies.twoTower({
      input: 3,
      condition: 2,
      width: 7,
      x: { hidden: [16] },
      y: { hidden: [8, 8], activation: 'tanh' },
      norm: 'squared',
    }),
    condition: 2,
  },
  {
    name: 'twoTower, class',
    spec: energies.twoTower({ input: 3, classes: 4, width: 6, x: { hidden: [] } }),
    classes: 4,
  },
  { name: 'classifier, E(x)', spec: energies.classifier({ ...network, classes: 6, gaussianBase: 3 }) },
  { name: 'classifier, E(x, y)', spec: energies.classifier({ ...network, classes: 6 }), classes: 6 },
  { name: 'regressor', spec: energies.regressor({ input: 2, output: 2, hidden: [16], sigma: 0.3 }) },
  { name: 'mixtureDensity', spec: energies.mixtureDensity({ input: 2, output: 2, components: 3, hidden: [16] }) },
  {
    name: 'gaussian',
    spec: energies.gaussian({
      mean: [0.5, -1],
      precision: [
        [2, 0.5],
        [0.5, 1],
      ],
    }),
  },
  { name: 'gaussian, learnable', spec: energies.gaussian({ mean: [0.5, -1], precision: [4, 1], learnable: true }) },
  {
    name: 'gaussianMixture, sigmas',
    spec: energies.gaussianMixture({
      means: [
        [0, 1],
        [2, 0],
      ],
      sigmas: [0.5, 1],
      weights: [1, 3],
    }),
  },
  {
    name: 'gaussianMixture, covariances',
    spec: energies.gaussianMixture({
      means: [
        [0, 1],
        [2, 0],
      ],
      covariances: [covariance, [1, 2]],
    }),
  },
  {
    name: 'gaussianMixture, precisions',
    spec: energies.gaussianMixture({ means: [[0, 1]], precisions: [covariance] }),
  },
  { name: 'doubleWell', spec: energies.doubleWell({ input: 3, barrier: 3, separation: 1.5, tilt: 0.3, stiffness: 2 }) },
  { name: 'rosenbrock', spec: energies.rosenbrock({ input: 3, scale: 0.05 }) },
  { name: 'rastrigin', spec: energies.rastrigin() },
  { name: 'ackley', spec: energies.ackley({ input: 3, gaussianBase: 5 }) },
  { name: 'funnel', spec: energies.funnel() },
  { name: 'rbm', spec: energies.rbm({ input: 6, hidden: 9 }) },
  { name: 'ising, all pairs', spec: energies.ising({ sites: 7, coupling: 0.3, field: 0.2, states: 'binary' }) },
  { name: 'ising, torus', spec: energies.ising({ lattice: [3, 4], coupling: 0.4, field: -0.1 }) },
  {
    name: 'ising, open lattice, matrix',
    spec: energies.ising({
      lattice: [2, 1, 2],
      periodic: false,
      coupling: [
        [0, 0.5, 0.25, 0],
        [0.5, 0, 0, -1],
        [0.25, 0, 0, 2],
        [0, -1, 2, 0],
      ],
      field: [0.1, 0.2, 0.3, 0.4],
    }),
  },
  {
    name: 'potts, all pairs',
    spec: energies.potts({ sites: 3, levels: 4, coupling: 0.5, field: [0.1, 0, -0.2, 0.3] }),
  },
  { name: 'potts, lattice', spec: energies.potts({ lattice: [2, 3], levels: 3, coupling: 0.7, field: 0.1 }) },
  { name: 'expression', spec: everyOperation },
  // Apart from the others: the fused kernels have no norm, and one such operation takes a whole formula to the plain path.
  { name: 'expression, norm', spec: energies.expression((x) => norm(x.sub(0.3)).exp(), { input: 3 }) },
]

/** Deterministic numbers in (-2, 2), the same in both dtypes (multiples of 2^-16). */
function numbers(rows: number, columns: number, salt: number): Matrix {
  let state = (salt * 2654435761) >>> 0
  return Array.from({ length: rows }, () =>
    Array.from({ length: columns }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return ((state >>> 14) - 131072) / 65536
    }),
  )
}

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

const flat = (value: unknown): number[] => [value].flat(Number.POSITIVE_INFINITY) as number[]
const negated = (value: unknown): number[] => flat(value).map((v) => -v)

/** The largest difference in units of the largest reference value. NaN on either side gives NaN, which passes no bound. */
function difference(ours: unknown, theirs: unknown): number {
  const [a, b] = [flat(ours), flat(theirs)]
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  return Math.max(...a.map((v, i) => Math.abs(v - b[i]!))) / Math.max(...b.map(Math.abs))
}

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

function widthOf(spec: SpecValue): number {
  if (spec.kind === 'gaussian') return (spec.mean as number[]).length
  if (spec.kind === 'gaussianMixture') return (spec.means as Matrix)[0]!.length
  if (spec.kind === 'regressor' || spec.kind === 'mixtureDensity')
    return (spec.input as number) + (spec.output as number)
  const sites = (spec.sites as number) ?? (spec.lattice as number[] | undefined)?.reduce((a, b) => a * b)
  return (spec.input as number) ?? sites * ((spec.levels as number) ?? 1)
}

/** Numbers for every parameter, symmetric where a precision is meant. */
function otherParameters(state: Record<string, unknown>): Record<string, unknown> {
  const shaped = (like: unknown, values: number[]): unknown =>
    Array.isArray(like) ? like.map((item) => shaped(item, values)) : values.pop()! / 4
  // The vectors of a spectral norm come with the weight; the file then has them.
  const given = Object.entries(state).filter(([name]) => !/\._[uv]$/.test(name))
  return Object.fromEntries(
    given.map(([name, value], i) => [
      name,
      name.endsWith('precision')
        ? [
            [1.5, 0.25],
            [0.25, 0.75],
          ]
        : shaped(value, numbers(1, flat(value).length, 50 + i)[0]!),
    ]),
  )
}

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
  const SUBJECTS = 'no subject of tests/energies/parity.test.ts'

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
