/** GEBM against arithmetic written out, its limits, and what it refuses. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import * as scores from '../../src/graphs/scores/factories.js'
import type { GebmOptions } from '../../src/graphs/scores/gebm.js'
import { type FittedNodeScore, fitNodeScore, loadNodeScore } from '../../src/graphs/scores/node-score.js'
import { safetensors } from '../../src/io/index.js'
import { parseSpec } from '../../src/spec/index.js'
import { type Tensor, tensor } from '../../src/tensor/index.js'
import { reference } from '../helpers/python.js'
import { array, type Case, diffuse, enumerated, largestDifference, neighbours, SIX, type Switches } from './support.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-gebm-'))
afterAll(() => rmSync(folder, { recursive: true }))

const outputs = (c: Case) => ({ withEdges: c.fit, withoutEdges: c.score })
const edgesOf = (c: Case) => ({ edges: c.edges })

async function fitted(c: Case, options: GebmOptions = {}): Promise<FittedNodeScore<'gebm'>> {
  return scores.gebm(options).fit({ outputs: outputs(c), graph: edgesOf(c), labels: c.labels, train: c.train })
}
async function energies(c: Case, options: GebmOptions = {}) {
  using score = await fitted(c, options)
  const { energy, independent, local, group } = await score.score({ outputs: outputs(c), graph: edgesOf(c) })
  return { energy: array(energy), independent: array(independent), local: array(local), group: array(group) }
}
const rejection = async (work: () => Promise<unknown>): Promise<{ code: string; message: string }> => {
  try {
    await work()
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error('it did not reject')
}

/** Uniform numbers in (-1, 1) that do not depend on the core. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return (2 * (state + 0.5)) / 2147483648 - 1
  }
}
function drawn(n: number, d: number, next: () => number): number[][] {
  return Array.from({ length: n }, () => Array.from({ length: d }, next))
}
/** A ring with two chords for each node, three classes. */
function larger(n: number, seed: number): Case {
  const next = numbers(seed)
  const pairs = Array.from({ length: n }, (_, v) => [
    [v, (v + 1) % n],
    [v, (v * 7 + 3) % n],
  ]).flat()
  const both = [...pairs, ...pairs.map(([u, v]) => [v!, u!])].filter(([u, v]) => u !== v)
  const labels = Array.from({ length: n }, (_, v) => v % 3)
  const part = () => ({ logits: drawn(n, 3, next), embeddings: drawn(n, 4, next) })
  return {
    fit: part(),
    score: part(),
    edges: [both.map(([u]) => u!), both.map(([, v]) => v!)],
    labels,
    train: Array.from({ length: Math.floor(n / 2) }, (_, k) => k),
  }
}

// Sums of a few dozen terms of size 1: rounding is 1e-14.
const EXACT = 1e-10

describe('the six-node graph', () => {
  const settings: { options: GebmOptions; switches: Switches }[] = [
    { options: {}, switches: {} },
    { options: { aggregate: 'logsumexp' }, switches: { aggregate: 'logsumexp' } },
    { options: { gamma: 2.5, alpha: 0.2, steps: 3 }, switches: { gamma: 2.5, alpha: 0.2, steps: 3 } },
    { options: { temperature: 2 }, switches: { temperature: 2 } },
    { options: { steps: 0 }, switches: { steps: 0 } },
  ]
  it.each(settings)('agrees with arithmetic written out: %j', async ({ options, switches }) => {
    const [ours, theirs] = [await energies(SIX, options), enumerated(SIX, switches)]
    for (const name of ['independent', 'local', 'group', 'energy'] as const)
      expect(largestDifference(ours[name], theirs[name]), name).toBeLessThan(EXACT)
  })

  it('is told from every mistake that is easy to make', async () => {
    const ours = await energies(SIX)
    // Not the divisor of the covariance: R_c does not change when D_c is multiplied.
    const mistakes: Switches[] = [
      { notSquared: true },
      { globalScale: true },
      { trainingScale: true },
      { noSelfLoops: true },
      { noCut: true },
      { gamma: 0 },
      { alpha: 0.4 },
      { steps: 9 },
    ]
    for (const mistake of mistakes)
      expect(largestDifference(ours.energy, enumerated(SIX, mistake).energy), JSON.stringify(mistake)).toBeGreaterThan(
        1e-4,
      )
    const swapped = enumerated({ ...SIX, score: SIX.fit, fit: SIX.score })
    const scoredWithEdges = enumerated({ ...SIX, score: SIX.fit })
    for (const wrong of [swapped, scoredWithEdges])
      expect(largestDifference(ours.energy, wrong.energy)).toBeGreaterThan(0.1)
  })

  it('takes a ReLU layer whose units are 0 on all nodes of a class', async () => {
    const zeros = (m: readonly (readonly number[])[]) => m.map((row, v) => [v < 3 ? row[0]! : 0, v < 3 ? 0 : row[1]!])
    const c: Case = { ...SIX, fit: { ...SIX.fit, embeddings: zeros(SIX.fit.embeddings) } }
    // 1e-8 + 1e-7 + 1e-6: the first sum that exceeds 1e-6.
    expect(enumerated(c).gaussians[0]!.variances[1]).toBeCloseTo(1.11e-6, 12)
    const [ours, theirs] = [await energies(c), enumerated(c)]
    for (const [k, value] of ours.energy.entries()) expect(Math.abs(value / theirs.energy[k]! - 1)).toBeLessThan(EXACT)
  })
})

describe('plain PyTorch', () => {
  it('agrees on every form of covariance', () => {
    const c = larger(60, 5)
    const forms = ['diagonal', 'full', 'isotropic', 'identity'] as const
    const cases = forms.flatMap((covariance) => [false, true].map((tied) => ({ covariance, tied })))
    const answers = reference<Record<string, number[]>[]>(
      'gebm.py',
      cases.map((options) => ({ ...c, fit: c.fit, score: c.score, options })),
    )
    return Promise.all(
      cases.map(async (options, k) => {
        const ours = await energies(c, options)
        // Both in float64; full covariances of 20 rows have a condition number of about 100.
        for (const name of ['independent', 'local', 'group', 'energy'] as const)
          expect(largestDifference(ours[name], answers[k]![name]!), `${JSON.stringify(options)} ${name}`).toBeLessThan(
            1e-9,
          )
      }),
    )
  })
})

describe('the diffusion', () => {
  it('leaves a constant signal and preserves nothing else', async () => {
    const n = 40
    const c = larger(n, 9)
    const flat = {
      logits: c.score.logits.map(() => [1, -2, 0.5]),
      embeddings: c.score.embeddings.map(() => [0, 1, 0, 1]),
    }
    const { independent, local, group } = await energies({ ...c, score: flat }, { steps: 50 })
    // 50 averages of equal numbers.
    expect(largestDifference(independent, group)).toBeLessThan(1e-12)
    expect(largestDifference(independent, local)).toBeLessThan(1e-12)
    const moved = await energies(c, { steps: 50 })
    expect(largestDifference(moved.independent, moved.group)).toBeGreaterThan(0.1)
  })

  it('converges to the mean weighted by degrees, component by component', async () => {
    // A path of three, a pair, and a node by itself. With self loops the weights are degree + 1.
    const edges: Case['edges'] = [
      [0, 1, 1, 2, 3, 4],
      [1, 0, 2, 1, 4, 3],
    ]
    const c = { ...SIX, edges }
    const { independent: e, group } = await energies(c, { steps: 400 })
    const path = (2 * e[0]! + 3 * e[1]! + 2 * e[2]!) / 7
    const pair = (e[3]! + e[4]!) / 2
    // Half of a step is kept: the second eigenvalue is at most 0.84, and 0.84^400 = 1e-30.
    expect(largestDifference(group, [path, path, path, pair, pair, e[5]!])).toBeLessThan(1e-12)
    const unweighted = (e[0]! + e[1]! + e[2]!) / 3
    expect(Math.abs(unweighted - path)).toBeGreaterThan(1e-3)
  })

  it('goes the way of the edges', async () => {
    const c = { ...SIX, edges: [[0], [1]] as Case['edges'] }
    const { independent: e, group } = await energies(c, { steps: 1, alpha: 0 })
    expect(largestDifference(group, [e[0]!, (e[0]! + e[1]!) / 2, e[2]!, e[3]!, e[4]!, e[5]!])).toBeLessThan(EXACT)
  })

  it('gives the same bits with any number of threads, and for edges in any order or repeated', async () => {
    const c = larger(700, 3)
    using score = await fitted(c)
    const of = async (threads: number, edges: Case['edges']) =>
      array((await score.score({ outputs: outputs(c), graph: { edges }, threads })).energy)
    const one = await of(1, c.edges)
    const turned = c.edges.map((ends) => [...ends].reverse()) as unknown as Case['edges']
    const twice = c.edges.map((ends) => [...ends, ...ends, 5]) as unknown as Case['edges']
    expect(await of(4, c.edges)).toEqual(one)
    expect(await of(2, turned)).toEqual(one)
    expect(await of(3, twice)).toEqual(one)
  })

  it('takes a node of 100,000 neighbours', async () => {
    const n = 100_001
    const leaves = new BigInt64Array(n - 1).map((_, k) => BigInt(k + 1))
    const hub = new BigInt64Array(n - 1)
    const both = new BigInt64Array([...hub, ...leaves, ...leaves, ...hub])
    using edges = tensor(both, [2, 2 * (n - 1)])
    const values = Float64Array.from({ length: 2 * n }, (_, k) => (k % 2 === 0 ? 1 + (k % 7) : (k % 5) - 2))
    using logits = tensor(values, [n, 2])
    const all = { withEdges: { logits, embeddings: logits }, withoutEdges: { logits, embeddings: logits } }
    using score = await scores
      .gebm({ steps: 1, alpha: 0 })
      .fit({ outputs: all, labels: Array.from({ length: n }, (_, k) => k % 2), train: [1, 2, 3, 4, 5, 6, 7, 8] })
    const { independent, group } = await score.score({ outputs: all, graph: { edges } })
    const e = array(independent)
    const mean = e.reduce((a, b) => a + b, 0) / n
    expect(Math.abs(array(group)[0]! - mean)).toBeLessThan(1e-9 * Math.abs(mean))
  })
})

describe('far from the training nodes', () => {
  const c = larger(90, 21)
  const [head, bias] = [drawn(3, 4, numbers(77)), [0.3, -0.2, 0.1]]
  const logitsOf = (h: readonly number[]) => head.map((w, k) => w.reduce((sum, x, j) => sum + x * h[j]!, bias[k]!))
  const ofHead: Case = { ...c, fit: { ...c.fit, logits: c.fit.embeddings.map(logitsOf) } }
  const T = 1e4
  const rays = drawn(100, 4, numbers(4)).map((u) => {
    const size = Math.hypot(...u)
    return u.map((x) => x / size)
  })
  const far: Case = {
    ...ofHead,
    score: { embeddings: rays.map((u) => u.map((x) => T * x)), logits: rays.map((u) => logitsOf(u.map((x) => T * x))) },
    edges: [[], []],
  }

  it('the energy grows as the square of the distance, at the rate of the nearest class', async () => {
    using score = await fitted(ofHead)
    const { independent } = await score.score({
      outputs: { withoutEdges: far.score },
      graph: { edges: tensor(new BigInt64Array(0), [2, 0]) },
    })
    const { gaussians, distanceScale, logitScale } = enumerated(ofHead)
    const rates = rays.map((u) =>
      Math.min(
        ...gaussians.map(({ variances }, k) => {
          const [low, high] = distanceScale[k]!
          const [lowest, highest] = logitScale[k]!
          return ((highest - lowest) / (high - low)) * u.reduce((sum, x, j) => sum + x ** 2 / variances[j]!, 0)
        }),
      ),
    )
    for (const [k, e] of array(independent).entries()) {
      expect(rates[k]).toBeGreaterThan(0)
      // 1 %: terms linear in t are 1e-4 of those in t^2, times a factor below 100 here.
      expect(Math.abs(e / T ** 2 / rates[k]! - 1)).toBeLessThan(0.01)
    }
  })

  it('without the Gaussian term it falls without end on some ray', async () => {
    using score = await fitted(ofHead, { gamma: 0 })
    const at = async (t: number) => {
      const rows = rays.map((u) => u.map((x) => t * x))
      const outputs = { withoutEdges: { embeddings: rows, logits: rows.map(logitsOf) } }
      const graph = { edges: tensor(new BigInt64Array(0), [2, 0]) }
      return array((await score.score({ outputs, graph })).independent)
    }
    const [near, middle, farther] = [await at(1e2), await at(1e3), await at(1e4)]
    const falling = rays.filter((_, k) => farther[k]! < 5 * middle[k]! && middle[k]! < 5 * near[k]! && near[k]! < 0)
    expect(falling.length).toBeGreaterThan(50)
  })
})

describe('identities', () => {
  it('gamma 0 and no step: three times the energy of the logits without edges', async () => {
    const { energy } = await energies(SIX, { gamma: 0, steps: 0 })
    using plain = await scores.logitEnergy({ edges: false }).fit({ outputs: outputs(SIX) })
    const logits = array((await plain.score({ outputs: outputs(SIX) })).uncertainty)
    expect(
      largestDifference(
        energy,
        logits.map((e) => 3 * e),
      ),
    ).toBeLessThan(EXACT)
    using other = await scores.logitEnergy().fit({ outputs: outputs(SIX) })
    const withEdges = array((await other.score({ outputs: outputs(SIX) })).uncertainty)
    expect(
      largestDifference(
        energy,
        withEdges.map((e) => 3 * e),
      ),
    ).toBeGreaterThan(0.1)
  })

  it('`energy` is the uncertainty', async () => {
    using score = await fitted(SIX)
    const { energy, uncertainty } = await score.score({ outputs: outputs(SIX), graph: edgesOf(SIX) })
    expect(array(energy)).toEqual(array(uncertainty))
    expect([energy.dtype, energy.shape]).toEqual(['float64', [6]])
  })
})

describe('the evidential reading', () => {
  it('is the Dirichlet with parameters alpha0 + exp(diffused evidence)', async () => {
    using score = await fitted(SIX)
    const result = await score.predict({ outputs: outputs(SIX), graph: edgesOf(SIX), alpha0: 0.7 })
    const { diffused } = enumerated(SIX)
    const alpha = diffused.map((row) => row.map((e) => 0.7 + Math.exp(e)))
    const total = alpha.map((row) => row.reduce((a, b) => a + b))
    const mean = alpha.flatMap((row, v) => row.map((a) => a / total[v]!))
    expect(largestDifference(array(result.probabilities), mean)).toBeLessThan(EXACT)
    expect(largestDifference(array(result.logAlpha), alpha.flat().map(Math.log))).toBeLessThan(EXACT)
    expect(
      largestDifference(
        array(result.vacuity),
        total.map((s) => 1.4 / s),
      ),
    ).toBeLessThan(EXACT)
    const evidence = diffused.map((row) => Math.log(row.reduce((sum, e) => sum + Math.exp(e), 0)))
    expect(largestDifference(array(result.logEvidence), evidence)).toBeLessThan(EXACT)
  })

  it('is the prior where there is no evidence, and the softmax of the evidence where there is much, without overflow', async () => {
    using score = await fitted(SIX, { gamma: 0, steps: 0 })
    const logits = [
      [-900, -905],
      [2000, 1999],
      [2000, 1000],
    ]
    const outputs = { withoutEdges: { logits, embeddings: logits.map(() => [0, 0]) } }
    const { probabilities, vacuity } = await score.predict({
      outputs,
      graph: { edges: tensor(new BigInt64Array(0), [2, 0]) },
    })
    const p = array(probabilities)
    const [, , a, b, c, d] = p
    expect(p.slice(0, 2)).toEqual([0.5, 0.5])
    expect(largestDifference([a!, b!], [1 / (1 + Math.exp(-1)), 1 / (1 + Math.exp(1))])).toBeLessThan(1e-12)
    expect([c, d]).toEqual([1, 0])
    expect(array(vacuity)).toEqual([1, 0, 0])
  })
})

describe('what is refused', () => {
  it('a class without a training node, by its number', async () => {
    const { code, message } = await rejection(() => fitted({ ...SIX, train: [0, 1, 2] }))
    expect([code, message]).toEqual([
      'ERR_LANGEVIN_INVALID_OPTION',
      expect.stringContaining('class 1 has no training node'),
    ])
  })
  it('an unlabelled training node', async () => {
    const { code, message } = await rejection(() => fitted({ ...SIX, labels: [0, 0, 0, 1, 1, -1] }))
    expect([code, message]).toEqual(['ERR_LANGEVIN_INVALID_OPTION', expect.stringContaining('node 5 has no label')])
  })
  it('embeddings without variance, unless the Gaussian term is left out', async () => {
    const c = { ...SIX, fit: { ...SIX.fit, embeddings: SIX.fit.embeddings.map(() => [0.5, 2]) } }
    const { code, message } = await rejection(() => fitted(c))
    expect([code, message]).toEqual(['ERR_LANGEVIN_INVALID_OPTION', expect.stringMatching(/equally far.*gamma: 0/s)])
    const { independent } = await energies(c, { gamma: 0 })
    expect(independent.every(Number.isFinite)).toBe(true)
  })
  it('outputs that do not say how they were computed, and those of the other kind', async () => {
    const bare = SIX.fit as never
    const first = await rejection(() => scores.gebm().fit({ outputs: bare, labels: SIX.labels, train: SIX.train }))
    expect([first.code, first.message]).toEqual([
      'ERR_LANGEVIN_INVALID_OPTION',
      expect.stringContaining('withoutEdges'),
    ])
    using score = await fitted(SIX)
    const second = await rejection(() => score.score({ outputs: { withEdges: SIX.fit }, graph: edgesOf(SIX) }))
    expect([second.code, second.message]).toEqual([
      'ERR_LANGEVIN_INVALID_OPTION',
      expect.stringContaining('edges: false'),
    ])
  })
  it('other shapes, edges to nodes there are not, a number that is not finite', async () => {
    using score = await fitted(SIX)
    const graph = edgesOf(SIX)
    const withoutEdges = (part: object) => ({ withoutEdges: { ...SIX.score, ...part } })
    const codes = async (work: () => Promise<unknown>) => (await rejection(work)).code
    const narrow = SIX.score.embeddings.map(([a]) => [a!])
    expect(await codes(() => score.score({ outputs: withoutEdges({ embeddings: narrow }), graph }))).toBe(
      'ERR_LANGEVIN_SHAPE',
    )
    const one = SIX.score.logits.map(([a]) => [a!])
    expect(await codes(() => score.score({ outputs: withoutEdges({ logits: one }), graph }))).toBe('ERR_LANGEVIN_SHAPE')
    const few = SIX.score.embeddings.slice(1)
    expect(await codes(() => score.score({ outputs: withoutEdges({ embeddings: few }), graph }))).toBe(
      'ERR_LANGEVIN_SHAPE',
    )
    const wild = SIX.score.logits.map((row, v) => (v === 3 ? [Number.NaN, 0] : row))
    expect(await codes(() => score.score({ outputs: withoutEdges({ logits: wild }), graph }))).toBe(
      'ERR_LANGEVIN_NON_FINITE',
    )
    const beyond = { edges: [[0], [6]] }
    expect(await codes(() => score.score({ outputs: outputs(SIX), graph: beyond }))).toBe('ERR_LANGEVIN_INVALID_OPTION')
    const other = { nodes: 7, edges: SIX.edges }
    expect(await codes(() => score.score({ outputs: outputs(SIX), graph: other as never }))).toBe('ERR_LANGEVIN_SHAPE')
    expect(await codes(() => score.score({ outputs: outputs(SIX) }))).toBe('ERR_LANGEVIN_INVALID_OPTION')
  })
  it('options it does not know, with the nearest it knows', () => {
    expect(() => scores.gebm({ covarience: 'full' } as never)).toThrow(
      /graph\.gebm: covarience: is not an option.*covariance/,
    )
    expect(() => scores.gebm({ alpha: 1.5 })).toThrow(/alpha/)
  })
  it('two nodes are too few for a scale, one class is not too few', async () => {
    const two: Case = {
      fit: { logits: [[1], [2]], embeddings: [[0], [1]] },
      score: { logits: [[1], [2]], embeddings: [[0], [1]] },
      edges: [[0], [1]],
      labels: [0, 0],
      train: [0, 1],
    }
    expect((await rejection(() => fitted(two))).code).toBe('ERR_LANGEVIN_INVALID_OPTION')
    const single: Case = {
      ...SIX,
      fit: { logits: SIX.fit.logits.map(([a]) => [a!]), embeddings: SIX.fit.embeddings },
      score: { logits: SIX.score.logits.map(([a]) => [a!]), embeddings: SIX.score.embeddings },
      labels: [0, 0, 0, 0, 0, 0],
    }
    const [ours, theirs] = [await energies(single), enumerated(single)]
    expect(largestDifference(ours.energy, theirs.energy)).toBeLessThan(EXACT)
  })
  it('a graph without edges is scored: the three energies are one', async () => {
    const { independent, local, group } = await energies({ ...SIX, edges: [[], []] })
    expect(largestDifference(independent, local)).toBeLessThan(EXACT)
    expect(largestDifference(independent, group)).toBeLessThan(EXACT)
  })
})

describe('values and files', () => {
  it('is a frozen value that stringifies as its spec', () => {
    const score = scores.gebm({ gamma: 2 })
    expect(Object.isFrozen(score)).toBe(true)
    const json = JSON.parse(JSON.stringify(score))
    expect(json).toEqual({
      kind: 'gebm',
      covariance: 'diagonal',
      tied: false,
      gamma: 2,
      alpha: 0.5,
      steps: 10,
      aggregate: 'sum',
      temperature: 1,
    })
    expect(parseSpec('nodeScore', json)).toEqual(json)
  })

  it('is fitted from its JSON too', async () => {
    const spec = JSON.parse(JSON.stringify(scores.gebm({ steps: 2 })))
    using score = await fitNodeScore(spec, { outputs: outputs(SIX), labels: SIX.labels, train: SIX.train })
    const { uncertainty } = await score.score({ outputs: outputs(SIX), graph: edgesOf(SIX) })
    expect(array(uncertainty)).toEqual((await energies(SIX, { steps: 2 })).energy)
  })

  it.each(['diagonal', 'full'] as const)('is read from a file with the same bits (%s)', async (covariance) => {
    const path = join(folder, `${covariance}.safetensors`)
    using score = await fitted(SIX, { covariance, gamma: 0.5 })
    await score.save(path)
    using again = await loadNodeScore(path)
    const bits = async (s: FittedNodeScore) =>
      array((await s.score({ outputs: outputs(SIX), graph: edgesOf(SIX) })).uncertainty)
    expect([again.kind, again.spec]).toEqual([score.kind, score.spec])
    expect(await bits(again)).toEqual(await bits(score))
  })

  it('refuses files that hold something else', async () => {
    const path = join(folder, 'other.safetensors')
    await safetensors.write(path, { means: tensor([[1, 2]]) })
    expect((await rejection(() => loadNodeScore(path))).code).toBe('ERR_LANGEVIN_FORMAT')
    using score = await fitted(SIX)
    const good = join(folder, 'good.safetensors')
    await score.save(good)
    const { tensors, metadata } = await safetensors.read(good)
    const { logitLow: _, ...rest } = tensors as Record<string, Tensor>
    await safetensors.write(path, rest, metadata)
    expect((await rejection(() => loadNodeScore(path))).code).toBe('ERR_LANGEVIN_FORMAT')
  })

  it('cannot be used after dispose', async () => {
    const score = await fitted(SIX)
    score.dispose()
    score.dispose()
    const { code } = await rejection(() => score.score({ outputs: outputs(SIX), graph: edgesOf(SIX) }))
    expect(code).toBe('ERR_LANGEVIN_DISPOSED')
  })
})

describe('the written arithmetic itself', () => {
  it('diffuses as a matrix does', () => {
    const p = neighbours(
      3,
      [
        [0, 1],
        [1, 0],
      ],
      true,
    )
    expect(p).toEqual([[0, 1], [1, 0], [2]])
    expect(diffuse([[2], [4], [7]], p, 0.5, 1)).toEqual([[2.5], [3.5], [7]])
  })
})
