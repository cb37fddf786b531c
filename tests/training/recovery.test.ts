/** `divergence: { recover }`: what a run does when it diverges, and that it says so. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  data,
  diagnose,
  Energy,
  energies,
  type LangevinError,
  objectives,
  optimizers,
  samplers,
  type TrainOptions,
  train,
} from '../../src/index.js'

const rows = data.toys.moons({ n: 500, seed: 1 }).toTensor()
const spec = energies.mlp({ input: 2, hidden: [16], gaussianBase: 2 })
const sampler = samplers.langevin({ steps: 3, stepSize: 0.05 })
const objective = objectives.persistentContrastiveDivergence({ sampler, buffer: { size: 400 } })
// The gap between energies of chains and data passes 6 at this rate, not at a hundredth of it.
const options: TrainOptions = {
  objective,
  optimizer: optimizers.adam({ lr: 0.3 }),
  steps: 150,
  batchSize: 64,
  ema: 0.9,
  seed: 3,
  divergence: { gap: 6, recover: { attempts: 2, lr: 0.01, every: 4 } },
}
const make = (seed = 1) => Energy.create(spec, { seed })
const weights = async (model: Energy) =>
  Object.fromEntries(Object.entries(await model.parameters()).map(([name, t]) => [name, t.toArray()]))
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('it resolved')
    },
    (error: LangevinError) => error,
  )

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langevin-recovery-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a run that diverges', () => {
  it('ends, unless it is told to go on', async () => {
    using model = await make()
    const error = await failure(train(model, rows, { ...options, divergence: { gap: 6 } }).done)
    expect(error).toMatchObject({ code: 'ERR_LANGEVIN_DIVERGED', details: { monitor: 'gap' } })
  })

  it('goes back, with a smaller learning rate, and says so', async () => {
    using model = await make()
    const run = train(model, rows, options)
    const events = []
    for await (const event of run) if (event.type === 'warning' && event.monitor === 'recoveries') events.push(event)
    const result = await run.done
    expect(result.recoveries.length).toBeGreaterThan(0)
    const [first] = result.recoveries
    expect(first).toMatchObject({ lrFactor: 0.01, monitor: 'gap', message: expect.stringContaining('gap') })
    // The older of the two newest states: more than one interval back where there were two.
    expect(first!.restored % 4).toBe(0)
    expect(first!.step - 1 - first!.restored).toBeLessThan(8)
    expect(events).toHaveLength(result.recoveries.length)
    expect(events[0]).toMatchObject({
      code: 'recovered',
      step: first!.step,
      message: expect.stringContaining('goes on from step'),
    })
    // The history is that of the steps that count.
    expect(result.history.map(({ step }) => step)).toEqual(Array.from({ length: 150 }, (_, i) => i + 1))
    const rates = result.history.map(({ lr }) => lr)
    expect(rates[0]).toBe(first!.restored === 0 ? 0.003 : 0.3)
    expect(rates.at(-1)).toBeCloseTo(0.3 * result.recoveries.at(-1)!.lrFactor, 12)
    expect(diagnose(result).findings.map(({ code }) => code)).toContain('recovered')
  })

  it('starts its chains anew, with other random numbers', async () => {
    using model = await make()
    const { statistics, recoveries } = await train(model, rows, options).done
    // Draws are counted from the start of the chains.
    const { draws } = statistics.buffer as { draws: number }
    expect(draws).toBe(64 * (150 - recoveries.at(-1)!.restored))
  })

  it('fails when it has gone back often enough, and says how often', async () => {
    using model = await make()
    const error = await failure(
      train(model, rows, { ...options, divergence: { gap: 6, recover: { attempts: 2, lr: 1, every: 4 } } }).done,
    )
    expect(error.code).toBe('ERR_LANGEVIN_DIVERGED')
    expect(error.message).toContain('had gone back 2 times')
    expect(error.details.recoveries).toHaveLength(2)
  })

  it('is resumed bit by bit, from before and from after', async () => {
    using whole = await make()
    const path = join(folder, 'at-{step}.safetensors')
    const reference = await train(whole, rows, { ...options, checkpoint: { path, every: 3 } }).done
    const { step } = reference.recoveries[0]!
    for (const at of [Math.floor((step - 1) / 3) * 3, 120]) {
      using again = await make(9)
      const resumed = await train(again, rows, { ...options, resume: path.replace('{step}', String(at)) }).done
      expect(await weights(again)).toEqual(await weights(whole))
      expect(resumed.history).toEqual(reference.history)
      expect(resumed.recoveries).toEqual(reference.recoveries)
      expect(resumed.statistics).toEqual(reference.statistics)
    }
    const other = { ...options, divergence: { gap: 6, recover: { attempts: 2, lr: 0.5, every: 4 } } }
    using third = await make(9)
    const refused = await failure(train(third, rows, { ...other, resume: path.replace('{step}', '120') }).done)
    expect(refused).toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION', details: { path: 'recover' } })
  })

  it('takes the same steps as without, where it does not diverge', async () => {
    const calm = { ...options, optimizer: optimizers.adam({ lr: 1e-3 }) }
    const found = []
    for (const divergence of [undefined, options.divergence]) {
      using model = await make()
      const { recoveries } = await train(model, rows, { ...calm, divergence }).done
      expect(recoveries).toEqual([])
      found.push(await weights(model))
    }
    expect(found[1]).toEqual(found[0])
  })
})
