import { adam } from '../optimizers/adam.js'
import { defineSpec, specOf } from '../spec.js'
import '../noises/index.js'
import '../objectives/index.js'
import '../optimizers/index.js'
import '../samplers/index.js'

/** The options of `train` as one plain JSON value, also what run.json holds; train() explains them. */
export const trainSpec = defineSpec(
  'run',
  'train',
  (z) => ({
    objective: specOf(z, 'objective'),
    optimizer: specOf(z, 'optimizer').default(() => adam()),
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
    checkpoint: z.strictObject({ path: z.string().min(1), every: z.int().positive().optional() }).optional(),
    resume: z.string().min(1).optional(),
    y: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
    columns: z.array(z.string()).min(1).optional(),
    threads: z.int().positive().optional(),
    historyPoints: z.int().positive().default(1000),
  }),
  {
    summary: 'Options of train().',
    check: (options, fail) => {
      if ((options.steps === undefined) === (options.epochs === undefined)) {
        fail('steps', 'give the length of the run: either steps or epochs')
      }
    },
  },
)

export type TrainSpec = ReturnType<typeof trainSpec>
