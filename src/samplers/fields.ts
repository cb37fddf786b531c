/** Fields shared by the samplers. */
import { scheduleField } from '../schedules/index.js'
import type { SpecValue, Z } from '../spec/index.js'

/** A box around the chains. */
export interface SamplerBox {
  /** Lower border of every column. */
  low: number
  /** Upper border of every column. */
  high: number
  /** 'reflect' keeps the law inside, 'clamp' piles mass on the border. Default 'reflect'. */
  mode?: 'reflect' | 'clamp' | undefined
}

/** What every continuous sampler takes. */
export interface MoveOptions {
  /** Steps of every chain, warm-up included. */
  steps: number
  /** Step size, a number or a schedule over the steps of the call. */
  stepSize: number | SpecValue<'schedule'>
  /** Longest gradient of a chain. Default: none; a clipped run has another stationary law. */
  clip?: number | undefined
  /** Keeps the chains inside. Default: none. */
  box?: SamplerBox | undefined
  /** Of the matrix products behind the gradient of a float32 energy on the CPU. Default 'float32'. */
  precision?: 'float32' | 'bfloat16' | undefined
}

/** What hmc and nuts find during the warm-up. */
export interface WarmupOptions {
  /** Acceptance that the step size is adapted to. Default 0.8. */
  targetAcceptance?: number | undefined
  /** 'diagonal', or 'dense' for strongly correlated columns (not in a box). Default 'diagonal'. */
  metric?: 'diagonal' | 'dense' | undefined
}

/** `low` and `high` bound every column; 'reflect' (default) keeps the law inside, 'clamp' piles mass on the border. */
const boxField = (z: Z) =>
  z
    .strictObject({
      low: z.number(),
      high: z.number(),
      mode: z.enum(['reflect', 'clamp']).default('reflect'),
    })
    .optional()

/** What every continuous sampler takes. */
export const commonFields = (z: Z) => ({
  steps: z.int().positive(),
  stepSize: scheduleField(z),
  clip: z.number().positive().optional(),
  box: boxField(z),
  precision: z.enum(['float32', 'bfloat16']).optional(),
})

/** The target is exp(-E / temperature). */
export const temperatureField = (z: Z) => scheduleField(z).optional()

/** What hmc and nuts find during the warm-up. */
export const warmupFields = (z: Z) => ({
  targetAcceptance: z.number().gt(0).lt(1).default(0.8),
  metric: z.enum(['diagonal', 'dense']).default('diagonal'),
})

type Fail = (path: string, problem: string) => never
type Boxed = { box?: { low: number; high: number; mode: string } | undefined }

export function checkBox({ box }: Boxed, fail: Fail): void {
  if (box !== undefined && !(box.low < box.high)) {
    fail('box', `low must be less than high, got ${box.low} and ${box.high}`)
  }
}

/** Kernels with a Metropolis test do not support clamping: it has no density to use in the test. */
export function checkReflectingBox(options: Boxed, fail: Fail): void {
  checkBox(options, fail)
  if (options.box?.mode === 'clamp') {
    fail('box.mode', "a Metropolis test and clamping exclude each other; use 'reflect'")
  }
}

/** Of hmc and nuts. */
export function checkWarmup(options: Boxed & { metric: string }, fail: Fail): void {
  checkReflectingBox(options, fail)
  if (options.box !== undefined && options.metric === 'dense') {
    fail('metric', "with a dense metric a bounce off one wall turns every column; use 'diagonal' in a box")
  }
}
