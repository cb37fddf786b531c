/** GEBM on Cora-ML: the bands of the published method, and what a trained network does far from its data. */
import { describe, expect, it } from 'vitest'
import { npz } from '../../src/data/graph.js'
import { NodeClassifier } from '../../src/graphs/node-classifier.js'
import { gebm } from '../../src/graphs/scores/factories.js'
import { networks } from '../../src/networks/index.js'
import { graphStudy, summaryOf } from '../../src/studies/graph/index.js'
import { taskOf } from '../../src/studies/graph/protocol.js'
import { tensor } from '../../src/tensor/index.js'
import { coraMl, graphFile, missingGraphs, uniforms } from '../helpers/graphs.js'
import { array } from './support.js'

describe.skipIf(missingGraphs)(`Cora-ML${missingGraphs ? ` (${missingGraphs})` : ''}`, () => {
  it('a GCN, five splits: AUROC of leave-out-classes and of N(0, 1) features', async () => {
    const graphs = [{ name: 'cora_ml', graph: await npz(graphFile('cora_ml')) }]
    const shifts = ['leave-out-classes', 'normal'] as const
    const { rows } = await graphStudy({ graphs, shifts: [...shifts], splits: 5, seeds: [0], samples: 0 })
    const lines = summaryOf(rows)
    const auroc = (shift: string, score: string) =>
      100 * lines.find((line) => line.shift === shift && line.score === score)!.metrics.auroc.mean
    // Bands of the specification, from an independent implementation: mean of 25 runs, give or take two standard deviations.
    const classes = { gebm: auroc('leave-out-classes', 'gebm'), energy: auroc('leave-out-classes', 'logit-energy') }
    expect(classes.gebm).toBeGreaterThan(91)
    expect(classes.gebm).toBeLessThan(94.5)
    expect(classes.energy).toBeGreaterThan(87)
    expect(classes.energy).toBeLessThan(92.5)
    expect(classes.gebm - classes.energy).toBeGreaterThan(1)
    expect(auroc('normal', 'gebm')).toBeGreaterThan(70)
    expect(auroc('normal', 'gebm-unregularised')).toBeLessThan(10)
    expect(auroc('normal', 'logit-energy')).toBeLessThan(40)
  }, 300_000)

  it('far from the data of a trained network the energy rises with the Gaussian term, and falls without', async () => {
    const task = await taskOf(await coraMl(), 'features', ['normal'], 0, 3)
    await using network = await NodeClassifier.create(networks.gcn(), {
      features: task.trainGraph.featureCount,
      classes: task.trainGraph.classes!,
    })
    const { train, validation } = task
    await network.train(task.trainGraph, { train, validation, learningRate: 0.01, epochs: 60 }).done
    const outputs = { withEdges: await network.infer(task.trainGraph) }
    const { 'conv2.lin.weight': weight, 'conv2.bias': bias } = await network.parameters()
    const [w, b] = [weight!.toArray() as number[][], bias!.toArray() as number[]]
    const next = uniforms(1)
    // Embeddings of a ReLU layer are not negative, so rays are not either.
    const rays = Array.from({ length: 100 }, () => {
      const u = Array.from({ length: w[0]!.length }, next)
      const size = Math.hypot(...u)
      return u.map((x) => x / size)
    })
    const fit = { outputs, graph: task.trainGraph, train }
    using fitted = await gebm().fit(fit)
    using unregularised = await gebm({ gamma: 0 }).fit(fit)
    const alone = { edges: tensor(new BigInt64Array(0), [2, 0]) }
    const at = async (score: typeof fitted, t: number) => {
      const embeddings = rays.map((u) => u.map((x) => t * x))
      const logits = embeddings.map((h) => w.map((row, c) => row.reduce((sum, x, j) => sum + x * h[j]!, b[c]!)))
      return array((await score.score({ outputs: { withoutEdges: { embeddings, logits } }, graph: alone })).independent)
    }
    const [near, far] = [await at(fitted, 1e3), await at(fitted, 1e4)]
    // E / t^2 has a limit that is positive: terms linear in t are a thousandth of it and less.
    for (const [k, e] of far.entries()) {
      expect(e).toBeGreaterThan(0)
      expect(Math.abs(e / 1e8 / (near[k]! / 1e6) - 1)).toBeLessThan(0.01)
    }
    const [low, lower] = [await at(unregularised, 1e3), await at(unregularised, 1e4)]
    expect(lower.filter((e, k) => e < 0 && e < 9 * low[k]!).length).toBeGreaterThan(0)
  }, 120_000)
})
