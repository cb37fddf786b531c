/** The graph study: its protocol, rows, resumption, ranks and page. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Graph } from '../../src/graph/index.js'
import {
  type GraphRow,
  type GraphStudyResult,
  graphPage,
  graphStudy,
  RUNS_FILE,
  ranksOf,
  SCORES,
  SHIFTS,
  summaryOf,
  textTable,
} from '../../src/studies/graph/index.js'
import { chosenNodes, layoutOf } from '../../src/studies/graph/layout.js'
import { leftOutOf, POST_HOC } from '../../src/studies/graph/names.js'
import { shareBelow } from '../../src/studies/graph/picture.js'
import { taskOf } from '../../src/studies/graph/protocol.js'
import { headline } from '../../src/studies/graph/summary.js'
import type { Tensor } from '../../src/tensor/index.js'
import { rejection } from '../helpers/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-graph-study-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Three communities of 120 nodes whose features tell them apart now and then. */
function communities(): Graph {
  const size = 120
  const nodes = Array.from({ length: 3 * size }, (_, v) => v)
  const of = (v: number) => Math.floor(v / size)
  const near = (v: number, step: number) => size * of(v) + ((v + step) % size)
  const bridges = nodes.filter((v) => v % 11 === 0)
  return Graph.fromArrays({
    edges: [
      [...nodes, ...nodes, ...bridges],
      [
        ...nodes.map((v) => near(v, 1)),
        ...nodes.map((v) => near(v, 17)),
        ...bridges.map((v) => (v * 7 + 131) % (3 * size)),
      ],
    ],
    features: nodes.map((v) =>
      Array.from({ length: 24 }, (_, j) => Number((j % 3 === of(v) && (v * 5 + j) % 3 === 0) || (v * j) % 13 === 1)),
    ),
    labels: nodes.map(of),
  })
}
const graphs = [{ name: 'communities', graph: communities() }]
const SMALL = { graphs, splits: 2, seeds: [0, 1], epochs: 300, samples: 3 }
const numbers = (t: Tensor) => (t.toArray() as (number | boolean)[]).map(Number)

describe('the protocol', () => {
  it('trains on in-distribution nodes alone, tests on the same nodes in every split', async () => {
    const graph = communities().withPreparedFeatures()
    const tests: number[][] = []
    for (const split of [0, 1]) {
      const task = await taskOf(graph, 'features', ['normal', 'bernoulli-0'], split, 1)
      expect(task.shifts.map(({ name }) => name)).toEqual(['normal', 'bernoulli-0'])
      const [out, kept, test] = [task.shifts[0]!.outOfDistribution, task.shifts[0]!.nodes, task.test].map(numbers)
      const [train, validation] = [numbers(task.train), numbers(task.validation)].map((rows) =>
        rows.map((i) => kept![i]!),
      )
      tests.push(test!)
      const labels = graph.labels!.toArray() as number[]
      for (const c of [0, 1, 2]) {
        expect(train!.filter((v) => labels[v] === c)).toHaveLength(20)
        expect(test!.filter((v) => labels[v] === c)).toHaveLength(24)
      }
      for (const v of [...train!, ...validation!]) expect([out![v], test!.includes(v)]).toEqual([0, false])
      expect(new Set([...train!, ...validation!]).size).toBe(train!.length + validation!.length)
      expect(numbers(task.isOut)).toEqual(test!.map((v) => out![v]))
      expect(numbers(task.testInside)).toEqual(test!.filter((v) => out![v] === 0))
    }
    expect(tests[0]).toEqual(tests[1])
  })

  it('leaves out as many classes as the published comparison does', () => {
    const published: [string, number, number][] = [
      ['cora_ml', 7, 3],
      ['citeseer', 6, 2],
      ['pubmed', 3, 1],
      ['amazon_electronics_computers', 10, 4],
      ['amazon_electronics_photo', 8, 3],
      ['ms_academic_cs', 15, 5],
      ['ms_academic_phy', 5, 2],
      ['ogbn-arxiv', 40, 15],
    ]
    for (const [name, classes, count] of published) expect([name, leftOutOf(name, classes)]).toEqual([name, count])
  })
})

describe('the study', () => {
  let result: GraphStudyResult
  const out = join(folder, 'whole')
  beforeAll(async () => {
    const { mkdirSync } = await import('node:fs')
    mkdirSync(out)
    result = await graphStudy({ ...SMALL, folder: out })
  }, 300_000)

  it('has a row for every shift, score, split and seed', () => {
    expect(result.complete).toBe(true)
    const keys = result.rows.map(({ shift, score, split, seed }) => `${shift} ${score} ${split} ${seed}`)
    expect(new Set(keys).size).toBe(keys.length)
    const single = SCORES.filter((score) => score !== 'ensemble')
    expect(keys.length).toBe(SHIFTS.length * 2 * (single.length * 2 + 1))
    for (const { auroc, aupr, accuracy, ece } of result.rows)
      for (const value of [auroc, aupr, accuracy, ece]) expect(value >= 0 && value <= 1).toBe(true)
  })

  it('the scores see what is there', () => {
    const mean = (shift: string, score: string) =>
      summaryOf(result.rows).find((line) => line.shift === shift && line.score === score)!.metrics
    expect(mean('normal', 'gebm').accuracy.mean).toBeGreaterThan(0.8)
    // N(0, 1) features are far away: the Gaussian term finds them, without it they look the most certain.
    expect(mean('normal', 'gebm-independent').auroc.mean).toBeGreaterThan(0.9)
    expect(mean('normal', 'gebm-unregularised').auroc.mean).toBeLessThan(0.2)
  })

  it('goes on where it stopped, with the same numbers', async () => {
    const again = join(folder, 'again')
    const { mkdirSync } = await import('node:fs')
    mkdirSync(again)
    const lines = readFileSync(join(out, RUNS_FILE), 'utf8').trimEnd().split('\n')
    // Without the last three runs, and with one that was cut off while it was written.
    writeFileSync(join(again, RUNS_FILE), `${lines.slice(0, -3).join('\n')}\n${lines.at(-3)!.slice(0, 40)}`)
    const more = await graphStudy({ ...SMALL, folder: again })
    const key = (row: GraphRow) => JSON.stringify(row)
    expect(more.rows.map(key).sort()).toEqual(result.rows.map(key).sort())
    expect(more.reused).toBeGreaterThan(0)
    const third = await graphStudy({ ...SMALL, folder: again })
    expect(third.reused).toBe(16)
    expect(third.rows.map(key).sort()).toEqual(result.rows.map(key).sort())
  }, 300_000)

  it('refuses runs of other settings, and a file that is none', async () => {
    const { code, message } = await rejection(() => graphStudy({ ...SMALL, epochs: 301, folder: out }))
    expect([code, message]).toEqual([
      'ERR_LANGEVIN_INVALID_OPTION',
      expect.stringContaining('epochs 300 there, 301 here'),
    ])
    const broken = mkdtempSync(join(folder, 'broken-'))
    writeFileSync(join(broken, RUNS_FILE), 'hello\n')
    expect((await rejection(() => graphStudy({ ...SMALL, folder: broken }))).code).toBe('ERR_LANGEVIN_FORMAT')
  })

  it('keeps what is finished when it is stopped', async () => {
    const controller = new AbortController()
    const stopped = mkdtempSync(join(folder, 'stopped-'))
    let told = 0
    const part = await graphStudy({
      ...SMALL,
      folder: stopped,
      signal: controller.signal,
      onProgress: (done) => {
        if (done > 0.2 && told++ === 0) controller.abort(new Error('enough'))
      },
    })
    expect(part.complete).toBe(false)
    expect(part.runs.length).toBeGreaterThan(0)
    const lines = readFileSync(join(stopped, RUNS_FILE), 'utf8').trimEnd().split('\n')
    expect(lines.length).toBe(part.runs.length + 1)
  }, 120_000)

  it('refuses a graph without labels', async () => {
    const bare = Graph.fromArrays({ edges: [[0], [1]], features: [[1], [0]] })
    expect(
      (await rejection(() => graphStudy({ ...SMALL, graphs: [{ name: 'bare', graph: bare }] }))).message,
    ).toContain('bare')
  })

  it('writes a page with ranks, tables, reliability and the energy on the graph', () => {
    const page = graphPage(result, graphs, 'npx langevin graph communities.npz')
    for (const part of ['Ranks', 'communities: AUROC', 'Reliability', 'Energy on the graph', '<svg', 'evidential ('])
      expect(page).toContain(part)
    expect(page).not.toMatch(/NaN|undefined|Infinity/)
    expect(page).toBe(graphPage(result, graphs, 'npx langevin graph communities.npz'))
    const empty = graphPage({ ...result, rows: [], runs: [], complete: false }, graphs, 'x')
    expect(empty).toContain('No run was finished')
  })

  it('prints a table', () => {
    const text = textTable(result.rows)
    expect(text).toMatch(/communities +leave-out-classes +gebm +\d+\.\d ± \d+\.\d/)
    expect(text).toContain('Average rank by AUROC over 9 shifts of all graphs')
    expect(existsSync(out)).toBe(true)
  })
})

describe('ranks', () => {
  const row = (shift: GraphRow['shift'], score: string, auroc: number): GraphRow => ({
    graph: 'g',
    shift,
    score,
    split: 0,
    seed: 0,
    auroc,
    aupr: 0.5,
    accuracy: 0.9,
    ece: 0.1,
  })
  const rows = [
    row('homophily', 'gebm', 0.9),
    row('homophily', 'entropy', 0.8),
    row('homophily', 'gnnsafe', 0.8),
    row('normal', 'gebm', 0.5),
    row('normal', 'entropy', 0.7),
    row('normal', 'gnnsafe', 0.6),
  ]
  it('share a rank where they are equal, and average over shifts', () => {
    const { ranks } = ranksOf(summaryOf(rows), POST_HOC)
    expect(Object.fromEntries(ranks.map(({ score, average }) => [score, average]))).toEqual({
      gebm: 2,
      entropy: (2.5 + 1) / 2,
      gnnsafe: (2.5 + 2) / 2,
    })
    expect(headline(rows, POST_HOC)).toContain(
      'entropy has the best average rank by AUROC over 2 shifts: 1.75; gebm has 2.00',
    )
  })
  it('count only where every method was measured', () => {
    const { places } = ranksOf(summaryOf([...rows, row('page-rank', 'gebm', 1)]), POST_HOC)
    expect(places).toHaveLength(2)
  })
})

describe('pictures', () => {
  it('place nodes the same way each time, neighbours nearer than strangers', () => {
    const sources = [0, 1, 1, 2, 2, 0, 3, 4, 4, 5, 5, 3]
    const targets = [1, 0, 2, 1, 0, 2, 4, 3, 5, 4, 3, 5]
    const layout = layoutOf(6, sources, targets, 100)
    expect(layout).toEqual(layoutOf(6, sources, targets, 100))
    expect(layout.edges).toHaveLength(3 + 3 - 0)
    const apart = (a: number, b: number) => Math.hypot(layout.x[a]! - layout.x[b]!, layout.y[a]! - layout.y[b]!)
    expect(apart(0, 1)).toBeLessThan(apart(0, 3))
  })
  it('draw the nodes around the one with most neighbours where there are too many', () => {
    const lists = [[1], [0, 2, 3], [1], [1, 4], [3], []]
    expect(chosenNodes(lists, 10)).toEqual([0, 1, 2, 3, 4, 5])
    expect(chosenNodes(lists, 4)).toEqual([0, 1, 2, 3])
  })
  it('colour by rank', () => {
    expect(shareBelow([5, -1, 2])).toEqual([1, 0, 0.5])
  })
})
