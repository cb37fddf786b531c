/** The options of train() as a spec. */
import { adam } from '../optimizers/adam.js'
import { defineSpec, specOf, type Z } from '../spec/index.js'
import '../noises/index.js'
import '../objectives/index.js'
import '../optimizers/index.js'
import '../samplers/index.js'

/** The options of `train` as fields, for every spec that holds them; train() explains them. */
export const trainFields = (z: Z) => ({
  objective: specOf(z, 'objective'),
  optimizer: specOf(z, 'optimizer').default(() => adam()),
  optimizers: z.record(z.string(), specOf(z, 'optimizer')).optional(),
  steps: z.int().positive().optional(),
  epochs: z.number().positive().optional(),
  batchSize: z.int().positive().default(256),
  ema: z
    .union([
      z.number().min(0).lt(1),
      z.strictObject({ decay: z.number().min(0).lt(1), warmup: z.boolean().default(false) }),
    ])
    .optional(),
  clipNorm: z.number().positive().optional(),
  penalties: z
    .strictObject({ energy: z.number().nonnegative().default(0), gradient: z.number().nonnegative().default(0) })
    .optional(),
  divergence: z.strictObject({ gap: z.number().positive().default(1e5) }).optional(),
  extraLr: z.number().nonnegative().default(1),
  seed: z.int().nonnegative().optional(),
  validation: z
    .strictObject({
      fraction: z.number().gt(0).lt(1).default(0.1),
      every: z.int().positive().default(100),
      patience: z.int().positive().optional(),
    })
    .optional(),
  checkpoint: z.strictObject({ path: z.string().min(1), every: z.int().positive().optional() }).optional(),
  resume: z.string().min(1).optional(),
  y: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  columns: z.array(z.string()).min(1).optional(),
  threads: z.int().positive().optional(),
  historyPoints: z.int().positive().default(1000),
})

/** Options that are looked for here and are at home in a spec beside them. */
export const ELSEWHERE = {
  lr: 'optimizer.lr',
  learningRate: 'optimizer.lr',
  weightDecay: 'optimizer.weightDecay',
  momentum: 'optimizer.momentum',
  sigma: 'objective.sigma',
  sampler: 'objective.sampler',
  noise: 'objective.noise',
  buffer: 'objective.buffer',
} as const

/** A run has one length. */
export function checkLength(
  options: { steps?: number | undefined; epochs?: number | undefined },
  fail: (path: string, problem: string) => never,
): void {
  if ((options.steps === undefined) === (options.epochs === undefined)) {
    fail('steps', 'give the length of the run: either steps or epochs')
  }
}

/** The options of `train` as one plain JSON value, also what run.json holds; train() explains them. */
export const trainSpec = defineSpec('run', 'train', trainFields, {
  summary: 'Options of train().',
  owner: 'train()',
  elsewhere: ELSEWHERE,
  check: (options, fail) => checkLength(options, fail),
})

export type TrainSpec = ReturnType<typeof trainSpec>
