/** What the peers of the case graph-training compute is what langevin computes: losses of training without dropout, in double precision. */
import { beforeAll, describe, expect, it } from 'vitest'
import { NodeClassifier } from '../../src/graphs/index.js'
import { networks, SparseMatrix, type Tensor } from '../../src/index.js'
import { grouped } from '../helpers/graphs.js'
import { ask, missingModule } from '../helpers/python.js'

interface Losses {
  loss: number[]
  validationLoss: number[]
}

const noJax = missingModule('jax')
const graph = grouped({ nodes: 200, columns: 30 })
const features = SparseMatrix.from(graph.features as Tensor)
const train = Array.from({ length: 30 }, (_, i) => i)
const validation = Array.from({ length: 60 }, (_, i) => 30 + i)
const settings = { epochs: 30, learningRate: 0.01, weightDecay: 1e-2 }
let ours: Losses
let twins: Record<'torch' | 'jax', Losses | null>
/** The same with another penalty: what a comparison that cannot fail would let pass. */
let wrong: typeof twins

beforeAll(async () => {
  const spec = networks.gcn({ hidden: [16], dropout: 0 })
  const classifier = await NodeClassifier.create(spec, { features: 30, classes: 3, seed: 1, dtype: 'float64' })
  const parameters = Object.fromEntries(
    Object.entries(await classifier.parameters()).map(([name, value]) => [name, value.toArray()]),
  )
  const { history } = await classifier.train(graph, { train, validation, ...settings, patience: 0 }).done
  ours = {
    loss: [...history.trainLoss.toTypedArray()],
    validationLoss: [...history.validationLoss.toTypedArray()],
  }
  const request = {
    indptr: features.indptr.toArray(),
    indices: features.indices.toArray(),
    values: features.values.toArray(),
    shape: features.shape,
    edges: graph.edges.toArray(),
    labels: graph.labels!.toArray(),
    train,
    validation,
    parameters,
    ...settings,
  }
  twins = ask('scripts/bench/peers/graph_twins.py', request)
  wrong = ask('scripts/bench/peers/graph_twins.py', { ...request, weightDecay: 1e-3 })
}, 120_000)

const apart = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))

describe.each(['torch', 'jax'] as const)(
  `the twin in %s${noJax === undefined ? '' : ` (JAX's not checked: ${noJax})`}`,
  (library) => {
    it.skipIf(library === 'jax' && noJax !== undefined)('has the same losses, epoch after epoch', () => {
      const twin = twins[library]!
      expect(twin.loss).toHaveLength(30)
      // Double precision, sums in another order, over thirty updates of Adam.
      expect(apart(ours.loss, twin.loss)).toBeLessThan(1e-9)
      expect(apart(ours.validationLoss, twin.validationLoss)).toBeLessThan(1e-9)
      expect(ours.loss.at(-1)!).toBeLessThan(ours.loss[0]! - 0.1)
      expect(apart(ours.loss, wrong[library]!.loss)).toBeGreaterThan(1e-5)
    })
  },
)
