// Node classifiers: outputs with and without edges, training with dropout and left-out edges, stochastic evaluations.

/** Three groups of nodes in a ring, each node near some of its own; words of its group. */
function graphOf({ langevin }) {
  const nodes = Array.from({ length: 60 }, (_, i) => i)
  const edges = [
    [...nodes, ...nodes, ...nodes.filter((i) => i % 7 === 0)],
    [
      ...nodes.map((i) => (i + 3) % 60),
      ...nodes.map((i) => (i + 12) % 60),
      ...nodes.filter((i) => i % 7 === 0).map((i) => (i + 1) % 60),
    ],
  ]
  const features = nodes.map((i) =>
    Array.from({ length: 12 }, (_, c) => Number(c % 3 === i % 3 ? (i * c) % 4 < 2 : (i + c) % 9 === 0)),
  )
  const sparse = langevin.SparseMatrix.from(features)
  return langevin.Graph.fromArrays({ edges, features: sparse, labels: nodes.map((i) => i % 3) }).withPreparedFeatures()
}

const train = Array.from({ length: 24 }, (_, i) => i)
const validation = Array.from({ length: 18 }, (_, i) => 24 + i)

const kinds = [
  ['gcn', (networks) => networks.gcn({ hidden: [16] })],
  ['appnp', (networks) => networks.appnp({ hidden: [16] })],
  ['sage', (networks) => networks.sage({ hidden: [16] })],
  ['gat', (networks) => networks.gat({ hidden: [16], heads: 4 })],
  ['gin', (networks) => networks.gin({ hidden: [16], trainEpsilon: true })],
  ['nodeMlp', (networks) => networks.nodeMlp({ hidden: [16] })],
]

async function run(spec, context) {
  const { langevin, dtype, threads } = context
  const graph = graphOf(context)
  const classifier = await langevin.graph.NodeClassifier.create(spec(langevin.networks), {
    features: 12,
    classes: 3,
    seed: 3,
    dtype,
  })
  const before = await classifier.infer(graph, { threads })
  const options = { train, validation, epochs: 12, learningRate: 0.01, patience: 0, dropEdge: 0.1, seed: 4, threads }
  const { history, bestEpoch } = await classifier.train(graph, options).done
  return {
    before: before.logits,
    history,
    bestEpoch,
    parameters: await classifier.parameters(),
    withEdges: await classifier.infer(graph, { threads }),
    withoutEdges: await classifier.infer(graph, { edges: false, threads }),
    samples: await classifier.inferSamples(graph, { samples: 3, dropEdge: 0.2, seed: 5, threads }),
  }
}

export default kinds.map(([name, spec]) => ({ name, quick: true, run: (context) => run(spec, context) }))
