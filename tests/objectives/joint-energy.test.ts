/** jointEnergy: its chains, its two data sets, and that a run goes on bit by bit. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  data,
  Energy,
  energies,
  evaluateObjective,
  io,
  type LangevinError,
  objectives,
  samplers,
  type Tensor,
  type TrainOptions,
  tensor,
  train,
} from '../../src/index.js'
import { inProcess } from '../lifecycle/child.js'

const N = 600
const x = data.toys.eightGaussians({ n: N, seed: 1 }).toTensor()
const points = x.toArray() as unknown as number[][]
// Classes of different size.
const classes = points.map(([a, b]) => (a! > 1 ? 0 : b! > 0 ? 1 : 2))
const y = tensor(BigInt64Array.from(classes, BigInt))
const spec = energies.classifier({ input: 2, classes: 3, hidden: [16] })
const sampler = samplers.langevin({ steps: 3, stepSize: 0.01 })
const make = (seed = 1) => Energy.create(spec, { seed })

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langevin-joint-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const weights = async (model: Energy) =>
  Object.fromEntries(Object.entries(await model.parameters()).map(([name, t]) => [name, t.toArray()]))
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('it resolved')
    },
    (error: LangevinError) => error,
  )

/** What a run of so many steps leaves of its chains. */
async function chainsAfter(steps: number, objective: TrainOptions['objective'], batchSize: number, lr = 1e-4) {
  const path = join(folder, 'chains.safetensors')
  using model = await make()
  const optimizer = { kind: 'adam', lr } as never
  await train(model, { x, y }, { objective, optimizer, steps, batchSize, seed: 5, checkpoint: { path } }).done
  const { tensors } = await io.safetensors.read(path)
  const of = (name: string) => tensors[`langevin:objective/${name}`]!.toTypedArray() as ArrayLike<number>
  return { numbers: (name: string) => Array.from(of(name), Number) }
}

describe('the chains of p(x)', () => {
  const SIZE = 500
  const STEPS = 12
  /** Share of chains as old as the run: every one is drawn at every step. */
  async function untouched(reinit: number) {
    const objective = objectives.jointEnergy({ sampler, buffer: { size: SIZE, reinit }, chains: SIZE })
    const ages = (await chainsAfter(STEPS, objective, 100)).numbers('density/buffer.age')
    expect(ages).toHaveLength(SIZE)
    return ages.filter((age) => age === STEPS * sampler.steps).length / SIZE
  }
  const expected = 0.95 ** STEPS
  // 4.5 standard errors of a binomial share: one false alarm in 150,000.
  const bound = 4.5 * Math.sqrt((expected * (1 - expected)) / SIZE)

  it('restart as often as they are asked to: the share never restarted is (1 - reinit)^draws', async () => {
    expect(Math.abs((await untouched(0.05)) - expected)).toBeLessThan(bound)
  })

  it('would be found out if they started from noise at every step', async () => {
    expect(Math.abs((await untouched(1)) - expected)).toBeGreaterThan(bound)
  })

  it('go on where they were', async () => {
    const far = async (reinit: number) => {
      const objective = objectives.jointEnergy({ sampler, buffer: { size: SIZE, reinit }, chains: SIZE })
      const [before, after] = [await chainsAfter(6, objective, 100), await chainsAfter(7, objective, 100)]
      const [a, b] = [before.numbers('density/buffer.x'), after.numbers('density/buffer.x')]
      const moved = Array.from({ length: SIZE }, (_, i) =>
        Math.hypot(a[2 * i]! - b[2 * i]!, a[2 * i + 1]! - b[2 * i + 1]!),
      )
      // Three steps of size h have noise of sd sqrt(3 h) = 0.17 a column and a drift well below that: 6 of them.
      return moved.filter((d) => d > 6 * Math.sqrt(3 * 0.01)).length / SIZE
    }
    expect(await far(0)).toBe(0)
    // From uniform noise over a box about 9 wide they land elsewhere.
    expect(await far(1)).toBeGreaterThan(0.5)
  })

  it('bring no class with them: negatives are of E(x)', async () => {
    const objective = objectives.jointEnergy({ sampler, buffer: { size: N }, classification: 0 })
    using model = await make()
    const { rows, loss, monitors } = await evaluateObjective(model, { x, y }, { objective, seed: 3 })
    expect(rows).toHaveLength(1)
    expect(rows[0]!.y).toBeUndefined()
    const energy = (await model.energy(rows[0]!.x)).toArray() as number[]
    const mean = (values: number[]) => values.reduce((sum, v) => sum + v / values.length, 0)
    expect(loss).toBeCloseTo(mean(energy.slice(0, N)) - mean(energy.slice(N)), 4)
    expect(monitors.gap).toBeCloseTo(-loss, 4)
  })
})

describe('the chains of p(x | y)', () => {
  it('keep their classes in blocks of equal size, drawn as often as the data has them', async () => {
    const objective = objectives.jointEnergy({ sampler, buffer: { size: 900 }, density: 0, conditional: 1 })
    const kept = (await chainsAfter(10, objective, 300)).numbers('conditional/buffer.y')
    expect(kept).toEqual(Array.from({ length: 900 }, (_, i) => Math.floor(i / 300)))
    using model = await make()
    const { rows } = await evaluateObjective(model, { x, y }, { objective, seed: 3 })
    const drawn = (rows[0]!.y!.toArray() as unknown as bigint[]).slice(N).map(Number)
    for (const c of [0, 1, 2]) {
      const share = classes.filter((k) => k === c).length / N
      // 4.5 standard errors of a binomial count.
      const bound = 4.5 * Math.sqrt(N * share * (1 - share))
      expect(Math.abs(drawn.filter((k) => k === c).length - N * share)).toBeLessThan(bound)
    }
  })

  it('are other chains than those of p(x), with other random numbers', async () => {
    const objective = objectives.jointEnergy({ sampler, buffer: { size: N }, conditional: 1 })
    using model = await make()
    const whole = await evaluateObjective(
      model,
      { x, y },
      { objective: { ...objective, buffer: { size: 3 * N } } as never, seed: 3 },
    )
    const [ofAll, ofClasses] = whole.rows.map((row) => (row.x.toArray() as unknown as number[][]).slice(N))
    const same = ofAll!.filter(([a], i) => Math.abs(a! - ofClasses![i]![0]!) < 1e-6)
    expect(same).toEqual([])
  })
})

describe('rows without labels', () => {
  it('are what the density is of, in batches of their own', async () => {
    const shifted = tensor(points.slice(0, 100).map(([a, b]) => [a! + 50, b!]))
    const objective = objectives.jointEnergy({ sampler, buffer: { size: N } })
    using model = await make()
    const { rows } = await evaluateObjective(model, { x, y, unlabelled: shifted }, { objective, seed: 3 })
    const first = (rows[0]!.x.toArray() as unknown as number[][]).map(([a]) => a!)
    expect(Math.min(...first.slice(0, 100))).toBeGreaterThan(40)
    // Chains start in the box of those rows.
    expect(first.slice(100).filter((a) => a < 40)).toEqual([])
    expect((rows[1]!.x.toArray() as unknown as number[][])[0]).toEqual(points[0])
    const run = await train(model, { x, y, unlabelled: shifted }, { objective, steps: 5, batchSize: 64 }).done
    expect(run.history).toHaveLength(5)
  })

  it('are refused by objectives that have no use for them', async () => {
    using model = await make()
    const given = { x, y, unlabelled: x }
    for (const objective of [
      objectives.crossEntropy(),
      objectives.jointEnergy({ density: 0 }),
      objectives.persistentContrastiveDivergence({ sampler }),
    ]) {
      const error = await failure(train(model, given, { objective, steps: 1 }).done)
      expect(error).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION', details: { path: 'unlabelled' } })
    }
    const wide = await failure(
      train(model, { ...given, unlabelled: [[1, 2, 3]] }, { objective: objectives.jointEnergy(), steps: 1 }).done,
    ).catch((error) => error)
    expect(wide).toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
  })
})

describe('a run', () => {
  const objective = objectives.jointEnergy({ sampler, buffer: { size: 900 }, conditional: 0.5 })
  const options: TrainOptions = { objective, steps: 40, batchSize: 64, ema: 0.9, penalties: { energy: 0.1 }, seed: 7 }

  it('is bit-equal at any number of threads', async () => {
    const found = []
    for (const threads of [1, 2]) {
      using model = await make()
      await train(model, { x, y }, { ...options, batchSize: 500, threads }).done
      found.push(await weights(model))
    }
    expect(found[1]).toEqual(found[0])
  })

  it('goes on bit by bit after the process was killed', async () => {
    const path = join(folder, 'killed.safetensors')
    const long = { ...options, steps: 3000 }
    const { signal, stderr } = await inProcess(
      `
      const [x, classes, spec, options, path] = JSON.parse(process.env.LANGEVIN_CASE)
      const model = await Energy.create(spec, { seed: 1 })
      const y = tensor(BigInt64Array.from(classes, BigInt))
      const run = train(model, { x, y }, { ...options, checkpoint: { path, every: 20 } })
      for await (const event of run) if (event.type === 'checkpoint') console.log('ready')
      `,
      {
        waitingFor: 'a run to be killed after its first checkpoint',
        kill: 'SIGKILL',
        env: { LANGEVIN_CASE: JSON.stringify([points, classes, spec, long, path]) },
      },
    )
    expect(signal, stderr).toBe('SIGKILL')
    const { metadata } = await io.safetensors.read(path)
    const { step } = JSON.parse(metadata['langevin.checkpoint']!) as { step: number }
    expect(step).toBeLessThan(3000)
    using whole = await make()
    const reference = await train(whole, { x, y }, long).done
    using again = await make(9)
    const resumed = await train(again, { x, y }, { ...long, resume: path }).done
    expect(await weights(again)).toEqual(await weights(whole))
    expect(resumed.history).toEqual(reference.history)
    expect(resumed.statistics).toEqual(reference.statistics)
  })

  it('of the published sampler says at which temperature it samples', async () => {
    using model = await make()
    const published = objectives.jointEnergy({ sampler: 'published', buffer: { size: 900 } })
    const { warnings } = await train(model, { x, y }, { ...options, objective: published, steps: 2 }).done
    expect(warnings).toMatchObject([
      { monitor: 'effectiveTemperature', code: 'temperature', value: expect.closeTo(5e-5, 12) },
    ])
  })

  it('needs logits and labels', async () => {
    using model = await make()
    const noLabels = await failure(train(model, x, options).done)
    expect(noLabels).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    expect(noLabels.message).toContain('labels')
    using scalar = await Energy.create(energies.mlp({ input: 2, hidden: [8] }), { seed: 1 })
    expect(await failure(train(scalar, { x, y }, options).done)).toMatchObject({ code: 'ERR_LANGEVIN_UNSUPPORTED' })
  })

  it('keeps p(y | x) of a classifier and gives E(x) besides: the energy of far rows is above that of the data', async () => {
    using model = await make()
    const { history } = await train(
      model,
      { x, y },
      { ...options, steps: 600, optimizer: { kind: 'adam', lr: 5e-3 } as never },
    ).done
    expect(history.at(-1)!.accuracy).toBeGreaterThan(0.9)
    const energy = async (rows: Tensor | number[][]) => (await model.energy(rows)).toArray() as number[]
    const inside = (await energy(x)).reduce((sum, e) => sum + e / N, 0)
    for (const far of await energy([
      [8, 8],
      [-8, 8],
      [8, -8],
      [-8, -8],
    ]))
      expect(far).toBeGreaterThan(inside + 2)
  })
})
