/**
 * What the peers of the case `objectives` minimise is langevin's loss: JAX's and PyTorch's twins in double precision, at
 * langevin's weights and rows, with the random numbers langevin draws. Value, gradient of every weight, where the chains end, and
 * what a helper network is given.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { Energy, evaluateObjective, type ObjectiveEvaluation, type Tensor, tensor } from '../../src/index.js'
import { ask, missingModule } from '../helpers/python.js'
import {
  corruption,
  type Nested,
  normals,
  numbers,
  projections,
  random,
  SEED,
  STREAM,
} from '../objectives/reference-support.js'

// biome-ignore lint/suspicious/noExplicitAny: rows of a plain JavaScript file
type Options = any
type Weights = Readonly<Record<string, Tensor>>
type Tape = Partial<Record<'normal' | 'sign' | 'uniform' | 'index', Nested[]>>
type Answer = {
  problem?: string
  loss: number
  gradient: Nested[]
  own?: Nested
  helper?: { loss: number; gradient: Nested[] }
  rounds: number
  buffer: number[][]
  unread: number
}

const N = 64
const bench: { rows: { label: string; options: Options }[] } = await import(
  new URL('../../scripts/bench/cases/objectives.mjs', import.meta.url).href
)

/** Weights and biases of a network, layer by layer. */
function layers(weights: Weights): Nested[] {
  const number = (name: string) => Number(name.match(/\d+/)?.[0] ?? 0)
  const names = Object.keys(weights).filter((name) => name.endsWith('.weight'))
  return names
    .sort((a, b) => number(a) - number(b))
    .flatMap((name) => [name, name.replace('weight', 'bias')].map((key) => weights[key]!.toArray() as Nested))
}

function dataOf({ energy, objective }: Options): { x: Nested; y?: Nested; labels?: boolean } {
  const more = ['regressor', 'mixtureDensity'].includes(energy.kind) ? 1 : 0
  const x = random(N, energy.input + more, 0, STREAM.data)
  if (energy.kind === 'rbm') return { x: x.map((row) => row.map((v) => Number(v > 0))) }
  if (energy.classes !== undefined) return { x, y: x.map((_, i) => i % energy.classes), labels: true }
  // A ladder of noise levels gives the condition itself.
  if (energy.condition === undefined || objective.kind === 'denoisingScoreMatching') return { x }
  return { x, y: random(N, energy.condition, 1, STREAM.data) }
}

const steps = (count: number) => Array.from({ length: count }, (_, t) => random(N, 2, t, STREAM.noise))
const signs = () => projections('rademacher', 1, 0, N).map((row) => row.map((u) => (u < 0.5 ? 1 : -1)))
const copies = (count: number) => [normals(count, 0, N)]

/** The random numbers of one loss as langevin draws them, in the twins' order of drawing. Kinds without an entry draw none. */
const draws: Record<string, (o: Options, rows: ObjectiveEvaluation['rows']) => Tape> = {
  contrastiveDivergence: ({ sampler }) => ({ normal: steps(sampler.steps) }),
  noiseContrastive: () => ({ normal: copies(1) }),
  rankingNoiseContrastive: ({ negatives }) => ({ normal: copies(negatives) }),
  conditionalNoiseContrastive: ({ negatives }) => ({ normal: copies(negatives) }),
  energyDiscrepancy: ({ negatives }) => ({ normal: [corruption(0, N), ...copies(negatives)] }),
  explicitScoreMatching: ({ trace }) => (trace === 'exact' ? {} : { sign: [signs()] }),
  slicedScoreMatching: () => ({ sign: [signs()] }),
  denoisingScoreMatching: ({ sigma, finiteDifference }, rows) => {
    const normal = [corruption(0, N)]
    if (typeof sigma === 'number') return { normal, ...(finiteDifference && { sign: [signs()] }) }
    const rung = Math.log(sigma.to / sigma.from) / (sigma.levels - 1)
    const index = numbers(rows[0]!.y!).map(([logSigma]) => Math.round((logSigma! - Math.log(sigma.from)) / rung))
    return { normal, index: [index] }
  },
  // Candidate j of row i of the batch is row i * samples + j, after the rows themselves; the twins draw [j, i].
  structured: ({ answers: { samples, low, high } }, rows) => {
    const drawn = numbers(rows[0]!.y!).slice(N)
    const at = (j: number) => Array.from({ length: N }, (_, i) => (drawn[i * samples + j]![0]! - low) / (high - low))
    return { uniform: [Array.from({ length: samples }, (_, j) => at(j))] }
  },
}

/**
 * A buffer and draws from it that start the twins' chains where langevin's start: row i of them is row i + 1 of the buffer, and
 * every fourth is a restart, of which the buffer knows nothing.
 */
function chainsFrom(starts: number[][], count: number): { buffer: number[][]; tape: Tape } {
  const index = starts.map((_, i) => (i + 1) % N)
  const restarts = starts.map((_, i) => i % 4 === 0)
  const buffer = index.map((_, slot) => (restarts[(slot + N - 1) % N] ? [0, 0] : starts[(slot + N - 1) % N]!))
  const uniform = [restarts.map((yes) => (yes ? 0.01 : 0.9)), starts.map((row) => row.map((v) => (v + 4) / 8))]
  return { buffer, tape: { index: [index], uniform, normal: steps(count) } }
}

/** langevin's answer, and what the twins are asked. */
async function caseOf(options: Options) {
  const { energy, objective } = options
  using model = await Energy.create(energy, { seed: 3, dtype: 'float64' })
  const { x, y, labels } = dataOf(options)
  const source = {
    x: tensor(x as number[][], undefined, 'float64'),
    ...(y !== undefined && { y: tensor(y as number[], undefined, labels ? 'int64' : 'float64') }),
  }
  const evaluate = (fields: object = {}) =>
    evaluateObjective(model, source, { objective: { ...objective, ...fields }, seed: SEED, extras })
  const extras: Record<string, number> = objective.kind === 'noiseContrastive' ? { logZ: 0.4 } : {}
  // Helper networks that stay as they start.
  const still = { kind: 'sgd', lr: 1e-300 }
  const ours = await evaluate({ helperOptimizer: still, criticOptimizer: still })
  const parameters = await model.parameters()
  const [network] = Object.values(ours.networks)
  // A sampler that stands still shows where the chains start.
  const persistent = objective.sampler !== undefined && objective.kind !== 'contrastiveDivergence'
  const standing = { helperOptimizer: still, sampler: { ...objective.sampler, stepSize: 1e-300 } }
  const starts = persistent && numbers((await evaluate(standing)).rows[0]!.x).slice(N)
  const { buffer, tape } = starts
    ? chainsFrom(starts, objective.sampler.steps)
    : { buffer: [[0, 0]], tape: draws[objective.kind]?.(objective, ours.rows) ?? {} }
  const own = energy.kind === 'rbm' ? parameters.bias!.toArray() : extras.logZ
  return {
    ours,
    ends: starts && numbers(ours.rows[0]!.x).slice(N),
    request: {
      options,
      weights: layers(parameters),
      ...(own !== undefined && { own }),
      ...(network && { helper: layers(network) }),
      x,
      y: y ?? x,
      buffer,
      tape,
    },
  }
}

const flat = (value: Nested): number[] => (typeof value === 'number' ? [value] : value.flatMap(flat))

/** Largest difference over the largest size of what is expected, all arrays on one scale. */
function difference(actual: Nested, expected: Nested): number {
  const [a, b] = [flat(actual), flat(expected)]
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  return Math.max(...b.map((v, i) => Math.abs(v - a[i]!))) / Math.max(...b.map(Math.abs), 1e-30)
}

/** Double precision and sums in another order; finite differences divide the rounding of energies by steps of 0.1. */
const BOUND = 1e-10

type Case = Awaited<ReturnType<typeof caseOf>>
const rowOf = (wanted: string) => bench.rows.findIndex(({ label }) => label === wanted)

/** What of a twin's answer is not langevin's. */
function faults(twin: Answer, { ours, ends, request }: Case): string[] {
  if (twin.problem !== undefined) return [twin.problem]
  const found: string[] = []
  const same = (what: string, actual: Nested, expected: Nested) => {
    const off = difference(actual, expected)
    if (!(off < BOUND)) found.push(`${what}: off by ${off}`)
  }
  if (twin.unread > 0) found.push(`${twin.unread} arrays that langevin draws are not drawn`)
  same('loss', twin.loss, ours.loss)
  const { objective, energy } = request.options
  const own = energy.kind === 'rbm' ? ours.gradient.bias!.toArray() : (ours.extraGradient.logZ ?? [])
  same('gradient', [twin.gradient, twin.own ?? []], [layers(ours.gradient), own as Nested])
  if (ends)
    same(
      'chains stored',
      twin.buffer,
      ends.map((_, slot) => ends[(slot + N - 1) % N]!),
    )
  if (request.helper) {
    const { divergence, discrepancy, criticSquare, helperGradientNorm, criticGradientNorm } = ours.monitors
    same('helper', twin.helper!.loss, -(divergence ?? discrepancy! - objective.lambda * criticSquare!))
    same("helper's gradient", Math.hypot(...flat(twin.helper!.gradient)), (helperGradientNorm ?? criticGradientNorm)!)
    if (twin.rounds !== (objective.criticSteps ?? 1)) found.push(`${twin.rounds} updates of the helper`)
  }
  return found
}

/** Twins that do less work than langevin, or compute another loss, by what gives them away. */
const wrong: [label: string, fields: object, sign: RegExp][] = [
  [
    'contrastiveDivergence',
    { sampler: { kind: 'langevin', steps: 9, stepSize: 0.01 } },
    /1 arrays that langevin draws/,
  ],
  ['rankingNoiseContrastive', { negatives: 14 }, /cannot reshape/],
  ['denoisingScoreMatching', { sigma: 0.3001 }, /gradient: off by/],
  ['learnedSteinDiscrepancy', { criticSteps: 4 }, /4 updates of the helper/],
]
const noJax = missingModule('jax')

describe(`losses of the peers${noJax === undefined ? '' : ` (JAX's not checked: ${noJax})`}`, () => {
  const twins: Record<'jax' | 'torch', Answer[]> = { jax: [], torch: [] }
  const cases: Case[] = []
  beforeAll(async () => {
    for (const { options } of bench.rows) cases.push(await caseOf(options))
    const asked = cases.map(({ request }) => ({ ...request, libraries: ['jax', 'torch'] }))
    for (const [label, fields] of wrong) {
      const { request } = cases[rowOf(label)]!
      const options = { ...request.options, objective: { ...request.options.objective, ...fields } }
      asked.push({ ...request, options, libraries: ['torch'] })
    }
    Object.assign(twins, ask('scripts/bench/peers/replay_losses.py', { cases: asked }))
  }, 180_000)

  for (const [k, { label }] of bench.rows.entries()) {
    it.skipIf(noJax !== undefined)(`${label}: JAX`, () => expect(faults(twins.jax[k]!, cases[k]!)).toEqual([]))
    it(`${label}: PyTorch`, () => expect(faults(twins.torch[k]!, cases[k]!)).toEqual([]))
  }

  it.each(wrong)('%s with %o is found out', (label, _fields, sign) => {
    const k = wrong.findIndex(([each]) => each === label)
    const found = faults(twins.torch[cases.length + k]!, cases[rowOf(label)]!)
    expect(found.join('; ')).toMatch(sign)
  })
})
