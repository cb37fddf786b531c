/** fDivergence against plain PyTorch. */
import { describe, expect, it } from 'vitest'
import {
  Energy,
  energies,
  evaluateObjective,
  objectives,
  optimizers,
  samplers,
  type Tensor,
  tensor,
} from '../../src/index.js'
import { invokeNow } from '../../src/runtime/index.js'
import { reference } from '../helpers/python.js'

type Nested = number | Nested[]
type Weights = Record<string, Nested>

const ROWS = 300
const SEED = 17
const data = invokeNow<Tensor>('random', { kind: 'normal', rows: ROWS, columns: 2, seed: 3, stream: 11 }).toArray()
const helper = energies.mlp({ input: 2, hidden: [8], activation: 'tanh' })
const sampler = samplers.langevin({ steps: 3, stepSize: 0.1 })

const arrays = (tensors: Readonly<Record<string, Tensor>>): Weights =>
  Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, value.toArray() as Nested]))
const flat = (value: Nested): number[] => (typeof value === 'number' ? [value] : value.flatMap(flat))
function difference(a: Weights, b: Weights): number {
  const [x, y] = [a, b].map((weights) => Object.keys(b).flatMap((key) => flat(weights[key]!)))
  expect(x!.length).toBe(y!.length)
  return Math.max(...y!.map((v, i) => Math.abs(v - x![i]!))) / Math.max(...y!.map(Math.abs), 1e-30)
}

const divergences = [
  'kl',
  'reverseKl',
  'jensenShannon',
  'squaredHellinger',
  { alpha: -0.5 },
  { alpha: -1 },
  { alpha: 0.9 },
  'neyman',
  'pearson',
] as const

describe('fDivergence against plain PyTorch', () => {
  // Helper after its step, the model's loss and its gradient at the new helper. Float32 loses digits in the exponentials.
  const bounds = { float32: 1e-4, float64: 1e-10 }
  it.each(['float32', 'float64'] as const)(
    'a step of both networks, %s',
    async (dtype) => {
      const energy = energies.mlp({ input: 2, hidden: [16], activation: 'silu', gaussianBase: 2 })
      using model = await Energy.create(energy, { seed: 3, dtype })
      const parameters = arrays(await model.parameters())
      const step = async (divergence: (typeof divergences)[number], lr: number) =>
        evaluateObjective(model, tensor(data as number[][], undefined, dtype), {
          objective: objectives.fDivergence({
            divergence,
            helper,
            helperOptimizer: optimizers.sgd({ lr }),
            helperPenalty: 0.2,
            clip: 20,
            sampler,
            buffer: { size: 400, reinitFrom: 'normal' },
          }),
          seed: SEED,
        })
      // A rate of 1e-300 shows the helper as it starts.
      const start = arrays((await step('kl', 1e-300)).networks.helper!)
      const ours = []
      const losses = []
      for (const divergence of divergences) {
        const result = await step(divergence, 0.05)
        ours.push(result)
        losses.push({
          energy: { spec: energy, dtype, parameters },
          helper: { spec: helper, dtype, parameters: start },
          objective: { kind: 'fDivergence', divergence, helperPenalty: 0.2, helperOptimizer: { lr: 0.05 } },
          x: data,
          negatives: (result.rows[0]!.x.toArray() as number[][]).slice(ROWS),
        })
      }
      const theirs = reference('objectives.py', { losses }) as {
        losses: { loss: number; gradient: Weights; helper: Weights }[]
      }
      for (const [k, b] of theirs.losses.entries()) {
        const a = ours[k]!
        expect(Math.abs(a.loss - b.loss)).toBeLessThan(bounds[dtype] * Math.max(1, Math.abs(b.loss)))
        expect(difference(arrays(a.gradient), b.gradient)).toBeLessThan(bounds[dtype])
        expect(difference(arrays(a.networks.helper!), b.helper)).toBeLessThan(bounds[dtype])
        // The helper moved at all, further than the bound.
        expect(difference(start, b.helper)).toBeGreaterThan(10 * bounds[dtype])
      }
    },
    60_000,
  )
})

describe('fDivergence specs', () => {
  it.each([0, 1])('refuse alpha %s, naming the limit', (alpha) => {
    expect(() => objectives.fDivergence({ divergence: { alpha }, helper, sampler })).toThrow(
      /limit is '(kl|reverseKl)'/,
    )
  })
  it('know the divergences by name', () => {
    expect(() => objectives.fDivergence({ divergence: 'KL' as never, helper, sampler })).toThrow(/kl/)
  })
})
