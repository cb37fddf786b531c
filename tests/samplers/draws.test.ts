/** What a sampling run keeps on the way: draws, moments, and statistics that may be computed when they are read. */
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { data, Energy, energies, memoryStats, metrics, type SampleState, sample, samplers } from '../../src/index.js'

const numbers = (t: { toTypedArray(): ArrayLike<number | bigint> }) => Array.from(t.toTypedArray(), Number)
const mlp = (input: number) => Energy.create(energies.mlp({ input, hidden: [24, 24], gaussianBase: 1 }), { seed: 3 })

describe('draws on the way', () => {
  // 300 chains are several blocks of the fused loop; NUTS and gibbs run piece by piece.
  it.each([
    ['langevin', samplers.langevin, { stepSize: 0.1 }, 300],
    ['langevin in bfloat16', samplers.langevin, { stepSize: 0.1, precision: 'bfloat16' }, 300],
    ['mala', samplers.mala, { stepSize: 0.3 }, 300],
    ['underdamped', samplers.underdampedLangevin, { stepSize: 0.1, friction: 1 }, 20],
    ['hmc', samplers.hmc, { stepSize: 0.1, leapfrogSteps: 3 }, 20],
  ] as const)('are the states of runs that stop there: %s', async (_, make, options, chains) => {
    using model = await mlp(3)
    const spec = (steps: number) => (make as (o: object) => never)({ ...options, steps })
    const whole = await sample(model, { sampler: spec(9), chains, seed: 4, burnIn: 2, thin: 2, keep: 'trajectory' })
      .done
    const draws: number[][] = []
    const energy: number[][] = []
    let resume: SampleState | undefined
    for (const steps of [2, 2, 2, 2]) {
      const part = await sample(model, { sampler: spec(steps), chains, seed: 4, ...(resume && { resume }) }).done
      draws.push(numbers(part.samples))
      energy.push(numbers(part.energy))
      resume = part.state
    }
    const [found, energies] = [numbers(whole.trajectory!), numbers(whole.trajectoryEnergy!)]
    for (let draw = 0; draw < 3; draw++) {
      const at = (chain: number) => found.slice((chain * 3 + draw) * 3, (chain * 3 + draw + 1) * 3)
      expect(Array.from({ length: chains }, (_, c) => at(c)).flat()).toEqual(draws[draw + 1])
      expect(Array.from({ length: chains }, (_, c) => energies[c * 3 + draw])).toEqual(energy[draw + 1])
    }
  })

  it.each(['float32', 'float64'] as const)('give the moments of the trajectory: %s', async (dtype) => {
    using model = await Energy.create(energies.mlp({ input: 3, hidden: [8], gaussianBase: 1 }), { dtype })
    const options = { sampler: samplers.langevin({ steps: 60, stepSize: 0.1 }), chains: 300, burnIn: 10 }
    const { moments } = await sample(model, { ...options, keep: 'moments' }).done
    const { trajectory } = await sample(model, { ...options, keep: 'trajectory' }).done
    const digits = dtype === 'float32' ? 6 : 11
    const rows = numbers(trajectory!)
    const n = rows.length / 3
    expect(moments!.count).toBe(n)
    const mean = [0, 1, 2].map((c) => rows.filter((_, i) => i % 3 === c).reduce((a, b) => a + b) / n)
    const covariance = [0, 1, 2].flatMap((a) =>
      [0, 1, 2].map((b) => {
        let sum = 0
        for (let r = 0; r < n; r++) sum += (rows[3 * r + a]! - mean[a]!) * (rows[3 * r + b]! - mean[b]!)
        return sum / (n - 1)
      }),
    )
    for (const [i, value] of numbers(moments!.mean).entries()) expect(value).toBeCloseTo(mean[i]!, digits)
    for (const [i, value] of numbers(moments!.covariance!).entries()) expect(value).toBeCloseTo(covariance[i]!, digits)
  })
})

describe('statistics of the draws', () => {
  // Cheap steps of many columns: computing R-hat takes longer than sampling, so it waits until it is read.
  const options = { sampler: samplers.langevin({ steps: 40, stepSize: 0.1 }), chains: 64, burnIn: 0 }
  const isLate = (d: object, name: string) => Object.getOwnPropertyDescriptor(d, name)?.get !== undefined

  it('are computed when one is read, and are those of the draws', async () => {
    using model = await mlp(12)
    const before = memoryStats()
    const { diagnostics: d, trajectory, ...rest } = await sample(model, { ...options, keep: 'trajectory' }).done
    expect(isLate(d, 'rhat') && isLate(d, 'ess')).toBe(true)
    const rhat = (await metrics.rhat(trajectory!)) as number[]
    expect(d.columns.rhat).toEqual(rhat)
    expect(d.rhat).toBe(Math.max(...rhat))
    expect(isLate(d, 'rhat') || isLate(d, 'ess')).toBe(false)
    expect([d.energy.rhat, d.chainReport.stuck, d.traced]).toEqual([
      expect.any(Number),
      [],
      { chains: 64, draws: 40, columns: 12 },
    ])
    for (const t of [
      trajectory!,
      rest.samples,
      rest.energy,
      rest.trajectoryEnergy!,
      rest.state.x,
      ...Object.values(rest.trace!),
    ])
      t.dispose()
    // Fewer where the garbage collector found what earlier tests have left.
    expect(memoryStats().tensors).toBeLessThanOrEqual(before.tensors)
  })

  it('look like any others', async () => {
    using model = await mlp(12)
    const one = (await sample(model, options).done).diagnostics
    const two = (await sample(model, options).done).diagnostics
    const three = (await sample(model, options).done).diagnostics
    expect(inspect(one)).toContain(`rhat: ${two.rhat}`)
    expect(JSON.parse(JSON.stringify(three))).toEqual(JSON.parse(JSON.stringify(two)))
    expect(Object.keys(one).sort()).toEqual(Object.keys({ ...three }).sort())
  })

  it('are in the units of the data', async () => {
    const table = data.fromArrays({ a: [0, 100, 200, 300], b: [1, 2, 3, 5] })
    const inputs = data.inputs(table)
    const spec = energies.mlp({ input: 2, hidden: [8], gaussianBase: 1 })
    using scaled = await Energy.create(spec, { inputs })
    using plain = await Energy.create(spec)
    const there = (await sample(scaled, options).done).diagnostics
    const here = (await sample(plain, options).done).diagnostics
    expect(there.rhat).toBe(here.rhat)
    const scale = inputs.transform!.scale
    expect(there.columns.mcse).toEqual(here.columns.mcse.map((error, c) => error! * scale[c]!))
  })
})
