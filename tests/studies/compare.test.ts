/** The comparison of objectives: its judge, its table, its result. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { data, Energy, energies, tensor } from '../../src/index.js'
import { invoke } from '../../src/runtime/index.js'
import { definitionOf, kindsOf, parseSpec } from '../../src/spec/index.js'
import { NOT_COMPARED, plans } from '../../src/studies/compare/plans.js'
import { compareJson, comparePage } from '../../src/studies/compare/report.js'
import { SOURCE_NAMES, SOURCES } from '../../src/studies/compare/sources.js'
import { type CompareResult, runComparison } from '../../src/studies/compare/study.js'
import { overall, textTable } from '../../src/studies/compare/summary.js'
import { missing } from '../helpers/coverage.js'

interface Judged {
  logZ: number
  kl: number
  totalVariation: number
  logLikelihood: number
  entropy: number
  leftMass: number
  trueLeftMass: number
  samples: { toArray(): number[][]; shape: number[] }
}

/** unequalModes as an energy; `left`: the weight of its left mode. */
const modes = (left: number) =>
  Energy.create(
    energies.gaussianMixture({
      means: [
        [-1.5, 0],
        [1.5, 0],
      ],
      sigmas: 0.3,
      weights: [left, 1 - left],
    }),
    { dtype: 'float64' },
  )

async function judged(energy: Energy, more: object = {}): Promise<Judged> {
  const square = { low: -3, high: 3, cells: 120 }
  const logDensity = await data.toys.logDensity('unequalModes', data.grid(square).points)
  const test = data.toys.unequalModes({ n: 4000, seed: 2 }).column('x')
  return invoke<Judged>('evaluation.gridDensity', { energy, ...square, logDensity, test, samples: 5000, ...more })
}

describe('the judge of densities', () => {
  it('finds nothing wrong with the truth', async () => {
    const r = await judged(await modes(0.8))
    // Cells of 0.05 against modes of 0.3; the tails beyond the square weigh 6e-7.
    expect(Math.abs(r.kl)).toBeLessThan(1e-9)
    expect(r.totalVariation).toBeLessThan(1e-9)
    expect(Math.abs(r.logZ)).toBeLessThan(1e-5)
    expect(r.leftMass).toBeCloseTo(0.8, 5)
    expect(r.trueLeftMass).toBeCloseTo(r.leftMass, 9)
    // Entropy of two far Gaussians: that of the choice, and log(2 pi e s^2).
    const entropy = -0.8 * Math.log(0.8) - 0.2 * Math.log(0.2) + Math.log(2 * Math.PI * Math.E * 0.09)
    expect(r.entropy).toBeCloseTo(entropy, 4)
    // The log-density has variance 1.16: 4.5 standard errors of 4,000 rows are 0.077.
    expect(Math.abs(r.logLikelihood + entropy)).toBeLessThan(0.08)
    // 5,000 rows drawn from the grid: the share left of 0 scatters by 0.0057, the sd of y (0.3) by 1 %.
    const rows = r.samples.toArray()
    expect(Math.abs(rows.filter(([x]) => x! < 0).length / 5000 - 0.8)).toBeLessThan(4.5 * 0.0057)
    expect(Math.abs(Math.sqrt(rows.reduce((sum, [, y]) => sum + y! * y!, 0) / 5000) - 0.3)).toBeLessThan(0.0135)
  })

  it('tells how far equal modes are from unequal ones', async () => {
    const r = await judged(await modes(0.5))
    expect(r.kl).toBeCloseTo(0.8 * Math.log(0.8 / 0.5) + 0.2 * Math.log(0.2 / 0.5), 4)
    expect(r.totalVariation).toBeCloseTo(0.3, 4)
    expect(r.trueLeftMass - r.leftMass).toBeCloseTo(0.3, 4)
  })

  it('refuses grids and energies of another size', async () => {
    const energy = await modes(0.8)
    await expect(judged(energy, { cells: 100 })).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
    const line = await Energy.create(energies.mlp({ input: 1, hidden: [2] }))
    await expect(judged(line)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
  })
})

describe('the table of objectives', () => {
  it('holds valid specs of objectives that are there', () => {
    for (const { objective } of Object.values(plans())) {
      expect(definitionOf('objective', objective.kind)).toBeDefined()
      expect(parseSpec('objective', objective).kind).toBe(objective.kind)
    }
  })

  it('holds every objective, or says why not', () => {
    const used = Object.values(plans()).map(({ objective }) => objective.kind)
    const left = Object.keys(NOT_COMPARED)
    const found = missing(kindsOf('objective'), {
      family: 'objective',
      holds: [...used, ...left],
      no: 'no entry of src/studies/compare/plans.ts',
      add: (kind) =>
        `one to ALL there, or the reason why '${kind}' is not compared to NOT_COMPARED and docs/compare.md`,
    })
    expect(found).toEqual([])
    // A kind in both, or of no objective, is left over from a change.
    expect(left.filter((kind) => used.includes(kind) || !kindsOf('objective').includes(kind))).toEqual([])
  })

  it('is the one of docs/compare.md', () => {
    const page = readFileSync(new URL('../../docs/compare.md', import.meta.url), 'utf8')
    for (const [kind, why] of Object.entries(NOT_COMPARED)) {
      const line = `- \`${kind}\`: ${why}`
      expect(page.includes(line), `add to docs/compare.md, under "Not compared": ${line}`).toBe(true)
    }
    for (const [, kind] of page.matchAll(/^- `(\w+)`: /gm)) {
      expect(Object.keys(NOT_COMPARED), `docs/compare.md says why ${kind} is left out`).toContain(kind)
    }
  })

  it.each(SOURCE_NAMES)('%s has rows in the square and their density', async (name) => {
    const x = SOURCES[name].sample(500, 3)
    const numbers = x.toTypedArray() as Float32Array
    expect(x.shape).toEqual([500, 2])
    expect(Math.max(...numbers.map(Math.abs))).toBeLessThan(3)
    const logs = (await SOURCES[name].logDensity(x)).toArray() as number[]
    expect(logs.every(Number.isFinite)).toBe(true)
    const far = (await SOURCES[name].logDensity(tensor([[2.9, -2.9]]))).toArray() as number[]
    expect(far[0]).toBeLessThan(Math.min(...logs))
  })
})

describe('the comparison', () => {
  const small = { sources: ['unequalModes', 'rings'], seeds: [3, 4], steps: 12, cells: 40 } as const
  let result: CompareResult
  beforeAll(async () => {
    const objectives = Object.keys(plans())
    result = await runComparison({ ...small, objectives })
  }, 120_000)

  it('gives a row for every source, objective and seed', () => {
    expect(result.rows).toHaveLength(2 * 2 * Object.keys(plans()).length)
    for (const { divergedAt, ...row } of result.rows) {
      if (divergedAt !== undefined) continue
      for (const key of ['kl', 'totalVariation', 'mmd', 'logLikelihood', 'weightError', 'seconds'] as const) {
        expect(Number.isFinite(row[key]), `${row.objective} ${key}`).toBe(true)
      }
    }
    expect(result.interrupted).toBe(false)
    // One picture a source of the truth and of every objective at the first seed.
    const finished = result.rows.filter(({ seed, divergedAt }) => seed === 3 && divergedAt === undefined)
    expect(result.panels).toHaveLength(2 + finished.length)
    expect(result.entropy.rings).toBeGreaterThan(0)
  })

  it('gives the same numbers again, with another number of threads', async () => {
    const again = await runComparison({ ...small, objectives: ['nce'], seeds: [4], threads: 1 })
    const numbers = (rows: CompareResult['rows']) => rows.map(({ seconds: _, ...rest }) => rest)
    expect(numbers(again.rows)).toEqual(numbers(result.rows.filter((r) => r.seed === 4 && r.objective === 'nce')))
  })

  it('keeps what is finished when it is stopped', async () => {
    const stop = new AbortController()
    const partial = await runComparison({
      ...small,
      objectives: ['nce', 'ml-grid'],
      signal: stop.signal,
      onProgress: ({ row }) => row && stop.abort(),
    })
    expect(partial.interrupted).toBe(true)
    expect(partial.rows).toHaveLength(1)
    expect(comparePage(partial, 'test')).toContain('was stopped before its end: 1 runs were finished')
  })

  it('refuses an objective it does not have', async () => {
    await expect(runComparison({ ...small, objectives: ['nse'] })).rejects.toThrow(/known: .*nce/)
  })

  it('learns: exact maximum likelihood finds unequal modes and their weights', async () => {
    const objectives = ['ml-grid']
    const { rows } = await runComparison({ ...small, sources: ['unequalModes'], objectives, seeds: [1], steps: 300 })
    expect(rows[0]!.totalVariation).toBeLessThan(0.15)
    expect(rows[0]!.weightError).toBeLessThan(0.05)
  }, 60_000)

  it('makes a page that stands alone, and plain JSON', () => {
    const diverged = { source: 'rings', objective: 'nce', seed: 5, steps: 12, seconds: 1, divergedAt: 7 } as const
    const withLoss = { ...result, rows: [...result.rows, diverged] }
    const html = comparePage(withLoss, 'npx langevin compare')
    expect(html).toContain('data:image/png;base64,')
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//)
    expect(html).not.toMatch(/NaN|undefined|\[object/)
    const lines = overall(withLoss)
    expect(lines.map(({ rank }) => rank)).toEqual(lines.map(({ rank }) => rank).sort((a, b) => a - b))
    expect(lines.find(({ objective }) => objective === 'nce')).toMatchObject({ diverged: 1, runs: 5 })
    const json = JSON.parse(JSON.stringify(compareJson(result)))
    expect(json.rows).toEqual(result.rows)
    expect(json.panels).toBeUndefined()
    expect(textTable(result)).toMatch(/^objective +rank/)
  })
})
