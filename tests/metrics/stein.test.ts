/** The kernel Stein goodness-of-fit test. */
import { describe, expect, it } from 'vitest'
import { Energy, energies, metrics, type Tensor } from '../../src/index.js'
import { invokeNow } from '../../src/runtime/index.js'

const normal = (rows: number, columns: number, seed: number) =>
  invokeNow<Tensor>('random', { kind: 'normal', rows, columns, seed, stream: 15 })

describe('kernelSteinDiscrepancy', () => {
  const standard = energies.gaussian({ mean: [0, 0], precision: 1 })
  const shifted = energies.gaussian({ mean: [0.5, 0], precision: 1 })

  it('accepts the law of the rows and refuses another', async () => {
    using right = await Energy.create(standard)
    using wrong = await Energy.create(shifted)
    const x = normal(400, 2, 8)
    const fits = await metrics.kernelSteinDiscrepancy(right, x, { seed: 1 })
    const differs = await metrics.kernelSteinDiscrepancy(wrong, x, { seed: 1 })
    // One fixed sample, false-alarm rate 0.01; the shift of half an sd is dozens of sds of the statistic away.
    expect(fits.pValue).toBeGreaterThan(0.01)
    expect(differs.pValue).toBe(1 / 1001)
    expect(differs.statistic).toBeGreaterThan(10 * Math.abs(fits.statistic))
    // The median distance of standard normal rows in two dimensions is sqrt(4 log 2) = 1.665.
    expect(fits.scale).toBeCloseTo(1.665, 1)
    expect(await metrics.kernelSteinDiscrepancy(right, x, { seed: 1, threads: 2 })).toEqual(fits)
  })

  it('says what is wrong with its options', async () => {
    using model = await Energy.create(standard)
    const x = normal(20, 2, 8)
    const call = (options: object) => metrics.kernelSteinDiscrepancy(model, x, options)
    for (const options of [{ beta: 1 }, { scale: 'mean' }, { flip: 0.9 }, { estimator: 'v' }, { bootstraps: 3 }]) {
      await expect(call(options)).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    }
    await expect(metrics.kernelSteinDiscrepancy(model, [[1, 2]])).rejects.toMatchObject({ code: 'ERR_LANGEVIN_SHAPE' })
  })
})
