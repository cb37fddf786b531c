/** Langevin dynamics down a ladder of noise levels or temperatures. */
import { checkLadder, defineSpec, type Ladder, ladderField } from '../spec/index.js'
import { checkBox, commonFields, type MoveOptions } from './fields.js'

/** Options of `annealedLangevin`. */
export interface AnnealedLangevinOptions extends Pick<MoveOptions, 'clip' | 'box' | 'precision'> {
  /** Langevin steps at each level. */
  stepsPerLevel: number
  /** Step size h of the last level. */
  stepSize: number
  /** Falling noise levels of an energy E(x, sigma): a list, or { from, to, levels } spaced geometrically. */
  noiseLevels?: Ladder | undefined
  /** How the energy takes its noise level. Default 'logSigma'. */
  condition?: 'sigma' | 'logSigma' | undefined
  /** Falling temperatures, in place of `noiseLevels`. */
  temperatures?: Ladder | undefined
}

/**
 * Langevin dynamics down a ladder of levels, `stepsPerLevel` proper Langevin steps at each. Give one of two ladders, a falling
 * list or `{ from, to, levels }` spaced geometrically:
 *
 * `noiseLevels`: sigma_1 > ... > sigma_L of an energy E(x, y) that takes the noise level as its condition (a continuous one of
 * one column; the sampler sets it): y = log sigma (`condition: 'logSigma'`, the default, as denoisingScoreMatching over a ladder
 * trains it) or y = sigma (`condition: 'sigma'`). The step of level i is `stepSize` * sigma_i^2 / sigma_L^2.
 * `temperatures`: T_1 > ... > T_L for any other energy; level i samples exp(-E / T_i). Every level has the step `stepSize`.
 *
 * The draws are those of the last level; the levels above it count as burn-in. `clip`, `box` as in `langevin`.
 *
 * ```js
 * import { Energy, energies, sample, samplers } from 'langevin'
 * const model = await Energy.create(energies.gaussianMixture({ means: [[-4], [4]], sigmas: 0.5 }))
 * const temperatures = { from: 50, to: 1, levels: 10 }
 * const sampler = samplers.annealedLangevin({ temperatures, stepsPerLevel: 50, stepSize: 0.1 })
 * const draws = await sample(model, { sampler, chains: 1000, seed: 1 }).done
 * const right = draws.samples.toArray().filter(([x]) => x > 0).length / 1000
 * console.log(right > 0.4 && right < 0.6) // true
 * ```
 */
export const annealedLangevin = defineSpec(
  'sampler',
  'annealedLangevin',
  (z) => {
    const { stepSize: _, steps: __, ...common } = commonFields(z)
    return {
      ...common,
      stepsPerLevel: z.int().positive(),
      stepSize: z.number().positive(),
      noiseLevels: ladderField(z).optional(),
      condition: z.enum(['logSigma', 'sigma']).optional(),
      temperatures: ladderField(z).optional(),
    }
  },
  {
    summary: 'Langevin steps down a ladder of noise levels (of a noise-conditional energy) or of temperatures.',
    source: 'Song and Ermon 2019, algorithm 1; temperatures: Kirkpatrick et al. 1983.',
    check: (options, fail) => {
      checkBox(options, fail)
      if ((options.noiseLevels === undefined) === (options.temperatures === undefined)) {
        fail('noiseLevels', 'give either noiseLevels (of a noise-conditional energy) or temperatures (of a plain one)')
      }
      if (options.condition !== undefined && options.noiseLevels === undefined) {
        fail('condition', 'is used with noiseLevels only: give them too')
      }
      checkLadder('noiseLevels', options.noiseLevels, 'fall', fail)
      checkLadder('temperatures', options.temperatures, 'fall', fail)
    },
  },
).options<AnnealedLangevinOptions>()
