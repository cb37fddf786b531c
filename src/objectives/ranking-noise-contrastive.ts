/** Ranking noise-contrastive estimation: which of several rows is the datum. */
import { defineSpec, type SpecValue, specOf } from '../spec/index.js'

/** Options of `rankingNoiseContrastive`. */
export interface RankingNoiseContrastiveOptions {
  /** A spec of `noises.*` that covers the data and is close to it. */
  noise: SpecValue<'noise'>
  /** Noise rows for each data row. Default 15. */
  negatives?: number | undefined
}

/**
 * Ranking noise-contrastive estimation (InfoNCE with the noise's density taken out): which of k + 1 rows is the datum.
 * With l(x) = -E(x) - log p_noise(x): loss = mean logsumexp(l(x), l(x_1), ..., l(x_k)) - l(x). log Z cancels and is not
 * learned (partition.* finds it).
 *
 * `noise`: any of noises.*; it must cover the data and be close to it. `negatives`: k, draws per row (default 15). With
 * a condition y the negatives of a row share its y, and each y may have a log Z of its own: this is how p(x | y) is
 * learned for a continuous y, with x the answer and y the question (energies.conditional).
 *
 * ```js
 * import { data, energies, Energy, noises, objectives, train } from 'langevin'
 * const model = await Energy.create(energies.mlp({ input: 2, hidden: [32], gaussianBase: 2 }), { seed: 1 })
 * const objective = objectives.rankingNoiseContrastive({ noise: noises.dataGaussian(), negatives: 8 })
 * await train(model, data.toys.moons({ n: 500, seed: 1 }), { objective, steps: 200 }).done
 * const [near, far] = (await model.energy([[0, 1], [4, 4]])).toArray() // on a moon, and away from both
 * console.log(near < far) // true
 * ```
 */
export const rankingNoiseContrastive = defineSpec(
  'objective',
  'rankingNoiseContrastive',
  (z) => ({ noise: specOf(z, 'noise'), negatives: z.int().positive().default(15) }),
  {
    summary: 'Ranking NCE (InfoNCE): find the datum among draws of a noise; made for conditional energies.',
    source: 'Jozefowicz et al. 2016; Ma and Collins 2018, eq. 3.',
  },
).options<RankingNoiseContrastiveOptions>()
