/** Scores of nodes beside GEBM, against formulas written out. */
import { describe, expect, it } from 'vitest'
import * as scores from '../../src/graphs/scores/factories.js'
import type { NodeScore } from '../../src/graphs/scores/node-score.js'
import type { GraphOutputs } from '../../src/graphs/scores/outputs.js'
import { tensor } from '../../src/tensor/index.js'
import { reference } from '../helpers/python.js'
import { array, diffuse, largestDifference, neighbours, SIX } from './support.js'

const softmax = (row: readonly number[]) => {
  const most = Math.max(...row)
  const powers = row.map((x) => Math.exp(x - most))
  const sum = powers.reduce((a, b) => a + b)
  return powers.map((x) => x / sum)
}
const entropy = (p: readonly number[]) => p.reduce((sum, x) => sum - (x > 0 ? x * Math.log(x) : 0), 0)
const energy = (row: readonly number[], t = 1) => -t * Math.log(row.reduce((sum, x) => sum + Math.exp(x / t), 0))

const outputs: GraphOutputs = { withEdges: SIX.fit, withoutEdges: SIX.score }
const graph = { edges: SIX.edges }
async function uncertainty(score: NodeScore, given: GraphOutputs = outputs): Promise<number[]> {
  using fitted = await score.fit({ outputs: given, graph, labels: SIX.labels, train: SIX.train })
  return array((await fitted.score({ outputs: given, graph })).uncertainty)
}
// Sums of a few terms of size 1.
const EXACT = 1e-12

describe('scores of logits', () => {
  it('logitEnergy, with edges and without, at any temperature', async () => {
    const of = (rows: readonly (readonly number[])[], t?: number) => rows.map((row) => energy(row, t))
    expect(largestDifference(await uncertainty(scores.logitEnergy()), of(SIX.fit.logits))).toBeLessThan(EXACT)
    expect(
      largestDifference(await uncertainty(scores.logitEnergy({ edges: false })), of(SIX.score.logits)),
    ).toBeLessThan(EXACT)
    const warm = await uncertainty(scores.logitEnergy({ temperature: 3 }))
    expect(largestDifference(warm, of(SIX.fit.logits, 3))).toBeLessThan(EXACT)
    expect(largestDifference(warm, of(SIX.fit.logits))).toBeGreaterThan(0.1)
  })

  it('gnnSafe diffuses the energy without self loops', async () => {
    const signal = SIX.fit.logits.map((row) => [energy(row)])
    const around = (selfLoops: boolean) => diffuse(signal, neighbours(6, SIX.edges, selfLoops), 0.5, 2).map(([e]) => e!)
    const ours = await uncertainty(scores.gnnSafe())
    expect(largestDifference(ours, around(false))).toBeLessThan(EXACT)
    expect(largestDifference(ours, around(true))).toBeGreaterThan(1e-3)
    const [theirs] = reference<{ gnnSafe: number[] }[]>('gebm.py', [SIX])
    expect(largestDifference(ours, theirs!.gnnSafe)).toBeLessThan(EXACT)
  })

  it('entropy and maxSoftmax', async () => {
    const p = SIX.fit.logits.map(softmax)
    expect(largestDifference(await uncertainty(scores.entropy()), p.map(entropy))).toBeLessThan(EXACT)
    expect(
      largestDifference(
        await uncertainty(scores.maxSoftmax()),
        p.map((row) => 1 - Math.max(...row)),
      ),
    ).toBeLessThan(EXACT)
  })

  it('maxSoftmax keeps the order of very confident nodes, where 1 - max is 0', async () => {
    const withEdges = {
      logits: [
        [60, 0],
        [50, 0],
        [40, 0],
      ],
    }
    using fitted = await scores.maxSoftmax().fit({ outputs: { withEdges } })
    const [first, second, third] = array((await fitted.score({ outputs: { withEdges } })).uncertainty)
    expect(first).toBeGreaterThan(0)
    expect(second).toBeGreaterThan(first!)
    expect(third).toBeGreaterThan(second!)
  })
})

describe('mahalanobis', () => {
  it('is the distance to the nearest class mean within the pooled covariance', async () => {
    const h = SIX.fit.embeddings
    const means = [0, 1].map((c) => {
      const rows = SIX.train.filter((v) => SIX.labels[v] === c).map((v) => h[v]!)
      return [0, 1].map((j) => rows.reduce((sum, row) => sum + row[j]!, 0) / rows.length)
    })
    const centred = SIX.train.map((v) => h[v]!.map((x, j) => x - means[SIX.labels[v]!]![j]!))
    const at = (i: number, j: number) => centred.reduce((sum, row) => sum + row[i]! * row[j]!, 0) / centred.length
    // Two training nodes a class: singular along one direction, so the diagonal form is compared.
    const ours = await uncertainty(scores.mahalanobis({ covariance: 'diagonal' }))
    const theirs = h.map((row) =>
      Math.min(...means.map((m) => row.reduce((sum, x, j) => sum + (x - m[j]!) ** 2 / at(j, j), 0))),
    )
    expect(largestDifference(ours, theirs)).toBeLessThan(1e-10)
  })

  it('full: the determinant of two by two', async () => {
    const withEdges = {
      embeddings: [
        [0, 0],
        [2, 1],
        [1, 3],
        [10, 9],
        [13, 9],
        [10, 12],
      ],
      logits: SIX.fit.logits,
    }
    const train = [0, 1, 2, 3, 4, 5]
    using fitted = await scores.mahalanobis().fit({ outputs: { withEdges }, labels: SIX.labels, train })
    const x = [4, 4]
    const ours = array(
      (await fitted.score({ outputs: { withEdges: { embeddings: [x], logits: [[0, 0]] } } })).uncertainty,
    )[0]!
    const means = [
      [1, 4 / 3],
      [11, 10],
    ]
    const centred = withEdges.embeddings.map((row, v) => row.map((value, j) => value - means[SIX.labels[v]!]![j]!))
    const s = (i: number, j: number) => centred.reduce((sum, row) => sum + row[i]! * row[j]!, 0) / 6
    const [a, b, d] = [s(0, 0), s(0, 1), s(1, 1)]
    const theirs = means.map(([m, n]) => {
      const [p, q] = [x[0]! - m!, x[1]! - n!]
      return (d * p * p - 2 * b * p * q + a * q * q) / (a * d - b * b)
    })
    expect(Math.abs(ours - Math.min(...theirs))).toBeLessThan(1e-10)
  })
})

describe('scores of several answers', () => {
  const samples = [SIX.fit, SIX.score, { ...SIX.fit, logits: SIX.fit.logits.map((row) => [...row].reverse()) }]
  const p = samples.map(({ logits }) => logits.map(softmax))
  const mean = p[0]!.map((row, v) => row.map((_, c) => p.reduce((sum, each) => sum + each[v]![c]!, 0) / 3))
  const predictive = mean.map(entropy)
  const expected = mean.map((_, v) => p.reduce((sum, each) => sum + entropy(each[v]!), 0) / 3)
  const kinds = { mcDropout: scores.mcDropout, dropEdge: scores.dropEdge, ensemble: scores.ensemble }

  it.each(Object.entries(kinds))('%s: entropies and their difference', async (_, make) => {
    const of = (measure?: 'mutualInformation' | 'predictiveEntropy' | 'expectedEntropy') =>
      uncertainty(make(measure === undefined ? {} : { measure }), { samples })
    const information = predictive.map((h, v) => h - expected[v]!)
    expect(largestDifference(await of(), information)).toBeLessThan(EXACT)
    expect(largestDifference(await of('predictiveEntropy'), predictive)).toBeLessThan(EXACT)
    expect(largestDifference(await of('expectedEntropy'), expected)).toBeLessThan(EXACT)
    expect(largestDifference(information, predictive)).toBeGreaterThan(0.1)
  })

  it('takes samples as one tensor, and predicts their mean', async () => {
    using logits = tensor(
      samples.map((each) => each.logits.map((row) => [...row])),
      undefined,
      'float64',
    )
    const ours = await uncertainty(scores.mcDropout(), { samples: { logits } })
    expect(ours).toEqual(await uncertainty(scores.mcDropout(), { samples }))
    using fitted = await scores.ensemble().fit({ outputs: { samples } })
    const { probabilities } = await fitted.predict({ outputs: { samples } })
    expect(largestDifference(array(probabilities), mean.flat())).toBeLessThan(EXACT)
  })

  it('refuses one answer, answers of other shapes, and a prediction of scores that have none', async () => {
    const code = async (work: Promise<unknown>) => {
      try {
        await work
      } catch (error) {
        return (error as { code: string }).code
      }
      return 'none'
    }
    expect(await code(uncertainty(scores.ensemble(), { samples: samples.slice(0, 1) }))).toBe(
      'ERR_LANGEVIN_INVALID_OPTION',
    )
    const odd = [SIX.fit, { logits: SIX.fit.logits.slice(1) }]
    expect(await code(uncertainty(scores.ensemble(), { samples: odd }))).toBe('ERR_LANGEVIN_SHAPE')
    using fitted = await scores.entropy().fit({ outputs })
    expect(await code(fitted.predict({ outputs }))).toBe('ERR_LANGEVIN_UNSUPPORTED')
  })
})
