/** Logistic regression over the columns of a table: the classifier that others are compared with. */
import { classifier } from '../energies/factories.js'
import { Energy } from '../energy.js'
import { objectives } from '../objectives/index.js'
import { optimizers } from '../optimizers/index.js'
import { schedules } from '../schedules/index.js'
import { type Tensor, tensor } from '../tensor/index.js'
import { train } from '../training/index.js'
import type { Features } from './features.js'

const STEPS = 2000
const BATCH = 1024

export interface LogisticOptions {
  /** Fixes the initial weights and the batches. Default 0. */
  seed?: number
  threads?: number | undefined
  signal?: AbortSignal | undefined
}

/** Mean and standard deviation of each column of numbers of the rows that are learned from. */
interface Scale {
  readonly mean: number
  readonly sd: number
}

function scalesOf({ columns, rows, x }: Features): (Scale | undefined)[] {
  return columns.map(({ levels }, k) => {
    if (levels > 0) return undefined
    let [n, mean, squares] = [0, 0, 0]
    for (let i = 0; i < rows; i++) {
      const value = x[i * columns.length + k]!
      if (Number.isNaN(value)) continue
      n++
      const d = value - mean
      mean += d / n
      squares += d * (value - mean)
    }
    return { mean, sd: squares > 0 ? Math.sqrt(squares / n) : 1 }
  })
}

/** Numbers standardised, the mean where they are missing; a number per level, all 0 where none is known. */
function oneHot({ columns, rows, x }: Features, scales: readonly (Scale | undefined)[]): Tensor {
  const firsts: number[] = []
  let width = 0
  for (const { levels } of columns) {
    firsts.push(width)
    width += Math.max(levels, 1)
  }
  const out = new Float32Array(rows * width)
  for (const [k, first] of firsts.entries()) {
    const scale = scales[k]
    for (let i = 0; i < rows; i++) {
      const value = x[i * columns.length + k]!
      if (Number.isNaN(value)) continue
      if (scale === undefined) out[i * width + first + value] = 1
      else out[i * width + first] = (value - scale.mean) / scale.sd
    }
  }
  return tensor(out, [rows, width])
}

/**
 * p(class | the other columns) by logistic regression on standardised numbers and one-hot levels, learned from one table and asked of
 * another: cross-entropy, 2,000 steps of at most 1,024 rows of Adam whose learning rate falls from 0.05 to 0 along a cosine, and the
 * penalty |w|^2 / 2n of scikit-learn's C = 1.
 *
 * @returns [rows][classes], float64
 */
export async function logisticRegression(
  learned: Features,
  asked: Features,
  { seed = 0, threads, signal }: LogisticOptions = {},
): Promise<Float64Array[]> {
  const scales = scalesOf(learned)
  using x = oneHot(learned, scales)
  using y = tensor(BigInt64Array.from(learned.y, BigInt), [learned.rows], 'int64')
  using questions = oneHot(asked, scales)
  const classes = learned.classes!.length
  await using model = await Energy.create(classifier({ input: x.shape[1]!, classes, hidden: [] }), { seed })
  await train(
    model,
    { x, y },
    {
      objective: objectives.crossEntropy(),
      optimizer: optimizers.adam({ lr: schedules.cosine({ from: 0.05, to: 0 }), weightDecay: 1 / learned.rows }),
      steps: STEPS,
      batchSize: Math.min(BATCH, learned.rows),
      seed,
      ...(threads !== undefined && { threads }),
      ...(signal && { signal }),
    },
  ).done
  using logits = await model.logits(questions, threads === undefined ? {} : { threads })
  const flat = logits.toTypedArray() as Float32Array
  return Array.from({ length: asked.rows }, (_, i) => softmax(flat.subarray(i * classes, (i + 1) * classes)))
}

function softmax(logits: Float32Array): Float64Array {
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const weights = Float64Array.from(logits, (value) => Math.exp(value - most))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => weight / sum)
}
