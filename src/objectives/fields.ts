/** Fields shared by objectives and noises. */
import {
  bordersBelow,
  checkLadder,
  type Ladder,
  ladderField,
  type Region,
  regionField,
  type SpecValue,
  specOf,
  type Z,
} from '../spec/index.js'

/** The replay buffer of persistent chains. */
export interface BufferOptions {
  /** Chains it holds. Default 10,000. */
  size?: number | undefined
  /** Probability that a drawn chain restarts. Default 0.05. */
  reinit?: number | undefined
  /** The law of starts and restarts, or a mixture by shares. Default 'uniform', on `box`. */
  reinitFrom?:
    | 'uniform'
    | 'normal'
    | 'data'
    | { uniform?: number | undefined; normal?: number | undefined; data?: number | undefined }
    | undefined
  /** 'metropolis': a restart is a proposal that may be refused. Default 'always'. */
  reinitAccept?: 'always' | 'metropolis' | undefined
  /** Standard deviation of the noise added to restarts from data rows. Default 0. */
  blur?: number | undefined
  /** Where uniform restarts fall. Default: the range of the data, a tenth wider. */
  box?: Region | undefined
  /** 'chains' run on, 'reservoir' remembers all ends, 'classBlocks' keeps classes apart. Default 'chains'. */
  strategy?: 'chains' | 'reservoir' | 'classBlocks' | undefined
  /** Falling temperatures at which a restarted chain moves first. Default: none. */
  temper?: Ladder | undefined
}

/** Negatives from persistent chains. */
export interface ChainOptions {
  /** A spec of `samplers.*` that moves the chains. */
  sampler: SpecValue<'sampler'>
  /** The replay buffer. */
  buffer?: BufferOptions | undefined
  /** Chains of a step. Default: the batch size. */
  chains?: number | undefined
}

/** The term KL(q || p) of the law q of the sampler. */
export interface SamplerKlOptions {
  /** Weight of the energy part. Default 1. */
  energy?: number | undefined
  /** Weight of the entropy part. Default 1. */
  entropy?: number | undefined
  /** Last steps of the sampler that are differentiated. Default 1. */
  steps?: number | undefined
  /** Which nearest neighbour estimates the entropy. Default 1. */
  neighbour?: number | undefined
}

type Fail = (path: string, problem: string) => never
type Borders = Parameters<typeof bordersBelow>[0]

const share = (z: Z) => z.number().nonnegative().optional()

/**
 * The replay buffer: `size` chains (default 10,000); `reinit`: the probability that a drawn chain restarts (default
 * 0.05); `reinitFrom`: the law of starts and restarts, 'uniform' on `box` (default; the box is the data's range, a tenth
 * wider on both sides, unless given), 'normal' with the data's mean and sd of each column, 'data' rows plus Gaussian
 * noise of sd `blur` (default 0), or a mixture by shares, e.g. { uniform: 0.5, data: 0.5 }. `reinitAccept`: 'always'
 * (default), or 'metropolis': a restart is a proposal that is accepted with probability min(1, exp(E(x) - E(x'))), which
 * leaves the model's law as it is and lets chains change modes; it needs reinitFrom 'uniform', and in many dimensions it
 * is almost never accepted.
 *
 * `strategy`: 'chains' (default: a drawn chain runs on and is stored back), 'reservoir' (the buffer is a uniform sample of all
 * states that chains ever ended in, so negatives remember where the model had mass before), or 'classBlocks' (for E(x, y) of
 * classes: each class owns an equal share of the slots, and a step draws the classes as often as the data has them).
 * `temper`: falling temperatures, a list or { from, to, levels }: a chain that restarts first makes one call of the sampler
 * at each of them (times its own temperature), and joins near the model's modes.
 */
export const bufferField = (z: Z) =>
  z
    .strictObject({
      size: z.int().positive().default(10_000),
      reinit: z.number().min(0).max(1).default(0.05),
      reinitFrom: z
        .union([
          z.enum(['uniform', 'normal', 'data']),
          z.strictObject({ uniform: share(z), normal: share(z), data: share(z) }),
        ])
        .default('uniform'),
      reinitAccept: z.enum(['always', 'metropolis']).default('always'),
      blur: z.number().nonnegative().default(0),
      box: regionField(z).optional(),
      strategy: z.enum(['chains', 'reservoir', 'classBlocks']).default('chains'),
      temper: ladderField(z).optional(),
    })
    .prefault({})

/**
 * Negatives from persistent chains, of every objective that samples its model: each step draws `chains` chains (default:
 * the batch size) from the `buffer` without replacement, restarts a share, and runs `sampler.steps` steps.
 */
export const chainFields = (z: Z) => ({
  sampler: specOf(z, 'sampler'),
  buffer: bufferField(z),
  chains: z.int().positive().optional(),
})

/** KL(q || p) through the sampler's last steps: weights of its two parts, steps, and which neighbour the entropy takes. */
export const samplerKlField = (z: Z) =>
  z
    .strictObject({
      energy: z.number().nonnegative().default(1),
      entropy: z.number().nonnegative().default(1),
      steps: z.int().positive().default(1),
      neighbour: z.int().positive().default(1),
    })
    .optional()

type Buffer = {
  reinitFrom: string | Record<string, number | undefined>
  reinitAccept: string
  box?: Borders | undefined
  temper?: Parameters<typeof checkLadder>[1]
}

function checkBuffer({ buffer }: { buffer: Buffer }, fail: Fail): void {
  if (typeof buffer.reinitFrom === 'object' && !Object.values(buffer.reinitFrom).some((s) => (s ?? 0) > 0)) {
    fail('buffer.reinitFrom', 'at least one share must be above 0')
  }
  if (buffer.reinitAccept === 'metropolis' && buffer.reinitFrom !== 'uniform') {
    fail('buffer.reinitAccept', "a tested restart is drawn uniformly: use reinitFrom: 'uniform'")
  }
  checkLadder('buffer.temper', buffer.temper, 'fall', fail)
  if (buffer.temper !== undefined && buffer.reinitAccept === 'metropolis') {
    fail('buffer.temper', 'a tempered restart has no density that a Metropolis test could use')
  }
  if (buffer.box !== undefined) bordersBelow(buffer.box, fail, 'buffer.box')
}

export function checkChains(
  options: { buffer: Buffer & { size: number }; chains?: number | undefined },
  fail: Fail,
): void {
  checkBuffer(options, fail)
  if (options.chains !== undefined && options.chains > options.buffer.size) {
    fail('chains', `a buffer of ${options.buffer.size} chains cannot give ${options.chains} per step`)
  }
}

/** Discrete variables that an objective looks at in a step. */
export interface SitesOptions {
  /** So many discrete variables are drawn at every step. Default: all. */
  sites?: number | undefined
}

export const sitesFields = (z: Z) => ({ sites: z.int().positive().optional() })
