/** A classifier that is trained as a density too (JEM). */
import { langevin } from '../samplers/langevin.js'
import { defineSpec, type SpecValue, specOf, type Z } from '../spec/index.js'
import { type BufferOptions, bufferField, checkChains } from './fields.js'

/** Options of `jointEnergy`. */
export interface JointEnergyOptions {
  /** Moves the chains: a spec of `samplers.*`, 'proper' or 'published'. Default 'proper'. */
  sampler?: 'proper' | 'published' | SpecValue<'sampler'> | undefined
  /** The replay buffer; the chains of p(x | y) have one of the same size, in blocks by class. */
  buffer?: BufferOptions | undefined
  /** Chains of a step. Default: the batch size. */
  chains?: number | undefined
  /** Weight of mean E(x) - mean E(x-). Default 1. */
  density?: number | undefined
  /** Weight of the cross-entropy. Default 1. */
  classification?: number | undefined
  /** Weight of mean E(x, y) - mean E(x-, y-). Default 0. */
  conditional?: number | undefined
}

const SAMPLERS = {
  proper: () => langevin({ steps: 20, stepSize: 0.02 }),
  published: () => langevin({ form: 'heuristic', steps: 20, stepSize: 1, noise: 0.01 }),
}

const samplerField = (z: Z) =>
  z
    .union([
      z.enum(['proper', 'published']).transform((name) => SAMPLERS[name]() as SpecValue<'sampler'>),
      specOf(z, 'sampler'),
    ])
    .prefault('proper')

/**
 * A classifier energy trained on labels and as a density (JEM): with E(x) = -logsumexp f(x) and E(x, y) = -f(x)[y],
 * loss = `density` [mean E(x) - mean E(x-)] + `classification` mean -log p(y | x) + `conditional` [mean E(x, y) - mean
 * E(x-, y-)]. Weights: 1, 1, 0 (default, the published run). x- are persistent chains of p(x); (x-, y-) are chains of p(x | y)
 * with a buffer of their own in blocks by class, with classes as frequent as in the data. Labels: whole numbers 0 ... classes - 1.
 *
 * `sampler`: 'proper' (default): 20 steps of Langevin dynamics at temperature 1, `samplers.langevin({ steps: 20, stepSize:
 * 0.02 })`, for standardised columns; 'published': 20 steps of step size 1 and noise 0.01, which sample at temperature 5e-5, so
 * that exp(-E) / Z is not the density of the data (the run warns); or any sampler. `buffer`: as in
 * persistentContrastiveDivergence. Energies that drift are held by `penalties: { energy: 0.1 }` of train(), runs that diverge by
 * its `divergence: { recover }`. Noise on the rows: `data.rows(x, { augment: { noise: 0.03 } })`.
 *
 * Rows without labels: `train(model, { x, y, unlabelled })` takes the density term over `unlabelled` and the others over (x, y).
 *
 * ```js
 * import { data, Energy, energies, objectives, train } from 'langevin'
 * const x = data.toys.eightGaussians({ n: 800, seed: 1 }).toTensor()
 * const y = x.toArray().map(([first]) => (first > 0 ? 1 : 0))
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 2, hidden: [32] }), { seed: 1 })
 * const objective = objectives.jointEnergy({ buffer: { size: 1000 } })
 * await train(model, { x, y }, { objective, steps: 300, penalties: { energy: 0.1 }, seed: 1 }).done
 * const [inside, outside] = (await model.energy([x.toArray()[0], [9, 9]])).toArray() // at a row, and away from all
 * console.log(inside < outside) // true
 * ```
 */
export const jointEnergy = defineSpec(
  'objective',
  'jointEnergy',
  (z) => ({
    sampler: samplerField(z),
    buffer: bufferField(z),
    chains: z.int().positive().optional(),
    density: z.number().nonnegative().default(1),
    classification: z.number().nonnegative().default(1),
    conditional: z.number().nonnegative().default(0),
  }),
  {
    summary: 'Cross-entropy of the logits, and maximum likelihood of their energy by persistent chains (JEM).',
    source: 'Grathwohl et al. 2020, Your Classifier is Secretly an Energy Based Model, equations 5 to 7.',
    check: (options, fail) => {
      checkChains(options, fail)
      if (options.density + options.classification + options.conditional === 0) {
        fail('density', 'one of density, classification and conditional must be above 0')
      }
    },
  },
).options<JointEnergyOptions>()
