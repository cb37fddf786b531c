/** Strategies of the replay buffer. */
import { expect, it } from 'vitest'
import { data, Energy, energies, objectives, samplers, train } from '../../src/index.js'

const sampler = samplers.langevin({ steps: 4, stepSize: 0.02 })
const x = Array.from({ length: 90 }, (_, i) => [Math.sin(i), i % 3])
const y = BigInt64Array.from(x, (_, i) => BigInt(i % 3))

async function statisticsOf(buffer: Parameters<typeof objectives.persistentContrastiveDivergence>[0]['buffer']) {
  const model = await Energy.create(energies.conditional({ input: 2, classes: 3, hidden: [8], gaussianBase: 2 }), {
    seed: 1,
  })
  const rows = data.fromArrays({ x, y: { data: y, shape: [90] } })
  const objective = objectives.persistentContrastiveDivergence({ sampler, buffer })
  const { statistics } = await train(model, rows, { objective, steps: 12, batchSize: 30, seed: 2 }).done
  model.dispose()
  return (statistics as { buffer: Record<string, unknown> }).buffer
}

it.each([
  { strategy: 'reservoir', size: 120 },
  { strategy: 'classBlocks', size: 120 },
  { strategy: 'chains', size: 120, reinit: 0.3, temper: { from: 8, to: 1.5, levels: 3 } },
] as const)('trains with the replay buffer %j', async (buffer) => {
  expect(await statisticsOf(buffer)).toMatchObject({ strategy: buffer.strategy, draws: 360 })
})

it('refuses class blocks that cannot be', async () => {
  await expect(statisticsOf({ strategy: 'classBlocks', size: 2 })).rejects.toThrow(/3 classes that share it/)
})
