/** Noise-contrastive estimation: data against noise of known density. */
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'

/** Options of `noiseContrastive`. */
export interface NoiseContrastiveOptions {
  /** A spec of `noises.*` that covers the data and is close to it. */
  noise: SpecValue<'noise'>
  /** Noise rows per data row. Default 1. */
  ratio?: number | undefined
  /** Whether log Z is learned. Default true. */
  learnLogZ?: boolean | undefined
  /** Start of log Z. Default: estimated from the untrained energy. */
  logZ?: number | undefined
}

/**
 * Noise-contrastive estimation: logistic regression between data and noise of known density, with
 * u(x) = -E(x) - logZ - log p_noise(x) - log nu;  loss = mean softplus(-u(data)) + nu mean softplus(u(noise)).
 *
 * `noise`: any of noises.*; it must cover the data and be close to it. `ratio` nu: noise rows per
 * data row (default 1). `learnLogZ` (default true): log Z is a learnable number, returned as `result.extras.logZ`.
 * `logZ`: its start; left out, it is estimated from the untrained energy by importance sampling, so that training
 * starts near u = 0. With a condition y the noise rows take the data's y, and log Z is one number for all y.
 *
 * ```js
 * import { data, energies, Energy, noises, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.noiseContrastive({ noise: noises.dataGaussian() })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const noiseContrastive = defineSpec(
  'objective',
  'noiseContrastive',
  (z) => ({
    noise: specOf(z, 'noise'),
    ratio: z.int().positive().default(1),
    learnLogZ: z.boolean().default(true),
    logZ: z.number().optional(),
  }),
  { summary: 'NCE with a learnable log Z.', source: 'Gutmann and Hyvarinen 2012, eq. 8.' },
).options<NoiseContrastiveOptions>()
