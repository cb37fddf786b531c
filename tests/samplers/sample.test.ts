/** sample(): draws, moments, states, diagnostics and errors. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Energy, energies, type SampleOptions, sample, samplers, tensor } from '../../src/index.js'
import { rejection } from '../helpers/errors.js'

/** Standard errors allowed: a false alarm in 1 of 150,000 checks; seeds are fixed. */
const SIGMAS = 4.5

const gaussian = (precision: number[], mean = precision.map(() => 0)) =>
  Energy.create(energies.gaussian({ mean, precision }), { dtype: 'float64' })

describe('sample', () => {
  it('streams the mean and covariance of the known law', async () => {
    const mean = [1, -2]
    const precision = [
      [2, 0.6],
      [0.6, 0.5],
    ]
    const model = await Energy.create(energies.gaussian({ mean, precision }), { dtype: 'float64' })
    const det = 2 * 0.5 - 0.36
    const covariance = [0.5 / det, -0.6 / det, -0.6 / det, 2 / det]
    const sampler = samplers.hmc({ steps: 150, stepSize: 0.4, leapfrogSteps: 4, warmup: 50, jitter: 0.2 })
    const { moments, diagnostics } = await sample(model, { sampler, chains: 256, keep: 'moments', seed: 3 }).done
    expect(moments!.count).toBe(256 * 100)
    // Effective draws, not draws, make the standard error; 256 chains x 100 draws with ess/draw of the traced chains.
    const share = diagnostics.ess.bulk! / (diagnostics.traced.chains * diagnostics.traced.draws)
    const n = moments!.count * Math.min(1, share)
    const found = moments!.covariance!.toTypedArray() as Float64Array
    const variances = [covariance[0]!, covariance[3]!]
    for (const i of [0, 1]) {
      const m = Number(moments!.mean.toTypedArray()[i])
      expect(Math.abs(m - mean[i]!)).toBeLessThan(SIGMAS * Math.sqrt(variances[i]! / n))
    }
    for (const [k, v] of [...found].entries()) {
      const [i, j] = [k >> 1, k & 1]
      const se = Math.sqrt((variances[i]! * variances[j]! + covariance[k]! ** 2) / n)
      // Squares decorrelate more slowly than the values themselves; half of the effective draws is a safe count.
      expect(Math.abs(v - covariance[k]!)).toBeLessThan(SIGMAS * se * Math.SQRT2)
    }
    expect(Number(moments!.variance.toTypedArray()[1])).toBe(found[3])
    expect(diagnostics.rhat!).toBeLessThan(1.02)
    expect(diagnostics.acceptance!).toBeGreaterThan(0.65)
    expect(diagnostics.divergences).toBe(0)
    expect(diagnostics.stepSize!.min).toBeLessThan(diagnostics.stepSize!.max)
    model.dispose()
  })

  it('keeps a trajectory whose last draw is the last state, and moments that agree with it', async () => {
    const model = await gaussian([1, 4])
    const options: SampleOptions = {
      sampler: samplers.mala({ steps: 60, stepSize: 0.3 }),
      chains: 300,
      seed: 9,
      burnIn: 20,
      thin: 4,
    }
    const path = await sample(model, { ...options, keep: 'trajectory' }).done
    expect(path.trajectory!.shape).toEqual([300, 10, 2])
    expect(path.trajectoryEnergy!.shape).toEqual([300, 10])
    const rows = path.trajectory!.toTypedArray() as Float64Array
    const last = path.samples.toTypedArray() as Float64Array
    for (const c of [0, 150, 299]) expect(rows[c * 20 + 18]).toBe(last[c * 2])
    const { moments, samples } = await sample(model, { ...options, keep: 'moments' }).done
    expect(samples.toTypedArray()).toEqual(last)
    let sum = 0
    for (let i = 1; i < rows.length; i += 2) sum += rows[i]!
    const mean = sum / 3000
    let squares = 0
    for (let i = 1; i < rows.length; i += 2) squares += (rows[i]! - mean) ** 2
    expect(Number(moments!.mean.toTypedArray()[1])).toBeCloseTo(mean, 12)
    expect(Number(moments!.variance.toTypedArray()[1])).toBeCloseTo(squares / 2999, 12)
  })

  it('is bit-equal at any number of threads and after a stop in the middle', async () => {
    const model = await Energy.create(energies.mlp({ input: 2, hidden: [16, 16], gaussianBase: 1 }), { seed: 4 })
    for (const make of [
      (steps: number) => samplers.langevin({ steps, stepSize: 0.05 }),
      (steps: number) => samplers.mala({ steps, stepSize: 0.3 }),
      (steps: number) => samplers.hmc({ steps, stepSize: 0.3, leapfrogSteps: 3, warmup: 8 }),
      (steps: number) => samplers.underdampedLangevin({ steps, stepSize: 0.3 }),
      (steps: number) => samplers.nuts({ steps, warmup: 8 }),
      (steps: number) =>
        samplers.parallelTempering({
          steps,
          temperatures: [1, 2, 5],
          sampler: samplers.mala({ steps: 2, stepSize: 0.3 }),
        }),
    ]) {
      const run = (steps: number, more: Partial<SampleOptions>) =>
        sample(model, { sampler: make(steps), seed: 5n, ...more }).done
      const whole = await run(20, { chains: 600, threads: 1 })
      for (const threads of [2, 3]) {
        const again = await run(20, { chains: 600, threads })
        expect(again.samples.toTypedArray()).toEqual(whole.samples.toTypedArray())
        expect(again.diagnostics).toEqual(whole.diagnostics)
      }
      const first = await run(11, { chains: 600 })
      const second = await run(9, { resume: first.state, threads: 2 })
      expect(second.samples.toTypedArray()).toEqual(whole.samples.toTypedArray())
      expect(second.energy.toTypedArray()).toEqual(whole.energy.toTypedArray())
      expect(second.state.nextStep).toEqual(20n)
    }
  })

  it('reports what a Metropolis test would have done to unadjusted steps', async () => {
    const model = await gaussian([1])
    const run = (stepSize: number) =>
      sample(model, { sampler: samplers.langevin({ steps: 100, stepSize }), chains: 256, seed: 1 }).done
    const fine = (await run(0.1)).diagnostics
    const coarse = (await run(2)).diagnostics
    expect(fine.acceptance).toBeNull()
    expect(fine.wouldBeAcceptance!).toBeGreaterThan(0.98)
    expect(coarse.wouldBeAcceptance!).toBeLessThan(0.85)
    const heuristic = samplers.langevin({ form: 'heuristic', steps: 10, stepSize: 1, noise: 0.01 })
    const cold = (await sample(model, { sampler: heuristic, chains: 16 }).done).diagnostics
    expect(cold.effectiveTemperature).toBeCloseTo(5e-5, 12)
  })

  it('tells what only one sampler knows', async () => {
    const model = await gaussian([1, 1])
    const inner = samplers.hmc({ steps: 2, stepSize: 0.7, leapfrogSteps: 3, jitter: 0.3 })
    const run = (sampler: ReturnType<typeof samplers.nuts> | ReturnType<typeof samplers.parallelTempering>) =>
      sample(model, { sampler, chains: 128, seed: 3 }).done
    const tree = (await run(samplers.nuts({ steps: 200 }))).diagnostics
    expect(tree.burnIn).toBe(100)
    expect(tree.leapfrogSteps).toBeGreaterThan(1)
    expect(tree.deepestShare).toBe(0)
    const given = samplers.parallelTempering({ steps: 100, temperatures: [1, 1.5, 6], sampler: inner })
    const { diagnostics } = await run(given)
    expect(diagnostics.temperatures).toEqual([1, 1.5, 6])
    // In two columns a swap between T and R T is accepted with probability 2 / (1 + R).
    expect(diagnostics.swapAcceptance![0]).toBeCloseTo(0.8, 1)
    expect(diagnostics.swapAcceptance![1]).toBeCloseTo(0.4, 1)
    const adapted = samplers.parallelTempering({ steps: 100, temperatures: [1, 1.5, 6], adapt: 60, sampler: inner })
    const found = await run(adapted)
    expect(found.diagnostics.temperatures![1]).toBeCloseTo(Math.sqrt(6), 0)
    expect(found.diagnostics.temperatures![2]).toBe(6)
    const error = await rejection(() => sample(model, { sampler: adapted, resume: found.state }).done)
    expect(error.message).toMatch(/keeps its ladder/)
  })

  it('gives the noise level of a noise-conditional energy itself', async () => {
    const model = await Energy.create(energies.conditional({ input: 2, condition: 1, hidden: [8], gaussianBase: 1 }))
    const sampler = samplers.annealedLangevin({
      noiseLevels: { from: 1, to: 0.1, levels: 3 },
      stepsPerLevel: 4,
      stepSize: 1e-3,
    })
    const { samples, diagnostics } = await sample(model, { sampler, chains: 8 }).done
    expect(samples.shape).toEqual([8, 2])
    expect([diagnostics.steps, diagnostics.burnIn]).toEqual([12, 8])
    const given = await rejection(() => sample(model, { sampler, chains: 2, y: [[1], [1]] }).done)
    expect(given.message).toMatch(/leave it out/)
    const plain = await gaussian([1, 1])
    const error = await rejection(() => sample(plain, { sampler, chains: 2 }).done)
    expect(error.message).toMatch(/temperatures/)
  })

  it('samples a condition: one y for each chain, or one for all', async () => {
    const spec = energies.conditional({
      input: 1,
      classes: 2,
      hidden: [8],
      gaussianBase: 1,
    })
    const model = await Energy.create(spec, { dtype: 'float64', seed: 2 })
    const sampler = samplers.langevin({ steps: 5, stepSize: 0.1 })
    const both = await sample(model, { sampler, chains: 4, y: [0, 1, 0, 1] }).done
    const ones = await sample(model, { sampler, chains: 4, y: 1 }).done
    const [b, o] = [both.samples.toTypedArray(), ones.samples.toTypedArray()]
    expect([b[1], b[3]]).toEqual([o[1], o[3]])
    expect(b[0]).not.toEqual(o[0])
    const error = await rejection(() => sample(model, { sampler, chains: 4 }).done)
    expect(error.code).toBe('ERR_LANGEVIN_INVALID_OPTION')
  })

  it('starts where it is told', async () => {
    const model = await gaussian([1, 1])
    const sampler = samplers.langevin({ steps: 1, stepSize: 1e-12, box: { low: -2, high: 2 } })
    const rows = await sample(model, {
      sampler,
      init: [
        [0.5, 1.5],
        [9, 0],
      ],
    }).done
    const at = rows.samples.toTypedArray()
    expect(at[1]).toBeCloseTo(1.5, 4)
    expect(at[2]).toBeCloseTo(1, 4) // 9 reflected at 2, -2, 2: 9 -> -5 -> 1
    const even = await sample(model, { sampler, init: 'uniform', chains: 4000 }).done
    const values = even.samples.toTypedArray() as Float64Array
    const variance = values.reduce((sum, v) => sum + v * v, 0) / values.length
    // U(-2, 2): variance 4/3, that of x^2 is 16 (1/5 - 1/9)
    expect(Math.abs(variance - 4 / 3)).toBeLessThan(SIGMAS * Math.sqrt((16 * (1 / 5 - 1 / 9)) / values.length))
    const wide = samplers.langevin({ steps: 1, stepSize: 1e-12 })
    const shifted = await sample(model, { sampler: wide, init: { kind: 'normal', mean: 5, sd: 0.1 }, chains: 100 }).done
    for (const v of shifted.samples.toTypedArray() as Float64Array) expect(Math.abs(v - 5)).toBeLessThan(0.6)
  })

  it('refuses what cannot be meant', async () => {
    const model = await gaussian([1, 1])
    const sampler = samplers.langevin({ steps: 10, stepSize: 0.1 })
    const cases: [object, string, RegExp][] = [
      [{ chains: 4, burnin: 3 }, 'ERR_LANGEVIN_INVALID_OPTION', /burnin.*burnIn/],
      [{}, 'ERR_LANGEVIN_INVALID_OPTION', /chains.*required/],
      [{ chains: 0 }, 'ERR_LANGEVIN_INVALID_OPTION', /chains/],
      [{ chains: 4, keep: 'all' }, 'ERR_LANGEVIN_INVALID_OPTION', /last, trajectory, moments/],
      [{ chains: 4, keep: 'moments', burnIn: 10 }, 'ERR_LANGEVIN_INVALID_OPTION', /no draw/],
      [{ chains: 4, init: 'gaussian' }, 'ERR_LANGEVIN_INVALID_OPTION', /normal, uniform/],
      [{ init: [[1, 2, 3]] }, 'ERR_LANGEVIN_SHAPE', /\[n, 2\]/],
      [{ chains: 3, init: [[1, 2]] }, 'ERR_LANGEVIN_SHAPE', /1 rows/],
      [{ init: [[1, Number.NaN]] }, 'ERR_LANGEVIN_NON_FINITE', /row 0, column 1/],
      [{ chains: 4, y: [0, 1, 0, 1] }, 'ERR_LANGEVIN_INVALID_OPTION', /no condition/],
      [{ chains: 4, seed: -1 }, 'ERR_LANGEVIN_INVALID_OPTION', /seed/],
    ]
    for (const [options, code, message] of cases) {
      const error = await rejection(async () => sample(model, { sampler, ...options } as SampleOptions).done)
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
    }
    const huge = samplers.langevin({ steps: 1_000_000, stepSize: 0.1 })
    const memory = await rejection(() => sample(model, { sampler: huge, chains: 1_000_000, keep: 'trajectory' }).done)
    expect(memory.code).toBe('ERR_LANGEVIN_OUT_OF_MEMORY')
    expect(memory.message).toMatch(/moments/)
  })

  it('names the chain and the step of a divergence, and refuses runs that never moved', async () => {
    const model = await Energy.create(energies.gaussian({ mean: [0], precision: 1 }))
    const unstable = samplers.langevin({ steps: 1000, stepSize: 20 })
    const error = await rejection(() => sample(model, { sampler: unstable, chains: 8 }).done)
    expect(error.code).toBe('ERR_LANGEVIN_DIVERGED')
    expect(error.message).toMatch(/chain \d+ diverged at step \d+.*stepSize/)
    expect(error.details).toMatchObject({ chain: expect.any(Number), step: expect.any(Number) })
    const stuck = samplers.hmc({ steps: 5, stepSize: 100, leapfrogSteps: 20 })
    expect((await rejection(() => sample(model, { sampler: stuck, chains: 8 }).done)).message).toMatch(
      /proposals diverged/,
    )
  })

  it('stops within 50 ms of work, tells progress, and leaves the event loop free', async () => {
    const model = await Energy.create(energies.mlp({ input: 8, hidden: [64, 64], gaussianBase: 1 }))
    const controller = new AbortController()
    const run = sample(model, {
      sampler: samplers.langevin({ steps: 1_000_000, stepSize: 0.01 }),
      chains: 256,
      threads: 1,
      signal: controller.signal,
    })
    let seen: { step: number; steps: number } | undefined
    for await (const event of run) {
      if (event.type !== 'progress') continue
      seen = { step: event.step, steps: event.steps }
      break
    }
    let turns = 0
    const start = performance.now()
    while (performance.now() - start < 200) {
      await setImmediate()
      turns++
    }
    expect(turns).toBeGreaterThan(50)
    expect(seen!.steps).toBe(1_000_000)
    expect(seen!.step).toBeGreaterThan(0)
    const asked = performance.now()
    controller.abort(new Error('enough'))
    await expect(run.done).rejects.toThrow('enough')
    // 50 ms of work; the rest is for a machine that is busy with other things.
    expect(performance.now() - asked).toBeLessThan(1000)
  })

  it('samples a bfloat16 model in float32', async () => {
    const spec = energies.mlp({ input: 2, hidden: [8], gaussianBase: 1 })
    const model = await Energy.create(spec, { dtype: 'bfloat16' })
    const sampler = samplers.langevin({ steps: 50, stepSize: 0.01 })
    const { samples } = await sample(model, { sampler, init: tensor([[0.1, 0.2]]) }).done
    expect(samples.dtype).toBe('float32')
  })
})
