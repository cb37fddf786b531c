/** The options of train() as a spec. */
import { adam } from '../optimizers/adam.js'
import { defineSpec, type SpecValue, specOf, type Z } from '../spec/index.js'
import '../noises/index.js'
import '../objectives/index.js'
import '../optimizers/index.js'
import '../perturbations/index.js'
import '../samplers/index.js'

/** What a run does when it diverges. */
export interface RecoverOptions {
  /** So many times at most. Default 3. */
  attempts?: number | undefined
  /** The learning rate becomes so many times itself, each time. Default 0.5. */
  lr?: number | undefined
  /** Steps between the states that are kept to go back to. Default 100. */
  every?: number | undefined
}

/** The options of `train` that are plain JSON. */
export interface TrainSpecOptions {
  /** A spec of `objectives.*`: what is minimised. */
  objective: SpecValue<'objective'>
  /** A spec of `optimizers.*`; its lr may be a schedule over the run. Default adam, lr 1e-3. */
  optimizer?: SpecValue<'optimizer'> | undefined
  /** Optimizers of the networks beside the energy, by role. Default: the one the objective names. */
  optimizers?: Record<string, SpecValue<'optimizer'>> | undefined
  /** Length of the run in optimizer steps; give this or `epochs`. */
  steps?: number | undefined
  /** Length of the run in passes over the rows. */
  epochs?: number | undefined
  /** Rows per step, drawn without replacement from one permutation per epoch. Default 256. */
  batchSize?: number | undefined
  /** Decay of an exponential average of the weights, e.g. 0.999; `warmup`: min(decay, (1 + t) / (10 + t)) at step t. */
  ema?: number | { decay: number; warmup?: boolean | undefined } | undefined
  /** Largest norm of the gradient. Default: none. */
  clipNorm?: number | undefined
  /** Weights of mean E(data)^2 + mean E(negatives)^2, of mean |dE/dx|^2 on data, and of sum |w|. Default 0. */
  penalties?: { energy?: number | undefined; gradient?: number | undefined; l1?: number | undefined } | undefined
  /** A run diverges when |mean E(negatives) - mean E(data)| is above `gap` (default 1e5); it then stops, or with `recover` goes on. */
  divergence?: { gap?: number | undefined; recover?: RecoverOptions | undefined } | undefined
  /** Learning rate of the objective's own numbers (log Z) as a multiple of the optimizer's. Default 1. */
  extraLr?: number | undefined
  /** Fixes every random number. Default 0. */
  seed?: number | undefined
  /** Holds a share of the rows out (default 0.1), measures the loss on them every `every` steps (100), keeps the best weights. */
  validation?: { fraction?: number | undefined; every?: number | undefined; patience?: number | undefined } | undefined
  /** A safetensors file that is written every `every` steps, at the end, and when the run is aborted. */
  checkpoint?: { path: string; every?: number | undefined } | undefined
  /** A checkpoint to go on from, with the same options and rows. */
  resume?: string | undefined
  /** The column of a Dataset that is y, or several. Default: its label column. */
  y?: string | string[] | undefined
  /** The columns of a Dataset that are x. */
  columns?: string[] | undefined
  /** Threads. Default: LANGEVIN_THREADS or all cores. */
  threads?: number | undefined
  /** Points of the history at most. Default 1000. */
  historyPoints?: number | undefined
}

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
    .strictObject({
      energy: z.number().nonnegative().default(0),
      gradient: z.number().nonnegative().default(0),
      l1: z.number().nonnegative().default(0),
    })
    .optional(),
  divergence: z
    .strictObject({
      gap: z.number().positive().default(1e5),
      recover: z
        .strictObject({
          attempts: z.int().positive().default(3),
          lr: z.number().positive().max(1).default(0.5),
          every: z.int().positive().default(100),
        })
        .optional(),
    })
    .optional(),
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
}).options<TrainSpecOptions>()

export type TrainSpec = ReturnType<typeof trainSpec>
