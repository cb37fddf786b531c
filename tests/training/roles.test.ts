/** Networks of a run by role: given to train(), made by the objective, trained, saved and taken up again. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  data,
  Energy,
  energies,
  evaluateObjective,
  Network,
  networks,
  objectives,
  optimizers,
  samplers,
  type Tensor,
  train,
} from '../../src/index.js'
import { rejection } from '../helpers/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'langevin-roles-'))
afterAll(() => rmSync(folder, { recursive: true }))

const rows = data.toys.rings({ n: 300, seed: 1 })
const energySpec = energies.mlp({ input: 2, hidden: [8], activation: 'tanh', gaussianBase: 2 })
const helperSpec = energies.mlp({ input: 2, hidden: [6], activation: 'tanh' })
const chains = { sampler: samplers.langevin({ steps: 3, stepSize: 0.02 }), buffer: { size: 64 }, chains: 32 }
const helperOptimizer = optimizers.adam({ lr: 5e-3 })
const length = { steps: 6, batchSize: 32, seed: 4 }

type Weights = Readonly<Record<string, Tensor>>
const arrays = (weights: Weights) =>
  Object.fromEntries(Object.entries(weights).map(([name, value]) => [name, value.toArray()]))
const newEnergy = () => Energy.create(energySpec, { seed: 2 })

describe('fDivergence with its helper', () => {
  const made = objectives.fDivergence({ divergence: 'kl', helper: helperSpec, helperOptimizer, ...chains })
  const given = objectives.fDivergence({ divergence: 'kl', helperOptimizer, ...chains })

  /** The helper as the objective makes it: a rate of 1e-300 leaves its weights as they start. */
  async function startOfHelper(): Promise<Weights> {
    await using energy = await newEnergy()
    const still = objectives.fDivergence({ ...made, helperOptimizer: optimizers.sgd({ lr: 1e-300 }) })
    return (await evaluateObjective(energy, rows, { objective: still, seed: length.seed })).networks.helper!
  }

  it('is the same run, bit for bit, whether the objective makes it or train() is given it', async () => {
    await using a = await newEnergy()
    const first = await train(a, rows, { objective: made, ...length }).done
    await using b = await newEnergy()
    await using helper = await Energy.create(helperSpec, { seed: 77 })
    await helper.setParameters(await startOfHelper())
    const second = await train({ energy: b, helper }, rows, { objective: given, ...length }).done
    expect(arrays(await b.parameters())).toEqual(arrays(await a.parameters()))
    expect(arrays(second.networks.helper!)).toEqual(arrays(first.networks.helper!))
    // The handle holds what was trained, and it was trained.
    expect(arrays(await helper.parameters())).toEqual(arrays(second.networks.helper!))
    expect(arrays(await helper.parameters())).not.toEqual(arrays(await startOfHelper()))
    expect(second.history.at(-1)!.helperGradientNorm).toBeGreaterThan(0)
  })

  it('goes on from a checkpoint as if it had not stopped', async () => {
    const path = join(folder, 'half.safetensors')
    const run = async (steps: number, resume: boolean, checkpoint: boolean) => {
      await using energy = await newEnergy()
      await using helper = await Energy.create(helperSpec, { seed: 7 })
      await train({ energy, helper }, rows, {
        objective: given,
        ...length,
        steps,
        ...(checkpoint && { checkpoint: { path } }),
        ...(resume && { resume: path }),
      }).done
      return [arrays(await energy.parameters()), arrays(await helper.parameters())]
    }
    await run(3, false, true)
    expect(await run(6, true, false)).toEqual(await run(6, false, false))
    // Another helper is another run.
    await using energy = await newEnergy()
    await using other = await Energy.create(energies.mlp({ input: 2, hidden: [5] }))
    const resumed = train({ energy, helper: other }, rows, { objective: given, ...length, resume: path })
    expect((await rejection(() => resumed.done)).message).toContain('resume: networks was')
  })

  it('takes an optimizer of its own by name', async () => {
    const trained = async (options: object) => {
      await using energy = await newEnergy()
      return arrays((await train(energy, rows, { objective: made, ...length, ...options }).done).networks.helper!)
    }
    const usual = await trained({})
    expect(await trained({ optimizers: { helper: helperOptimizer } })).toEqual(usual)
    expect(await trained({ optimizers: { helper: optimizers.adam({ lr: 1e-2 }) } })).not.toEqual(usual)
    const error = await rejection(() => trained({ optimizers: { critic: helperOptimizer } }))
    expect(error.message).toContain('optimizers.critic')
  })

  it('is held for the run as the energy is', async () => {
    await using energy = await newEnergy()
    await using helper = await Energy.create(helperSpec)
    const run = train({ energy, helper }, rows, { objective: given, ...length, steps: 100_000 })
    expect((await rejection(() => helper.energy([[0, 0]]))).code).toBe('ERR_LANGEVIN_BUSY')
    expect((await rejection(() => energy.energy([[0, 0]]))).code).toBe('ERR_LANGEVIN_BUSY')
    run.abort()
    await run.done.catch(() => undefined)
    expect((await helper.energy([[0, 0]])).shape).toEqual([1])
  })

  it('says which roles there are and what is missing', async () => {
    await using energy = await newEnergy()
    await using helper = await Energy.create(helperSpec)
    await using narrow = await Energy.create(energies.mlp({ input: 3, hidden: [4] }))
    await using double = await Energy.create(helperSpec, { dtype: 'float64' })
    await using network = await Network.create(networks.mlp({ input: 2, hidden: [4], output: 1 }))
    const message = async (trained: Parameters<typeof train>[0], objective = given) =>
      (await rejection(async () => await train(trained, rows, { objective, ...length }).done)).message
    expect(await message(energy)).toContain('train({ energy, helper }, ...)')
    expect(await message({ energy, generator: helper })).toContain('its roles: energy, helper')
    expect(await message({ energy, helper: narrow })).toContain('must have shape')
    expect(await message({ energy, helper: double })).toContain('both must agree')
    expect(await message({ energy, helper: network })).toContain('must be an Energy')
    expect(await message({ energy, helper: energy })).toContain('the same object')
    expect(await message({ helper } as never)).toContain('the first argument is an Energy')
    expect(await message({ energy, helper: 3 } as never)).toContain('expected a Network')
  })
})

describe('learnedSteinDiscrepancy with its critic', () => {
  const objective = objectives.learnedSteinDiscrepancy({ criticSteps: 2 })

  it('trains a network that gives no energy', async () => {
    await using energy = await newEnergy()
    await using critic = await Network.create(networks.mlp({ input: 2, hidden: [16], activation: 'tanh', output: 2 }))
    const before = arrays(await critic.parameters())
    const result = await train({ energy, critic }, rows, { objective, ...length }).done
    expect(arrays(await critic.parameters())).toEqual(arrays(result.networks.critic!))
    expect(arrays(await critic.parameters())).not.toEqual(before)
    expect(result.history.at(-1)!.criticGradientNorm).toBeGreaterThan(0)
    expect((await critic.outputs([[0.5, 1]])).shape).toEqual([1, 2])
  })

  it('refuses one of other widths, and one that is not smooth', async () => {
    await using energy = await newEnergy()
    await using wide = await Network.create(networks.mlp({ input: 2, hidden: [4], output: 3 }))
    await using rough = await Network.create(networks.mlp({ input: 2, hidden: [4], output: 2, activation: 'relu' }))
    const message = async (critic: Network) =>
      (await rejection(() => train({ energy, critic }, rows, { objective, ...length }).done)).message
    expect(await message(wide)).toContain('as many columns as x has, 2')
    expect(await message(rough)).toContain('smooth')
  })
})
