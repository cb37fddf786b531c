/** Numbers that change over a run: a step size that anneals, a learning rate that decays. */
import { defineSpec, type Z } from '../spec/index.js'

const warmup = (z: Z) => z.int().nonnegative().optional()
const value = (z: Z) => z.number().nonnegative()

/** Options of `constant`. */
export interface ConstantOptions {
  /** The value. */
  value: number
  /** Steps at the start in which the value rises linearly from 0. */
  warmup?: number | undefined
}

/**
 * The same value throughout (useful with `warmup`).
 *
 * ```js
 * import { energies, Energy, sample, samplers, schedules } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [3], precision: 1 }))
 * const stepSize = schedules.constant({ value: 0.1, warmup: 50 })
 * const sampler = samplers.langevin({ steps: 500, stepSize })
 * const draws = await sample(model, { sampler, chains: 1000, seed: 1 }).done
 * const mean = draws.samples.toArray().reduce((sum, [x]) => sum + x, 0) / 1000
 * console.log(Math.abs(mean - 3) < 0.2) // true
 * ```
 */
export const constant = defineSpec('schedule', 'constant', (z) => ({ value: value(z), warmup: warmup(z) }), {
  summary: 'One value; with warmup: w the first w steps rise linearly to it.',
}).options<ConstantOptions>()

/** Options of `linear`. */
export interface LinearOptions {
  /** First value. */
  from: number
  /** Last value. */
  to: number
  /** Steps at the start in which the value rises linearly from 0. */
  warmup?: number | undefined
}

/**
 * From `from` to `to` along a straight line.
 *
 * ```js
 * import { energies, Energy, sample, samplers, schedules } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [3], precision: 1 }))
 * const stepSize = schedules.linear({ from: 0.5, to: 0.01 })
 * const sampler = samplers.langevin({ steps: 500, stepSize })
 * const draws = await sample(model, { sampler, chains: 1000, seed: 1 }).done
 * const mean = draws.samples.toArray().reduce((sum, [x]) => sum + x, 0) / 1000
 * console.log(Math.abs(mean - 3) < 0.2) // true
 * ```
 */
export const linear = defineSpec('schedule', 'linear', (z) => ({ from: value(z), to: value(z), warmup: warmup(z) }), {
  summary: 'from + (to - from) u, with u the share of the run that has passed.',
}).options<LinearOptions>()

/** Options of `geometric`. */
export interface GeometricOptions {
  /** First value. */
  from: number
  /** Last value. */
  to: number
  /** Steps at the start in which the value rises linearly from 0. */
  warmup?: number | undefined
}

/**
 * From `from` to `to` by a constant factor per step.
 *
 * ```js
 * import { energies, Energy, sample, samplers, schedules } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [3], precision: 1 }))
 * const stepSize = schedules.geometric({ from: 0.5, to: 0.01 })
 * const sampler = samplers.langevin({ steps: 500, stepSize })
 * const draws = await sample(model, { sampler, chains: 1000, seed: 1 }).done
 * const mean = draws.samples.toArray().reduce((sum, [x]) => sum + x, 0) / 1000
 * console.log(Math.abs(mean - 3) < 0.2) // true
 * ```
 */
export const geometric = defineSpec(
  'schedule',
  'geometric',
  (z) => ({ from: z.number().positive(), to: z.number().positive(), warmup: warmup(z) }),
  { summary: 'from (to / from)^u, with u the share of the run that has passed.' },
).options<GeometricOptions>()

/** Options of `cosine`. */
export interface CosineOptions {
  /** First value. */
  from: number
  /** Last value. Default 0. */
  to?: number | undefined
  /** Steps at the start in which the value rises linearly from 0. */
  warmup?: number | undefined
}

/**
 * From `from` to `to` along half a cosine wave.
 *
 * ```js
 * import { energies, Energy, sample, samplers, schedules } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [3], precision: 1 }))
 * const stepSize = schedules.cosine({ from: 0.5, to: 0.01 })
 * const sampler = samplers.langevin({ steps: 500, stepSize })
 * const draws = await sample(model, { sampler, chains: 1000, seed: 1 }).done
 * const mean = draws.samples.toArray().reduce((sum, [x]) => sum + x, 0) / 1000
 * console.log(Math.abs(mean - 3) < 0.2) // true
 * ```
 */
export const cosine = defineSpec(
  'schedule',
  'cosine',
  (z) => ({ from: value(z), to: value(z).default(0), warmup: warmup(z) }),
  {
    summary: 'to + (from - to) (1 + cos(pi u)) / 2, with u the share of the run that has passed.',
    source: 'Loshchilov and Hutter 2017 (one cycle, no restarts).',
  },
).options<CosineOptions>()

/** Options of `step`. */
export interface StepOptions {
  /** First value. */
  from: number
  /** Fractions of the run at which the value is multiplied. */
  milestones: number[]
  /** Factor at each milestone. Default 0.1. */
  factor?: number | undefined
  /** Steps at the start in which the value rises linearly from 0. */
  warmup?: number | undefined
}

/**
 * Multiplied by `factor` at each milestone, given as fractions of the run.
 *
 * ```js
 * import { energies, Energy, sample, samplers, schedules } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [3], precision: 1 }))
 * const stepSize = schedules.step({ from: 0.5, milestones: [0.5, 0.9] })
 * const sampler = samplers.langevin({ steps: 500, stepSize })
 * const draws = await sample(model, { sampler, chains: 1000, seed: 1 }).done
 * const mean = draws.samples.toArray().reduce((sum, [x]) => sum + x, 0) / 1000
 * console.log(Math.abs(mean - 3) < 0.2) // true
 * ```
 */
export const step = defineSpec(
  'schedule',
  'step',
  (z) => ({
    from: value(z),
    factor: z.number().positive().default(0.1),
    milestones: z.array(z.number().min(0).max(1)),
    warmup: warmup(z),
  }),
  { summary: 'from, multiplied by factor at each milestone (fractions of the run).' },
).options<StepOptions>()

/** Options of `polynomial`. */
export interface PolynomialOptions {
  /** Scale. */
  a: number
  /** Offset of t. */
  b: number
  /** Exponent. Default 0.55. */
  gamma?: number | undefined
  /** Steps at the start in which the value rises linearly from 0. */
  warmup?: number | undefined
}

/**
 * a (b + t)^-gamma at step t.
 *
 * ```js
 * import { energies, Energy, sample, samplers, schedules } from 'langevin'
 * const model = await Energy.create(energies.gaussian({ mean: [3], precision: 1 }))
 * const stepSize = schedules.polynomial({ a: 1, b: 10 })
 * const sampler = samplers.langevin({ steps: 500, stepSize })
 * const draws = await sample(model, { sampler, chains: 1000, seed: 1 }).done
 * const mean = draws.samples.toArray().reduce((sum, [x]) => sum + x, 0) / 1000
 * console.log(Math.abs(mean - 3) < 0.2) // true
 * ```
 */
export const polynomial = defineSpec(
  'schedule',
  'polynomial',
  (z) => ({
    a: z.number().positive(),
    b: z.number().positive(),
    gamma: z.number().nonnegative().default(0.55),
    warmup: warmup(z),
  }),
  { summary: 'a (b + t)^-gamma at step t.', source: 'Welling and Teh 2011.' },
).options<PolynomialOptions>()
