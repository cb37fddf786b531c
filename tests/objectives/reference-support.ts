/** What the cases of reference.test.ts share: energies, data, and the random numbers langevin draws. */
import { energies, noises, objectives, samplers, type Tensor } from '../../src/index.js'
import { invokeNow } from '../../src/runtime/index.js'
import type { SpecValue } from '../../src/spec/index.js'

/** Streams of the counter-based generator, as native/core/tensors/random.hpp numbers them. */
export const STREAM = { noise: 2, noiseSample: 8, corrupt: 9, data: 11, project: 14 }
export const SEED = 17
export const ROWS = 300
export type Dtype = 'float32' | 'float64'
export type Nested = number | Nested[]

export const numbers = (t: Tensor) => t.toArray() as unknown as number[][]
export const random = (rows: number, columns: number, step: number, stream: number, kind = 'normal') =>
  numbers(invokeNow<Tensor>('random', { kind, rows, columns, seed: SEED, step, stream }))
/** Rows of a step of the runs. */
export const BATCH = 64

export interface Case {
  name: string
  energy: SpecValue
  objective: SpecValue
  x: number[][]
  y?: Nested
  noise?: Nested
  /** In place of noise, or beside it: what the reference is handed of the rows langevin evaluated. */
  take?: (x: number[][], y: Nested | undefined, all: readonly { x: Tensor; y?: Tensor }[]) => object
  /** A second data set without y. */
  unlabelled?: number[][]
  logZ?: number
}

export const data = random(ROWS, 2, 0, STREAM.data)
export const mlp = energies.mlp({ input: 2, hidden: [16, 16], activation: 'silu', gaussianBase: 2 })
export const langevin = samplers.langevin({ steps: 4, stepSize: 0.1 })
export const nce = (noise: SpecValue, ratio: number) => objectives.noiseContrastive({ noise, ratio })
export const uniform = noises.uniform({ low: -6, high: 6 })
export const ranking = (noise: SpecValue, negatives: number) => objectives.rankingNoiseContrastive({ noise, negatives })
export const negativesOf = (x: number[][]) => ({ negatives: x.slice(ROWS) })
export const normals = (copies: number, step = 0, rows = ROWS) => random(copies * rows, 2, step, STREAM.noiseSample)
export const corruption = (step = 0, rows = ROWS) => random(rows, 2, step, STREAM.corrupt)
export const projections = (law: string, copies = 1, step = 0, rows = ROWS) =>
  random(copies * rows, 2, step, STREAM.project, law === 'rademacher' ? 'uniform' : 'normal')
export const conditional = energies.conditional({ input: 2, condition: 1, hidden: [16, 16] })
export const smooth = energies.mlp({ input: 2, hidden: [16, 16], activation: 'tanh', gaussianBase: 2 })

/** A run of some steps; `noise` gives the random numbers of a step to the reference. */
export interface RunCase {
  name: string
  objective: SpecValue
  noise: (step: number) => Nested
  /** Parameters the loss does not depend on: their float32 gradients are rounding, which Adam scales up to steps. */
  free?: readonly string[]
}
