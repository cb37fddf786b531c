/** How `ood.fit` trains the energies of a detector. */
import type { Z } from '../spec/index.js'

export interface TrainedOptions {
  /** Widths of the hidden layers. Default [64, 64]. */
  hidden?: number[] | undefined
  /** Optimizer steps for each energy. Default 600. */
  steps?: number | undefined
  /** Rows of a batch. Default 256. */
  batchSize?: number | undefined
}

/** The same with the defaults in place. */
export interface Trained {
  readonly hidden: readonly number[]
  readonly steps: number
  readonly batchSize: number
}

export const trainedFields = (z: Z) => ({
  hidden: z.array(z.number().int().min(1)).default([64, 64]),
  steps: z.number().int().min(1).default(600),
  batchSize: z.number().int().min(1).default(256),
})
