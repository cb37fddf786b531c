/** Fields shared by the samplers. */
import { scheduleField } from '../schedules/index.js'
import type { Z } from '../spec/index.js'

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
