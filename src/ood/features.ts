/**
 * Detectors of a classifier's features h(x), the inputs of its last layer, which must be linear. `detectors.*` has them. Errors:
 * ERR_LANGEVIN_UNSUPPORTED where the logits are not made by a linear layer.
 */
import type { Dataset } from '../data/dataset.js'
import type { Energy } from '../energy.js'
import { defineSpec } from '../spec/index.js'
import type { RowsLike } from '../tensor/index.js'
import { rowsField } from './classical.js'
import { modelField } from './model.js'

/** Options of detectors of features that are fitted to rows. */
export interface FeatureOptions {
  /** The energy. */
  model: Energy
  /** Training rows; they may be given to `ood.fit` instead. */
  rows?: RowsLike | Dataset | undefined
}

/** Options of `react`. */
export interface ReactOptions extends FeatureOptions {
  /** Features are cut off at this percentile of those of the training rows. Default 90. */
  percentile?: number | undefined
}

const reactSpec = defineSpec(
  'detector',
  'react',
  (z) => ({ model: modelField(z), rows: rowsField(z), percentile: z.number().positive().max(100).default(90) }),
  {
    summary: 'The energy of a classifier whose features are cut off.',
    source: 'Sun, Guo and Li 2021, ReAct, equation 1',
  },
).options<ReactOptions>()
/**
 * -logsumexp(W min(h, c) + b), with c the `percentile` (default 90) of all features of the training rows.
 *
 * ```js
 * import { data, detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const fitted = await ood.fit(detectors.react(model), data.toys.moons({ n: 500, seed: 1 }))
 * console.log((await fitted.scores([[0, 1], [6, 6]])).shape) // [ 2 ]
 * ```
 */
export const react = (model: Energy, options: Omit<ReactOptions, 'model'> = {}) => reactSpec({ ...options, model })

/** Options of `ash`. */
export interface AshOptions {
  /** The energy. */
  model: Energy
  /** So many percent of the features of a row become 0. Default 65. */
  percentile?: number | undefined
}

const ashSpec = defineSpec(
  'detector',
  'ash',
  (z) => ({ model: modelField(z), percentile: z.number().min(0).lt(100).default(65) }),
  {
    summary: 'The energy of a classifier whose small features are cut away and whose large ones are scaled.',
    source: 'Djurisic, Bozanic, Ashok and Liu 2023, Extremely Simple Activation Shaping (ASH-S)',
  },
).options<AshOptions>()
/**
 * -logsumexp(W h' + b): h' keeps the largest features of the row, the smallest `percentile` percent (default 65) become 0, and what is
 * kept is multiplied by exp(sum of all / sum of the kept). It is meant for features that are not negative (ReLU).
 *
 * ```js
 * import { detectors, energies, Energy, ood } from 'langevin'
 * const spec = energies.classifier({ input: 2, classes: 3, hidden: [16], activation: 'relu' })
 * const model = await Energy.create(spec, { seed: 1 })
 * console.log((await ood.scores(detectors.ash(model), [[0, 0], [3, 4]])).shape) // [ 2 ]
 * ```
 */
export const ash = (model: Energy, options: Omit<AshOptions, 'model'> = {}) => ashSpec({ ...options, model })

/** Options of `vim`. */
export interface VimOptions extends FeatureOptions {
  /** Principal directions that are left out. Default: half of the features. */
  principal?: number | undefined
}

const vimSpec = defineSpec(
  'detector',
  'vim',
  (z) => ({ model: modelField(z), rows: rowsField(z), principal: z.number().int().min(1).optional() }),
  {
    summary: 'Residual of the features outside the principal directions, and the energy.',
    source: 'Wang, Li, Feng and Zhang 2022, ViM, equations 4 to 7',
  },
).options<VimOptions>()
/**
 * alpha |R'(h - o)| - logsumexp f(x): o = -W^+ b, R spans what the `principal` largest directions of h - o over the training rows leave
 * (default: half of the features), alpha = mean largest logit / mean |R'(h - o)| over them.
 *
 * ```js
 * import { data, detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const fitted = await ood.fit(detectors.vim(model), data.toys.moons({ n: 500, seed: 1 }))
 * console.log((await fitted.scores([[0, 1], [6, 6]])).shape) // [ 2 ]
 * ```
 */
export const vim = (model: Energy, options: Omit<VimOptions, 'model'> = {}) => vimSpec({ ...options, model })

const fdbdSpec = defineSpec('detector', 'fdbd', (z) => ({ model: modelField(z), rows: rowsField(z) }), {
  summary: 'How near the features are to the decision boundaries, for their distance from the mean.',
  source: 'Liu and Qin 2024, Fast Decision Boundary based Out-of-Distribution Detector',
}).options<FeatureOptions>()
/**
 * -mean over the other classes c of (f_k - f_c) / |w_k - w_c|, divided by |h - mean h of the training rows|; k the largest logit.
 *
 * ```js
 * import { data, detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const fitted = await ood.fit(detectors.fdbd(model), data.toys.moons({ n: 500, seed: 1 }))
 * console.log((await fitted.scores([[0, 1], [6, 6]])).shape) // [ 2 ]
 * ```
 */
export const fdbd = (model: Energy, options: Omit<FeatureOptions, 'model'> = {}) => fdbdSpec({ ...options, model })

const relativeMahalanobisSpec = defineSpec(
  'detector',
  'relativeMahalanobis',
  (z) => ({ model: modelField(z), rows: rowsField(z) }),
  {
    summary: 'Mahalanobis distance of the features to the nearest class, less that to all rows.',
    source: 'Ren et al. 2021, A Simple Fix to Mahalanobis Distance for Improving Near-OOD Detection',
  },
).options<FeatureOptions>()
/**
 * min_k (h - m_k)' C^-1 (h - m_k) - (h - m)' S^-1 (h - m): class means m_k and the covariance C within classes, mean m and covariance S of
 * all training rows (divisor n, pseudo-inverses). The class of a training row is the one the classifier gives it.
 *
 * ```js
 * import { data, detectors, energies, Energy, ood } from 'langevin'
 * const model = await Energy.create(energies.classifier({ input: 2, classes: 3, hidden: [16] }), { seed: 1 })
 * const fitted = await ood.fit(detectors.relativeMahalanobis(model), data.toys.moons({ n: 500, seed: 1 }))
 * console.log((await fitted.scores([[0, 1], [6, 6]])).shape) // [ 2 ]
 * ```
 */
export const relativeMahalanobis = (model: Energy, options: Omit<FeatureOptions, 'model'> = {}) =>
  relativeMahalanobisSpec({ ...options, model })
