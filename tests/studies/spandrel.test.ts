/** The spandrel study: metrics, models, restarts, summaries. */
import { beforeAll, describe, expect, it } from 'vitest'
import * as spandrel from '../../src/data/spandrel.js'
import { Energy, energies, noises, objectives, optimizers, type Tensor, tensor, train } from '../../src/index.js'
import { invoke } from '../../src/runtime/index.js'
import { reportPage, spandrelJson } from '../../src/studies/report.js'
import { B, MODELS, PLANS, SIGMA } from '../../src/studies/spandrel/models.js'
import { runSpandrelStudy, type SpandrelMetrics, type SpandrelResult } from '../../src/studies/spandrel/study.js'
import { textTable } from '../../src/studies/spandrel/summary.js'
import { pairedDifferences, shortNumber, summarise } from '../../src/studies/statistics.js'

const CELLS = 80

interface Field {
  points: Tensor
  logDensity: Tensor
  distance: Tensor
}

/** Metrics of one model on `step`, on a coarse grid. */
class Judge {
  constructor(
    readonly field: Field,
    readonly rows: Tensor,
    readonly test: Tensor,
  ) {}

  static async of(shape: spandrel.SpandrelShape): Promise<Judge> {
    const field = await invoke<Field>('spandrel.field', { shape, sigma: SIGMA, b: B, cells: CELLS })
    const drawn = spandrel.sample(shape, { n: 6000, seed: 5, sigma: SIGMA }).column('x')
    return new Judge(field, drawn.slice(0, 4000), drawn.slice(4000))
  }

  metrics(model: Record<string, unknown>): Promise<SpandrelMetrics & { logNormaliser: number }> {
    const { points: _, ...field } = this.field
    return invoke('spandrel.evaluate', { field, test: this.test, ...model })
  }

  /** Share of the box's cells farther than 4 sigma, counted here. */
  farShare(): number {
    const distance = this.field.distance.toTypedArray() as Float64Array
    const points = this.field.points.toTypedArray() as Float64Array
    let [far, box] = [0, 0]
    distance.forEach((d, i) => {
      if (Math.abs(points[2 * i]!) > B || Math.abs(points[2 * i + 1]!) > B) return
      box++
      if (d > 4 * SIGMA) far++
    })
    expect(box).toBe(CELLS * CELLS)
    return far / box
  }
}

async function constantEnergy(): Promise<Energy> {
  const energy = await Energy.create(energies.mlp({ input: 2, hidden: [4] }))
  const parameters = await energy.parameters()
  const zeros = Object.entries(parameters).map(([name, value]) => [
    name,
    tensor(new Float32Array(value.size), value.shape),
  ])
  await energy.setParameters(Object.fromEntries(zeros))
  return energy
}

/** A short NCE fit, the same for every data set it is given. */
async function fitted(rows: Tensor): Promise<Energy> {
  const energy = await Energy.create(energies.mlp({ input: 2, hidden: [32, 32] }), { seed: 1 })
  const noise = noises.uniform({ low: -B, high: B })
  await train(energy, rows, {
    objective: objectives.noiseContrastive({ noise, ratio: 4 }),
    optimizer: optimizers.adam({ lr: 1e-2 }),
    steps: 400,
    batchSize: 256,
    ema: 0.99,
  }).done
  return energy
}

describe('spandrel metrics', () => {
  let step: Judge
  let far: number
  beforeAll(async () => {
    step = await Judge.of('step')
    far = step.farShare()
  })

  it('finds nothing wrong with the truth', async () => {
    const test = await spandrel.logDensity('step', step.test, { sigma: SIGMA })
    const m = await step.metrics({ scores: { grid: step.field.logDensity, test } })
    expect(m.totalVariation).toBeLessThan(1e-12)
    // Across a straight tube 2 (1 - Phi(4)) = 6.3e-5 lies beyond 4 sigma; the ends add their half-plane less.
    expect(m.spandrelMass).toBeGreaterThan(3e-5)
    expect(m.spandrelMass).toBeLessThan(8e-5)
    expect([m.fpr95, m.nearFpr95, m.outsideFpr95]).toEqual([0, 0, 0])
    expect(m.auroc).toBeGreaterThan(0.9999)
    expect(m.bridgeMass!).toBeLessThan(1e-6)
    // The midpoint rule at one cell a sigma: the true density integrates to 1 within 1e-3.
    expect(Math.abs(m.logNormaliser)).toBeLessThan(1e-3)
    const values = test.toArray() as number[]
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length
    expect(m.logLikelihood).toBeCloseTo(mean - m.logNormaliser, 10)
  })

  it('finds everything wrong with a constant energy', async () => {
    const m = await step.metrics({ energy: await constantEnergy() })
    expect(m.spandrelMass).toBeCloseTo(far, 10)
    expect(far).toBeGreaterThan(0.8)
    // Every cell scores as high as every point.
    expect([m.fpr95, m.nearFpr95, m.outsideFpr95]).toEqual([1, 1, 1])
    expect(m.auroc).toBe(0.5)
    expect(m.gapRatio).toBeCloseTo(1, 10)
    expect(m.bridgeMass).toBeCloseTo((0.3 * 0.8) / 16, 3)
    expect(m.logLikelihood).toBeCloseTo(-Math.log(16), 6)
  })

  it('a model of half the data has no spandrels and a total variation of a half', async () => {
    const points = step.field.points.toTypedArray() as Float64Array
    const grid = (step.field.logDensity.toTypedArray() as Float64Array).map((v, i) => (points[2 * i]! < 0 ? v : -500))
    const held = (await spandrel.logDensity('step', step.test, { sigma: SIGMA })).toArray() as number[]
    const x = step.test.toTypedArray() as Float32Array
    const test = held.map((v, i) => (x[2 * i]! < 0 ? v : -500))
    const m = await step.metrics({ scores: { grid: tensor(grid), test: tensor(test) } })
    expect(m.spandrelMass).toBeLessThan(1e-4)
    expect(m.totalVariation).toBeCloseTo(0.5, 3)
    expect(m.logLikelihood).toBeLessThan(-100)
  })

  it('adds the kernel density of x to a conditional score', async () => {
    // A constant energy times N(x; 0.1, 0.3^2): on the box q = N(x; 0.1, 0.3^2) / 4 up to what lies outside (2e-10).
    const kde = { rows: tensor([0.1], [1, 1]), bandwidth: 0.3 }
    const m = await step.metrics({ energy: await constantEnergy(), kde })
    const x = step.test.toTypedArray() as Float32Array
    const logs = Array.from({ length: step.test.shape[0]! }, (_, i) => -0.5 * ((x[2 * i]! - 0.1) / 0.3) ** 2)
    const mean = logs.reduce((sum, v) => sum + v, 0) / logs.length
    expect(m.logLikelihood).toBeCloseTo(mean - Math.log(0.3 * Math.sqrt(2 * Math.PI)) - Math.log(4), 4)
  })

  it('a trained energy loses its match with the truth when x and y of the training rows are shuffled apart', async () => {
    // y of the row half the data later: pairs that never occurred, with both marginals as they were.
    const pairs = step.rows.toTypedArray() as Float32Array
    const n = pairs.length / 2
    const y = (i: number) => pairs[2 * ((i + n / 2) % n) + 1]!
    const shuffled = tensor(
      pairs.map((v, k) => (k % 2 === 0 ? v : y((k - 1) / 2))),
      [n, 2],
    )
    const honest = await step.metrics({ energy: await fitted(step.rows) })
    const permuted = await step.metrics({ energy: await fitted(shuffled) })
    // Half of the shuffled pairs lie on branches that do not exist: their total variation cannot be below about 0.5.
    expect(permuted.totalVariation).toBeGreaterThan(0.4)
    expect(honest.totalVariation).toBeLessThan(permuted.totalVariation - 0.15)
    expect(honest.spandrelMass).toBeLessThan(permuted.spandrelMass - 0.15)
  }, 120_000)

  it('does not depend on threads', async () => {
    const energy = await Energy.create(PLANS['ebm-nce'].energy(), { seed: 3 })
    const one = await step.metrics({ energy, threads: 1 })
    expect(await step.metrics({ energy, threads: 2 })).toEqual(one)
  })

  it('refuses held-out points outside the box, and grids of another size', async () => {
    const field = { ...step.field, points: undefined }
    const energy = await constantEnergy()
    const far = {
      field,
      energy,
      test: tensor([
        [0, 0],
        [3, 0],
      ]),
    }
    await expect(invoke('spandrel.evaluate', far)).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
      details: { row: 1 },
    })
    const small = { field: { ...field, distance: tensor([[1]]) }, energy, test: step.test }
    await expect(invoke('spandrel.evaluate', small)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
    await expect(step.metrics({})).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
  })
})

describe('spandrel models', () => {
  it('have parameter counts within 2 % of each other', async () => {
    const counts = await Promise.all(MODELS.map(async (m) => (await Energy.create(PLANS[m].energy())).parameterCount))
    expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.02)
    expect(counts[0]).toBe(8513)
  })
})

describe('tested restarts', () => {
  it('need uniform proposals', () => {
    const sampler = PLANS['ebm-pcd'].objective().sampler as never
    const buffer = { reinitAccept: 'metropolis', reinitFrom: 'data' } as const
    expect(() => objectives.persistentContrastiveDivergence({ sampler, buffer })).toThrow(/reinitFrom: 'uniform'/)
  })
})

describe('the spandrel study', () => {
  let result: SpandrelResult
  beforeAll(async () => {
    result = await runSpandrelStudy({ shapes: ['step'], models: MODELS, seeds: [3, 4], steps: 12, cells: 40 })
  }, 120_000)

  it('gives a row for every shape, model and seed', () => {
    expect(result.rows.map(({ model, seed }) => `${model} ${seed}`)).toEqual(
      [3, 4].flatMap((seed) => MODELS.map((model) => `${model} ${seed}`)),
    )
    for (const row of result.rows) {
      const { shape, model, bridgeMass, gapRatio, ...numbers } = row
      expect(shape).toBe('step')
      for (const value of [bridgeMass, gapRatio, ...Object.values(numbers)]) expect(Number.isFinite(value)).toBe(true)
      expect(row.totalVariation).toBeGreaterThan(0)
      expect('overconfidentArea' in row).toBe(model === 'classifier')
    }
    expect(result.interrupted).toBe(false)
    expect(result.truth.step!.totalVariation).toBeLessThan(1e-12)
    expect(result.panels.length).toBe(MODELS.length + 1)
  })

  it('gives the same numbers again, with another number of threads', async () => {
    const again = await runSpandrelStudy({
      shapes: ['step'],
      models: ['mlp', 'ebm-pcd'],
      seeds: [4],
      steps: 12,
      cells: 40,
      threads: 1,
    })
    const numbers = (rows: SpandrelResult['rows']) => rows.map(({ seconds: _, ...rest }) => rest)
    const before = result.rows.filter(({ seed, model }) => seed === 4 && ['mlp', 'ebm-pcd'].includes(model))
    expect(numbers(again.rows)).toEqual(numbers(before))
  })

  it('keeps what is finished when it is stopped', async () => {
    const stop = new AbortController()
    const partial = await runSpandrelStudy({
      shapes: ['step'],
      models: ['mdn', 'ebm-nce'],
      seeds: [0],
      steps: 40,
      cells: 40,
      signal: stop.signal,
      onProgress: ({ row }) => row && stop.abort(),
    })
    expect(partial.interrupted).toBe(true)
    expect(partial.rows.map(({ model }) => model)).toEqual(['mdn'])
    expect(reportPage({ spandrel: partial }, 'test')).toContain('was stopped before its end: 1 runs were finished')
  })

  it('leaves out whole seeds when the time given is used up', async () => {
    const short = await runSpandrelStudy({
      shapes: ['step'],
      models: ['mdn'],
      seeds: [0, 1, 2],
      steps: 2,
      cells: 40,
      budget: 1e-9,
    })
    expect(short.rows.map(({ seed }) => seed)).toEqual([0])
    expect(short.skippedSeeds).toEqual([1, 2])
  })

  it('makes a page that stands alone, and plain JSON', () => {
    const page = reportPage({ spandrel: result }, 'npx langevin spandrel')
    expect(page).toContain('data:image/png;base64,')
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//)
    expect(page).not.toMatch(/NaN|undefined|\[object/)
    expect(page).toContain('arXiv 2107.08785')
    const json = JSON.parse(JSON.stringify(spandrelJson(result)))
    expect(json.rows).toEqual(result.rows)
    expect(json.truth).toEqual(result.truth)
    expect(textTable(result)).toMatch(/^step +spandrel mass/)
  })
})

describe('summaries', () => {
  it('mean, sd and paired differences', () => {
    expect(summarise([1, 2, 3, 6])).toEqual({ n: 4, mean: 3, sd: Math.sqrt(14 / 3) })
    expect(summarise([2])).toEqual({ n: 1, mean: 2, sd: null })
    expect(summarise([])).toBeUndefined()
    const a = new Map([
      [1, 5],
      [2, 7],
      [3, 9],
    ])
    const b = new Map([
      [3, 1],
      [1, 1],
    ])
    expect(pairedDifferences(a, b)).toEqual([4, 8])
    expect([0, 0.00007, 0.3284, 1.5, 23.4, 640, -0.25, null].map(shortNumber)).toEqual([
      '0',
      '7.0e−5',
      '0.328',
      '1.50',
      '23.4',
      '640',
      '−0.250',
      '–',
    ])
  })
})
