/** Losses and gradients of the objectives against plain PyTorch. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  Energy,
  energies,
  evaluateObjective,
  noises,
  objectives,
  optimizers,
  schedules,
  type Tensor,
  tensor,
  train,
} from '../../src/index.js'
import { invoke } from '../../src/runtime/index.js'
import { kindsOf, type SpecValue } from '../../src/spec/index.js'
import { type Exception, missing, specsIn } from '../helpers/coverage.js'
import { reference } from '../helpers/python.js'
import { discriminationCases, discriminationRuns, mixedColumns } from './discrimination-cases.js'
import { imageCases } from './image-cases.js'
import {
  BATCH,
  type Case,
  type Dtype,
  data,
  langevin,
  mlp,
  type Nested,
  nce,
  negativesOf,
  normals,
  numbers,
  ROWS,
  type RunCase,
  random,
  SEED,
  STREAM,
  uniform,
} from './reference-support.js'
import { scoreMatchingCases, scoreMatchingRuns } from './score-matching-cases.js'

const flat = (value: Nested): number[] => (typeof value === 'number' ? [value] : value.flatMap(flat))

/** Labels are whole numbers, a condition has columns. */
const conditionOf = (y: Nested, dtype: Dtype) =>
  Array.isArray((y as Nested[])[0])
    ? tensor(y as number[][], undefined, dtype)
    : tensor(y as number[], undefined, 'int64')

/** Largest difference over the largest size of what is expected. */
function difference(actual: Nested, expected: Nested): number {
  const [a, b] = [flat(actual), flat(expected)]
  expect(a.length).toBe(b.length)
  const scale = Math.max(...b.map(Math.abs), 1e-30)
  return Math.max(...b.map((v, i) => Math.abs(v - a[i]!))) / scale
}

const classes = data.map(([a]) => (a! > 0.5 ? 2 : a! > -0.3 ? 1 : 0))
const joint = (options: object) => ({
  name: `jointEnergy, ${JSON.stringify(options)}`,
  energy: energies.classifier({ input: 2, hidden: [16], classes: 3 }),
  objective: objectives.jointEnergy({ sampler: langevin, buffer: { size: 1200 }, ...options }),
  x: data,
  y: classes,
})

const bits = random(ROWS, 5, 0, STREAM.data).map((row) => row.map((v) => Number(v > 0.3)))

const cases: Case[] = [
  {
    name: 'contrastiveDivergence',
    energy: mlp,
    objective: objectives.contrastiveDivergence({ sampler: langevin }),
    x: data,
    noise: [0, 1, 2, 3].map((t) => random(ROWS, 2, t, STREAM.noise)),
  },
  {
    name: 'contrastiveDivergence, spectral norm',
    energy: energies.mlp({ input: 2, hidden: [16, 16], activation: 'silu', gaussianBase: 2, spectralNorm: 1.5 }),
    objective: objectives.contrastiveDivergence({ sampler: langevin }),
    x: data,
    noise: [0, 1, 2, 3].map((t) => random(ROWS, 2, t, STREAM.noise)),
  },
  {
    name: 'contrastiveDivergence, long chains of two thirds of the rows',
    energy: mlp,
    objective: objectives.contrastiveDivergence({
      sampler: langevin,
      longChains: { steps: 7, weight: 0.3, fraction: 2 / 3 },
    }),
    x: data,
    noise: [0, 1, 2, 3].map((t) => random(ROWS, 2, t, STREAM.noise)),
    // Numbered after the short chains.
    take: () => ({ further: [0, 1, 2].map((t) => random(2 * ROWS, 2, t, STREAM.noise).slice(ROWS, ROWS + 200)) }),
  },
  {
    name: 'persistentContrastiveDivergence',
    energy: mlp,
    objective: objectives.persistentContrastiveDivergence({ sampler: langevin, buffer: { size: 400 } }),
    x: data,
    take: negativesOf,
  },
  ...[0.5, -0.5].map((gamma) => ({
    name: `pseudoSpherical, gamma ${gamma}`,
    energy: mlp,
    objective: objectives.pseudoSpherical({ gamma, sampler: langevin, buffer: { size: 400 } }),
    x: data,
    take: negativesOf,
  })),
  {
    name: 'steinDiscrepancy',
    energy: mlp,
    objective: objectives.steinDiscrepancy({ scale: 1.3, beta: -0.4 }),
    x: data,
  },
  ...([noises.gaussian({ mean: 0.1, sd: [1.5, 2] }), noises.dataGaussian({ scale: 1.3 })] as SpecValue[]).map(
    (noise) => ({
      name: `noiseContrastive, ${noise.kind}`,
      energy: mlp,
      objective: nce(noise, 1),
      x: data,
      noise: random(ROWS, 2, 0, STREAM.noiseSample),
      logZ: 0.4,
    }),
  ),
  {
    name: 'noiseContrastive, uniform, ratio 3',
    energy: mlp,
    objective: nce(uniform, 3),
    x: data,
    noise: random(3 * ROWS, 2, 0, STREAM.noiseSample, 'uniform'),
    logZ: -0.2,
  },
  ...discriminationCases,
  ...scoreMatchingCases,
  ...imageCases,
  {
    name: 'maximumLikelihood',
    energy: mlp,
    objective: objectives.maximumLikelihood({ box: { low: -6, high: 6 }, cells: 40 }),
    x: data,
  },
  {
    name: 'maximumLikelihood, of a classifier and its labels',
    energy: energies.classifier({ input: 2, hidden: [16], classes: 3 }),
    objective: objectives.maximumLikelihood({ box: { low: -6, high: 6 }, cells: 40 }),
    x: data,
    y: classes,
  },
  {
    name: 'crossEntropy',
    energy: energies.classifier({ input: 2, hidden: [16], classes: 3 }),
    objective: objectives.crossEntropy(),
    x: data,
    y: classes,
  },
  { ...joint({}), take: negativesOf },
  {
    ...joint({ density: 0.7, classification: 1.3, conditional: 0.4 }),
    take: (x, _y, [, ofClasses]) => ({
      ...negativesOf(x),
      ofClasses: numbers(ofClasses!.x).slice(ROWS),
      classes: (ofClasses!.y!.toArray() as unknown as bigint[]).slice(ROWS).map(Number),
    }),
  },
  {
    ...joint({ density: 2, classification: 0.5 }),
    name: 'jointEnergy, a second data set without labels',
    unlabelled: data.slice(0, 100).map(([a, b]) => [a! + 0.3, b!]),
    take: (x) => ({ negatives: x.slice(100) }),
  },
  {
    name: 'meanSquaredError',
    energy: energies.regressor({ input: 1, hidden: [16] }),
    objective: objectives.meanSquaredError(),
    x: data,
  },
  ...[objectives.minimumProbabilityFlow(), objectives.pseudoLikelihood(), objectives.ratioMatching()].flatMap(
    (objective) => [
      { name: `${objective.kind}, rbm`, energy: energies.rbm({ input: 5, hidden: 7 }), objective, x: bits },
      {
        name: `${objective.kind}, ising`,
        energy: energies.ising({ sites: 5, coupling: 0.3, field: [0.1, 0.2, -0.3, 0.4, 0] }),
        objective,
        x: bits.map((row) => row.map((bit) => 2 * bit - 1)),
      },
      {
        name: `${objective.kind}, potts`,
        energy: energies.potts({ sites: 5, levels: 3, coupling: 0.6, field: [0.1, -0.2, 0.3] }),
        objective,
        x: bits.map((row, i) => row.flatMap((bit, j) => [0, 1, 2].map((k) => Number((bit + i * j) % 3 === k)))),
      },
    ],
  ),
  ...[objectives.pseudoLikelihood(), objectives.ratioMatching()].map((objective) => ({
    name: `${objective.kind}, mixed columns`,
    energy: mixedColumns[0],
    objective,
    x: data.map(mixedColumns[1]),
  })),
  {
    name: 'negativeLogLikelihood',
    energy: energies.mixtureDensity({ input: 1, hidden: [16], components: 3 }),
    objective: objectives.negativeLogLikelihood(),
    x: data,
  },
]

interface Loss {
  loss: number
  gradient: Record<string, Nested>
  logZGradient: number | null
}
interface ReferenceRun {
  losses: number[]
  parameters: Record<string, Nested>
  average: Record<string, Nested>
  logZ: number
}

const optimizerCases: SpecValue[] = [
  optimizers.sgd({ lr: 0.1 }),
  optimizers.sgd({ lr: 0.05, momentum: 0.9, weightDecay: 0.01 }),
  optimizers.sgd({
    lr: schedules.step({ from: 0.1, factor: 0.3, milestones: [0.4, 0.8] }),
    momentum: 0.5,
    nesterov: true,
  }),
  optimizers.adam({ lr: 0.02, weightDecay: 0.1 }),
  optimizers.adam({ lr: schedules.cosine({ from: 0.05, to: 0, warmup: 5 }), betas: [0.8, 0.95], epsilon: 1e-6 }),
  optimizers.adamw({ lr: schedules.geometric({ from: 0.1, to: 0.001 }) }),
  optimizers.adamw({ lr: schedules.linear({ from: 0.1, to: 0 }), weightDecay: 0.3 }),
]
const gradients = random(40, 7, 3, STREAM.data)
const start = random(1, 7, 4, STREAM.data)[0]!

const STEPS = 100
const runOptions = {
  optimizer: optimizers.adam({ lr: schedules.cosine({ from: 5e-3, to: 1e-4 }) }),
  steps: STEPS,
  batchSize: BATCH,
  seed: SEED,
  ema: 0.9,
  historyPoints: STEPS,
}
const runCases: RunCase[] = [
  {
    name: 'noiseContrastive',
    objective: nce(noises.gaussian({ sd: 1.5 }), 2),
    noise: (s: number) => normals(2, s, BATCH),
  },
  ...discriminationRuns,
  ...scoreMatchingRuns,
]

/** Objectives and noises that no case of this file can hold, and the test that compares them instead. */
const ELSEWHERE: Record<'objective' | 'noise', Record<string, Exception>> = {
  objective: {
    fDivergence: {
      why: 'its helper network takes a step of its own; against PyTorch there',
      instead: 'tests/objectives/f-divergence.test.ts',
    },
    structured: {
      why: 'its answers are a set of candidates; against PyTorch there',
      instead: 'tests/objectives/structured.test.ts',
    },
    learnedSteinDiscrepancy: {
      why: 'its critic is a network of its own; against closed forms there, and against PyTorch in tests/bench/losses.test.ts',
      instead: 'native/tests/stein_test.cpp',
    },
  },
  noise: {
    dataGaussianMixture: {
      why: 'fitted by expectation maximisation; that its density integrates to 1 and its draws follow it is tested there',
      instead: 'native/tests/noises_test.cpp',
    },
    flow: { why: 'fitted column by column; as dataGaussianMixture', instead: 'native/tests/noises_test.cpp' },
  },
}

describe('the cases', () => {
  const held = [...cases, ...runCases].map(({ objective }) => objective)
  it('hold every objective', () => {
    const found = missing(kindsOf('objective'), {
      family: 'objective',
      holds: held.map(({ kind }) => kind),
      no: 'no case of tests/objectives/reference.test.ts',
      add: (kind) => `a case there, and '${kind}' to LOSSES of scripts/reference/objectives.py`,
      except: ELSEWHERE.objective,
    })
    expect(found).toEqual([])
  })

  it('hold every noise', () => {
    const found = missing(kindsOf('noise'), {
      family: 'noise',
      holds: held.flatMap(({ noise }) => specsIn(noise)).map(({ kind }) => kind),
      no: 'no case of tests/objectives/reference.test.ts',
      add: (kind) => `a case with it there, and '${kind}' to noise_law() of scripts/reference/noises.py`,
      except: ELSEWHERE.noise,
    })
    expect(found).toEqual([])
  })

  it('hold every perturbation', () => {
    const found = missing(kindsOf('perturbation'), {
      family: 'perturbation',
      holds: held.flatMap(({ perturbation }) => specsIn(perturbation)).map(({ kind }) => kind),
      no: 'no case of tests/objectives/reference.test.ts',
      add: (kind) => `perturbed(perturbations.${kind}(...)) to tests/objectives/discrimination-cases.ts`,
    })
    expect(found).toEqual([])
  })

  it('hold every optimizer', () => {
    const found = missing(kindsOf('optimizer'), {
      family: 'optimizer',
      holds: optimizerCases.map(({ kind }) => kind),
      no: 'optimizerCases of tests/objectives/reference.test.ts',
      add: (kind) => `it there, and '${kind}' to make_optimizer() of scripts/reference/objectives.py`,
    })
    expect(found).toEqual([])
  })
})

describe('against plain PyTorch', () => {
  const dtypes: Dtype[] = ['float32', 'float64']
  const ours: Loss[] = []
  const paths: number[][][] = []
  const runs: { losses: number[]; parameters: Record<string, Nested>; raw: Record<string, Nested>; logZ: number }[] = []
  let theirs: { losses: Loss[]; trajectories: number[][][]; runs: ReferenceRun[] }

  beforeAll(async () => {
    const request = { losses: [] as object[], trajectories: [] as object[], runs: [] as object[] }
    for (const dtype of dtypes) {
      for (const { take, logZ, ...each } of cases) {
        using model = await Energy.create(each.energy, { seed: 3, dtype })
        const result = await evaluateObjective(
          model,
          {
            x: tensor(each.x, undefined, dtype),
            ...(each.y && { y: conditionOf(each.y, dtype) }),
            ...(each.unlabelled && { unlabelled: tensor(each.unlabelled, undefined, dtype) }),
          },
          { objective: each.objective, seed: SEED, ...(logZ !== undefined && { extras: { logZ } }) },
        )
        ours.push({
          loss: result.loss,
          gradient: arrays(result.gradient),
          logZGradient: result.extraGradient.logZ ?? null,
        })
        const [seen] = result.rows
        const taken = take?.(numbers(seen!.x), seen!.y?.toArray() as Nested | undefined, result.rows)
        const energy = { spec: each.energy, dtype, parameters: arrays(await model.parameters()) }
        request.losses.push({ ...each, energy, logZ: logZ ?? 0, ...taken })
      }
    }
    for (const optimizer of optimizerCases) {
      const args = {
        optimizer,
        parameters: tensor(start, [7], 'float64'),
        gradients: tensor(gradients, undefined, 'float64'),
      }
      paths.push(numbers(await invoke<Tensor>('optimizer.trajectory', args)))
      request.trajectories.push({ optimizer, dtype: 'float64', parameters: start, gradients })
    }
    const batches = numbers(
      await invoke<Tensor>('training.batches', { rows: ROWS, batchSize: BATCH, seed: SEED, steps: STEPS }),
    )
    for (const { objective, noise: noiseOf } of runCases) {
      for (const dtype of dtypes) {
        using model = await Energy.create(mlp, { seed: 4, dtype })
        const energy = { spec: mlp, dtype, parameters: arrays(await model.parameters()) }
        const noise = Array.from({ length: STEPS }, (_, s) => noiseOf(s))
        const run = train(model, tensor(data, undefined, dtype), { objective, ...runOptions })
        const { history, extras, rawParameters, statistics } = await run.done
        runs.push({
          losses: history.map((point) => point.loss),
          parameters: arrays(await model.parameters()),
          raw: arrays(rawParameters!),
          logZ: extras.logZ ?? 0,
        })
        const logZ = (statistics.logZStart as number | undefined) ?? 0
        request.runs.push({ energy, objective, ...runOptions, x: data, batches, noise, logZ })
      }
    }
    theirs = reference('objectives.py', request)
  }, 120_000)

  const arrays = (tensors: Readonly<Record<string, Tensor>>): Record<string, Nested> =>
    Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, value.toArray() as Nested]))

  // Float32 losses are sums of hundreds of terms in another order; gradients of a mean lose a digit more. The noise
  // numbers have float32 resolution on both sides.
  const bounds = { float32: { loss: 2e-6, gradient: 2e-5 }, float64: { loss: 1e-12, gradient: 1e-10 } }
  for (const [d, dtype] of dtypes.entries()) {
    for (const [k, { name }] of cases.entries()) {
      it(`${name}: loss and gradients, ${dtype}`, () => {
        const [a, b] = [ours[d * cases.length + k]!, theirs.losses[d * cases.length + k]!]
        expect(Math.abs(a.loss - b.loss) / Math.max(1, Math.abs(b.loss))).toBeLessThan(bounds[dtype].loss)
        const names = Object.keys(b.gradient)
        expect(names.length).toBeGreaterThan(0)
        // One scale for all parameters: a bias whose gradient cancels has no relative precision of its own.
        const all = (g: Record<string, Nested>) => names.map((key) => flat(g[key]!))
        expect(difference(all(a.gradient), all(b.gradient))).toBeLessThan(bounds[dtype].gradient)
        if (a.logZGradient !== null) {
          expect(Math.abs(a.logZGradient - b.logZGradient!)).toBeLessThan(bounds[dtype].gradient)
        }
      })
    }
  }

  for (const [k, optimizer] of optimizerCases.entries()) {
    it(`optimizer ${JSON.stringify(optimizer)} takes torch.optim's steps`, () => {
      expect(difference(paths[k]!, theirs.trajectories[k]!)).toBeLessThan(1e-13)
    })
  }

  // A hundred steps amplify the rounding of each: losses stay within 1e-5 and 1e-10 (relative).
  const runBounds = { float32: 1e-5, float64: 1e-10 }
  for (const [k, { name, free = [] }] of runCases.entries()) {
    for (const [d, dtype] of dtypes.entries()) {
      it(`${name}: a run of ${STEPS} steps, ${dtype}`, () => {
        const [a, b] = [runs[2 * k + d]!, theirs.runs[2 * k + d]!]
        a.losses.forEach((loss, s) => {
          expect(Math.abs(loss - b.losses[s]!) / Math.max(1, Math.abs(b.losses[s]!))).toBeLessThan(runBounds[dtype])
        })
        const weights = dtype === 'float32' ? 2e-4 : 1e-8
        const held = (all: Record<string, Nested>) => Object.entries(all).filter(([key]) => !free.includes(key))
        for (const [key, value] of held(b.parameters)) expect(difference(a.raw[key]!, value)).toBeLessThan(weights)
        for (const [key, value] of held(b.average)) {
          expect(difference(a.parameters[key]!, value)).toBeLessThan(weights)
        }
        expect(Math.abs(a.logZ - b.logZ)).toBeLessThan(dtype === 'float32' ? 1e-4 : 1e-10)
        // The run learned something: a trainer that does nothing agrees with itself.
        expect(difference(a.parameters['0.weight']!, a.raw['0.weight']!)).toBeGreaterThan(1e-6)
      })
    }
  }
})
