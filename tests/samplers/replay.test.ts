/** Samplers against plain PyTorch with the same random numbers. */
import { beforeAll, describe, expect, it } from 'vitest'
import { Energy, energies, sample, samplers, type Tensor } from '../../src/index.js'
import { invoke, invokeNow } from '../../src/runtime/index.js'
import type { SpecValue } from '../../src/spec/index.js'
import { reference } from '../helpers/python.js'

/** Streams of the counter-based generator, as native/core/tensors/random.hpp numbers them. */
const STREAM = { noise: 2, accept: 3, auxiliary: 16, user: 15 }
const CHAINS = 24
const STEPS = 100
const SEED = 12

type Rows = number[][]
const numbers = (t: Tensor) => t.toArray() as unknown as Rows
const random = (kind: string, columns: number, step: number, stream: number, rows = CHAINS) =>
  numbers(invokeNow<Tensor>('random', { kind, rows, columns, seed: SEED, step, stream }))

interface Replay {
  x: Rows
  energy: number[]
  accepted: number | null
}
interface Diagnosed {
  rhat: number
  essBulk: number
  essTail: number
  mcse: number
}

const model = energies.mlp({ input: 3, hidden: [12, 12], activation: 'tanh', gaussianBase: 1 })
const kernels: SpecValue[] = [
  samplers.langevin({ steps: STEPS, stepSize: 0.1, temperature: 1.5 }),
  samplers.langevin({ form: 'heuristic', steps: STEPS, stepSize: 0.05, noise: 0.2 }),
  samplers.mala({ steps: STEPS, stepSize: 0.8 }),
  samplers.mala({ steps: STEPS, stepSize: 0.5, clip: 1.2 }),
  samplers.hmc({ steps: STEPS, stepSize: 0.5, leapfrogSteps: 4, temperature: 0.7 }),
  samplers.underdampedLangevin({ steps: STEPS, stepSize: 0.3, friction: 0.8 }),
]
const cases = kernels.flatMap((sampler) => (['float32', 'float64'] as const).map((dtype) => ({ sampler, dtype })))

/** AR(1) chains of correlation phi from the generator's normals; one chain may be shifted. */
function autoregressive(phi: number, chains: number, n: number, shift = 0): Rows {
  return Array.from({ length: chains }, (_, c) => {
    const xi = random('normal', n, c, STREAM.user, 1)[0]!
    const row = [xi[0]!]
    for (let t = 1; t < n; t++) row.push(phi * row[t - 1]! + Math.sqrt(1 - phi * phi) * xi[t]!)
    return c === 0 ? row.map((v) => v + shift) : row
  })
}
const draws = [autoregressive(0.5, 4, 200), autoregressive(-0.6, 3, 151), autoregressive(0.9, 4, 100, 3)]

describe('against plain PyTorch', () => {
  const ours: { x: Rows; energy: number[]; acceptance: number | null }[] = []
  const diagnosed: Diagnosed[] = []
  let theirs: { replays: Replay[]; diagnostics: Diagnosed[] }

  beforeAll(async () => {
    const steps = Array.from({ length: STEPS }, (_, t) => t)
    const noise = steps.map((t) => random('normal', 3, t, STREAM.noise))
    const accept = steps.map((t) => random('uniform', 1, t, STREAM.accept).map((row) => row[0]!))
    const velocity = (sampler: SpecValue) => {
      const scale = Math.sqrt(typeof sampler.temperature === 'number' ? sampler.temperature : 1)
      return random('normal', 3, 0, STREAM.auxiliary).map((row) => row.map((v) => v * scale))
    }
    const replays = []
    for (const { sampler, dtype } of cases) {
      const energy = await Energy.create(model, { dtype, seed: 6 })
      const state = await energy.parameters()
      const parameters = Object.fromEntries(Object.entries(state).map(([name, t]) => [name, t.toArray()]))
      const x = random('normal', 3, 0, STREAM.user)
      const result = await sample(energy, { sampler, init: x, seed: SEED, burnIn: 0, threads: 1 }).done
      ours.push({
        x: numbers(result.samples),
        energy: result.energy.toArray() as number[],
        acceptance: result.diagnostics.acceptance,
      })
      replays.push({
        energy: { spec: model, dtype, parameters },
        sampler,
        x,
        noise,
        accept,
        velocity: velocity(sampler),
      })
      energy.dispose()
    }
    for (const rows of draws) {
      const { tensor } = await import('../../src/index.js')
      const [summary] = await invoke<Diagnosed[]>('sampler.diagnostics', { draws: tensor(rows, undefined, 'float64') })
      diagnosed.push(summary!)
    }
    theirs = reference('samplers.py', { replays, diagnostics: draws.map((rows) => ({ draws: rows })) })
  }, 300_000)

  it.each(cases.map((c, i) => ({ ...c, i, name: `${c.sampler.kind} ${c.sampler.form ?? ''} ${c.dtype}` })))(
    '$name: 100 steps from the same noise',
    ({ i, dtype }) => {
      // The chains contract (the energy is nearly convex), so rounding does not grow from step to step; a Metropolis decision
      // within rounding of its threshold would show as a difference of order 1 in one chain.
      const tolerance = dtype === 'float32' ? 1e-5 : 1e-10
      const [mine, reference] = [ours[i]!, theirs.replays[i]!]
      const scale = Math.max(...reference.x.flat().map(Math.abs))
      for (const [r, row] of reference.x.entries()) {
        for (const [c, v] of row.entries()) expect(Math.abs(mine.x[r]![c]! - v) / scale).toBeLessThan(tolerance)
      }
      const height = Math.max(...reference.energy.map(Math.abs))
      for (const [r, v] of reference.energy.entries()) {
        expect(Math.abs(mine.energy[r]! - v) / height).toBeLessThan(tolerance)
      }
      // The mean probability and the share taken differ by at most 4.5 binomial standard errors.
      if (reference.accepted !== null) {
        expect(Math.abs(mine.acceptance! - reference.accepted)).toBeLessThan((4.5 * 0.5) / Math.sqrt(CHAINS * STEPS))
        expect(reference.accepted).toBeGreaterThan(0.3)
        expect(reference.accepted).toBeLessThan(0.999)
      }
    },
  )

  it.each([0, 1, 2])('R-hat, effective sample sizes and standard error of chains %i', (i) => {
    for (const key of ['rhat', 'essBulk', 'essTail', 'mcse'] as const) {
      expect(diagnosed[i]![key] / theirs.diagnostics[i]![key]).toBeCloseTo(1, 8)
    }
  })

  it('tells shifted chains from mixed ones', () => {
    expect(diagnosed[0]!.rhat).toBeLessThan(1.03)
    expect(diagnosed[2]!.rhat).toBeGreaterThan(1.2)
  })
})
