/**
 * The experiment of the tutorial on energy-based learning (LeCun et al. 2006): learn y = x^2 from 200 points with every
 * structured loss and two architectures. `regression`: E = |G(x) - y|, which no loss can flatten; `implicit`:
 * E = |G1(x) - G2(y)| summed over ten columns, which losses without a margin collapse to a constant.
 */
import { energies } from '../energies/index.js'
import { Energy } from '../energy.js'
import { infer } from '../infer.js'
import { inferences } from '../inference/index.js'
import { objectives } from '../objectives/index.js'
import { optimizers } from '../optimizers/index.js'
import { invokeNow } from '../runtime/index.js'
import { type Tensor, tensor } from '../tensor/index.js'
import { train } from '../training/index.js'

export const PARABOLA_LOSSES = [
  'energy',
  'perceptron',
  'lvq2',
  'hinge',
  'log',
  'mce',
  'squareSquare',
  'squareExponential',
  'nll',
  'mee',
] as const
export type ParabolaLoss = (typeof PARABOLA_LOSSES)[number]

const sigmoid = (hidden: number[]) => ({ hidden, activation: 'sigmoid' as const })

export const ARCHITECTURES = {
  regression: () => energies.twoTower({ input: 1, condition: 1, x: sigmoid([20]) }),
  implicit: () => energies.twoTower({ input: 1, condition: 1, width: 10, x: sigmoid([10]), y: sigmoid([10]) }),
} as const
export type Architecture = keyof typeof ARCHITECTURES

/** The answers y is compared with in training and looked for in evaluation, and the ball around the right one. */
export const ANSWERS = { low: -1, high: 1.2, points: 89 } as const
export const EPSILON = 0.3
const ROWS = 200
const EPOCHS = 100
const BATCH = 20
const ASKED = 81

/**
 * First-layer weights are multiplied by this. As torch.nn fills them, the sigmoids are so flat on [-1, 1] that a constant
 * energy is a saddle no loss leaves.
 */
const STEEPER = 4

export interface ParabolaRow {
  architecture: Architecture
  loss: ParabolaLoss
  seed: number
  /** Mean over x in [-1, 1] of |argmin over the grid of E(x, y) - x^2|. */
  error: number
  /** Mean over x of the largest minus the lowest energy of the grid: 0 is a flat surface. */
  range: number
  /** Mean over x of E_I - E_C: how much higher the most offending answer lies than the right one. */
  margin: number
  seconds: number
}

async function steepen(model: Energy): Promise<void> {
  const parameters = await model.parameters()
  for (const [name, value] of Object.entries(parameters)) {
    if (!name.endsWith('.0.weight')) continue
    using steeper = tensor(
      (value.toTypedArray() as Float32Array).map((w) => STEEPER * w),
      value.shape,
    )
    await model.setParameters({ [name]: steeper })
  }
  for (const value of Object.values(parameters)) value.dispose()
}

const looksAtBall = (loss: ParabolaLoss) => !['perceptron', 'nll', 'mee'].includes(loss)

/** Trains one energy and measures it. */
export async function fitParabola(
  architecture: Architecture,
  loss: ParabolaLoss,
  { seed, signal, threads }: { seed: number; signal?: AbortSignal; threads?: number },
): Promise<ParabolaRow> {
  const began = performance.now()
  const uniform = invokeNow<Tensor>('random', { kind: 'uniform', rows: ROWS, columns: 1, seed })
  const x = (uniform.toArray() as number[][]).map(([u]) => [2 * u! - 1])
  uniform.dispose()
  await using model = await Energy.create(ARCHITECTURES[architecture](), { seed, ...(signal && { signal }) })
  await steepen(model)
  await train(
    model,
    { x, y: x.map(([v]) => [v! * v!]) },
    {
      objective: objectives.structured({ loss, answers: ANSWERS, ...(looksAtBall(loss) && { epsilon: EPSILON }) }),
      optimizer: optimizers.adam({ lr: 0.01 }),
      epochs: EPOCHS,
      batchSize: BATCH,
      seed,
      ...(threads !== undefined && { threads }),
      ...(signal && { signal }),
    },
  ).done
  return { architecture, loss, seed, ...(await measure(model)), seconds: (performance.now() - began) / 1000 }
}

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length

async function measure(model: Energy): Promise<Pick<ParabolaRow, 'error' | 'range' | 'margin'>> {
  const x = Array.from({ length: ASKED }, (_, i) => (2 * i) / (ASKED - 1) - 1)
  const rows = x.map((v) => [v])
  const grid = Array.from(
    { length: ANSWERS.points },
    (_, j) => ANSWERS.low + ((ANSWERS.high - ANSWERS.low) * j) / (ANSWERS.points - 1),
  )
  const { y, energy, table } = await infer(model, rows, {
    method: inferences.exhaustive({ answers: ANSWERS, table: true }),
  })
  using right = await model.energy(rows, { y: x.map((v) => [v * v]) })
  const found = y.toArray() as number[][]
  const energies = table!.toArray() as number[][]
  const correct = right.toArray() as number[]
  const offending = energies.map((row, i) =>
    Math.min(...row.filter((_, j) => Math.abs(grid[j]! - x[i]! ** 2) > EPSILON)),
  )
  for (const each of [y, energy, table!]) each.dispose()
  return {
    error: mean(found.map(([v], i) => Math.abs(v! - x[i]! ** 2))),
    range: mean(energies.map((row) => Math.max(...row) - Math.min(...row))),
    margin: mean(offending.map((e, i) => e - correct[i]!)),
  }
}
