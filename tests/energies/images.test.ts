/** Convolutional energies end to end: fused loops, threads, training, what is refused. */
import { describe, expect, it } from 'vitest'
import { Energy, energies, layers, networks, objectives, sample, samplers, tensor, train } from '../../src/index.js'
import { rejection } from '../helpers/errors.js'
import { uniforms } from '../helpers/random.js'

const AXES = [1, 8, 8]
const spec = energies.conv({ input: AXES, channels: [8, 16], hidden: [16], gaussianBase: 2 })

/** Bright halves, left (class 0) or right (class 1), with noise: [n, 64]. */
function halves(n: number, seed: number): { x: number[][]; y: number[] } {
  const u = uniforms(seed)
  const y = Array.from({ length: n }, (_, i) => i % 2)
  const x = y.map((side) => Array.from({ length: 64 }, (_, k) => (k % 8 < 4 === (side === 0) ? 1 : -1) + u() - 0.5))
  return { x, y }
}

const flat = (value: { toArray(): unknown }): number[] => [value.toArray()].flat(4) as number[]

describe('images', () => {
  it.each(['float32', 'float64'] as const)(
    'sample in the fused loops, on any number of threads (%s)',
    async (dtype) => {
      await using model = await Energy.create(spec, { seed: 1, dtype })
      expect(model.explain().executor).toBe('fused-cpu')
      const sampler = samplers.langevin({ steps: 5, stepSize: 0.05 })
      const runs = []
      for (const threads of [1, 2, 3]) {
        const result = await sample(model, { sampler, chains: 160, threads, seed: 4 }).done
        expect(result.executor).toBe('fused')
        expect(result.samples.shape).toEqual([160, ...AXES])
        runs.push(flat(result.samples))
      }
      expect(runs[1]).toEqual(runs[0])
      expect(runs[2]).toEqual(runs[0])
      // A test of the test: another seed is another run.
      const other = await sample(model, { sampler, chains: 160, threads: 1, seed: 5 }).done
      expect(flat(other.samples)).not.toEqual(runs[0])
    },
  )

  it('train by persistent chains, with the same bits on any number of threads', async () => {
    const { x } = halves(96, 3)
    const trained = []
    for (const threads of [1, 2]) {
      await using model = await Energy.create(spec, { seed: 1 })
      const sampler = samplers.langevin({ steps: 5, stepSize: 0.05 })
      const objective = objectives.persistentContrastiveDivergence({ sampler })
      await train(model, tensor(x), { objective, steps: 5, batchSize: 80, threads, seed: 2 }).done
      trained.push(Object.values(await model.parameters()).map(flat))
    }
    expect(trained[1]).toEqual(trained[0])
  })

  it('are told apart by a classifier of convolutions', async () => {
    const network = networks.sequential({
      layers: [
        layers.conv2d({ channels: 8, kernel: 3, stride: 2, padding: 1 }),
        layers.activation(),
        layers.pool({ kernel: 2, reduce: 'max' }),
        layers.flatten(),
        layers.linear({ out: 2 }),
      ],
    })
    await using model = await Energy.create(energies.classifier({ input: AXES, classes: 2, network }), { seed: 1 })
    const { x, y } = halves(128, 5)
    const objective = objectives.crossEntropy()
    await train(model, { x: tensor(x), y }, { objective, steps: 60, batchSize: 64, seed: 2 }).done
    const test = halves(64, 6)
    const logits = (await model.logits(test.x)).toArray() as number[][]
    const right = logits.filter(([a, b], i) => Number(b! > a!) === test.y[i]).length
    expect(right).toBeGreaterThan(60) // a classifier that learns nothing has 32 of 64
  })

  it('with a max pool have no second derivatives, and score matching says so', async () => {
    const list = [layers.conv2d({ channels: 4, kernel: 3 }), layers.pool({ kernel: 2, reduce: 'max' })]
    const end = [layers.flatten(), layers.linear({ out: 1 })]
    await using model = await Energy.create(energies.sequential({ input: AXES, layers: [...list, ...end] }))
    const objective = objectives.denoisingScoreMatching({ sigma: 0.3 })
    const run = () => train(model, tensor(halves(32, 1).x), { objective, steps: 1 }).done
    const error = await rejection(run)
    expect(error.code).toBe('ERR_LANGEVIN_UNSUPPORTED')
    expect(error.message).toMatch(/maxPool2d/)
  })

  it('of another shape are refused before anything is computed', async () => {
    await using model = await Energy.create(spec)
    const error = await rejection(() => model.energy({ data: new Float32Array(128), shape: [2, 8, 8, 1] }))
    expect(error.code).toBe('ERR_LANGEVIN_SHAPE')
    expect(error.message).toMatch(/\[n, 1, 8, 8\] or \[n, 64\], got \[2, 8, 8, 1\]/)
  })
})
