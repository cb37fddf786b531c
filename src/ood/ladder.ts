/**
 * Trains the energies of `detectors.energyLadder`: label-free, the same for every table.
 *
 * The columns are standardised, so the data's own scale is 1. For every noise level sigma one energy,
 *
 *   E_sigma(x) = (x - m)' (S + sigma^2 I)^-1 (x - m) / 2 + MLP_sigma(x / sigma),
 *
 * is trained by denoising score matching at that sigma. The quadratic part is the exact minimiser of that objective among
 * Gaussians (m, S: mean and covariance of the training rows), and it is what is left far from the data, so the network
 * learns what is not Gaussian, in units of the noise. The anomaly score is the mean of the energies, each standardised on
 * the training rows: no level is preferred, and no label is used.
 */
import { gaussianFit } from '../data/gaussian-fit.js'
import { mlp } from '../energies/mlp.js'
import { Energy } from '../energy.js'
import { denoisingScoreMatching } from '../objectives/denoising-score-matching.js'
import { adam } from '../optimizers/adam.js'
import type { TrainWarning } from '../runtime/index.js'
import { schedules } from '../schedules/index.js'
import type { Tensor } from '../tensor/index.js'
import { train } from '../training/index.js'
import type { energyLadder } from './detectors.js'
import type { Trained } from './trained.js'

export type Ladder = ReturnType<typeof energyLadder>

export interface LadderOptions {
  seed: number
  signal?: AbortSignal | undefined
  threads?: number | undefined
  /** Share of the training that is done, 0 to 1. */
  onProgress?: ((done: number) => void) | undefined
  /** Called with the warnings of each run. */
  onWarning?: ((warning: TrainWarning) => void) | undefined
}

/** One energy, trained at one noise level. */
export async function trainEnergy(
  rows: Tensor,
  sigma: number,
  trained: Trained,
  options: LadderOptions,
): Promise<Energy> {
  const { seed, signal, threads, onProgress, onWarning } = options
  const { steps, batchSize } = trained
  const input = rows.shape[1]!
  const hidden = [...trained.hidden]
  const spec = mlp({ input, hidden, activation: 'silu', inputScale: 1 / sigma, gaussianBase: 'full' })
  const model = await Energy.create(spec, { seed, signal })
  try {
    // The ridge also makes constant and dependent columns harmless: S + sigma^2 I is never singular.
    const { mean, covariance, precision } = await gaussianFit(rows, { ridge: sigma ** 2, signal })
    await model.setParameters({ 'base.mean': mean, 'base.precision': precision })
    for (const each of [mean, covariance, precision]) each.dispose()
    const run = train(model, rows, {
      objective: denoisingScoreMatching({ sigma }),
      optimizer: adam({ lr: schedules.cosine({ from: 5e-3, warmup: 50 }) }),
      steps,
      batchSize,
      // The average spans about 100 steps, more than the last ones of the cosine.
      ema: { decay: 0.99, warmup: true },
      seed,
      historyPoints: 100,
      ...(threads !== undefined && { threads }),
      ...(signal !== undefined && { signal }),
    })
    for await (const event of run) if (event.type === 'progress') onProgress?.((event.step as number) / steps)
    const { rawParameters = {}, warnings } = await run.done
    for (const warning of warnings) onWarning?.(warning)
    for (const each of Object.values(rawParameters)) each.dispose()
    return model
  } catch (error) {
    model.dispose()
    throw error
  }
}

/**
 * Trains the energies on standardised rows [n, d], largest noise first as they are listed.
 *
 * @throws (rejects) ERR_LANGEVIN_DIVERGED, ERR_LANGEVIN_NON_FINITE, `signal.reason`
 */
export async function trainLadder(rows: Tensor, ladder: Ladder, options: LadderOptions): Promise<Energy[]> {
  const { sigmas } = ladder
  const models: Energy[] = []
  try {
    for (const [k, sigma] of sigmas.entries()) {
      const onProgress = (done: number) => options.onProgress?.((k + done) / sigmas.length)
      // No two energies share their random numbers, nor do those of two seeds.
      const seed = options.seed * sigmas.length + k
      models.push(await trainEnergy(rows, sigma, ladder, { ...options, seed, onProgress }))
    }
    return models
  } catch (error) {
    for (const model of models) model.dispose()
    throw error
  }
}
