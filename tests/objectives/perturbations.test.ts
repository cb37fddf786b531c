/** Energy discrepancy of discrete and mixed rows from TypeScript: runs, resuming, refusals, what is short for what. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  Energy,
  energies,
  evaluateObjective,
  objectives,
  perturbations,
  sample,
  samplers,
  type Tensor,
  tensor,
  train,
} from '../../src/index.js'
import { parseSpec, specSchema } from '../../src/spec/index.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-perturbations-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const spec = energies.mlp({
  input: 6,
  hidden: [32],
  embedding: 4,
  gaussianBase: 2,
  states: [
    { kind: 'real', name: 'income' },
    { kind: 'categorical', levels: 4, name: 'trade' },
    { kind: 'cyclic', levels: 6, name: 'month' },
  ],
})
/** The number is near the category's, the month is one of three beside it. */
const rows = Array.from({ length: 600 }, (_, i) => {
  const trade = i % 4
  return [trade - 1.5 + 0.1 * Math.sin(i), ...[0, 1, 2, 3].map((k) => Number(k === trade)), (trade + (i % 3)) % 6]
})
const objective = objectives.energyDiscrepancy({
  perturbation: perturbations.structured({ sd: 0.3, t: 0.5, tBase: 0.03 }),
  negatives: 8,
})
const flat = (weights: Readonly<Record<string, Tensor>>) => Object.values(weights).map((w) => w.toArray())

describe('energy discrepancy of mixed rows', () => {
  test('t is short for Gaussian noise: the same bits', async () => {
    const energy = energies.mlp({ input: 2, hidden: [8], gaussianBase: 2 })
    const x = rows.map((row) => row.slice(0, 2))
    const losses = []
    for (const given of [{ t: 0.3 }, { perturbation: perturbations.gaussian({ t: 0.3 }) }]) {
      await using model = await Energy.create(energy, { seed: 1 })
      const { loss, gradient } = await evaluateObjective(model, x, { objective: objectives.energyDiscrepancy(given) })
      losses.push([loss, flat(gradient)])
    }
    expect(losses[0]).toEqual(losses[1])
  })

  test('an interrupted run ends at the same bits, with any number of threads', async () => {
    const path = join(folder, 'run.safetensors')
    const common = { objective, batchSize: 100, seed: 3 }
    await using whole = await Energy.create(spec, { seed: 1 })
    await train(whole, rows, { ...common, steps: 12, threads: 1 }).done
    await using half = await Energy.create(spec, { seed: 1 })
    await train(half, rows, { ...common, steps: 6, threads: 2, checkpoint: { path } }).done
    await using resumed = await Energy.create(spec, { seed: 9 })
    await train(resumed, rows, { ...common, steps: 12, threads: 2, resume: path }).done
    expect(flat(await resumed.parameters())).toEqual(flat(await whole.parameters()))
    expect(flat(await half.parameters())).not.toEqual(flat(await whole.parameters()))
  })

  test('learns which columns go together, and blockwise draws them', async () => {
    await using model = await Energy.create(spec, { seed: 1 })
    await train(model, rows, { objective, optimizer: { kind: 'adam', lr: 5e-3 }, batchSize: 128, steps: 800 }).done
    const sampler = samplers.blockwise({
      steps: 200,
      kernels: [
        { on: 'real', sampler: samplers.mala({ steps: 4, stepSize: 0.02 }) },
        { on: 'discrete', sampler: samplers.gibbs({ steps: 1 }) },
      ],
    })
    const { samples } = await sample(model, { sampler, chains: 400, seed: 2 }).done
    const drawn = samples.toArray() as number[][]
    const trades = drawn.map((row) => row.slice(1, 5).indexOf(1))
    const near = drawn.filter((row, i) => Math.abs(row[0]! - (trades[i]! - 1.5)) < 0.45).length
    const months = drawn.filter((row, i) => (row[5]! - trades[i]! + 6) % 6 < 3).length
    // By chance: a quarter, and half. Each category has a share of 0.25, 4.5 standard errors and what is left to learn.
    expect(near / 400).toBeGreaterThan(0.85)
    expect(months / 400).toBeGreaterThan(0.85)
    for (const k of [0, 1, 2, 3]) expect(Math.abs(trades.filter((t) => t === k).length / 400 - 0.25)).toBeLessThan(0.2)
  }, 60_000)

  test('other objectives of mixed rows take the embedded energy', async () => {
    await using model = await Energy.create(spec, { seed: 1 })
    const sampler = samplers.blockwise({
      steps: 2,
      kernels: [
        { on: 'real', sampler: samplers.langevin({ steps: 1, stepSize: 0.05 }) },
        { on: 'discrete', sampler: samplers.gibbs({ steps: 1 }) },
      ],
    })
    for (const each of [
      objectives.contrastiveDivergence({ sampler }),
      objectives.persistentContrastiveDivergence({ sampler, buffer: { size: 500 } }),
      objectives.pseudoLikelihood(),
      objectives.ratioMatching({ sites: 1 }),
    ]) {
      const { history } = await train(model, rows, { objective: each, batchSize: 50, steps: 5 }).done
      expect(
        history.every(({ loss }) => Number.isFinite(loss)),
        each.kind,
      ).toBe(true)
    }
  })

  test('refusals name the columns and say what to use', async () => {
    await using model = await Energy.create(spec)
    const told = (given: object, message: RegExp, code = 'ERR_LANGEVIN_UNSUPPORTED') =>
      expect(evaluateObjective(model, rows, { objective: objectives.energyDiscrepancy(given) })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      })
    await told(
      { t: 1 },
      /columns 1 to 4 \('trade'\) of this mlp energy hold categorical.*perturbations\.structured\(\)/,
    )
    await told({ perturbation: perturbations.uniform({ t: 1 }) }, /column 0 \('income'\).*perturbations\.structured/)
    const kernels = [{ on: 'month', perturbation: perturbations.bernoulli({ epsilon: 0.1 }) }]
    await told({ perturbation: perturbations.structured({ kernels }) }, /column 5 \('month'\).*perturbations\.uniform/)
    await expect(evaluateObjective(model, [[0, 1, 1, 0, 0, 2]], { objective })).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_INVALID_OPTION',
      message: expect.stringMatching(/without a single 1/),
    })
  })

  test('are plain JSON: parsed, and in the schema of objectives', () => {
    const json = JSON.parse(JSON.stringify(objective))
    expect(parseSpec('objective', json)).toEqual(objective)
    const schema = specSchema('objective') as { $defs: Record<string, { oneOf: { title: string }[] }> }
    expect(schema.$defs.perturbation!.oneOf.map(({ title }) => title)).toContain('perturbations.structured')
    expect(() => parseSpec('perturbation', { kind: 'cyclik', t: 1 })).toThrow(/did you mean 'cyclic'/)
    expect(() => energies.mlp({ input: 2, hidden: [], embedding: 4 })).toThrow(/categorical/)
  })
})

test('a column of 100,000 levels', async () => {
  const wide = energies.mlp({ input: 1, inputScale: 1e-5, hidden: [4], states: [{ kind: 'ordinal', levels: 100_000 }] })
  await using model = await Energy.create(wide)
  const moved = await evaluateObjective(model, tensor([[50_000]]), {
    objective: objectives.energyDiscrepancy({ perturbation: perturbations.ordinal({ tBase: 0.001 }), negatives: 2 }),
  })
  const candidates = (moved.rows[0]!.x.toArray() as number[][]).flat()
  expect(candidates).toHaveLength(3)
  expect(candidates.every((level) => Number.isInteger(level) && level >= 0 && level < 100_000)).toBe(true)
})
