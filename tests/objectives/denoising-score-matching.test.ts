/** Denoising score matching over a ladder of noise levels. */
import { describe, expect, it } from 'vitest'
import { Energy, energies, objectives, optimizers, schedules, tensor, train } from '../../src/index.js'
import { invokeNow } from '../../src/runtime/index.js'
import type { Tensor } from '../../src/tensor/index.js'

const rows = () => invokeNow<Tensor>('random', { kind: 'normal', rows: 4000, columns: 1, seed: 5, stream: 11 })
const ladder = objectives.denoisingScoreMatching({ sigma: { from: 2, to: 0.2, levels: 6 } })
const spec = energies.conditional({ input: 1, condition: 1, hidden: [32, 32], activation: 'silu' })

describe('a ladder of sigmas', () => {
  // N(0, 1) blurred by sigma has the score -x / (1 + sigma^2); a network of this size after 600 steps is within 0.1 of it.
  it('gives the score of the data blurred by sigma at y = log sigma', async () => {
    using model = await Energy.create(spec, { seed: 1 })
    const optimizer = optimizers.adam({ lr: schedules.cosine({ from: 1e-2, to: 1e-4 }) })
    await train(model, rows(), { objective: ladder, optimizer, steps: 600, batchSize: 512, seed: 2 }).done
    const at = [-1, 0.5, 1]
    for (const sigma of [0.3, 1, 1.8]) {
      const x = tensor(at.map((v) => [v]))
      const y = (level: number) => tensor(at.map(() => [level]))
      const score = Array.from((await model.score(x, { y: y(Math.log(sigma)) })).toTypedArray() as Float32Array)
      const wanted = at.map((v) => -v / (1 + sigma * sigma))
      for (const [i, s] of score.entries()) expect(Math.abs(s - wanted[i]!)).toBeLessThan(0.1)
      if (sigma !== 1.8) continue
      // The control: read as sigma instead of its logarithm, y is far off the ladder.
      const other = Array.from((await model.score(x, { y: y(sigma) })).toTypedArray() as Float32Array)
      expect(Math.max(...other.map((s, i) => Math.abs(s - wanted[i]!)))).toBeGreaterThan(0.03)
    }
  })

  it('brings its own condition and refuses energies without one', async () => {
    using model = await Energy.create(spec, { seed: 1 })
    const x = rows()
    const given = train(model, { x, y: tensor([[0]]) }, { objective: ladder, steps: 1 })
    await expect(given.done).rejects.toMatchObject({ code: 'ERR_LANGEVIN_INVALID_OPTION' })
    using plain = await Energy.create(energies.mlp({ input: 1, hidden: [4] }))
    await expect(train(plain, x, { objective: ladder, steps: 1 }).done).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_UNSUPPORTED',
      message: expect.stringContaining('log sigma'),
    })
  })

  it.each([
    objectives.explicitScoreMatching(),
    objectives.slicedScoreMatching(),
    objectives.slicedScoreMatching({ finiteDifference: 0.1 }),
    objectives.denoisingScoreMatching({ sigma: 0.1, finiteDifference: 0.1 }),
  ])('$kind refuses relu with the reason', async (objective) => {
    using model = await Energy.create(energies.mlp({ input: 1, hidden: [4], activation: 'relu' }))
    await expect(train(model, rows(), { objective, steps: 1 }).done).rejects.toMatchObject({
      code: 'ERR_LANGEVIN_UNSUPPORTED',
      message: expect.stringContaining('second derivatives'),
    })
  })
})
