/**
 * Every network of nodes against plain PyTorch (scripts/reference/node_networks.py) at langevin's weights: outputs with and without
 * edges, and twenty epochs of training without dropout.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Graph } from '../../src/graph/index.js'
import { NodeClassifier } from '../../src/graphs/index.js'
import { networks, SparseMatrix, type Tensor } from '../../src/index.js'
import { kindsOf, type SpecValue } from '../../src/spec/index.js'
import { refusal } from '../helpers/errors.js'
import { grouped } from '../helpers/graphs.js'
import { reference } from '../helpers/python.js'

type Nested = number | Nested[]
type Lists = Record<string, Nested>
interface Outputs {
  logits: Nested
  embeddings: Nested
}
interface Answer {
  withEdges: Outputs
  withoutEdges: Outputs
  trained: { loss: number[]; validationLoss: number[]; parameters: Lists }
}

const dropout = 0
const specs: Record<string, SpecValue<'nodeNetwork'>> = {
  gcn: networks.gcn({ hidden: [8], dropout }),
  'gcn, two hidden layers, rows, no self loops': networks.gcn({
    hidden: [6, 10],
    dropout,
    normalisation: 'row',
    selfLoops: false,
  }),
  'gcn, sums': networks.gcn({ hidden: [8], dropout, normalisation: 'none' }),
  appnp: networks.appnp({ hidden: [8], dropout, alpha: 0.2, iterations: 4 }),
  sage: networks.sage({ hidden: [8, 5], dropout }),
  gat: networks.gat({ hidden: [8], dropout, heads: 4 }),
  'gat, one head, no self loops': networks.gat({ hidden: [6], dropout, heads: 1, selfLoops: false }),
  gin: networks.gin({ hidden: [8], dropout }),
  'gin, epsilon learned': networks.gin({ hidden: [6], dropout, epsilon: 0.3, trainEpsilon: true }),
  nodeMlp: networks.nodeMlp({ hidden: [8, 8], dropout }),
}
/** Every node but node 0 has a neighbour; sparse and dense features, edges in both directions and in one. */
const undirected = grouped()
const directed = grouped({ directed: true, seed: 2 })
const sparse = undirected.withFeatures(SparseMatrix.from(undirected.features as Tensor))
const cases = Object.entries(specs).flatMap(([name, spec]) =>
  (['float64', 'float32'] as const).map((dtype, k) => {
    // Without self loops node 0 has no entry at all: row-normalised sums of nothing, in both.
    const graph = k === 0 ? directed : sparse
    return { name: `${name}, ${dtype}`, spec, dtype, graph: graph as Graph }
  }),
)
const train = Array.from({ length: 30 }, (_, i) => i)
const validation = Array.from({ length: 40 }, (_, i) => 30 + i)
const training = { epochs: 20, learningRate: 0.01, weightDecay: 1e-2 }

const flat = (values: Nested): number[] => (typeof values === 'number' ? [values] : values.flatMap(flat))
const lists = (parameters: Record<string, Tensor>): Lists =>
  Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, value.toArray() as Nested]))
const dense = ({ features }: Graph) => (features instanceof SparseMatrix ? features.toDense() : features).toArray()

/** The largest difference, over the largest number where that is above 1. */
function apart(a: Nested, b: Nested): number {
  const [x, y] = [flat(a), flat(b)]
  expect(x.length).toBe(y.length)
  const scale = Math.max(1, ...y.map(Math.abs))
  return Math.max(...x.map((value, i) => Math.abs(value - y[i]!))) / scale
}

const classifiers: NodeClassifier[] = []
let answers: Answer[]
beforeAll(async () => {
  for (const [i, { spec, dtype, graph }] of cases.entries()) {
    const sizes = { features: graph.featureCount, classes: graph.classes! }
    classifiers.push(await NodeClassifier.create(spec, { ...sizes, seed: i, dtype }))
  }
  const request = await Promise.all(
    cases.map(async ({ spec, dtype, graph }, i) => ({
      spec,
      dtype,
      edges: graph.edges.toArray(),
      features: dense(graph),
      labels: graph.labels!.toArray(),
      parameters: lists(await classifiers[i]!.parameters()),
      train,
      validation,
      ...training,
    })),
  )
  answers = reference<Answer[]>('node_networks.py', request)
}, 120_000)

describe.each(cases.map((each, i) => ({ ...each, i })))('$name', ({ dtype, graph, i }) => {
  // Unit roundoff times a few hundred: sums of dozens of terms through two layers; twenty steps of Adam multiply it.
  const precision = dtype === 'float64' ? 1e-12 : 1e-5

  test.each([true, false])('outputs, edges %j', async (edges) => {
    const { logits, embeddings } = await classifiers[i]!.infer(graph, { edges })
    const expected = edges ? answers[i]!.withEdges : answers[i]!.withoutEdges
    expect([logits.dtype, embeddings.dtype]).toEqual([dtype, dtype])
    expect(apart(logits.toArray(), expected.logits)).toBeLessThan(precision)
    expect(apart(embeddings.toArray(), expected.embeddings)).toBeLessThan(precision)
    const one = await classifiers[i]!.infer(graph, { edges, threads: 1 })
    expect(one.logits.toTypedArray()).toEqual(logits.toTypedArray())
  })

  test('twenty epochs of training', async () => {
    const run = classifiers[i]!.train(graph, { train, validation, ...training, patience: 0 })
    const { history, epochs, bestEpoch } = await run.done
    const expected = answers[i]!.trained
    expect(epochs).toBe(20)
    expect(apart([...history.trainLoss.toTypedArray()], expected.loss)).toBeLessThan(100 * precision)
    expect(apart([...history.validationLoss.toTypedArray()], expected.validationLoss)).toBeLessThan(100 * precision)
    expect(bestEpoch).toBe(1 + expected.validationLoss.indexOf(Math.min(...expected.validationLoss)))
    // Training has moved what it learns from: the comparison is of something.
    expect(expected.loss.at(-1)!).toBeLessThan(expected.loss[0]! - 0.01)
    if (bestEpoch !== 20) return
    // Adam divides by the root of the squared gradient: where that is near 0, single steps say little in float32.
    const tolerance = dtype === 'float64' ? 1e-9 : 2e-3
    for (const [name, value] of Object.entries(lists(await classifiers[i]!.parameters())))
      expect(apart(value, expected.parameters[name]!), name).toBeLessThan(tolerance)
  })
})

test('every kind is among the cases', () => {
  expect(kindsOf('nodeNetwork').filter((kind) => !(kind in specs))).toEqual([])
})

test('specs fill in the backbone of the benchmarks', () => {
  expect(networks.gcn()).toEqual({
    kind: 'gcn',
    hidden: [64],
    dropout: 0.5,
    normalisation: 'symmetric',
    selfLoops: true,
  })
  expect(refusal(() => networks.gat({ hidden: [12] })).message).toMatch(/hidden\[0\].*12, which 8 heads cannot share/)
  expect(refusal(() => networks.gcn({ hidden: [] })).message).toMatch(/hidden/)
  expect(refusal(() => networks.gcn({ dropout: 1 })).message).toMatch(/dropout/)
})
